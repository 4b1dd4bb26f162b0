"""Answers fit what was asked for, or are asked for again, or are empty with a reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.structured import Asked, Enforcement, answer_schema, ask
from instancecap.mllm.usage import Usage
from tests.mllm.questions import GOOD, Colour, Described, question, run
from tests.mllm.server import FAULTS, MODEL, serve

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
    return run(ask(script, request, Described, enforce=Enforcement(), **options))


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
    assert (found.value, found.problem, len(found.replies)) == (WHOLE, "", 1)
    assert (found.usage.calls, found.usage.images) == (1, 2)
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
    assert not run(Enforcement().of(script))


@pytest.mark.parametrize("assumed", [True, False])
def test_what_is_taken_for_granted_costs_no_question(assumed: bool) -> None:
    enforce = Enforcement(assume=assumed)
    assert run(enforce.of(Script())) is assumed
    assert enforce.usage.calls == 0


def test_enforcement_is_found_out_once() -> None:
    seen: list[dict[str, Any]] = []

    async def many(url: str) -> Enforcement:
        backend, enforce = OpenAIBackend(urls=[url], model=MODEL), Enforcement()
        assert set(await asyncio.gather(*(enforce.of(backend) for _ in range(20)))) == {True}
        await backend.close()
        return enforce

    with serve(seen=seen) as url:
        enforce = run(many(url))
    assert len(seen) == enforce.usage.calls == 1


@pytest.mark.parametrize(
    "text",
    [
        f"Here it is:\n```json\n{GOOD}\n```\nI hope it helps.",
        GOOD.replace('"count"', '"score": 3, "count"'),
        GOOD.replace('"share"', '"tone": "warm", "share"'),
        GOOD.replace('"count": 1', '"count": "1",'),
    ],
)
def test_small_faults_are_put_right(text: str) -> None:
    found = asked(Script(text, enforces=False))
    assert (found.value, found.problem, len(found.replies)) == (WHOLE, "", 1)


def test_a_cut_answer_gets_more_room() -> None:
    script = Script(Reply(GOOD[:50], finish="length"), GOOD)
    assert asked(script).value == WHOLE
    assert [request.max_tokens for request in script.asked[1:]] == [100, 200]


def test_a_whole_answer_at_the_bound_is_whole() -> None:
    assert len(asked(Script(Reply(GOOD, finish="length"))).replies) == 1


def test_a_loop_is_asked_again_with_a_penalty() -> None:
    looped = GOOD.replace("car.", "car and a car and a car" + " and a car" * 15)
    script = Script(looped, Reply(looped[:150], finish="length"), GOOD)
    assert asked(script).value == WHOLE
    assert [request.penalty for request in script.asked[1:]] == [1.0, 1.1, 1.2]
    assert len({request.seed for request in script.asked[1:]}) == 3
    temperatures = [request.temperature for request in script.asked[1:]]
    assert temperatures == sorted(set(temperatures))


def test_an_empty_answer_is_asked_again_otherwise() -> None:
    script = Script(" ", GOOD)
    assert asked(script).value == WHOLE
    first, second = script.asked[1:]
    assert (first.temperature, second.temperature) == (0.0, 0.3)
    assert first.seed != second.seed


def test_wrong_fields_are_named() -> None:
    script = Script('{"answer": "something else"}', '{"count": 12}', GOOD)
    found = asked(script)
    assert (found.value, len(found.replies)) == (WHOLE, 3)
    first, second, third = (request.messages for request in script.asked[1:])
    assert second[:2] == third[:2] == first  # the images stay in front, and errors do not pile up
    assert [one.role for one in third[2:]] == ["assistant", "user"]
    assert third[2].parts == ('{"count": 12}',)
    assert "count: Input should be less than or equal to 9" in str(third[3].parts[0])
    assert "not answered: appearance, colours, count" in str(second[3].parts[0])


def test_after_the_last_attempt_there_is_a_reason() -> None:
    found = asked(Script("I see a car.", "", "I see a car."))
    assert found.value is None
    assert found.problem == "no whole answer (there is no JSON in it; the answer is empty)"
    assert len(found.replies) == found.usage.calls == 3


def test_the_fullest_answer_counts_when_none_is_whole() -> None:
    fuller = GOOD.replace(', "count": 1', "")
    found = asked(Script('{"count": 2}', fuller, '{"count": 3}'))
    assert found.value == WHOLE
    assert "not answered: count" in found.problem


def test_a_failed_question_is_not_asked_again() -> None:
    script = Script(ModelError("the question is too long"))
    found = asked(script)
    assert (found.value, found.replies, found.usage) == (None, (), Usage())
    assert found.problem == "no whole answer (the question is too long)"
    assert len(script.asked) == 2


def test_usage_adds_up() -> None:
    request = question(images=3)
    one = Usage.of(request, Reply("", prompt_tokens=10, completion_tokens=5, seconds=0.5))
    assert sum([one, one], Usage()) == Usage(2, 20, 10, 6, 1.0)


@pytest.mark.parametrize("enforce", [True, False])
def test_every_question_ends_well_whatever_the_server_does(enforce: bool) -> None:
    """Nearly a third of the calls fail in some way; a stall would only take time."""
    share = 0.3 / (len(FAULTS) - 1)
    faults = {fault: share for fault in FAULTS if fault != "stall"}

    async def many(url: str) -> list[Asked[Described]]:
        backend = OpenAIBackend(urls=[url], model=MODEL, backoff=0.01)
        known = Enforcement()
        questions = [question(f"What is {number}?") for number in range(120)]
        found = await asyncio.gather(
            *(ask(backend, one, Described, attempts=4, enforce=known) for one in questions)
        )
        assert backend.retried.total() > 6
        await backend.close()
        return found

    with serve(lambda _: GOOD, faults, seed=5, enforce=enforce) as url:
        found = run(many(url))
    assert all((one.value is None) <= bool(one.problem) for one in found)
    assert sum(one.value == WHOLE for one in found) >= 118
    assert sum(len(one.replies) for one in found) > 132
