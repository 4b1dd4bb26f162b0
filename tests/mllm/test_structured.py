"""Answers fit what was asked for, or are asked for again, or are empty with a reason."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from instancecap.errors import ModelError, QuestionRefused
from instancecap.mllm.base import Backend, Reply, Request, Usage
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.probes import KEEPS_SCHEMA
from instancecap.mllm.schemas import answer_schema
from instancecap.mllm.structured import Asked, ask
from tests.mllm.questions import GOOD, Colour, Described, question, run
from tests.mllm.server import FAULTS, MODEL, serve

ANSWER = json.loads(GOOD)
REPLIES = tomllib.loads(Path(__file__).with_name("replies.toml").read_text())
WHOLE = Described(appearance="A small white car.", colours=[Colour(name="red", share=0.5)], count=1)


class Script(Backend):
    """Gives one reply after another; ``enforces``: what the first question finds out."""

    def __init__(self, *replies: str | Reply | ModelError, enforces: bool = True) -> None:
        self.model = "script"
        self.asked: list[Request] = []
        odd = '{"colour": "vermilion-47"}' if enforces else '{"colour": "blue"}'
        self._replies = iter([odd, *replies])

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self.asked.extend(requests)
        replies = [next(self._replies) for _ in requests]
        return [Reply(one) if isinstance(one, str) else one for one in replies]


def asked(script: Script, **options: Any) -> Asked[Described]:
    request = question(images=2, max_tokens=100)
    return run(ask(script, request, Described, **options))


def test_the_schema_has_what_is_asked_and_nothing_else() -> None:
    schema = answer_schema(Described)
    colour = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": ["red", "blue"]},
            "share": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["name", "share"],
        "additionalProperties": False,
    }
    assert schema == {
        "type": "object",
        "properties": {
            "appearance": {
                "type": "string",
                "description": "What it looks like.",
                "maxLength": 200,
            },
            "colours": {"type": "array", "items": colour, "maxItems": 2},
            "count": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "required": ["appearance", "colours", "count"],
        "additionalProperties": False,
    }
    jsonschema.validate(json.loads(GOOD), schema)


def test_a_good_answer_is_taken() -> None:
    script = Script(GOOD)
    found = asked(script)
    assert (found.value, found.missing, found.kind, found.problem) == (WHOLE, (), "", "")
    assert (found.usage.calls, found.usage.images) == (2, 2)  # one found out about the schema
    assert script.asked[1].schema == answer_schema(Described)
    assert script.asked[1].messages == question(images=2).messages


def test_a_server_that_ignores_schemas_is_told_in_words() -> None:
    script = Script(GOOD, enforces=False)
    assert asked(script).value == WHOLE
    said = script.asked[1].messages[-1].parts[-1]
    assert isinstance(said, str)
    assert json.loads(said.partition("Schema: ")[2]) == answer_schema(Described)


@pytest.mark.parametrize(
    "probe", ["", "[]", "vermilion-47", ModelError("no"), '{"colour": "blue"}']
)
def test_what_does_not_prove_enforcement_is_none(probe: str | ModelError) -> None:
    script = Script()
    script._replies = iter([probe])
    assert run(KEEPS_SCHEMA.of(script))[0] is False


def test_enforcement_is_found_out_and_counted_once() -> None:
    seen: list[dict[str, Any]] = []

    async def many(url: str) -> list[tuple[bool, Usage]]:
        backend = OpenAIBackend(urls=[url], model=MODEL)
        found = await asyncio.gather(*(KEEPS_SCHEMA.of(backend) for _ in range(20)))
        await backend.close()
        return found

    with serve(seen=seen) as url:
        found = run(many(url))
    assert all(enforced for enforced, _ in found)
    assert len(seen) == sum((usage for _, usage in found), Usage()).calls == 1


@pytest.mark.parametrize("text", REPLIES["faulty"])
def test_small_faults_are_put_right(text: str) -> None:
    found = asked(Script(text.replace("GOOD", GOOD), enforces=False))
    assert (found.value, found.problem, len(found.replies)) == (WHOLE, "", 1)


def test_an_answer_that_just_fits_is_whole() -> None:
    assert asked(Script(Reply(GOOD, finish="length"))).value == WHOLE


def settings(script: Script, name: str) -> list[Any]:
    return [getattr(request, name) for request in script.asked[1:]]


def test_a_cut_answer_gets_more_room_for_what_is_missing() -> None:
    script = Script(Reply(GOOD[:50], finish="length"), '{"colours": []}', '{"count": 1}')
    assert asked(script).value == WHOLE.model_copy(update={"colours": []})
    assert settings(script, "max_tokens") == [100, 200, 200]
    keys = [list(schema["properties"]) for schema in settings(script, "schema")]
    assert keys == [["appearance", "colours", "count"], ["colours", "count"], ["count"]]


def test_repetition_is_asked_again_with_a_penalty() -> None:
    looped = GOOD.replace("car.", "car and a car and a car" + " and a car" * 15)
    script = Script(looped, Reply(looped[:150], finish="length"), GOOD)
    assert asked(script).value == WHOLE
    assert settings(script, "penalty") == [1.0, 1.1, 1.2]
    assert len(set(settings(script, "seed"))) == 3
    temperatures = settings(script, "temperature")
    assert temperatures == sorted(set(temperatures))
    assert settings(script, "schema")[1]["required"] == ["appearance"]


def test_an_empty_answer_is_asked_again_otherwise() -> None:
    script = Script(" ", GOOD)
    assert asked(script).value == WHOLE
    assert settings(script, "temperature") == [0.0, 0.3]
    first, second = settings(script, "messages")
    assert first == second


@pytest.mark.parametrize("enforces", [True, False])
def test_only_missing_keys_are_asked_again(enforces: bool) -> None:
    kept = {"appearance": "A small white car.", "colours": ANSWER["colours"]}
    script = Script(json.dumps({**kept, "count": 12}), '{"count": 1}', enforces=enforces)
    found = asked(script)
    assert (found.value, found.problem, len(found.replies)) == (WHOLE, "", 2)
    first, second = settings(script, "messages")
    assert second[: len(first)] == first  # the images stay in front
    answered, correction = second[len(first) :]
    assert json.loads(answered.parts[0]) == kept
    assert "count: Input should be less than or equal to 9" in correction.parts[0]
    assert "Its keys are: count." in correction.parts[0]
    schema = settings(script, "schema")[1]
    assert schema["required"] == ["count"]
    assert (json.dumps(schema, separators=(",", ":")) in correction.parts[0]) is not enforces


def test_errors_do_not_pile_up() -> None:
    script = Script('{"answer": "something else"}', '{"reply": 1}', GOOD)
    assert asked(script).value == WHOLE
    assert [len(messages) for messages in settings(script, "messages")] == [2, 4, 4]


def test_what_was_answered_counts_when_something_is_missing() -> None:
    found = asked(Script('{"count": 2}', '{"appearance": "A small white car."}', "{}"))
    assert found.value == Described(appearance="A small white car.", count=2)
    assert (found.missing, found.kind) == (("colours",), "incomplete")
    assert "not answered: colours" in found.problem


@pytest.mark.parametrize(
    ("replies", "kind", "calls"),
    [
        ([ModelError("the question is too long")], "failed", 0),
        ([QuestionRefused("a content filter refused it")], "refused", 0),
        ([Reply("", finish="content_filter")], "refused", 1),
        (["I'm sorry, but I can't help with that."] * 3, "refused", 2),
        ([Reply("", finish="length", reasoning="Hm")] * 3, "thinking", 3),
        ([""] * 3, "empty", 3),
        (["- a red square\n- it moves"] * 3, "prose", 3),
    ],
)
def test_a_question_without_an_answer_says_why(replies: list[Any], kind: str, calls: int) -> None:
    found = asked(Script(*replies))
    assert (found.value, found.kind, len(found.replies)) == (None, kind, calls)
    assert found.missing == ("appearance", "colours", "count")
    assert "\n" not in found.problem
    assert found.problem.count("the answer is empty") <= 1  # the same reason stands once


def test_who_refuses_a_person_is_asked_about_what_can_be_seen() -> None:
    script = Script("I'm sorry, but I can't assist with identifying people.", GOOD)
    assert asked(script).value == WHOLE
    assert "Nobody has to be recognised" in str(settings(script, "messages")[1][-1].parts[0])


def test_usage_adds_up() -> None:
    request = question(images=3)
    one = Usage.of(request, Reply("", prompt_tokens=10, completion_tokens=5, seconds=0.5))
    twice = Usage.of(request, Reply("", calls=2))
    assert sum([one, one, twice], Usage()) == Usage(4, 20, 10, 12, 1.0)


def by_schema(body: dict[str, Any]) -> str:
    """The good answer's keys that are asked."""
    schema = body["response_format"]["json_schema"]["schema"]
    return json.dumps({key: ANSWER.get(key) for key in schema["properties"]})


@pytest.mark.parametrize("enforce", [True, False])
def test_every_question_ends_well_whatever_the_server_does(enforce: bool) -> None:
    """Nearly a third of the calls fail in some way; a stall would only take time."""
    share = 0.3 / (len(FAULTS) - 1)
    faults = {fault: share for fault in FAULTS if fault != "stall"}

    async def many(url: str) -> list[Asked[Described]]:
        backend = OpenAIBackend(urls=[url], model=MODEL, backoff=0.01)
        questions = [question(f"What is {number}?") for number in range(120)]
        found = await asyncio.gather(
            *(ask(backend, one, Described, attempts=4) for one in questions)
        )
        await backend.close()
        return found

    with serve(by_schema, faults, seed=5, enforce=enforce) as url:
        found = run(many(url))
    assert all((one.value is None) <= bool(one.problem) for one in found)
    assert sum(one.value == WHOLE for one in found) >= 118
    assert sum(len(one.replies) for one in found) > 130
