"""JSON out of what a language model or a script really wrote.

:func:`salvage` takes text that should be JSON and gives the object in it. Prose and code fences
around it, trailing and missing commas, Python literals, typographic quotes, quotes that should have
been escaped, and a missing end are read over; each is named. Nothing is ever made up: of a string
that was cut off, only whole sentences are kept, and a number or a word that was cut off is dropped.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from instancecap.errors import FormatError

MAX_DEPTH = 100
"""Levels of brackets; no caption has ten."""

CLOSERS = {
    '"': '"”',
    "'": "'’",
    "“": '”“"',
    "”": '”"',
    "„": '“”"',
    "‘": "’‘'",
    "’": "’'",
}
"""What may end a string, by what began it."""

LITERALS = {
    "true": True,
    "false": False,
    "null": None,
    "none": None,
    "nan": None,
    "undefined": None,
}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}

_WORD = re.compile(r"[A-Za-z_$][\w$-]*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TOKEN = re.compile(r"[-+.\w$]+")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")
_SPACE = re.compile(r"\s*")
_NEXT_KEY = re.compile(r"""\s*[,{]?\s*(?:["'“„‘][^"'“”‘’\n]{1,60}["'”“’]|[A-Za-z_]\w*)\s*:""")
_NEXT_VALUE = re.compile(r"""\s*(?:["'“„‘\[{(\d.\-]|(?:true|false|null|True|False|None)\b)""")
_SENTENCES = re.compile(r".*[.!?。！？…][\"'”’)]*(?=\s|$)", re.DOTALL)

_NOTHING: Any = object()
"""Stands for a value that was not there, or was cut off."""


def salvage(text: str) -> tuple[Any, list[str]]:
    """The JSON value in ``text``, and what had to be put right to read it.

    Valid JSON comes back as :func:`json.loads` reads it, with no problem named. Otherwise the
    longest object or list in the text is read as far as it goes.

    Raises:
        FormatError: there is no JSON in it, nothing of it is whole, or it is nested too deeply.
    """
    try:
        return json.loads(text), []
    except RecursionError as error:
        raise FormatError(f"nested deeper than {MAX_DEPTH} levels") from error
    except ValueError:
        pass
    best: tuple[int, Any, list[str]] = (0, _NOTHING, [])
    start = _bracket(text, 0)
    while start >= 0:
        reader = _Reader(text, start)
        value = reader.value()
        if value not in (_NOTHING, {}, []) and reader.at - start > best[0]:
            best = (reader.at - start, value, _around(text, start, reader) + reader.problems)
        start = _bracket(text, max(reader.at, start + 1))
    if best[1] is _NOTHING:
        raise FormatError("there is no JSON in it" if text.strip() else "it is empty")
    return best[1], best[2]


def _bracket(text: str, start: int) -> int:
    found = [place for place in (text.find("{", start), text.find("[", start)) if place >= 0]
    return min(found, default=-1)


def _around(text: str, start: int, reader: _Reader) -> list[str]:
    before, after = text[:start].strip(), text[reader.at :].strip()
    for fence in ("```json", "```"):
        before = before.removesuffix(fence).strip()
    after = after.removeprefix("```").strip()
    return ["text around the JSON was left out"] if before or after else []


@dataclass(slots=True)
class _Reader:
    """Reads one value; ``stopped`` when the text ends early or cannot be read on."""

    text: str
    at: int
    depth: int = 0
    stopped: bool = False
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def stop(self) -> Any:
        """Nothing after this place counts; what is open is closed as it stands."""
        if not self.stopped:
            self.stopped = True
            where = "cut off" if self.at >= len(self.text) else "not readable from there on"
            self.note(f"{where} at character {self.at + 1}")
        return _NOTHING

    def peek(self) -> str:
        """The next character that is not space; empty at the end."""
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def value(self) -> Any:
        """Any value. ``_NOTHING`` where there is none that is whole."""
        mark = self.peek()
        if mark in ("{", "[", "("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise FormatError(f"nested deeper than {MAX_DEPTH} levels")
            self.at += 1
            found = self.object() if mark == "{" else self.array("]" if mark == "[" else ")")
            self.depth -= 1
            return found
        if mark and mark in CLOSERS:
            return self.string(mark)
        return self.scalar()

    def object(self) -> dict[str, Any]:
        """After ``{``, up to its ``}``."""
        found: dict[str, Any] = {}
        while not self.stopped:
            mark = self.peek()
            if mark == "}":
                self.at += 1
                break
            if mark == ",":
                self.at += 1
                continue
            key = self.key(mark)
            if self.stopped:
                break
            if self.peek() != ":":
                self.stop()
                break
            self.at += 1
            value = self.value()
            if value is not _NOTHING:
                found[key] = value
            self.separator("}")
        return found

    def key(self, mark: str) -> Any:
        """A quoted key, or a bare word before a colon."""
        if mark and mark in CLOSERS:
            return self.string(mark, key=True)
        match = _WORD.match(self.text, self.at) or _NUMBER.match(self.text, self.at)
        if match is None:
            return self.stop()
        rest = _SPACE.match(self.text, match.end())
        if rest is None or self.text[rest.end() : rest.end() + 1] != ":":
            return self.stop()
        self.at = match.end()
        self.note("unquoted keys")
        return match.group()

    def array(self, closer: str) -> list[Any]:
        """After ``[`` or ``(``, up to ``closer``."""
        found: list[Any] = []
        while not self.stopped:
            mark = self.peek()
            if mark == closer:
                self.at += 1
                break
            if mark == ",":
                self.at += 1
                continue
            value = self.value()
            if value is not _NOTHING:
                found.append(value)
            self.separator(closer)
        return found

    def separator(self, closer: str) -> None:
        """The comma after an entry; a trailing, doubled or missing one is read over."""
        if self.stopped:
            return
        mark = self.peek()
        if mark == ",":
            self.at += 1
            if self.peek() in (closer, ","):
                self.note("a comma too many")
        elif mark == "":
            self.stop()
        elif mark != closer:
            if mark in "]})":
                self.stop()
            else:
                self.note("a missing comma")

    def scalar(self) -> Any:
        """A number or a word. One that the text's end may have cut is dropped."""
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            return self.stop()
        word = match.group()
        if match.end() == len(self.text):
            self.at = match.end()
            return self.stop()
        if word.lower() in LITERALS:
            self.at = match.end()
            if word not in ("true", "false", "null"):
                self.note("Python literals")
            return LITERALS[word.lower()]
        if not _NUMBER.fullmatch(word):
            return self.stop()
        try:
            number = float(word) if re.search(r"[.eE]", word) else int(word)
        except ValueError:  # an integer of thousands of digits
            return self.stop()
        self.at = match.end()
        return number

    def string(self, opener: str, *, key: bool = False) -> Any:
        """A quoted string; a key or a sentence that was cut off is dropped."""
        if opener != '"':
            self.note("single quotes" if opener == "'" else "typographic quotes")
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text):
            letter = self.text[self.at]
            if letter == "\\":
                parts.append(self.escape())
            elif letter in CLOSERS[opener] and self.closes(key):
                self.at += 1
                return _joined(parts)
            else:
                if letter == opener:
                    self.note("unescaped quotes")
                elif letter in "\n\r\t" and opener == '"':
                    self.note("unescaped line breaks")
                parts.append(letter)
                self.at += 1
        self.stop()
        whole = _SENTENCES.match(_joined(parts))
        return whole.group() if whole and not key else _NOTHING

    def closes(self, key: bool) -> bool:
        """Whether the quote here ends the string, by what follows it."""
        rest = _SPACE.match(self.text, self.at + 1)
        assert rest is not None
        follower = self.text[rest.end() : rest.end() + 1]
        if key:
            return follower in ("", ":")
        if follower in ("", "}", "]", ")"):
            return True
        if follower == ",":
            after = rest.end() + 1
            tail = self.text[after : after + 1] if after < len(self.text) else ""
            if tail == "" or re.match(r"\s*(?:[}\])]|$)", self.text[after : after + 50]):
                return True
            return bool(_NEXT_KEY.match(self.text, after) or _NEXT_VALUE.match(self.text, after))
        return "\n" in rest.group() and bool(_NEXT_KEY.match(self.text, self.at + 1))

    def escape(self) -> str:
        """A backslash and what follows; half an escape at the end is nothing."""
        code = self.text[self.at + 1 : self.at + 2]
        if code in ("u", "U", "x") and (match := _HEX.match(self.text, self.at + 1)):
            self.at = match.end()
            number = int(next(digits for digits in match.groups() if digits), 16)
            return chr(number) if number <= 0x10FFFF else "\ufffd"
        if code in ("u", "U", "x") and len(self.text) - self.at < 10:
            self.at = len(self.text)
            return ""
        self.at += 1 + len(code)
        if code and code not in "\"'\\/ntrbf\n":
            self.note("escapes that JSON does not have")
        return ESCAPES.get(code, code)


def _joined(parts: list[str]) -> str:
    """The text, with pairs of surrogate escapes joined as JSON means them."""
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
