"""What answers plainly mean, and what is kept of broken ones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from instancecap.mllm.base import Reply
from instancecap.mllm.reading import find_repetition, read_reply, validate
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
REPLIES = tomllib.loads(Path(__file__).with_name("replies.toml").read_text())
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


@pytest.mark.parametrize("text", REPLIES["wrapped"])
def test_wrappers_are_taken_off(text: str) -> None:
    text = text.replace("CAR", json.dumps(ENTRY))
    assert coerce(json.loads(text), answer_schema(Scene)) == GOOD
    assert read_reply(Reply(f"```json\n{text}\n```"), answer_schema(Scene)) == (GOOD, None)


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
    assert set(missing) == {"instances", "background"} - set(found)
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
    assert (value, missing) == (None, ["name"])


class Named(BaseModel):
    kind: str = Field("", alias="Kind")
    text: Annotated[str, Field(max_length=5)] = ""


def test_missing_keys_are_asked_alone() -> None:
    _, missing, problems = validate(Named, {"text": "too long"})
    assert missing == ["Kind", "text"]
    assert problems == ["text: String should have at most 5 characters"]
    assert narrowed(answer_schema(Named), ["text"])["required"] == ["text"]


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


@pytest.mark.parametrize(("text", "finish", "thought", "kind", "words"), REPLIES["flaws"])
def test_what_is_wrong_has_a_kind(
    text: str, finish: str, thought: str, kind: str, words: str
) -> None:
    reply = Reply(text, finish, completion_tokens=9, reasoning=thought)
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


# Repetition -------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [*REPLIES["loops"], ["the car and ", "the car and ", 40]])
def test_loops_are_found(parts: list[Any]) -> None:
    start, unit, times, *end = parts
    assert find_repetition(start + unit * times + "".join(end))


def test_sentences_that_come_again_with_small_changes_are_a_loop() -> None:
    told = " ".join(f"In frame {n} the man walks on along the road." for n in range(30))
    _, flaw = read_reply(Reply(f'{{"a": "{told}'), answer_schema(Scene))
    assert find_repetition(f'{{"a": "{told}') and flaw is not None


@pytest.mark.parametrize("text", [*REPLIES["honest"], REPLIES["prose"]])
def test_honest_answers_are_left_alone(text: str) -> None:
    assert find_repetition(text.replace("GOOD", json.dumps(GOOD))) == ""


@given(
    unit=st.lists(st.sampled_from(REPLIES["prose"].split()), min_size=1, max_size=20),
    lead=st.integers(0, 60),
)
def test_any_unit_that_follows_itself_is_found(unit: list[str], lead: int) -> None:
    times = max(5, 30 // len(unit) + 1)
    assert find_repetition(" ".join([*REPLIES["prose"].split()[:lead], *(unit * times)]))
