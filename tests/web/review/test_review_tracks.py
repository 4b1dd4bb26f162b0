from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instancecap.schema.base import TrackPoint
from instancecap.web.review.tracks import between, spans_of
from tests.strategies import boxes


def points(*times: float) -> list[TrackPoint]:
    return [TrackPoint(t=t, box=(0.1, 0.1, 0.2, 0.2), score=0.5) for t in times]


def test_spans_are_runs_without_a_gap() -> None:
    assert spans_of(points(0, 0.1, 0.2, 4.1, 4.4), gap=0.35) == [(0, 0.2), (4.1, 4.4)]
    assert spans_of(points(2), gap=0.35) == [(2, 2)]
    assert spans_of([], gap=1) == []


@given(boxes, boxes, st.floats(0, 1))
def test_what_lies_between_two_boxes_is_a_box(a: list[float], b: list[float], t: float) -> None:
    first, last = (
        TrackPoint.model_validate({"t": at, "box": box, "score": 0.5})
        for at, box in ((0, a), (1, b))
    )
    box = TrackPoint.model_validate(between(first, last, t).model_dump()).box
    for side in range(4):
        low, high = sorted((a[side], b[side]))
        assert low - 1e-9 <= box[side] <= high + 1e-9
