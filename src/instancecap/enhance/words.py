"""What prompts are read with: tables of words, ours or a user's, from the files beside this one."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from instancecap.errors import UsageError
from instancecap.language.tables import read_tables
from instancecap.render.grammar import lexicon as render_words
from instancecap.render.grammar import stem
from instancecap.verify.lexicon import lexicon

_HOME = files(__package__)
_IRREGULAR = {plural: one for one, plural in read_tables("en")["plurals"].items()}
_ONE_THING = re.compile(
    r"(?:ss|us|'s|(?:tenn|bas|^ax|^ir|pelv|ferr|lys|oas|chass|debr|par|thes|cris)is|(?:canv|^g|atl|pyjam|pajam)as|^lens|^tweezers|^pliers|^shears|^binoculars)$"
)
_ENDINGS = (
    (
        r"(?:cook|mov|zomb|self|smooth|brown|hood|rook|cabb|coll|prair|eer|goal)ies$|^[dlpt]ies$",
        "ie",
    ),
    (r"(?:sel|shel|cal|hal|lea|loa|scar|wol|el|thie|hoo|whar|shea|dwar)ves$", "f"),
    (r"(?:kni|wi|li)ves$", "fe"),
    (r"(?:tomat|potat|her|ech|torped|volcan|mosquit|mang|buffal|tornad|domin)oes$", "o"),
)
"""Plurals whose last letters come of other ones, and what these are."""
_JOINED = re.compile(r"(?<=\w)(?:children|women|men)$")
"""Ends of plurals in one word, such as *schoolchildren*; *specimen* and its like are in none."""


def _text(name: str) -> str:
    return _HOME.joinpath(f"words/{name}").read_text(encoding="utf-8")


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@cache
def parts() -> dict[str, frozenset[str]]:
    """Small words by their part in a sentence: ``parts.toml``."""
    return {
        name: frozenset(words.split()) for name, words in tomllib.loads(_text("parts.toml")).items()
    }


@cache
def nouns() -> dict[str, Any]:
    """``nouns.toml``: sets of nouns by what they are, ``numbers`` and ``plurals``."""
    table: dict[str, Any] = {
        name: frozenset(words.split()) if isinstance(words, str) else words
        for name, words in tomllib.loads(_text("nouns.toml")).items()
    }
    for scene, place in lexicon().scenes.items():
        table[place] |= {scene}
    table["numbers"] = {**lexicon().numbers, **table["numbers"]}
    table["plurals"] = {**_IRREGULAR, **table["plurals"]}
    return table


@cache
def verbs() -> dict[str, str]:
    """Every form of a verb, by rule, and the verb."""
    plain = {word for line in _lines(_text("verbs.txt")) for word in line.split()}
    forms = {}
    for base in plain | set(render_words("verbs")):
        short = base.removesuffix("e") if not base.endswith(("ee", "oe", "ye")) else base
        double = base + base[-1] if re.search(r"[^aeiou][aeiou][bdgklmnprt]$", base) else short
        third = f"{base[:-1]}ies" if re.search(r"[^aeiou]y$", base) else base + "es"
        past = f"{base[:-1]}ied" if third.endswith("ies") else f"{short}ed"
        for form in (f"{base}s", third, f"{short}ing", f"{double}ing", past, f"{double}ed", base):
            forms[form] = base
    for form, verb in lexicon().verbs.items():
        if " " not in form and verb.kind not in ("be", "begin", "end"):
            forms[form] = verb.lemma
    return forms


class Term(NamedTuple):
    """A phrase of cinema: the caption's field that it fills and the value; either may be empty."""

    field: str
    value: str


@cache
def cinema() -> tuple[dict[str, Term], re.Pattern[str]]:
    """Phrases about camera, shot, time, light and style, and what finds the longest of them."""
    terms: dict[str, Term] = {}
    for row in csv.DictReader(_lines(_text("cinema.csv"))):
        for phrase in row["phrases"].split(";"):
            terms.setdefault(_plain(phrase), Term(row["field"], row["value"]))
    longest = sorted(terms, key=len, reverse=True)
    return terms, re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, longest))})(?![\w])")


