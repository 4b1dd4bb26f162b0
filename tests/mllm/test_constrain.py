"""Bounds that keep constrained answers within their tokens."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from instancecap.mllm.constrain import CHARACTERS, MAX_ITEMS, SHORTEST_STRING, bounded
from instancecap.mllm.schemas import answer_schema
from tests.mllm.questions import Described

FREE = {"type": "string"}


def test_strings_share_the_tokens() -> None:
    schema = {"type": "object", "properties": {"a": FREE, "b": {"anyOf": [FREE, {"type": "null"}]}}}
    bound = bounded(schema, max_tokens=1000)
    length = bound["properties"]["a"]["maxLength"]
    assert bound["properties"]["b"]["anyOf"][0]["maxLength"] == length
    assert 450 * CHARACTERS <= length <= 500 * CHARACTERS
    assert bounded(schema, max_tokens=10)["properties"]["a"]["maxLength"] == SHORTEST_STRING


def test_lists_of_strings_share_them_too() -> None:
    bound = bounded({"type": "array", "items": FREE}, max_tokens=1000)
    assert bound["maxItems"] == MAX_ITEMS
    assert bound["items"]["maxLength"] * MAX_ITEMS <= 1000 * CHARACTERS


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 5},
        {"type": "string", "enum": ["red", "blue"]},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 20},
        dict(answer_schema(Described)),
    ],
)
def test_bounds_that_are_there_stay(schema: dict[str, Any]) -> None:
    assert bounded(schema, max_tokens=100) == schema
    jsonschema.Draft202012Validator.check_schema(bounded(schema, max_tokens=100))
