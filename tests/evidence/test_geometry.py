"""Arithmetic of boxes and similarities, against what must hold for any of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.geometry import (
    areas,
    as_box,
    centers,
    compose,
    coverage,
    intersections,
    ious,
    move_boxes,
)
from instancecap.schema.base import TrackPoint

SIZE = (320, 180)
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

unit = st.floats(0, 1)
side = st.floats(0.01, 0.9)


@st.composite
def one_box(draw: st.DrawFn) -> list[float]:
    w, h = draw(side), draw(side)
    x, y = draw(st.floats(0, 1 - w)), draw(st.floats(0, 1 - h))
    return [x, y, x + w, y + h]


box_arrays = st.lists(one_box(), min_size=1, max_size=6).map(np.array)


@st.composite
def similarities(draw: st.DrawFn) -> np.ndarray:
    scale = draw(st.floats(0.5, 2))
    angle = draw(st.floats(-np.pi, np.pi))
    dx, dy = draw(st.floats(-100, 100)), draw(st.floats(-100, 100))
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[a, -b, dx], [b, a, dy]])


def test_overlap_of_known_boxes() -> None:
    first = np.array([[0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.2, 0.2]])
    second = np.array([[0.25, 0.25, 0.75, 0.75], [0.5, 0.0, 1.0, 0.5]])
    assert intersections(first, second) == pytest.approx(np.array([[0.0625, 0.0], [0.0, 0.0]]))
    assert ious(first, second)[0, 0] == pytest.approx(0.0625 / 0.4375)
    assert ious(first, second)[0, 1] == 0  # they only touch
    assert coverage(first[1:], first[:1])[0, 0] == pytest.approx(1)
    assert coverage(first[:1], first[1:])[0, 0] == pytest.approx(0.04 / 0.25)


@given(box_arrays, box_arrays)
def test_overlap_is_symmetric_and_never_more_than_coverage(
    first: np.ndarray, second: np.ndarray
) -> None:
    overlap = ious(first, second)
    assert overlap.shape == (len(first), len(second))
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()
    assert overlap == pytest.approx(ious(second, first).T)
    assert (overlap <= coverage(first, second) + 1e-9).all()
    assert (intersections(first, second) <= np.minimum.outer(areas(first), areas(second))
            + 1e-9).all()  # fmt: skip


@given(box_arrays)
def test_a_box_overlaps_itself_wholly(boxes: np.ndarray) -> None:
    assert np.diag(ious(boxes, boxes)) == pytest.approx(1)
    assert np.diag(coverage(boxes, boxes)) == pytest.approx(1)


def test_empty_and_flat_boxes_overlap_nothing() -> None:
    none, flat = np.zeros((0, 4)), np.array([[0.3, 0.3, 0.3, 0.6]])
    whole = np.array([[0.0, 0.0, 1.0, 1.0]])
    assert ious(none, whole).shape == (0, 1)
    assert areas(none).shape == (0,)
    assert ious(flat, whole)[0, 0] == 0
    assert np.isfinite(coverage(flat, whole)).all()


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4).map(sorted))
def test_as_box_gives_a_box_of_the_schema(values: list[float]) -> None:
    x0, y0, x1, y1 = values[0], values[1], values[2], values[3]
    box = as_box(np.array([x0, y0, x1, y1]))
    assert TrackPoint(t=0, box=box, score=1).box == box
    assert np.abs(np.array(box) - np.clip(values, 0, 1)).max() <= 0.5e-4 + 1e-12


@given(box_arrays)
def test_boxes_stay_where_nothing_moves(boxes: np.ndarray) -> None:
    assert move_boxes(boxes, IDENTITY, SIZE) == pytest.approx(boxes)


def test_boxes_shift_by_pixels_and_grow_by_zoom() -> None:
    boxes = np.array([[0.25, 0.25, 0.5, 0.5]])
    shifted = move_boxes(boxes, np.array([[1.0, 0, 32], [0, 1, -18]]), SIZE)
    assert shifted == pytest.approx(boxes + [0.1, -0.1, 0.1, -0.1])
    zoomed = move_boxes(boxes, np.array([[2.0, 0, 0], [0, 2, 0]]), SIZE)
    assert zoomed == pytest.approx(2 * boxes)


@given(box_arrays, similarities())
def test_a_turned_box_keeps_its_area_times_the_zoom(boxes: np.ndarray, matrix: np.ndarray) -> None:
    zoom = np.hypot(matrix[0, 0], matrix[1, 0])
    assert areas(move_boxes(boxes, matrix, SIZE)) == pytest.approx(areas(boxes) * zoom**2)


@given(box_arrays, similarities(), similarities())
def test_moving_twice_is_moving_by_the_composition(
    boxes: np.ndarray, first: np.ndarray, then: np.ndarray
) -> None:
    twice = move_boxes(move_boxes(boxes, first, SIZE), then, SIZE)
    once = move_boxes(boxes, compose(first, then), SIZE)
    assert centers(once) == pytest.approx(centers(twice), abs=1e-6)
    assert areas(once) == pytest.approx(areas(twice), abs=1e-6)


@given(similarities())
def test_identity_changes_no_composition(matrix: np.ndarray) -> None:
    assert compose(matrix, IDENTITY) == pytest.approx(matrix)
    assert compose(IDENTITY, matrix) == pytest.approx(matrix)
