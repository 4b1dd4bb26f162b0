"""Our own format: strict, and whole."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from instancecap.errors import FormatError
from instancecap.schema.caption import Caption


def write(caption: Caption) -> dict[str, Any]:
    """The published form."""
    return caption.model_dump(mode="json")


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """Validate; a missing ``video`` is forgiven, keys that are not known are left out, and words
    such as *Close-up* are read as ``close_up``; both are named in ``warnings``.

    Raises :class:`FormatError`.
    """
    whole = {"video": None, **value}
    try:
        return _parse(whole)
    except FormatError as error:
        mended, problems = _mended(whole, error.__cause__)
        if not problems:
            raise
    caption = _parse(mended)
    warnings += problems
    return caption


def _mended(value: dict[str, Any], cause: object) -> tuple[dict[str, Any], list[str]]:
    """The value without keys that are not in the schema and with words as they are spelled there,
    and what was done."""
    unknown: list[str] = []
    spelled: list[str] = []
    value = deepcopy(value)
    for fault in cause.errors(include_url=False) if isinstance(cause, ValidationError) else []:
        *way, key = fault["loc"]
        owner: Any = value
        for step in way:
            owner = owner[step]
        pointer = "/" + "/".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            del owner[key]
            unknown.append(pointer)
        elif fault["type"] == "literal_error" and isinstance(owner[key], str):
            word = re.sub(r"[\W_]+", "_", owner[key].casefold()).strip("_")
            if word != owner[key]:
                spelled.append(f"{pointer}: {owner[key]!r:.40} is read as {word}")
                owner[key] = word
    left_out = [f"unknown keys left out: {', '.join(unknown)}"] if unknown else []
    return value, [*left_out, *spelled]


def _parse(whole: dict[str, Any]) -> Caption:
    try:
        text: str | bytes = to_json(whole)  # several times as fast as json, and most of the work
    except ValueError:  # half a surrogate pair, which json escapes
        text = json.dumps(whole)
    try:
        return Caption.from_json(text)
    except FormatError as error:
        raise FormatError(str(error).removeprefix("text: ")) from error.__cause__
