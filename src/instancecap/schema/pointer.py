"""JSON pointers into a caption. The number after ``/instances/`` is the instance's id.

    parse("/instances/7/position/text")            # ("instances", "7", "position", "text")
    resolve(caption, "/instances/7/position/text")
    assign(caption, "/instances/7/position/text", "on the left")

Every other number is a place in a list. They take any of the documents, or a part of one.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from instancecap.errors import FormatError

_BOOKKEEPING = frozenset(
    {"schema", "video", "producer", "provenance", "claims", "warnings", "teachers"}
)
_UNREAD = re.compile(r"/(id|track|t|box|start|end|is_main|count|enters|leaves|instances)$")
_CELLS = ("/position/start", "/position/end")


def parse(pointer: str) -> tuple[str, ...]:
    """The steps of a pointer, with ``~1`` and ``~0`` read as ``/`` and ``~`` (RFC 6901).

    Raises :class:`FormatError` where it does not begin with a slash.
    """
    if not pointer.startswith("/"):
        raise FormatError(f"{pointer!r}: a JSON pointer begins with '/'")
    return tuple(
        step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("/").split("/")
    )


def instance_pointer(id: int, field: str = "") -> str:
    """The pointer of an instance, or of a field of it: ``/instances/7/position/text``."""
    return f"/instances/{id}/{field}" if field else f"/instances/{id}"


def instance_of(pointer: str) -> int | None:
    """The id of the instance that a pointer leads to or into; None for any other pointer."""
    match = re.match(r"/instances/(\d+)(?:/|$)", pointer)
    return int(match.group(1)) if match else None


def resolve(document: Any, pointer: str) -> Any:
    """The value there. Raises :class:`FormatError` where there is none."""
    return _get(*_place(document, pointer), pointer)


def assign(document: Any, pointer: str, value: Any) -> None:
    """Set the value there, unchecked. Raises :class:`FormatError` where there is no such place."""
    owner, key = _place(document, pointer)
    _get(owner, key, pointer)
    if isinstance(owner, BaseModel):
        setattr(owner, key, value)
    else:
        owner[key] = value


def _place(document: Any, pointer: str) -> tuple[Any, Any]:
    """What holds the value, and the attribute, index or key that it has there."""
    *way, last = parse(pointer)
    owner, before = document, ""
    for step in way:
        owner, before = _get(owner, _key(owner, step, before, pointer), pointer), step
    return owner, _key(owner, last, before, pointer)


def _key(owner: Any, step: str, before: str, pointer: str) -> Any:
    try:
        if isinstance(owner, BaseModel):
            fields = type(owner).model_fields.items()
            return {field.alias or name: name for name, field in fields}[step]
        if isinstance(owner, list) and before == "instances":
            ids = [one["id"] if isinstance(one, dict) else one.id for one in owner]
            return ids.index(int(step))
        return range(len(owner)).index(int(step)) if isinstance(owner, list) else step
    except (LookupError, ValueError) as error:
        raise FormatError(f"{pointer}: there is no {step!r} in this document") from error


def _get(owner: Any, key: Any, pointer: str) -> Any:
    try:
        return getattr(owner, key) if isinstance(owner, BaseModel) else owner[key]
    except (LookupError, TypeError) as error:
        raise FormatError(f"{pointer}: there is no {key!r} in this document") from error


def leaves(document: BaseModel) -> dict[str, Any]:
    """Every known leaf that a person would read, by its pointer.

    Bookkeeping (video, producer, provenance, claims, warnings, teachers, ids, tracks, when a face
    shows what) is left out.
    A list of plain words is one leaf.
    """
    found: dict[str, Any] = {}
    for name, value in document.model_dump(mode="json").items():
        if name not in _BOOKKEEPING:
            _collect(f"/{name}", value, found)
    return found


def _collect(pointer: str, value: Any, found: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _collect(f"{pointer}/{key}", child, found)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, child in enumerate(value):
            if not pointer.endswith(("/track", "/expression_spans")):
                number = child["id"] if pointer == "/instances" else index
                _collect(f"{pointer}/{number}", child, found)
    elif value not in ("", [], None, "unknown") and (
        not _UNREAD.search(pointer) or pointer.endswith(_CELLS)
    ):
        found[pointer] = value