def ways_to_say(phrase: str) -> set[str]:
    """A phrase of cinema, and those that say the same of shot and camera: *aerial shot*."""
    terms = cinema()[0]
    term = terms.get(_plain(phrase), Term("", ""))
    same = term.value and term.field in _FRAMING
    return {phrase, *(other for other, one in terms.items() if same and one == term)}


_FRAMING = ("motion", "stability", "shot_type", "shot_angle", "shot_position")


def _plain(text: str) -> str:
    return text.lower().replace("-", " ").replace("’", "'")


@cache
def synonyms() -> dict[str, frozenset[tuple[str, ...]]]:
    """What may stand for a word, as stems in order; the word itself is among them."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for line in _lines(_text("synonyms.txt")):
        group = [tuple(stems(phrase)) for phrase in line.split(",")]
        found.setdefault(" ".join(group[0]), set()).update(group)
    return {word: frozenset(group) for word, group in found.items()}


def stems(text: str) -> list[str]:
    """Stems of all words, in order; *three* and ``3`` are one."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)?", _plain(text))
    return [str(nouns()["numbers"].get(word, "")) or stem(singular(word)) for word in words]


def singular(word: str) -> str:
    """The singular of a noun; the word itself where it is none."""
    if found := nouns()["plurals"].get(word):
        return str(found)
    if joined := _JOINED.search(word):
        return word.removesuffix(joined[0]) + singular(joined[0])
    for plural, end in _ENDINGS:
        if re.search(plural, word):
            return re.sub(r"(?:ies|ves|oes)$", "", word) + end
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if re.search(r"(?:ss|x|ch|sh|zz)es$", word):
        return word[:-2]
    return word[:-1] if is_plural(word) else word


def is_plural(word: str) -> bool:
    """Whether a noun looks like several."""
    ends = len(word) > 3 and word.endswith("s") and not _ONE_THING.search(word)
    return ends or word in nouns()["plurals"] or bool(_JOINED.search(word))


LEADS = _lines(_text("leads.txt"))
"""What a variant of a prompt may give most room to."""


class Lexicon(NamedTuple):
    """Adjectives that a model is given, by what they are for, and those that no result may hold."""

    positive: dict[str, list[str]]
    negative: frozenset[str]


@cache
def load_lexicon(folder: str = "") -> Lexicon:
    """Our adjectives, or those of ``positive.txt`` and ``negative.txt`` in a user's folder.

    A line such as ``human: bearded`` says what its words are for; others are for anything.

    Raises:
        UsageError: a file cannot be read, or a word stands in both.
    """
    place: Any = Path(folder) if folder else _HOME.joinpath("lexicon")
    lists: dict[str, dict[str, list[str]]] = {}
    for name in ("positive", "negative"):
        try:
            text = place.joinpath(f"{name}.txt").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--lexicon {folder}: {name}.txt cannot be read; the folder needs positive.txt "
                "and negative.txt, words between spaces or lines"
            ) from error
        table = lists[name] = {}
        for line in _lines(text.lower().replace(",", " ")):
            kind, mark, words = line.rpartition(":")
            table.setdefault(kind.strip() if mark else "any", []).extend(words.split())
    negative = frozenset(word for words in lists["negative"].values() for word in words)
    both = negative & {word for words in lists["positive"].values() for word in words}
    if both:
        raise UsageError(f"--lexicon {folder}: {min(both)!r} is in positive.txt and negative.txt")
    return Lexicon(lists["positive"], negative)


@cache
def known_adjectives() -> frozenset[str]:
    """Ours of both lists: what praises or shades, and names nothing."""
    words = load_lexicon()
    return words.negative.union(*words.positive.values())


ANY = 1e6
"""Seconds, or frames a second, that no clip has."""


class Manner(NamedTuple):
    """How a target's own guide wants its prompts: a table of ``targets.toml``."""

    plain: bool = False
    sound: bool = False
    negative: str = ""
    seconds: Sequence[float] = (0, ANY)
    rates: Sequence[float] = (0, ANY)


@cache
def manner_of(target: str) -> Manner:
    """The manner of a target, by its name."""
    return Manner(**tomllib.loads(_text("targets.toml")).get(target, {}))
