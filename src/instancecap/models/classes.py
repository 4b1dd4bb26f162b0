"""What a detector's classes are: COCO's 80 first, then its own; and which words stand for one.

``coco.csv`` and ``things.csv`` have a class a line, with its category. ``also`` are other words for
the same class (*sofa* for *couch*); ``kinds`` are words for some of it (*woman* for *person*): what
is found by one of them is of that class, and is called by the word.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE, ROWS
from instancecap.schema.vocabulary import Category

Mask = NDArray[np.bool_]

with (files(__package__) / "things.csv").open(encoding="utf-8") as _file:
    _THINGS = list(csv.DictReader(_file))

THINGS: dict[str, Category] = {row["class"]: cast(Category, row["category"]) for row in _THINGS}
"""Everyday things that are no class of COCO's, with their categories."""

NARROWER = 0.5
"""Share of its class's score from which a thing is called by a phrase: a man in red is a person,
and a detector that was asked for both is surer of the person."""

_AFTER_HEAD = re.compile(
    r" (?:in|on|with|without|of|at|by|behind|near|beside|under|over|from|to|for|that|who|which"
    r"|wearing|holding|carrying|riding|made) "
)
"""Words of which the first one ends what names a thing: *man* in *man in red*."""

_NO_CLASS = re.compile(r"|n/a|label \d+|background|no object|nothing")
"""Labels that stand for no class."""

_ARTICLES = re.compile(r"^(?:the|an?|some|my|your|his|her|their) ")


def _words(column: str) -> Iterator[tuple[str, str]]:
    """The words of a column, each with its class."""
    for row in (*ROWS, *_THINGS):
        for word in (row.get(column) or "").split(";"):
            if word:
                yield word, row["class"]


_SAME = {**{name: name for name in (*CATEGORIES, *THINGS)}, **dict(_words("also"))}
_KINDS = dict(_words("kinds"))


EVERYDAY = (*CLASSES, *(name for name, kind in THINGS.items() if kind != "scenery"))
"""What a detector is asked for that finds anything, where nobody says what: all that may be an
instance."""


def clean(label: str) -> str:
    """A label or phrase in lower case, on one line, without article and full stop."""
    text = " ".join(label.lower().replace("_", " ").split()).strip(" .,;")
    return _ARTICLES.sub("", text)


def split_head(phrase: str) -> tuple[str, str]:
    """What names a thing, and what follows: *man* and *in red*, with the space before it."""
    end = _AFTER_HEAD.search(f"{phrase} ")
    return (phrase[: end.start()], phrase[end.start() :]) if end else (phrase, "")


@lru_cache(maxsize=4096)
def class_of(phrase: str) -> str:
    """The class that a phrase is of, by its head: *person* for *man in red*.

    A phrase whose head is no known word is a class of its own, less what follows the head.
    """
    core, _ = split_head(clean(phrase))
    words = core.replace("-", " ").split()
    for first in range(len(words)):
        tail = " ".join(words[first:])
        if known := _SAME.get(tail) or _KINDS.get(tail):
            return known
    return core


def is_another_word(phrase: str) -> bool:
    """Whether a phrase is nothing but its class, by whatever of its names."""
    text = clean(phrase)
    return _SAME.get(text, text) == class_of(phrase)


def distinct(phrases: Sequence[str]) -> tuple[str, ...]:
    """The phrases, clean and each thing once: of *sofa* and *couch* the first."""
    found: dict[str, str] = {}
    for phrase in filter(None, map(clean, phrases)):
        found.setdefault(class_of(phrase) if is_another_word(phrase) else phrase, phrase)
    return tuple(found.values())


def is_kind(phrase: str) -> bool:
    """Whether a phrase is a word for some of a class and says nothing of how it looks: *worker*."""
    return phrase in _KINDS


