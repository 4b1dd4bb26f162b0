"""Answers that go round in circles, and honest ones that only look so."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.mllm.reading import find_repetition
from tests.mllm.questions import GOOD

PROSE = (
    "A woman in a red coat walks along the quay, past a moored boat, and stops at a lamp post. "
    "She turns to the left, looks at the water for a while and lifts one hand, as if to greet "
    "somebody on the other side. A gull crosses the picture from the right to the left. The "
    "camera follows her slowly and comes to rest when she does. Behind her are brick houses with "
    "white windows; a bicycle leans on the rail. Towards the end she walks on and leaves the "
    "picture on the right, while the gull lands on the boat."
)


@pytest.mark.parametrize(
    "text",
    [
        '{"appearance": "A man' + " and then the man walks on," * 30,
        '{"appearance": "' + "He walks. He stops. " * 6 + '"}',
        "走在街上的人，" * 8,
        '{"a": "' + "ha" * 60,
        '{"a": 1' + "\n" * 400,
        '{"a": ["red", ' + '"red", ' * 20,
        '{"a": "' + " ".join(f"In frame {n} the man walks on along the road." for n in range(30)),
    ],
)
def test_loops_are_found(text: str) -> None:
    assert find_repetition(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD,
        PROSE,
        "It is very, very, very far away.",
        "a red car, a blue car, a white car, a black car, a green car, a grey car",
        json.dumps([{"id": n, "action": "", "appearance": "", "colors": []} for n in range(3)]),
        "一个穿红色外套的女人沿着码头走，经过一艘停泊的船，在路灯旁停下，然后向左转身看着水面。",
    ],
)
def test_honest_answers_are_left_alone(text: str) -> None:
    assert find_repetition(text) == ""


@given(
    unit=st.lists(st.sampled_from(PROSE.split()), min_size=1, max_size=20), lead=st.integers(0, 60)
)
def test_any_unit_that_follows_itself_is_found(unit: list[str], lead: int) -> None:
    times = max(5, 30 // len(unit) + 1)
    assert find_repetition(" ".join([*PROSE.split()[:lead], *(unit * times)]))
