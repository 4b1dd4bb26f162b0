"""What one caption says and another does not."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from instancecap.schema.caption import Caption

WHOLE = {"/producer", "/provenance", "/claims", "/warnings"}
"""Bookkeeping that is named as a whole."""

ENDS = ".!?。！？…"
"""What closes a sentence."""


def differences(caption: Caption, other: Caption) -> list[str]:
    """JSON pointers of what ``caption`` knows and ``other`` does not say in the same way.

    Instances are compared in their order; after ``/instances/`` stands the instance's id. Times
    are the same within a millisecond; a text is there also where another sentence follows it.
    """
    ours, theirs = caption.model_dump(mode="json"), other.model_dump(mode="json")
    found: list[str] = []
    for name, value in ours.items():
        if name != "schema":
            found += _compare(f"/{name}", value, theirs[name])
    return found


def _compare(pointer: str, ours: Any, theirs: Any) -> Iterator[str]:
    if ours == theirs or _says_nothing(ours) or _alike(ours, theirs):
        return
    if pointer in WHOLE or pointer.endswith("/track") or type(ours) is not type(theirs):
        yield pointer
    elif isinstance(ours, dict):
        for key, value in ours.items():
            if not (pointer.startswith("/instances/") and key == "id"):
                yield from _compare(f"{pointer}/{key}", value, theirs.get(key))
    elif isinstance(ours, list) and ours and isinstance(ours[0], dict):
        for index, value in enumerate(ours):
            place = f"{pointer}/{value['id'] if pointer == '/instances' else index}"
            if theirs:
                yield from _compare(place, value, theirs[index] if index < len(theirs) else None)
        if not theirs:
            yield pointer
    else:
        yield pointer


def _says_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_says_nothing(one) for one in value.values())
    if isinstance(value, str):
        return not value.strip()
    return value in ([], None, False, 0)


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-3)
    if isinstance(ours, str) and isinstance(theirs, str):
        text, other = ours.strip().rstrip(ENDS), theirs.strip()
        return other.startswith(text) and other[len(text) : len(text) + 1] in ("", *ENDS)
    return False
