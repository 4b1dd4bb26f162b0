"""How well a name in a caption fits a class of the detector."""

from __future__ import annotations

from enum import IntEnum

from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT
from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import InstanceFacts
from instancecap.verify.lexicon import Noun, lexicon

MIXED_UP = (
    frozenset(("car", "truck", "bus", "train")),
    frozenset(("bicycle", "motorcycle")),
    frozenset(("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")),
)
"""Classes that a small detector takes for each other; others of one category it tells apart."""

_GENERAL = {name: kind for kind, name in HYPERNYMS.items()}


class ClassMatch(IntEnum):
    """How well a name fits a class; more is better."""

    APART = -1  # another kind of thing
    UNKNOWN = 0  # the kind of one of the two is not known
    CATEGORY = 1  # of one category, and possibly mixed up
    GENERAL = 2  # one is a general word for the other: *animal* for a dog
    SAME = 3


def category_of(class_: str) -> str:
    """The category of a class of the evidence, hypernyms included; empty for an object."""
    return "" if class_ == OBJECT else _GENERAL.get(class_) or str(CATEGORIES.get(class_, ""))


def class_match(noun: Noun, class_: str) -> ClassMatch:
    """How well a noun fits ``class_``, a class name of the evidence that is COCO's or general."""
    if OBJECT in (class_, noun.class_) or not noun.category:
        return ClassMatch.UNKNOWN
    if noun.class_ == class_:
        return ClassMatch.SAME
    if noun.category != category_of(class_):
        return ClassMatch.APART
    pair = {noun.class_, class_}
    if pair & {"animal", "vehicle"}:
        return ClassMatch.GENERAL
    mixed_up = any(pair <= group for group in MIXED_UP)
    return ClassMatch.APART if pair <= CATEGORIES.keys() and not mixed_up else ClassMatch.CATEGORY


def held_match(noun: Noun, item: InstanceFacts) -> ClassMatch:
    """How well a noun fits the class of an instance, which may be one of its detector's own."""
    if not item.category:
        return class_match(noun, item.class_)
    if noun.class_ == item.class_:
        return ClassMatch.SAME
    if not noun.category or item.category == "other" or noun.class_ == OBJECT:
        return ClassMatch.UNKNOWN
    if noun.category != item.category:
        return ClassMatch.APART
    return ClassMatch.GENERAL if noun.class_ in HYPERNYMS.values() else ClassMatch.CATEGORY


def names_of(item: InstanceFacts) -> list[str]:
    """What the experts that saw an instance call it, the name that holds first."""
    return [item.class_, *(one.value for one in item.opinions if one.kind == "class")]


def item_match(noun: Noun, item: InstanceFacts) -> ClassMatch:
    """How well a noun fits what any of the experts calls an instance."""
    others = (class_match(noun, name) for name in names_of(item)[1:])
    return max([held_match(noun, item), *others])


def may_be(noun: Noun, other: Noun) -> bool:
    """Whether one name can stand for the instance that another was used for."""
    general = {"animal", "vehicle", "object"} & {noun.class_, other.class_}
    return noun.class_ == other.class_ or (noun.category == other.category and bool(general))


def noun_of(name: str) -> Noun:
    """A class name as a noun, also one that the lexicon does not know.

    Foreign captions write *young woman* or *red car*: the last words tell.
    """
    words = name.lower().replace("-", " ").replace("_", " ").split()
    for first in range(len(words)):
        if known := lexicon().nouns.get(" ".join(words[first:])):
            return known
    return Noun(" ".join(words), str(CATEGORIES.get(" ".join(words), "")))
