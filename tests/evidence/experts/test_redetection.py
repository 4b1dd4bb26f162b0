"""Closer looks at crops, by a detector that is told what to find."""

from __future__ import annotations

import numpy as np
import pytest

from instancecap.evidence.experts.redetection import (
    MARGIN,
    NOTHING,
    PERSON,
    CropRedetector,
    cut_out,
)
from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections
from instancecap.video.decode import Picture

PICTURE = np.zeros((400, 400, 3), np.uint8)
SEEN = np.array([[0.3, 0.5, 0.7, 0.7]])


class Told:
    """Finds the given boxes and classes in every picture, best first."""

    name = "told"

    def __init__(self, *found: tuple[tuple[float, float, float, float], str]) -> None:
        self.boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
        self.names = [name for _, name in found]
        self.calls = 0

    def detect(self, picture: Picture) -> Detections:
        self.calls += 1
        return Detections(self.boxes, scores(*self.names))


def scores(*names: str, value: float = 0.9) -> np.ndarray:
    rows = np.zeros((len(names), len(CLASSES)), np.float32)
    for index, name in enumerate(names):
        rows[index, CLASSES.index(name)] = value - 0.1 * index
    return rows


def in_cut(box: np.ndarray) -> tuple[float, float, float, float]:
    """A box of the picture as it lies in what is cut out around ``SEEN``."""
    _, (left, top, side) = cut_out(PICTURE, SEEN[0])
    corners = (box * 400 - np.array([left, top, left, top])) / side
    return tuple(float(value) for value in corners)  # type: ignore[return-value]


def test_a_second_look_is_at_the_thing_itself_not_at_who_rides_it() -> None:
    rider = in_cut(np.array([0.42, 0.42, 0.55, 0.68]))
    detector = Told((rider, "person"), (in_cut(SEEN[0]), "bicycle"))
    looks = CropRedetector(detector).look(PICTURE, SEEN, scores("bicycle"))
    assert CLASSES[looks[0].argmax()] == "bicycle"


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mirrored_look_finds_its_thing_on_the_other_side(mirrored: bool) -> None:
    middle = 0.5 / MARGIN
    off = (0.5, 0.5 - middle / 2, 0.5 + middle, 0.5 + middle / 2)
    crops = CropRedetector(Told((off, "dog")))
    for _ in range(1 + mirrored):
        looks = crops.look(PICTURE, SEEN, scores("dog"))
    assert looks.max() > 0.5


def test_nothing_where_the_instance_was_speaks_against_it() -> None:
    for detector in (Told(((0.0, 0.0, 0.1, 0.1), "dog")), Told()):
        looks = CropRedetector(detector).look(PICTURE, SEEN, scores("cat"))
        assert looks.any() and looks.max() <= NOTHING


def test_what_was_looked_at_lets_others_have_a_turn() -> None:
    boxes = np.array([[0.1 * i, 0.1, 0.1 * i + 0.09, 0.2] for i in range(4)])
    crops = CropRedetector(Told())
    rows = np.concatenate([scores("cat") for _ in range(4)])
    first, second = (crops.look(PICTURE, boxes, rows).any(axis=1) for _ in range(2))
    assert (first ^ second).all()


def test_who_is_clearly_a_person_is_taken_at_the_first_word() -> None:
    detector, first = Told(), scores("person")
    looks = CropRedetector(detector).look(PICTURE, SEEN, first)
    assert detector.calls == 0
    assert looks[0, PERSON] == first[0, PERSON]
