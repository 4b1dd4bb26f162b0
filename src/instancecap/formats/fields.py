"""Taking fields out of what other systems write, whatever they wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from instancecap.errors import FormatError
from instancecap.formats.salvage import salvage
from instancecap.schema.caption import Video

_FALSE = {"false", "no", "0", "", "none", "null"}


def loosely(key: Any) -> str:
    """A key without case, spaces, underscores and hyphens: ``Camera Movement`` is
    ``camera_movement``."""
    return re.sub(r"[\s_\-]+", "", str(key)).casefold()


def clean(text: str) -> str:
    """``text`` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Fields:
    """The fields of one object; what does not fit becomes a warning, never an error.

    ``close`` warns of every field that nobody took.
    """

    def __init__(self, value: dict[str, Any], warnings: list[str], where: str = "") -> None:
        self.warnings = warnings
        self._where = where
        self._value = {loosely(key): (key, one) for key, one in value.items()}

    def warn(self, problem: str) -> None:
        """Add a warning once."""
        if problem not in self.warnings:
            self.warnings.append(problem)

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return loosely(name) in self._value

    def take(self, name: str) -> Any:
        """The field as it stands; None where it is missing."""
        return self._value.pop(loosely(name), ("", None))[1]

    def text(self, name: str) -> str:
        """Text; a list's parts with commas, a missing field or null as the empty string."""
        return self._text(name, self.take(name))

    def _text(self, name: str, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, float) and math.isnan(value):
            return ""  # a table's empty cell
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, dict):
            self.warn(f"{self._where}/{name}: text was expected, its parts were joined")
            value = list(value.values())
        return ", ".join(part for one in value if (part := self._text(name, one)))

    def joined(self, *names: str) -> str:
        """Several fields as sentences of one text."""
        return sentences(self.text(name) for name in names)

    def number(self, name: str) -> float:
        """A number that is not negative; also out of text such as ``5s``. 0 where there is none."""
        value = self.take(name)
        if isinstance(value, str):
            match = re.search(r"\d+(?:\.\d+)?", value)
            value = float(match.group()) if match else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return 0.0
        return float(value) if 0 <= value < 1e12 else 0.0

    def flag(self, name: str) -> bool:
        """True or false, also as a word."""
        value = self.take(name)
        if isinstance(value, str):
            return value.strip().casefold() not in _FALSE
        return bool(value)

    def object(self, name: str) -> Fields:
        """A nested object, also as JSON in a text; empty where there is none."""
        value = self._parsed(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        where = f"{self._where}/{name}"
        if not isinstance(value, dict):
            if value not in (None, "", []):
                self.warn(f"{where}: an object was expected, found {value!r:.40}")
            value = {}
        return Fields(value, self.warnings, where)

    def objects(self, name: str) -> list[Fields]:
        """A list of objects, also as an object of them, or one of them, or JSON in a text."""
        value = self._parsed(name)
        where = f"{self._where}/{name}"
        if isinstance(value, dict):
            numbered = all(re.search(r"\d", str(key)) for key in value)
            value = list(value.values()) if numbered else [value]
        if not isinstance(value, list):
            if value not in (None, ""):
                self.warn(f"{where}: a list was expected, found {value!r:.40}")
            value = []
        found = [
            Fields(one, self.warnings, f"{where}/{index}")
            for index, one in enumerate(value)
            if isinstance(one, dict)
        ]
        if len(found) < len(value):
            self.warn(f"{where}: {len(value) - len(found)} of {len(value)} are not objects")
        return found

    def _parsed(self, name: str) -> Any:
        value = self.take(name)
        if not isinstance(value, str) or not value.strip():
            return value
        try:
            value, problems = salvage(value)
        except FormatError:
            return value
        for problem in problems:
            self.warn(f"broken JSON was read: {problem}")
        return value

    def word(self, name: str, known: Iterable[str], synonyms: dict[str, str]) -> Any:
        """A word of a vocabulary, however it is spelt; empty, with a warning, if it is none."""
        text = self.text(name)
        word = find_word(text, known, synonyms)
        if text.strip() and not word:
            self.warn(f"{self._where}/{name}: {text!r:.60} is no word that is known here")
        return word

    def close(self, *, quietly: Iterable[str] = ()) -> None:
        """Warn of the fields that were not taken, but for those named and those that are empty."""
        known = {loosely(name) for name in quietly}
        for key, (name, value) in self._value.items():
            if key not in known and value not in (None, "", [], {}):
                self.warn(f"unknown field left out: {self._where}/{clean(str(name))}")
        self._value = {}


def find_word(text: str, known: Iterable[str], synonyms: dict[str, str]) -> str:
    """The word of a vocabulary that ``text`` is; empty for none."""
    words = re.sub(r"[\W_]+", "_", text.casefold()).strip("_")
    vocabulary = set(known)
    for candidate in (words, words.removesuffix("_shot"), f"{words}_shot", f"{words}_view"):
        found = synonyms.get(candidate, candidate)
        if found in vocabulary:
            return found
    return ""


def sentences(parts: Iterable[str]) -> str:
    """Texts one after the other, each closed by a full stop unless there is one text only."""
    given = list(parts)
    some = [part for part in given if part.strip()]
    if len(some) < 2:
        return some[0] if some else "".join(given)
    ended = (part.strip() for part in some)
    return " ".join(part if part[-1] in ".!?。！？…" else f"{part}." for part in ended)


def video_of(fields: dict[str, Any]) -> Video | None:
    """The video that a table's row names, with what else the row knows of it."""
    taken = Fields(fields, [])
    paths = ("path", "file_path", "video_path", "media_path", "vision_path", "file_name", "video")
    path = next((text for name in paths if (text := taken.text(name))), "")
    if not path:
        return None
    video = Video.named(path)
    video.fps = taken.number("fps")
    video.width, video.height = int(taken.number("width")), int(taken.number("height"))
    video.frames = int(taken.number("num_frames"))
    video.start = taken.number("start")
    video.duration = taken.number("duration")
    video.end = taken.number("end") or video.start + video.duration
    return video
