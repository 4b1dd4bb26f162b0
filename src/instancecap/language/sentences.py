"""Where the sentences of a text end."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_MARKS = r"[.!?…]+[\"”'’)\]]*"
_BREAK = re.compile(rf"{_MARKS}(?:\s+|$)|[。！？]+\s*|\s*\n\s*")
_STARTS = re.compile(r"[\"“‘'(\[]*[A-Z0-9\u00c0-\u00de\u0400-\u042f\u3400-\u9fff]")
_ABBREVIATION = re.compile(
    r"\b(?:(?i:Mr|Mrs|Ms|Dr|Prof|St|Mt|Jr|Sr|No|Nos|vs|etc|approx|ca|cf|fig|e\.g|i\.e|a\.m|p\.m)|"
    r"[A-Z])\.$"
)
_OPEN, _CLOSE = "([{“‘", ")]}”’"


class Sentence(NamedTuple):
    """A sentence, and its place in its text, white space behind it included."""

    text: str
    start: int
    end: int


@lru_cache(maxsize=16384)
def split_sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of ``text``, each as it is written; never split within quotes or brackets.

    A new line always ends one; an end mark does where a capital or a figure follows, or where the
    sentence itself begins with a small letter.
    """
    found, start = [], 0
    for gap in [*_BREAK.finditer(text), None]:
        end = gap.end() if gap else len(text)
        part = text[start:end].strip()
        if gap and "\n" not in gap.group() and end < len(text) and not _is_whole(part, text[end:]):
            continue
        if part:
            found.append(Sentence(part, start, end))
        start = end
    return tuple(found)


def _is_whole(part: str, rest: str) -> bool:
    """Whether a part ends with its end mark, given what follows."""
    if _ABBREVIATION.search(part) or part.count('"') % 2:
        return False
    # An apostrophe looks like a closing quotation mark, so that only the other marks count.
    if any(part.count(a) > part.count(b) for a, b in zip(_OPEN, _CLOSE, strict=True)):
        return False
    return part[-1] in "。！？" or part[0].islower() or _STARTS.match(rest) is not None