@dataclass(frozen=True)
class ClassList:
    """The columns of a detector's scores: COCO's 80 classes, then ``own`` ones."""

    own: tuple[str, ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A class a column."""
        return (*CLASSES, *self.own)

    @cached_property
    def categories(self) -> tuple[Category, ...]:
        """A category a column; of an own class that of its head, else *other*."""
        own = (class_of(name) for name in self.own)
        other = (CATEGORIES.get(name) or THINGS.get(name, "other") for name in own)
        return (*CATEGORIES.values(), *other)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """A category a column, or the class itself where nobody knows its category."""
        pairs = zip(self.names, self.categories, strict=True)
        return tuple(
            name if category == "other" and name not in CATEGORIES else category
            for name, category in pairs
        )

    @cached_property
    def movable(self) -> Mask:
        """Which columns (n,) are of what may move; an own class may."""
        return np.array([name in MOVABLE or name not in CATEGORIES for name in self.names])

    @cached_property
    def furniture(self) -> Mask:
        """Which columns (n,) are of furniture."""
        return np.array([category == "furniture" for category in self.categories])

    def own_category(self, class_: str) -> Category | Literal[""]:
        """The category of one of the own classes; empty for any other."""
        if class_ not in self.own:
            return ""
        return self.categories[len(CLASSES) + self.own.index(class_)]


@lru_cache(maxsize=64)
def class_list(own: tuple[str, ...] = ()) -> ClassList:
    """The columns of a detector with these classes of its own."""
    return ClassList(own)


class ClassColumns:
    """Where the labels of a detector, or the phrases that it is asked for, have their columns.

    Attributes:
        count: of the labels.
        own: classes that are none of COCO's, in the order of their columns.
    """

    def __init__(self, labels: Sequence[str], *, by_head: bool = False) -> None:
        """``by_head``: a label is a phrase and of the class of its head, *kettle* for *red
        kettle*; else it is a class of its own where it is no word for a known one."""
        labels = [_one_of(label) for label in labels]
        classes = [_class_of_label(label, by_head=by_head) for label in labels]
        own = [name for name in dict.fromkeys(classes) if name and name not in CATEGORIES]
        self.count, self.own = len(labels), tuple(own)
        names = class_list(self.own).names
        self._columns = [column for column, name in enumerate(classes) if name]
        self._numbers = np.array([names.index(classes[column]) for column in self._columns], int)
        read = [labels[column] for column in self._columns]
        self._phrases = ["" if _is_class(label, self.own) else label for label in read]

    @property
    def is_named(self) -> bool:
        """Whether any label says what it stands for."""
        return bool(self._columns)

    @property
    def has_phrases(self) -> bool:
        """Whether anything found is called by another word than its class."""
        return any(self._phrases)

    def read(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (n, 80 + own) by class, from those (n, :attr:`count`) by label."""
        folded = np.zeros((len(scores), len(CLASSES) + len(self.own)), np.float32)
        np.maximum.at(folded.T, self._numbers, scores[:, self._columns].T)
        return folded

    def phrases(self, scores: NDArray[np.float32]) -> tuple[str, ...]:
        """What to call each of n boxes beside its class, empty for nothing, from the scores
        (n, :attr:`count`) by label."""
        if not self.has_phrases:
            return ()
        classes = self.read(scores)
        found = []
        for row, best in zip(scores[:, self._columns], classes.argmax(axis=1), strict=True):
            narrow = np.array([bool(one) for one in self._phrases]) & (self._numbers == best)
            likely = np.where(narrow, row, 0.0)
            first = int(likely.argmax())
            is_sure = likely[first] > 0 and likely[first] >= NARROWER * row.max()
            found.append(self._phrases[first] if is_sure else "")
        return tuple(found)


def _one_of(label: str) -> str:
    """A clean label; of several words for a class between slashes the first that is known."""
    words = [clean(label)] if _NO_CLASS.fullmatch(clean(label)) else clean(label).split("/")
    return next((word for word in words if word in _SAME or word in _KINDS), words[0])


def _class_of_label(label: str, *, by_head: bool) -> str:
    """The class of a clean label; empty for one that names none."""
    if _NO_CLASS.fullmatch(label):
        return ""
    return class_of(label) if by_head else _SAME.get(label) or _KINDS.get(label) or label


def _is_class(label: str, own: Sequence[str]) -> bool:
    return label in own or is_another_word(label)
