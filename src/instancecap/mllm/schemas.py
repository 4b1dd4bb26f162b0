"""The JSON Schema of an answer: as servers take it, of missing keys only, and in words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

Schema = Mapping[str, Any]


@lru_cache(maxsize=256)
def answer_schema(answer: type[BaseModel]) -> Schema:
    """JSON Schema of a model's fields, in the form that every server's strict mode takes.

    All fields required, no others allowed, references written out, no titles and defaults; the
    descriptions of fields stay. The model must not contain itself.
    """
    full = answer.model_json_schema()
    schema = _plain(full, full.get("$defs", {}))
    assert isinstance(schema, dict)
    schema.pop("description", None)
    return schema


def narrowed(schema: Schema, missing: Sequence[str]) -> Schema:
    """The schema of an object that has the ``missing`` fields only."""
    kept = {name: one for name, one in schema["properties"].items() if name in missing}
    return {**schema, "properties": kept, "required": list(kept)}


def in_words(schema: Schema) -> str:
    """The instruction to keep to a schema, for models that are not made to."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object and nothing else. It has to fit this JSON Schema: {text}"


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = dict(definitions[node["$ref"].removeprefix("#/$defs/")])
        target.pop("description", None)  # the class's docstring, not the field's
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**target, **rest}, definitions)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            plain[key] = {name: _plain(one, definitions) for name, one in value.items()}
            plain["required"] = list(value)
            plain["additionalProperties"] = False
        elif key == "const":
            plain["enum"] = [value]
        elif key not in ("title", "default", "$defs", "required", "additionalProperties"):
            plain[key] = value if key == "enum" else _plain(value, definitions)
    return plain


# Coercion -----------------------------------------------------------------------------------------


MISSING: Any = object()
"""Stands for a value that cannot be read."""

LARGEST = 1e9
"""A number beyond it is a slip of the pen; as a float it may not even be finite."""

_TRUE = frozenset({"true", "yes", "y", "1", "main"})
_FALSE = frozenset({"false", "no", "n", "0", "", "none", "null"})
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*(%?)\s*")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "null": type(None),
}


def coerce(value: Any, schema: Schema) -> Any:
    """The value as ``schema`` asks for it, or :data:`MISSING`. Bounds are not checked."""
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    if options := schema.get("anyOf"):
        exact = [one for one in options if isinstance(value, _TYPES.get(one.get("type"), ()))]
        found = (coerce(value, one) for one in (*exact, *options))
        return next((one for one in found if one is not MISSING), MISSING)
    kind = "enum" if "enum" in schema else schema.get("type", "")
    if kind in ("enum", "boolean", "integer", "number") and _is_single(value):
        value = value[0]
    if kind in ("array", "object") and isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        value = _parsed(value)
    return _READERS[kind](value, schema) if kind in _READERS else value


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def _text(value: Any, schema: Schema) -> Any:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, list):
        parts = [_text(one, schema) for one in value]
        return MISSING if MISSING in parts else " ".join(filter(None, parts))
    if isinstance(value, dict) and len(value) == 1:
        return _text(next(iter(value.values())), schema)
    return MISSING


def _word(value: Any, schema: Schema) -> Any:
    """One of a list of words: the same but for case, spaces and endings ("Outdoors", "front")."""
    words: list[Any] = schema["enum"]
    if value in words:
        return value
    if value is None:
        return next((word for word in ("unknown", "", "other", "none") if word in words), MISSING)
    if not isinstance(value, str) or not (
        plain := re.sub(r"[\W_]+", "_", value.lower()).strip("_")
    ):
        return MISSING
    known = [word for word in words if isinstance(word, str) and word]
    if shorter := [word for word in known if plain.startswith(word)]:
        return max(shorter, key=len)
    longer = [word for word in known if word.startswith(plain)]
    return longer[0] if len(longer) == 1 else "unknown" if "unknown" in words else MISSING


