"""The JSON Schema of an answer: as servers take it, of missing keys only, and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

Schema = Mapping[str, Any]
Path = tuple[str, ...]
"""JSON keys from the answer down to a field."""


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


def narrowed(schema: Schema, missing: Sequence[Path]) -> Schema:
    """The schema of an object that has the ``missing`` fields only."""
    kept = {}
    for name, one in schema["properties"].items():
        below = [path[1:] for path in missing if path[0] == name]
        if below:
            kept[name] = narrowed(one, below) if all(below) else one
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
