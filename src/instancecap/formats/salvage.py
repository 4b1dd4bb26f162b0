"""JSON out of what a language model or a script really wrote.

``json-repair`` reads over prose and code fences, commas too many or missing, Python literals,
typographic and unescaped quotes, and a missing end. What is added here: nothing is made up where
the text was cut off. Of a string that was cut, whole sentences are kept; a number, a word or a key
that was cut is dropped.
"""

from __future__ import annotations

import json
import re
from typing import Any

import json_repair

from instancecap.errors import FormatError

CUT_OFF = "its end is cut off"
SALVAGED = "broken JSON was read: "
"""How a warning begins that tells of such a problem."""

PUT_RIGHT = "it was not valid, and was put right"

_MARKS = "ꙮꙭꙬꚙꚘ"
"""Letters that hardly anybody writes; one that is not in the text marks where it ends."""

_FENCE = re.compile(r"^\s*```\w*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_SENTENCES = re.compile(r".*[.!?。！？…][\"'”’)]*(?=\s|$)", re.DOTALL)
_ESCAPES = re.compile(r"\\(?=[%_$#&'])")
_NOTHING: Any = object()


def decode_text(data: bytes) -> str | None:
    """UTF-8 text, or UTF-16 with or without a byte order mark; None where it is neither."""
    zeros = {b"\0": "utf-16-be"}.get(data[:1]) or {b"\0": "utf-16-le"}.get(data[1:2], "utf-8-sig")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else zeros)
    except UnicodeDecodeError:
        return None


def salvage(text: str) -> tuple[Any, list[str]]:
    """The JSON value in ``text``, and what was wrong with it.

    Valid JSON comes back as :func:`json.loads` reads it, with no problem named; so does JSON in a
    code fence. Of several objects in the text, the longest is taken.

    Raises:
        FormatError: there is no JSON in it, nothing of it is whole, or it is nested too deeply.
    """
    fenced = _FENCE.match(text)
    for part in (text, fenced.group(1) if fenced else ""):
        try:
            return json.loads(part), []
        except ValueError:
            continue
        except RecursionError as error:
            raise FormatError("it is nested too deeply") from error
    start = re.search(r"[{\[]", text)
    if start is None:
        raise FormatError("there is no JSON in it" if text.strip() else "it is empty")
    mark = next((letter for letter in _MARKS if letter not in text), _MARKS[0])
    repaired: Any
    try:
        repaired = json_repair.loads(
            text[start.start() :] + mark, skip_json_loads=True, logging=True
        )
    except (ValueError, RecursionError) as error:
        raise FormatError("it is nested too deeply") from error
    found, log = repaired
    ended = any(one["text"].startswith("The parser returned early") for one in log)  # at the mark
    value = _whole(_longest(found, start.group()), mark, last=not ended)
    if not (isinstance(value, dict | list) and value):
        raise FormatError("there is no JSON in it")
    return value, [PUT_RIGHT if ended else CUT_OFF]


def _longest(found: Any, opener: str) -> Any:
    """One of several objects: json-repair gives them as a list, though no bracket opens it."""
    if isinstance(found, list) and found and (opener == "{" or isinstance(found[-1], dict)):
        return max(found, key=lambda one: len(str(one)) if isinstance(one, dict | list) else 0)
    return found


def _whole(value: Any, mark: str, *, last: bool) -> Any:
    """The value without what the end of the text cut; ``_NOTHING`` where nothing is left of it.

    ``last``: it is the last in the text; json-repair gives it an empty text where it has none.
    """
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        size = len(value)
        pairs = [
            (name, _whole(one, mark, last=last and number == size))
            for number, (name, one) in enumerate(items, 1)
            if mark not in str(name)
        ]
        kept = [(name, one) for name, one in pairs if one is not _NOTHING]
        if value and not kept:
            return _NOTHING
        if isinstance(value, list):
            return [one for _, one in kept]
        return {_text(name): one for name, one in kept}
    if not isinstance(value, str):
        return value
    if mark in value:
        whole = _SENTENCES.match(value.partition(mark)[0])
        return _text(whole.group()) if whole else _NOTHING
    return _NOTHING if last and not value else _text(value)


def _text(text: str) -> str:
    """With pairs of surrogate escapes joined as JSON means them, and no escape that it lacks."""
    joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _ESCAPES.sub("", joined)
