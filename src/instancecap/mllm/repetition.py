"""Models that write the same thing over and over: found in an answer, whatever its language."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
_LETTERS = re.compile(r"(\S{1,8}?)\1{30,}")
_SPACE = re.compile(r"\s{200,}")
_STRING = re.compile(r'"((?:[^"\\]|\\.){200,})')

MIN_TIMES = 4
"""A unit that is written so often in a row is repetition: "very, very, very" is not."""

MIN_TOKENS = 24
"""Tokens that a repetition fills at least: shorter ones occur in honest lists."""

MAX_UNIT = 150
"""Tokens of the longest unit that is looked for."""

MAX_SAME_SHARE = 0.3
"""Share of a long string's six-word sequences that were there before. Prose stays under 0.1."""


def find_repetition(text: str) -> str:
    """What is repeated in ``text``; empty when nothing is.

    Finds a unit of any length that follows itself, a letter or white space without end, and, in
    a long quoted string, sentences that come again with small changes.
    """
    if (letters := _LETTERS.search(text)) is not None:
        return letters.group(1)
    if _SPACE.search(text):
        return "white space"
    if unit := _in_a_row(_TOKEN.findall(text)):
        return unit
    for string in _STRING.findall(text):
        if unit := _scattered(_TOKEN.findall(string)):
            return unit
    return ""


def _in_a_row(tokens: list[str]) -> str:
    """The unit that directly follows itself, so that it is there ``MIN_TIMES`` times or more."""
    known: dict[str, int] = {}
    ids = np.array([known.setdefault(token, len(known)) for token in tokens], np.int64)
    for period in range(1, min(MAX_UNIT, len(tokens) // MIN_TIMES) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate(([-1], differs, [len(tokens) - period]))
        runs = np.diff(edges) - 1
        best = int(np.argmax(runs))
        if runs[best] + period >= max(MIN_TIMES * period, MIN_TOKENS):
            start = int(edges[best]) + 1
            return " ".join(tokens[start : start + period])
    return ""


def _scattered(tokens: list[str], size: int = 6) -> str:
    """A sequence that comes again, where many of them do."""
    grams = [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
    if len(grams) < 10 * size or len(set(grams)) > (1 - MAX_SAME_SHARE) * len(grams):
        return ""
    ((commonest, _),) = Counter(grams).most_common(1)
    return " ".join(commonest)
