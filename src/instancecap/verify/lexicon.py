"""The words that sentences are read with, from the files in ``lexicon/``."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

_FOLDER = files(__package__) / "lexicon"


@dataclass(frozen=True, slots=True)
class Noun:
    """A name for a thing; ``class_`` is a COCO class where there is one for it."""

    class_: str
    category: str
    plural: bool = False
    generic: bool = True
    """Whether it names every thing of its class: *person* does, *woman* does not."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb by its base form, and what kind of thing it says."""

    lemma: str
    kind: str
    participle: bool = False


@dataclass(frozen=True, slots=True)
class Color:
    """A colour word: the measured names it may stand for, and those that light makes of them."""

    basic: frozenset[str]
    akin: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A turn of phrase; an empty ``value`` means that the words in it are the value."""

    kind: str
    value: str
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words, by their text."""

    nouns: dict[str, Noun]
    compounds: frozenset[str]
    verbs: dict[str, Verb]
    colors: dict[str, Color]
    scenes: dict[str, str]
    patterns: tuple[Pattern, ...]
    camera: dict[str, dict[str, str]]
    words: dict[str, str]
    numbers: dict[str, int]
    wear: frozenset[str]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The words, read once."""
    tables: dict[str, Any] = tomllib.loads((_FOLDER / "patterns.toml").read_text("utf-8"))
    macros: dict[str, str] = tables["macros"]
    words = {word: part for part, group in tables["words"].items() for word in group}
    return Lexicon(
        nouns=dict(_nouns()),
        compounds=frozenset(_lines("compounds.txt")),
        verbs=dict(_verbs()),
        colors={
            row["word"]: Color(frozenset(row["basic"].split()), frozenset(row["akin"].split()))
            for row in _rows("colors.csv")
        },
        scenes={row["scene"]: row["place"] for row in _rows("scenes.csv")},
        patterns=tuple(_pattern(entry, macros) for entry in tables["pattern"]),
        camera=tables["camera"],
        words=words,
        numbers=tables["numbers"],
        wear=frozenset(tables["words"]["wear"]),
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _lines(name: str) -> Iterator[str]:
    for line in (_FOLDER / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def _nouns() -> Iterator[tuple[str, Noun]]:
    for row in _rows("nouns.csv"):
        generic = row["noun"] == row["class"] or row["noun"] in ("ball", "bike", "plane")
        noun = Noun(row["class"], row["category"], generic=generic)
        if row["plural"] != row["noun"]:
            yield row["plural"], Noun(noun.class_, noun.category, plural=True, generic=generic)
        yield row["noun"], noun


def _verbs() -> Iterator[tuple[str, Verb]]:
    for row in _rows("verbs.csv"):
        lemma, kind = row["verb"], row["kind"]
        yield lemma, Verb(lemma, kind)
        for form in re.findall(r"makes its way|making its way|\S+", row["forms"]):
            yield form, Verb(lemma, kind, participle=form.endswith("ing"))


def _pattern(entry: dict[str, str], macros: dict[str, str]) -> Pattern:
    regex = entry["regex"]
    for name, text in macros.items():
        regex = regex.replace(f"{{{name}}}", text)
    return Pattern(entry["kind"], entry.get("value", ""), re.compile(rf"(?:{regex})(?![a-z'])"))
