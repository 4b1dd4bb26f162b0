"""Phrases that a prompt must not hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from instancecap.errors import UsageError


def read_phrases(values: Iterable[str]) -> tuple[str, ...]:
    """Phrases from the command line: each a phrase, or a ``.txt`` file with a phrase a line.

    In a file, blank lines and lines that begin with ``#`` are skipped.

    Raises:
        UsageError: a file cannot be read, or a phrase is empty.
    """
    phrases: list[str] = []
    for value in values:
        if not value.strip():
            raise UsageError("--forbid: an empty phrase; give a phrase or a .txt file of phrases")
        if not value.lower().endswith(".txt"):
            phrases.append(value.strip())
            continue
        try:
            lines = Path(value).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--forbid {value}: cannot be read: {error}") from error
        kept = (line.strip() for line in lines)
        phrases += [line for line in kept if line and not line.startswith("#")]
    return tuple(dict.fromkeys(phrases))


def find_forbidden(text: str, phrases: Sequence[str]) -> list[str]:
    """The phrases that ``text`` holds, as whole words, whatever the case."""
    return [phrase for phrase in phrases if _pattern(phrase).search(text)]


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
