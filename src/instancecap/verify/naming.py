"""How well a name in a caption fits a class of the detector."""

from __future__ import annotations

from enum import IntEnum

from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT
from instancecap.models.coco import CATEGORIES
from instancecap.verify.lexicon import Noun, lexicon

MIXED_UP = (
    frozenset(("car", "truck", "bus", "train")),
    frozenset(("bicycle", "motorcycle")),
    frozenset(("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")),
)
"""Classes that a small detector takes for each other; others of one category it tells apart."""


class ClassMatch(IntEnum):
    """How well a name fits a class; more is better."""

    APART = -1
    """Another kind of thing."""
    UNKNOWN = 0
    """One of the two has no known kind."""
    CATEGORY = 1
    """Of one category, and possibly mixed up."""
    GENERAL = 2
    """One is a general word for the other: *animal* for a dog."""
    SAME = 3


def category_of(class_: str) -> str:
    """The category of a class of the evidence, hypernyms included; empty for an object."""
    if class_ == OBJECT:
        return ""
    general = {name: kind for kind, name in HYPERNYMS.items()}
    return general.get(class_, "") or str(CATEGORIES.get(class_, ""))


def class_match(noun: Noun, class_: str) -> ClassMatch:
    """How well a noun fits ``class_``, a class name of the evidence."""
    if noun.class_ == class_ and class_ != OBJECT:
        return ClassMatch.SAME
    if class_ == OBJECT or noun.class_ == OBJECT or not noun.category:
        return ClassMatch.UNKNOWN
    if noun.category != category_of(class_):
        return ClassMatch.APART
    if {noun.class_, class_} & {"animal", "vehicle"}:
        return ClassMatch.GENERAL
    apart = {noun.class_, class_} <= CATEGORIES.keys() and not any(
        {noun.class_, class_} <= group for group in MIXED_UP
    )
    return ClassMatch.APART if apart else ClassMatch.CATEGORY


def may_be(noun: Noun, other: Noun | None) -> bool:
    """Whether one name can stand for the instance that another was used for."""
    if other is None or noun.class_ == other.class_:
        return True
    general = {"animal", "vehicle", "object"}
    return noun.category == other.category and bool({noun.class_, other.class_} & general)


def noun_of(name: str) -> Noun:
    """A class name as a noun, also one that the lexicon does not know.

    Foreign captions write *young woman* or *red car*: the last words tell.
    """
    words = name.lower().replace("-", " ").replace("_", " ").split()
    for first in range(len(words)):
        known = lexicon().nouns.get(" ".join(words[first:]))
        if known is not None:
            return known
    return Noun(" ".join(words), CATEGORIES.get(" ".join(words), ""))
