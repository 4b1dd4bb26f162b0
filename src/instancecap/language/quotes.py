"""What a text in English quotes as said."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files

_TABLES = tomllib.loads((files(__package__) / "quotes.toml").read_text(encoding="utf-8"))
SPEECH = frozenset(_TABLES["speech"].split())
"""Verbs that a quotation which is said stands after, or before."""

_WRITTEN = frozenset(_TABLES["written"].split())
QUOTED = re.compile(r"[\"“](?P<said>[^\"“”]+)[\"”]")
"""A quotation in double quotation marks, and its words."""

_WORD = re.compile(r"[a-z]+")
_END = re.compile(r"[.!?](?:\s|$)")

BEFORE, BEHIND = 8, 3
"""Words before and behind a quotation among which its verb is looked for."""


def spoken(text: str) -> Iterator[re.Match[str]]:
    """The quotations of a text that somebody says, their words as ``match["said"]``.

    One is said where a verb of speech stands before it in its sentence, or right behind it; not
    where the words before name something that is written on.
    """
    for match in QUOTED.finditer(text):
        lead = QUOTED.sub(" ", text[: match.start()])
        before = _WORD.findall(_END.split(lead)[-1].lower())[-BEFORE:]
        behind = _WORD.findall(_END.split(text[match.end() :])[0].lower())[:BEHIND]
        if not _WRITTEN & set(before) and SPEECH & {*before, *behind}:
            yield match


def replace_spoken(text: str, instead: Callable[[re.Match[str]], str]) -> str:
    """The text with something else in the place of every quotation that is said."""
    parts, at = [], 0
    for match in spoken(text):
        parts += [text[at : match.start()], instead(match)]
        at = match.end()
    return "".join((*parts, text[at:]))
