"""Where in the frame a subject is, in words, joined with what it does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from instancecap.render import english
from instancecap.render.words import content, is_covered

_HEADING = re.compile(
    r"\b(moves?)((?: slowly| quickly)?) (to the left|to the right|up the frame|down the frame|"
    r"(?:up|down) and to the (?:left|right))(?= |,|$)"
)
_WHERE = {
    "top-left": ("the top left", "at the top left"),
    "top-middle": ("the top", "at the top"),
    "top-right": ("the top right", "at the top right"),
    "center-left": ("the left", "on the left"),
    "center-middle": ("the center", "in the center"),
    "center-right": ("the right", "on the right"),
    "bottom-left": ("the bottom left", "at the bottom left"),
    "bottom-middle": ("the bottom", "at the bottom"),
    "bottom-right": ("the bottom right", "at the bottom right"),
}
_ROWS, _COLUMNS = {"top": 0, "center": 1, "bottom": 2}, {"left": 0, "middle": 1, "right": 2}
_ENTERS = re.compile(r"comes? into view|enters?\b")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject is, to be joined with what it does.

    Attributes:
        said: the caption's own words for it.
        text: a phrase without a full stop, from ``said`` or else from the cells.
        start: cell of the frame at the start; ``end`` at the end.
        measured: whether ``text`` says what the cells say.
    """

    said: str = ""
    text: str = ""
    start: str = ""
    end: str = ""
    measured: bool = False

    @classmethod
    @lru_cache(maxsize=16384)
    def of(cls, said: str, start: str, end: str) -> Place:
        """From the words and the cells of a caption, each empty where it is not known."""
        text = english.phrase(english.clean(said))
        text = text[:1].lower() + text[1:] if text[:1].isascii() else text
        at = [_WHERE[cell] for cell in (start, end) if cell]
        words = ("of the frame throughout", "of the frame to the", "comes into view", "starts and")
        measured = bool(at) and (not text or any(word in text for word in words))
        if not text and at:
            still = at[0] == at[-1]
            text = f"{at[0][1]} of the frame"
            if not still:
                text = f"from {at[0][0]} of the frame to {at[1][0]}"
        return cls(said, text.replace(" throughout", ""), start, end, measured)

    @property
    def cell(self) -> str:
        """The cell of the frame that it stays in; empty where it leaves one or none is known."""
        return self.start if self.start == self.end else ""

    @property
    def as_state(self) -> str:
        """To follow *is*."""
        text = re.sub(r"^(?:is|are) (?:positioned |located |situated )?", "", self.text)
        if re.match(r"(?:comes|starts|from|moves|enters)\b", text):
            return f"seen {text}" if text.startswith("from") else f"there: it {text}"
        first = text.split()[0] if text.split() else ""
        if first in ("in", "at", "on", "near", "to", "behind", "beside", "above", "below", "under"):
            return text
        if first in ("center", "centre", "middle", "left", "right", "top", "bottom"):
            return f"at the {text}"
        return f"at {text}" if first in ("the", "a", "an") else text

    @lru_cache(maxsize=16384)  # noqa: B019 - places are few, and shared
    def merge(self, verb: str, near: str, fronted: bool) -> tuple[str, str]:
        """The verb phrase with the place in it, and the place where it goes elsewhere: before
        the subject, with a capital, or right behind it."""
        if not self.text or is_covered(self.text, content(verb)):
            return verb, ""
        text = re.sub(r", then leaves the frame$", "", self.text) if "leave" in verb else self.text
        if self.measured and self.start and self.end:
            return self._merge_measured(verb, text, near, fronted)
        first = text.split()[0]
        if first in ("in", "at", "on", "near", "behind", "beside", "from", "to", "under", "above"):
            if first in ("from", "to") or (fronted and not english.is_compound(verb)):
                return f"{verb}, {text}", ""
            if fronted:
                return verb, f", {text},"
            return verb, f"{text[:1].upper()}{text[1:]}, "
        if english.has_verb(text) or english.verb_form(text) in ("finite", "sentence"):
            return f"{verb}; {text}" if english.verb_form(text) == "sentence" else verb, ""
        return f"{verb}, {self.as_state}", ""

    def _merge_measured(self, verb: str, text: str, near: str, fronted: bool) -> tuple[str, str]:
        heading = _HEADING.search(verb)
        if self.start != self.end:
            whole = f"to {_WHERE[self.end][0]}"
            if heading is not None and self._agrees(heading[3]):
                if not _ENTERS.match(verb):
                    whole = f"from {_WHERE[self.start][0]} of the frame {whole}"
                elif "frame" not in verb[: heading.start()]:
                    whole += " of the frame"
                moved = f"{heading[1]}{heading[2]} {whole}"
                return verb[: heading.start()] + moved + verb[heading.end() :], ""
            if text.startswith("comes into view"):
                return f"{verb}, ending {_WHERE[self.end][1]} of the frame", ""
            return f"{verb}, {text}", ""
        where = f"{_WHERE[self.start][1]} of the frame"
        if near == self.start:
            where = f"also {where}"
        if text.startswith("starts and ends"):
            return f"{verb}, starting and ending {where}", ""
        if re.fullmatch(r"(?:moves?|is moving|are moving) in place|stays? still", verb):
            return f"{verb} {where}", ""
        if fronted and not english.is_compound(verb) and "frame" not in verb:
            return f"{verb} {where}", ""
        if fronted:
            return verb, f" {where}"
        return verb, f"{where[:1].upper()}{where[1:]}, "

    def _agrees(self, heading: str) -> bool:
        """Whether every word of a heading is borne out by the cells, so that these say it all."""
        row = _ROWS[self.end.split("-")[0]] - _ROWS[self.start.split("-")[0]]
        column = _COLUMNS[self.end.split("-")[1]] - _COLUMNS[self.start.split("-")[1]]
        ways = {"right": column > 0, "left": column < 0, "down": row > 0, "up": row < 0}
        return all(true for way, true in ways.items() if way in heading.split())


NOWHERE = Place()
"""Nothing is known of where it is."""
