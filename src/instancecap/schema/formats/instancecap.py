"""Our own format: strict, and whole."""

from __future__ import annotations

import json
from typing import Any

from instancecap.errors import FormatError
from instancecap.schema.caption import Caption

HOLDS = {"": "the same place"}


def write(caption: Caption) -> dict[str, Any]:
    """The published form."""
    return caption.model_dump(mode="json")


def read(value: dict[str, Any]) -> Caption:
    """Validate; only a missing ``video`` is forgiven. Raises :class:`FormatError`."""
    try:
        return Caption.from_json(json.dumps({"video": None, **value}))
    except FormatError as error:
        raise FormatError(str(error).removeprefix("text: ")) from error
