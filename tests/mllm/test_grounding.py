"""The way a model writes boxes is found, whichever it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Image, Reply, Request, Usage
from instancecap.mllm.probes import (
    HEIGHT,
    RECTANGLE,
    WIDTH,
    Convention,
    find_convention,
    grounding,
)
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend
from tests.mllm.questions import run

LAYOUTS: tuple[Literal["xyxy", "yxyx", "xywh"], ...] = ("xyxy", "yxyx", "xywh")
FIXED = [Convention(layout, scale) for layout in LAYOUTS for scale in (1.0, 100.0, 1000.0, 0.0)]
SIDES = st.integers(200, 2000)
conventions = st.sampled_from(FIXED) | st.builds(
    Convention, st.sampled_from(LAYOUTS), long_side=st.integers(150, 500) | st.integers(900, 2000)
)


class Seeing(Backend):
    """Looks for the red rectangle, and answers in its own convention."""

    model = "seeing"

    def __init__(self, convention: Convention, answer: str = '{{"box": {}}}') -> None:
        self.convention, self.answer = convention, answer
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self.asked.extend(requests)
        await asyncio.sleep(0)
        return [Reply(self.answer.format(self._box(one))) for one in requests]

    def _box(self, request: Request) -> list[float]:
        (image,) = (part for part in request.messages[0].parts if isinstance(part, Image))
        picture = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        rows, columns = np.nonzero((picture[..., 2] > 150) & (picture[..., 0] < 100))
        height, width = picture.shape[:2]
        unit = (
            *(float(columns.min() / width), float(rows.min() / height)),
            *(float((columns.max() + 1) / width), float((rows.max() + 1) / height)),
        )
        return self.convention.from_unit(unit, width, height)


@pytest.mark.parametrize("answer", ['{{"box": {}}}', "{}", 'It is here: {{"bbox_2d": {}}}.'])
@pytest.mark.parametrize("convention", [*FIXED, Convention("xyxy", long_side=448)])
def test_the_convention_is_found_from_the_picture(convention: Convention, answer: str) -> None:
    found = run(grounding(Seeing(convention, answer)))
    assert (found.layout, found.scale) == (convention.layout, convention.scale)
    assert found.long_side == pytest.approx(convention.long_side, rel=0.02)
    assert found.usage == Usage(calls=1, images=1)


@given(
    convention=conventions,
    noise=st.lists(st.floats(-0.012, 0.012), min_size=4, max_size=4),
    box=st.tuples(*[st.floats(0.0, 0.45), st.floats(0.0, 0.45)], *[st.floats(0.55, 1.0)] * 2),
    width=SIDES,
    height=SIDES,
)
def test_what_is_found_reads_boxes_of_other_pictures(
    convention: Convention,
    noise: list[float],
    box: tuple[float, float, float, float],
    width: int,
    height: int,
) -> None:
    seen = tuple(one + error for one, error in zip(RECTANGLE, noise, strict=True))
    found = find_convention(convention.from_unit(seen, WIDTH, HEIGHT))  # type: ignore[arg-type]
    assert found.layout == convention.layout
    read = found.to_unit(convention.from_unit(box, width, height), width, height)
    assert read == pytest.approx(box, abs=0.04)


@given(box=st.lists(st.floats() | st.floats(-3000, 3000) | st.floats(-1, 2), max_size=5))
@example([float("nan"), 0, 1, 1]).via("no number")
@example([0.5, 0.5, 0.5, 0.5]).via("no area")
def test_whatever_is_read_lies_in_the_picture(box: list[float]) -> None:
    assert Convention().to_unit(box, 640, 360) is None
    for convention in (*FIXED, Convention("xyxy", long_side=300)):
        unit = convention.to_unit(box, 640, 360)
        assert unit is None or (0 <= unit[0] < unit[2] <= 1 and 0 <= unit[1] < unit[3] <= 1)


@given(box=st.lists(st.floats() | st.floats(-3000, 3000), min_size=4, max_size=4))
@example([1e400, 1.0, 1.0, 1.0]).via("digits without end")
@example([1e300, 1.0, 1.0, 1.0])
def test_any_four_numbers_have_a_convention_or_none(box: list[float]) -> None:
    assert isinstance(find_convention(box), Convention)


@pytest.mark.parametrize(
    "box", [[0, 0, 1000, 1000], [0, 0, 672, 392], [1, 1, 1, 1], [0, 0, 0, 0], [500, 500, 900, 900]]
)
def test_who_does_not_see_it_does_not_ground(box: list[float]) -> None:
    assert not find_convention(box)


@pytest.mark.parametrize(
    "answer", ["I see no rectangle.", '{"box": "top right"}', "", '{"box": null}']
)
def test_without_grounding_there_is_no_instruction(answer: str) -> None:
    found = run(grounding(Seeing(FIXED[0], answer.replace("{", "{{").replace("}", "}}"))))
    assert not found
    assert found.instruction == ""


def test_the_instruction_says_what_was_found() -> None:
    assert Convention("yxyx", 1000.0).instruction == (
        "A box is [top, left, bottom, right], numbers from 0 to 1000, where 0 is the left or top "
        "edge of its picture and 1000 the right or bottom edge."
    )
    assert "in pixels of its picture" in Convention("xyxy", long_side=448).instruction


def test_it_is_asked_and_counted_once_a_backend() -> None:
    backend = Seeing(FIXED[2])

    async def many() -> list[Convention]:
        return await asyncio.gather(*(grounding(backend) for _ in range(5)))

    found = run(many()) + run(many())
    assert set(found) == {FIXED[2]}
    assert sum(one.usage.calls for one in found) == len(backend.asked) == 1


def test_it_is_recorded_and_replayed(tmp_path: Path) -> None:
    recording = RecordingBackend(Seeing(FIXED[6]), tmp_path / "run.jsonl")
    first = run(grounding(recording))
    run(recording.close())
    replayed = ReplayBackend(tmp_path / "run.jsonl")
    assert run(grounding(replayed)) == first == FIXED[6]
    (line,) = (tmp_path / "run.jsonl").read_text().splitlines()
    assert json.loads(json.loads(line)["text"])["box"]
