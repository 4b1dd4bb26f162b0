"""Our own format: strict, and whole."""

from __future__ import annotations

import json
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
    """Validate; a missing ``video`` is forgiven, and keys that are not known are left out and
    named in ``warnings``. Raises :class:`FormatError`."""
    whole = {"video": None, **value}
    try:
        return _parse(whole)
    except FormatError as error:
        known, unknown = _without_unknown(whole, error.__cause__)
        if not unknown:
            raise
    caption = _parse(known)
    warnings.append(f"unknown keys left out: {', '.join(unknown)}")
    return caption


def _without_unknown(value: dict[str, Any], cause: object) -> tuple[dict[str, Any], list[str]]:
    """The value without keys that are not in the schema, and their pointers."""
    unknown: list[str] = []
    value = deepcopy(value)
    for fault in cause.errors(include_url=False) if isinstance(cause, ValidationError) else []:
        if fault["type"] == "extra_forbidden":
            *way, key = fault["loc"]
            owner: Any = value
            for step in way:
                owner = owner[step]
            del owner[key]
            unknown.append("/" + "/".join(map(str, fault["loc"])))
    return value, unknown


def _parse(whole: dict[str, Any]) -> Caption:
    try:
        text: str | bytes = to_json(whole)  # several times as fast as json, and most of the work
    except ValueError:  # half a surrogate pair, which json escapes
        text = json.dumps(whole)
    try:
        return Caption.from_json(text)
    except FormatError as error:
        raise FormatError(str(error).removeprefix("text: ")) from error.__cause__
