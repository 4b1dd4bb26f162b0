"""What a track is called, from votes made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from instancecap.evidence.experts.appearance import COLORS
from instancecap.evidence.tracking.naming import LIVELY, OBJECT, name_class, needed_confidence
from instancecap.evidence.tracking.tracker import Track
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import InstanceMotion

RESTS, TRAVELS = InstanceMotion(moving=False), InstanceMotion(moving=True, activity=1.0)
Views = Sequence[dict[str, float]]


def scores(view: dict[str, float]) -> np.ndarray:
    row = np.zeros(len(CLASSES), np.float32)
    for name, score in view.items():
        row[CLASSES.index(name)] = score
    return row


def track(first: Views, looks: Views = (), *, side: float = 0.3) -> Track:
    return Track(
        times=[i / 6 for i in range(len(first))],
        boxes=[np.array([0.3, 0.3, 0.3 + side, 0.3 + side])] * len(first),
        scores=[scores(view) for view in first],
        colors=[np.ones(len(COLORS)) / len(COLORS)] * len(first),
        looks=[scores(view) for view in looks],
    )


def named(first: Views, looks: Views = (), *, motion: InstanceMotion = RESTS) -> str:
    name, confidence = name_class(track(first, looks), motion)
    return name if confidence >= needed_confidence(name) else ""


def test_a_class_that_all_views_agree_on_is_the_name() -> None:
    assert named([{"dog": 0.8}] * 6, [{"dog": 0.7}] * 2) == "dog"


def test_views_that_disagree_leave_what_they_agree_on() -> None:
    assert named([{"dog": 0.7, "cat": 0.6}] * 6) == "animal"
    assert named([{"bus": 0.7}, {"train": 0.7}] * 3) == "vehicle"
    assert named([{"dog": 0.8}, {"person": 0.8}] * 3) == OBJECT


def test_an_animal_that_looks_a_little_like_one_of_ten_is_an_animal() -> None:
    assert named([{"bear": 0.52}] * 6, [{"bear": 0.5}] * 2) == "animal"


@pytest.mark.parametrize(("score", "name"), [(0.9, "bottle"), (0.6, OBJECT)])
def test_a_household_thing_that_travels_keeps_a_name_that_is_sure(score: float, name: str) -> None:
    views = [{"bottle": score}]
    assert named(views * 8, views * 3, motion=TRAVELS) == name


def test_a_travelling_thing_without_second_looks_keeps_no_household_name() -> None:
    assert named([{"bottle": 0.95}] * 8, motion=TRAVELS) == OBJECT


def test_what_is_hard_to_tell_apart_is_called_by_what_it_must_be() -> None:
    assert named([{"car": 0.8}, {"truck": 0.8}] * 4) == "car"
    assert named([{"truck": 0.8}] * 8) == "truck"
    assert named([{"sports ball": 0.7}, {"frisbee": 0.7}] * 4, motion=TRAVELS) == "sports ball"


def test_a_large_thing_with_an_unsure_name_is_an_object_if_closer_looks_see_it() -> None:
    views = [{"orange": 0.5}]
    assert named(views * 6, views * 3) == OBJECT
    assert named(views * 6, views) == ""
    assert named(views * 6, [{"orange": 0.2}] * 3) == ""
    small = track(views * 6, views * 3, side=0.1)
    name, confidence = name_class(small, RESTS)
    assert confidence < needed_confidence(name)


def test_hypernyms_need_no_more_confidence_than_their_classes() -> None:
    assert {"person", "animal", "vehicle", "dog", "car"} <= LIVELY
    assert needed_confidence("animal") == needed_confidence("dog") < needed_confidence("bottle")