def _flag(value: Any, _: Schema) -> Any:
    if value is None or value in (0, 1):
        return bool(value)
    word = value.strip().strip(".").lower() if isinstance(value, str) else None
    return True if word in _TRUE else False if word in _FALSE else MISSING


def _number(value: Any, schema: Schema) -> Any:
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
        value = float(match[1]) / (100 if match[2] else 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST:
        return MISSING
    if schema["type"] == "integer":
        return int(value) if value == int(value) else MISSING
    return value


def _list(value: Any, schema: Schema) -> Any:
    items: Schema = schema.get("items", {})
    numbers = items.get("type") in ("number", "integer")
    if value is None or value == "":
        value = []
    elif isinstance(value, dict):
        value = _entries(value, items) if items.get("type") == "object" else [*value.values()]
    elif isinstance(value, str) and "enum" in items:
        value = re.split(r"\s*(?:[,;]|\band\b)\s*", value)
    elif not isinstance(value, list):
        value = [value]
    elif numbers and _is_single(value) and isinstance(value[0], list):
        value = value[0]
    read = [one for one in (coerce(one, items) for one in value) if one is not MISSING]
    if (value and not read) or (numbers and len(read) < len(value)):
        return MISSING
    return read[: schema.get("maxItems")]


def _entries(value: dict[str, Any], items: Schema) -> list[Any]:
    """The entries of a list that was written as an object: one entry, or one for each key."""
    properties = items.get("properties", {})
    inner = list(value.values())
    if not _overlap(value, properties) and _is_single(inner) and isinstance(inner[0], list):
        return list(inner[0])
    if _overlap(value, properties) or not all(isinstance(one, dict) for one in inner):
        return [value]
    named = "name" in properties
    return [
        {"name": key, **one} if named and not key.strip().isdigit() else one
        for key, one in value.items()
    ]


def _object(value: Any, schema: Schema) -> Any:
    properties: Mapping[str, Schema] | None = schema.get("properties")
    if properties is not None:
        value = _unwrapped(value, properties)
    if not isinstance(value, dict) or properties is None:
        return value if isinstance(value, dict) else MISSING
    names = {_plain_key(name): name for name in properties}
    given: dict[str, Any] = {names.get(_plain_key(key)) or key: one for key, one in value.items()}
    # A list of objects under an unknown key is the one that is missing, where only one is.
    wanted = [name for name in _lists(properties) if name not in given]
    others = [key for key, one in given.items() if key not in properties and _has_objects(one)]
    if len(wanted) == 1 and len(others) == 1:
        given[wanted[0]] = given.pop(others[0])
    read = {name: coerce(given[name], one) for name, one in properties.items() if name in given}
    return {name: one for name, one in read.items() if one is not MISSING} or MISSING


def _unwrapped(value: Any, properties: Mapping[str, Schema]) -> Any:
    """The object that is meant: within a list, within another object, or the entries of a list."""
    for _ in range(4):
        if isinstance(value, list):
            objects = [one for one in value if isinstance(one, dict)]
            best = max(objects, key=lambda one: _overlap(one, properties), default={})
            if _overlap(best, properties):
                return best
            if objects and len(lists := _lists(properties)) == 1:
                return {lists[0]: objects}
            value = objects[0] if len(objects) == 1 else None
        if not isinstance(value, dict) or _overlap(value, properties):
            return value
        inner = [one for one in value.values() if isinstance(one, dict | list)]
        if len(inner) != 1:
            return value
        value = inner[0]
    return value


def _lists(properties: Mapping[str, Schema]) -> list[str]:
    """The properties that are lists of objects."""
    return [
        name for name, one in properties.items() if one.get("items", {}).get("type") == "object"
    ]


def _has_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _overlap(value: dict[str, Any], properties: Mapping[str, Schema]) -> int:
    """How many of the properties a value has."""
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
    "enum": _word,
    "boolean": _flag,
    "integer": _number,
    "number": _number,
    "array": _list,
    "object": _object,
    "null": lambda value, _: None if value in (None, "", "null") else MISSING,
}
