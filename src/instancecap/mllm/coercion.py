"""Values read as what they plainly mean, where their JSON type is not the one that was asked for.

``null`` for a text is no text, ``[{…}]`` for an object is that object, ``"yes"`` is true, and an
object in a wrapper is taken out of it. What has no plain meaning is :data:`MISSING`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from instancecap.mllm.schemas import Schema

MISSING: Any = object()
"""Stands for a value that cannot be read."""

_TRUE = frozenset({"true", "yes", "y", "1", "main"})
_FALSE = frozenset({"false", "no", "n", "0", "", "none", "null", "not main"})
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*(%?)\s*")
_UNKNOWN = ("unknown", "", "other", "none")
_JSON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def coerce(value: Any, schema: Schema) -> Any:
    """The value as ``schema`` asks for it, or :data:`MISSING`. Bounds are not checked."""
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    if options := schema.get("anyOf"):
        exact = [one for one in options if isinstance(value, _JSON_TYPES.get(one.get("type"), ()))]
        found = (coerce(value, one) for one in (*exact, *options))
        return next((one for one in found if one is not MISSING), MISSING)
    if "enum" in schema:
        return _word(value, schema["enum"])
    reader = _READERS.get(schema.get("type", ""))
    return reader(value, schema) if reader else value


def _text(value: Any, schema: Schema) -> Any:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return MISSING
        case int() | float():
            return f"{value:g}" if isinstance(value, float) else str(value)
        case list():
            parts = [_text(one, schema) for one in value]
            return MISSING if MISSING in parts else " ".join(filter(None, parts))
        case dict() if len(value) == 1:
            return _text(next(iter(value.values())), schema)
    return MISSING


def _word(value: Any, words: list[Any]) -> Any:
    """One of a list of words: the same but for case, spaces and endings ("Outdoors", "front")."""
    if value in words:
        return value
    if isinstance(value, list) and len(value) == 1:
        return _word(value[0], words)
    if value is None:
        return next((word for word in _UNKNOWN if word in words), MISSING)
    if not isinstance(value, str) or not value.strip():
        return MISSING
    plain = re.sub(r"[\W_]+", "_", value.strip().lower()).strip("_")
    known = [word for word in words if isinstance(word, str) and word]
    if longer := [word for word in known if plain.startswith(word)]:
        return max(longer, key=len)
    shorter = [word for word in known if plain and word.startswith(plain)]
    if len(shorter) == 1:
        return shorter[0]
    return "unknown" if "unknown" in words else MISSING


def _flag(value: Any, _: Schema) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    word = value.strip().strip(".").lower() if isinstance(value, str) else None
    return True if word in _TRUE else False if word in _FALSE else MISSING


def _number(value: Any, schema: Schema) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
        value = float(match[1]) / (100 if match[2] else 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return MISSING
    if schema["type"] == "integer":
        return int(value) if value == int(value) else MISSING
    return value


def _list(value: Any, schema: Schema) -> Any:
    items: Schema = schema.get("items", {})
    if isinstance(value, str) and value.strip().startswith("["):
        value = _parsed(value)
    if value is None or value == "":
        value = []
    elif isinstance(value, dict) and items.get("type") == "object":
        value = _as_entries(value, items)
    elif isinstance(value, dict):
        value = list(value.values())
    elif isinstance(value, str) and "enum" in items:
        value = re.split(r"\s*(?:[,;]|\band\b)\s*", value)
    elif not isinstance(value, list):
        value = [value]
    numbers = items.get("type") in ("number", "integer")
    if numbers and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    read = [one for one in (coerce(one, items) for one in value) if one is not MISSING]
    if (value and not read) or (numbers and len(read) < len(value)):
        return MISSING
    return read[: schema.get("maxItems")]


def _as_entries(value: dict[str, Any], items: Schema) -> list[Any]:
    """The entries of a list that was written as an object: one entry, or one for each key."""
    if set(value) & set(items.get("properties", ())):
        return [value]
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), list):
        return inner
    if not all(isinstance(one, dict) for one in value.values()):
        return [value]
    named = "name" in items.get("properties", ())
    return [
        {"name": key, **one} if named and not key.strip().isdigit() else one
        for key, one in value.items()
    ]


def _object(value: Any, schema: Schema) -> Any:
    properties: Mapping[str, Schema] | None = schema.get("properties")
    if isinstance(value, str) and value.strip().startswith(("{", "[")):
        value = _parsed(value)
    if properties is None:
        return value if isinstance(value, dict) else MISSING
    value = _unwrapped(value, properties)
    if not isinstance(value, dict):
        return MISSING
    names = {_plain_key(name): name for name in properties}
    given: dict[str, Any] = {names.get(_plain_key(key)) or key: one for key, one in value.items()}
    _adopt(given, properties)
    read = {name: coerce(given[name], one) for name, one in properties.items() if name in given}
    found = {name: one for name, one in read.items() if one is not MISSING}
    return found if found or not properties else MISSING


def _unwrapped(value: Any, properties: Mapping[str, Schema]) -> Any:
    """The object that is meant: within a list, within another object, or the entries of a list."""
    for _ in range(4):
        if isinstance(value, list):
            objects = [one for one in value if isinstance(one, dict)]
            best = max(objects, key=lambda one: _overlap(one, properties), default=None)
            if best is not None and _overlap(best, properties):
                return best
            lists = [name for name, one in properties.items() if _holds_objects(one)]
            if len(lists) == 1 and objects:
                return {lists[0]: objects}
            value = objects[0] if len(objects) == 1 else None
        if not isinstance(value, dict) or _overlap(value, properties):
            return value
        inner = [one for one in value.values() if isinstance(one, dict | list)]
        if len(inner) != 1 or _holds_entries(value, properties):
            return value
        value = inner[0]
    return value


def _holds_entries(value: dict[str, Any], properties: Mapping[str, Schema]) -> bool:
    """Whether the one list within is the list that is asked for, under another name."""
    lists = [one for one in value.values() if isinstance(one, list)]
    wanted = [one for one in properties.values() if _holds_objects(one)]
    return bool(lists and wanted) and not any(
        _overlap(one, properties) for one in lists[0] if isinstance(one, dict)
    )


def _adopt(given: dict[str, Any], properties: Mapping[str, Schema]) -> None:
    """A list of objects under an unknown key is the one that is missing, where only one is."""
    wanted = [name for name, one in properties.items() if _holds_objects(one) and name not in given]
    others = [
        key
        for key, one in given.items()
        if key not in properties and isinstance(one, list) and one and isinstance(one[0], dict)
    ]
    if len(wanted) == 1 and len(others) == 1:
        given[wanted[0]] = given.pop(others[0])


def _holds_objects(schema: Schema) -> bool:
    return schema.get("type") == "array" and schema.get("items", {}).get("type") == "object"


def _overlap(value: dict[str, Any], properties: Mapping[str, Schema]) -> int:
    names = {_plain_key(name) for name in properties}
    return sum(_plain_key(key) in names for key in value)


def _plain_key(key: str) -> str:
    return re.sub(r"[\W_]+", "", str(key).lower())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return MISSING


_READERS: Mapping[str, Callable[[Any, Schema], Any]] = {
    "string": _text,
    "boolean": _flag,
    "integer": _number,
    "number": _number,
    "array": _list,
    "object": _object,
    "null": lambda value, _: None if value in (None, "", "null") else MISSING,
}
