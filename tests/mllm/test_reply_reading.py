"""What answers plainly mean, and what is kept of broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from instancecap.mllm.base import Reply
from instancecap.mllm.reading import read_reply, validate
from instancecap.mllm.schemas import MISSING, answer_schema, coerce, narrowed

TEXT: dict[str, Any] = {"type": "string"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "text": TEXT,
    "flag": {"type": "boolean"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    "place": {**TEXT, "enum": ["indoor", "outdoor", "unknown"]},
    "position": {**TEXT, "enum": ["front_view", "side_view", "overhead", "overlooking"]},
    "motions": {"type": "array", "items": {**TEXT, "enum": ["pan_left", "zoom_in"]}},
    "text or null": {"anyOf": [TEXT, {"type": "null"}]},
    "text or list": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
}
MEANINGS = Path(__file__).with_name("meanings.jsonl").read_text().splitlines()
"""Each a value, a schema, and what it means by that, if anything."""


@pytest.mark.parametrize("line", MEANINGS)
def test_values_are_read_as_what_they_mean(line: str) -> None:
    value, schema, *meaning = json.loads(line)
    assert coerce(value, SCHEMAS[schema]) == (meaning[0] if meaning else MISSING)


class Car(BaseModel):
    name: str
    appearance: str = ""
    is_main: bool = False
    box: list[float] = Field(default=[], max_length=4)


class Scene(BaseModel):
    instances: list[Car] = []
    background: str = ""


ENTRY = {"name": "the car", "appearance": "White.", "is_main": True}
GOOD = {"instances": [ENTRY], "background": "A road."}


@pytest.mark.parametrize(
    "given",
    [
        GOOD,
        [GOOD],
        {"answer": GOOD},
        {"result": {"caption": [GOOD]}},
        {"Instances": [ENTRY], "Background": "A road."},
        {"objects": [ENTRY], "background": "A road."},
        {"instances": ENTRY, "background": ["A road."]},
        {
            "instances": {"the car": {"appearance": "White.", "is_main": "yes"}},
            "background": "A road.",
        },
        {"instances": {"1": ENTRY}, "background": "A road.", "confidence": 0.9},
        {"instances": json.dumps([ENTRY]), "background": {"text": "A road."}},
    ],
)
def test_wrappers_are_taken_off(given: Any) -> None:
    assert coerce(given, answer_schema(Scene)) == GOOD
    assert read_reply(Reply(f"```json\n{json.dumps(given)}\n```"), answer_schema(Scene)) == (
        GOOD,
        None,
    )


@pytest.mark.parametrize("given", [[ENTRY, ENTRY], {"objects": [ENTRY, ENTRY]}])
def test_a_bare_list_is_the_list_that_was_asked_for(given: Any) -> None:
    assert coerce(given, answer_schema(Scene)) == {"instances": [ENTRY, ENTRY]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["instances", "name", "box", "x", ""]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(value=JSON)
def test_any_json_is_read_or_left_out(value: Any) -> None:
    found, _ = read_reply(Reply(json.dumps(value)), answer_schema(Scene))
    scene, missing, _ = validate(Scene, found)
    assert isinstance(scene, Scene)
    assert {path[0] for path in missing} == {"instances", "background"} - set(found)
    assert Scene.model_validate(found) == scene


def test_one_bad_value_costs_itself_only() -> None:
    bad = {"instances": [ENTRY, {**ENTRY, "box": [1, 2, 3, 4, 5]}, {"appearance": "No name."}]}
    found = {**bad, "background": "A road."}
    scene, missing, problems = validate(Scene, found)
    assert [one.model_dump() for one in scene.instances] == [{**ENTRY, "box": []}] * 2
    assert not missing
    assert len(problems) == 2


def test_a_field_without_a_default_is_missing() -> None:
    value, missing, _ = validate(Car, {"appearance": "White."})
    assert (value, missing) == (None, [("name",)])


class Inner(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: str = Field("", alias="Kind")
    size: Literal["small", "large"] = "small"


class Outer(BaseModel):
    first: Inner = Inner()
    text: Annotated[str, Field(max_length=5)] = ""


def test_missing_keys_of_models_within_are_asked_alone() -> None:
    _, missing, problems = validate(Outer, {"first": {"Kind": "car"}, "text": "too long"})
    assert missing == [("first", "size"), ("text",)]
    assert problems == ["text: String should have at most 5 characters"]
    schema = narrowed(answer_schema(Outer), missing)
    assert schema["required"] == ["first", "text"]
    assert schema["properties"]["first"]["required"] == ["size"]


@given(cut=st.integers(1, 200))
def test_a_cut_keeps_whole_sentences(cut: int) -> None:
    whole = {"background": "A road. Trees stand on both sides. It is wet.", "instances": [ENTRY]}
    text = json.dumps(whole)
    found, _ = read_reply(Reply(text[:cut], finish="length"), answer_schema(Scene))
    kept = found.get("background", "")
    assert whole["background"].startswith(kept)  # type: ignore[attr-defined]
    assert not kept or kept.endswith(".")
    for one in found.get("instances", ()):
        assert one.items() <= {**ENTRY}.items()


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(""), "empty", "the answer is empty"),
        (Reply("", finish="content_filter"), "refused", "a content filter, or the model"),
        (Reply('{"x', finish="content_filter"), "refused", "refuses the answer"),
        (Reply('{"x', finish="length"), "truncated", "the answer is cut off"),
        (Reply("", "length", completion_tokens=9, reasoning="Hm."), "thinking", "all 9 tokens"),
        (Reply("I'm sorry, but I can't assist with that."), "refused", "the model refuses: "),
        (Reply("I cannot identify people in images."), "refused", "the model refuses"),
        (Reply("抱歉，我无法回答。"), "refused", "the model refuses"),
        (Reply("**Background:** a road.\n- a car"), "prose", "not the JSON object"),
        (Reply('["a", "b"]'), "prose", "not the JSON object"),
        (Reply('{"reply": 3}'), "incomplete", "none of its keys"),
        (Reply("the car and " * 40), "repetition", "repeats itself"),
    ],
)
def test_what_is_wrong_has_a_kind(reply: Reply, kind: str, words: str) -> None:
    found, flaw = read_reply(reply, answer_schema(Scene))
    assert flaw is not None
    assert (found, flaw.kind) == ({}, kind)
    assert words in flaw.text


def test_a_flaw_of_one_key_leaves_the_others() -> None:
    looped = {**GOOD, "background": "A road and a road" + " and a road" * 20}
    found, flaw = read_reply(Reply(json.dumps(looped)), answer_schema(Scene))
    assert flaw is not None
    assert (found, flaw.kind) == ({"instances": [ENTRY]}, "repetition")
    declined = {**GOOD, "background": "I'm sorry, but I can't assist with this image."}
    found, flaw = read_reply(Reply(json.dumps(declined)), answer_schema(Scene))
    assert flaw is not None
    assert (found, flaw.kind) == ({"instances": [ENTRY]}, "refused")


def test_an_answer_among_the_reasoning_is_found() -> None:
    """Servers that take all of an answer for reasoning: its text is empty, its end regular."""
    for reasoning in (f"I think: {json.dumps(GOOD)}", f"{{hm}}\n{json.dumps(GOOD)}"):
        reply = Reply("", reasoning=reasoning)
        assert read_reply(reply, answer_schema(Scene)) == (GOOD, None)


@pytest.mark.parametrize("huge", ['"' + "9" * 400 + '"', "1e999", "9" * 400, "-1e12"])
def test_a_number_beyond_all_measure_is_no_number(huge: str) -> None:
    for kind in ("integer", "number"):
        assert coerce(json.loads(huge), {"type": kind}) is MISSING
