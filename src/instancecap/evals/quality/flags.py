"""What is odd about a single caption, by counting its words."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files

FEWEST_WORDS, MOST_WORDS = 4, 1024
TOP_WORD = 0.5
"""Share of a caption's words that its most frequent one has, from which it is flagged."""

TRIGRAM = 3
"""Times that three words in a row come, two of them no small words, from which a caption is
flagged: *of the frame* comes again in any longer one."""

DIFFERENT_WORDS = 0.4
"""Share of different words among all below which a caption is flagged."""

NEIGHBOR = 0.9
"""Jaccard similarity of the words of a caption and the one before it, from which it is flagged.
This and the bounds above are NVIDIA's cosmos-curator's; its repeats may be of small words."""

SECOND_SCRIPT = 0.1
"""Share of letters in another script than most from which a caption mixes scripts."""

ENOUGH = 100
"""Words by which a language is told."""

FLAGS = {
    "too short": f"fewer than {FEWEST_WORDS} words",
    "too long": f"more than {MOST_WORDS:,} words",
    "one word rules": f"one word is {TOP_WORD:.0%} of all or more",
    "repeats itself": f"three words in a row, two of them no small ones, come {TRIGRAM} times",
    "few different words": f"less than {DIFFERENT_WORDS:.0%} of the words differ",
    "like its neighbor": f"{NEIGHBOR:.0%} of the words are those of the caption before it",
    "mixes scripts": f"{SECOND_SCRIPT:.0%} or more of the letters are of a second script",
}
"""By name, what each means."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SCRIPTS = {
    name: re.compile(f"[{ranges}]")
    for name, ranges in {
        "Latin": "A-Za-z\u00c0-\u024f",
        "Chinese": "\u3400-\u4dbf\u4e00-\u9fff",
        "Japanese": "\u3040-\u30ff",
        "Korean": "\uac00-\ud7af",
        "Cyrillic": "\u0400-\u04ff",
        "Arabic": "\u0600-\u06ff",
        "Devanagari": "\u0900-\u097f",
        "Greek": "\u0370-\u03ff",
        "Thai": "\u0e00-\u0e7f",
    }.items()
}
_NO_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]")
"""Letters of scripts without spaces: each counts as a word."""


def words_of(text: str) -> list[str]:
    """The words in lower case; of scripts without spaces, the letters."""
    if text.isascii():
        return _WORD.findall(text.lower())
    return _WORD.findall(_NO_SPACES.sub(r" \g<0> ", text.lower()))


def flags_of(words: Sequence[str], before: Collection[str], scripts: Counter[str]) -> list[str]:
    """Names of :data:`FLAGS`; ``before``: the different words of the caption before."""
    found = []
    count, different = len(words), set(words)
    if count < FEWEST_WORDS:
        found.append("too short")
    if count > MOST_WORDS:
        found.append("too long")
    if count and max(Counter(words).values()) >= TOP_WORD * count:
        found.append("one word rules")
    small = every_small_word()
    trigrams = Counter(
        run for run in zip(words, words[1:], words[2:], strict=False)
        if sum(word not in small for word in run) > 1
    )  # fmt: skip
    if trigrams and max(trigrams.values()) >= TRIGRAM:
        found.append("repeats itself")
    if count and len(different) < DIFFERENT_WORDS * count:
        found.append("few different words")
    if before and len(different.intersection(before)) >= NEIGHBOR * len(different.union(before)):
        found.append("like its neighbor")
    letters = sum(scripts.values())
    if letters and letters - max(scripts.values()) >= SECOND_SCRIPT * letters:
        found.append("mixes scripts")
    return found


def scripts_of(text: str) -> Counter[str]:
    """Letters by script. Japanese is written with Chinese letters too: they go to it."""
    if text.isascii():
        return Counter({"Latin": sum(map(str.isalpha, text))})
    found = Counter({name: len(p.findall(text)) for name, p in _SCRIPTS.items()})
    if found["Japanese"]:
        found["Japanese"] += found.pop("Chinese", 0)
    return +found


def language_of(words: Sequence[str], scripts: Counter[str]) -> str:
    """The language of a Latin text by its small words, else the script; empty for no letters."""
    if not scripts.total():
        return ""
    script = scripts.most_common(1)[0][0]
    if script != "Latin":
        return script
    told = words[:ENOUGH]
    seen = {name: sum(map(small.__contains__, told)) for name, small in small_words().items()}
    best = max(seen, key=seen.__getitem__)
    return best if seen[best] else "Latin"


@cache
def every_small_word() -> frozenset[str]:
    """Of all languages."""
    return frozenset().union(*small_words().values())


@cache
def small_words() -> dict[str, frozenset[str]]:
    """The small words of languages: ``small_words.toml``."""
    text = files(__package__).joinpath("small_words.toml").read_text(encoding="utf-8")
    return {language: frozenset(words.split()) for language, words in tomllib.loads(text).items()}
