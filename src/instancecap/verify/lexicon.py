"""The words that sentences are read with, from the files in ``lexicon/``."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

_FOLDER = files(__package__) / "lexicon"


class Noun(NamedTuple):
    """A name for an instance; ``class_`` is a COCO class where there is one for it.

    ``generic``: it names every instance of its class, as *person* does and *woman* does not.
    """

    class_: str
    category: str
    plural: bool = False
    generic: bool = True


class Verb(NamedTuple):
    """A verb by its base form, and the kind of verb that it is."""

    lemma: str
    kind: str
    participle: bool = False


class Color(NamedTuple):
    """The measured names that a color word may stand for, and those that light makes of them."""

    basic: frozenset[str]
    akin: frozenset[str]


Pattern = tuple[str, str, re.Pattern[str]]
"""Kind, value, and form of a turn of phrase; where the value is empty, its words are the value."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of clauses, as regular expressions over the codes of items."""

    codes: dict[str, str]
    parts: dict[str, re.Pattern[str]]
    instance: dict[str, re.Pattern[str]]
    filming: dict[str, re.Pattern[str]]
    axes: dict[str, str]
    alone: dict[str, str]
    poses: dict[str, str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words, by their text."""

    nouns: dict[str, Noun]
    verbs: dict[str, Verb]
    colors: dict[str, Color]
    scenes: dict[str, str]
    numbers: dict[str, int]
    words: dict[str, str]
    spots: dict[str, str]
    patterns: tuple[Pattern, ...]
    camera: dict[str, dict[str, str]]


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text("utf-8"))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The words, read once."""
    tables = _table("patterns.toml")
    colors = {
        row["word"]: Color(frozenset(row["basic"].split()), frozenset(row["akin"].split()))
        for row in _rows("colors.csv")
    }
    return Lexicon(
        nouns=dict(_nouns()),
        verbs=dict(_verbs()),
        colors=colors,
        scenes={scene: place for place, group in tables["scenes"].items() for scene in group},
        words={word: kind for kind, group in tables["words"].items() for word in group},
        patterns=tuple(_pattern(entry, tables["macros"]) for entry in tables["pattern"]),
        **{name: tables[name] for name in ("numbers", "spots", "camera")},
    )


@lru_cache(maxsize=1)
def forms() -> Forms:
    """The forms, read once."""
    tables = _table("forms.toml")
    macros = tables.pop("macros")
    for part in ("parts", "instance", "filming"):
        tables[part] = {name: re.compile(_expand(f, macros)) for name, f in tables[part].items()}
    return Forms(**tables)


def _expand(regex: str, macros: dict[str, str]) -> str:
    for name, text in macros.items():
        regex = regex.replace(f"{{{name}}}", text)
    return regex


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _nouns() -> Iterator[tuple[str, Noun]]:
    for row in _rows("nouns.csv"):
        generic = row["noun"] == row["class"] or row["noun"] in ("ball", "bike", "plane")
        noun = Noun(row["class"], row["category"], generic=generic)
        if row["plural"] != row["noun"]:
            yield row["plural"], noun._replace(plural=True)
        yield row["noun"], noun


def _verbs() -> Iterator[tuple[str, Verb]]:
    for row in _rows("verbs.csv"):
        yield row["verb"], Verb(row["verb"], row["kind"])
        for form in re.findall(r"makes its way|making its way|\S+", row["forms"]):
            yield form, Verb(row["verb"], row["kind"], form.endswith("ing"))


def _pattern(entry: dict[str, str], macros: dict[str, str]) -> Pattern:
    regex = re.compile(rf"(?:{_expand(entry['regex'], macros)})(?![a-z'])")
    return entry["kind"], entry.get("value", ""), regex
