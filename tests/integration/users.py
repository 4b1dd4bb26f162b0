"""What users of a server do and see, for several tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from instancecap.schema import Caption
from tests.mllm.server import MODEL, smallest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs/schema/caption.v1.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

Answer = Callable[[dict[str, Any]], str]


def asking(url: str, *more: str | Path) -> tuple[str | Path, ...]:
    """The options that ask a server."""
    return ("--captioner", "mllm", "--mllm-url", url, "--mllm-model", MODEL, *more)


def schema_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The schema that an answer has to fit; empty where there is none."""
    wanted = asked.get("response_format") or {}
    return wanted.get("schema") or wanted.get("json_schema", {}).get("schema") or {}


def saying(ignore_schemas: bool = False, **values: Any) -> Answer:
    """Answers to every question by its keys, these values where a key is theirs.

    ``ignore_schemas``: where a question allows one word only, another one is said, as by a
    server that takes a schema and does not keep to it.
    """

    def answer(asked: dict[str, Any]) -> str:
        schema = schema_of(asked)
        if ignore_schemas and "colour" in schema.get("properties", {}):
            return '{"colour": "blue"}'
        return json.dumps(_fill(schema, "", values))

    return answer


def _fill(schema: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> Any:
    if name == "instances" and name in values:
        entry = _fill(schema["items"], "", values)
        return [{key: one.get(key, entry[key]) for key in entry} for one in values[name]]
    if name in values:
        return values[name]
    if "properties" in schema:
        return {key: _fill(one, key, values) for key, one in schema["properties"].items()}
    if schema.get("type") == "string" and "enum" not in schema:
        return f"Said of {name.replace('_', ' ')}."
    return smallest(schema) if schema else "Some words."


def questions(seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls that a server got, but for those that find out how it answers."""
    return [
        one for one in seen if not {"colour", "box"} & set(schema_of(one).get("properties", {}))
    ]


def count_images(seen: list[dict[str, Any]]) -> int:
    """Images in the calls that a server got."""
    return sum(
        part["type"] == "image_url"
        for one in seen
        for message in one["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )


def captions_in(folder: Path) -> dict[str, Caption]:
    """All captions of an output by name; each is checked against the published schema."""
    found = {}
    for path in sorted(folder.rglob("*.json")):
        text = path.read_text(encoding="utf-8")
        VALIDATOR.validate(json.loads(text))
        found[path.relative_to(folder).as_posix().removesuffix(".json")] = Caption.from_json(text)
    return found


def files_in(folder: Path) -> dict[str, bytes]:
    """The bytes of every caption, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".instancecap" not in path.parts
    }
