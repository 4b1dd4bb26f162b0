"""What a track is called, from votes made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.thresholds import NAMING
from instancecap.evidence.tracking.naming import LIVELY, name_class
from instancecap.evidence.tracking.tracks import Track
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


def named(
    first: Views, looks: Views = (), *, motion: InstanceMotion = RESTS, samples: int = 6
) -> str:
    naming = name_class(track(first, looks), motion, samples=samples)
    return naming.class_ if naming.confidence >= NAMING.name else ""


def test_a_class_that_all_views_agree_on_is_the_name() -> None:
    assert named([{"dog": 0.8}] * 6, [{"dog": 0.7}] * 2) == "dog"


def test_views_that_disagree_leave_what_they_agree_on() -> None:
    views = [{"dog": 0.4, "cat": 0.38}]
    assert named(views * 4, [{"dog": 0.3, "cat": 0.3}] * 2, samples=5) == "animal"
    views = [{"bus": 0.4}, {"train": 0.4}]
    assert named(views * 3, [{"bus": 0.3}, {"train": 0.3}], samples=20) == "vehicle"
    assert named([{"dog": 0.3}, {"chair": 0.35}] * 3) == ""


def test_what_closer_looks_do_not_see_is_hardly_believed() -> None:
    unseen, seen = (
        name_class(track([{"refrigerator": 0.6}] * 6, [{"refrigerator": s}] * 3), RESTS, samples=6)
        for s in (1e-3, 0.6)
    )
    assert unseen.confidence < 0.3 < 0.6 < seen.confidence


def test_what_is_seen_in_few_samples_is_less_sure() -> None:
    views, looks = [{"cup": 0.6}] * 6, [{"cup": 0.6}] * 2
    often, seldom = (
        name_class(track(views, looks), RESTS, samples=samples).confidence for samples in (6, 60)
    )
    assert often > seldom + 0.1


@pytest.mark.parametrize(("class_", "sure"), [("cat", False), ("cup", False), ("person", True)])
def test_a_single_look_is_enough_for_people_only(class_: str, sure: bool) -> None:
    for samples in (1, 6):
        views = [{class_: 0.85}] * samples
        naming = name_class(track(views, views[:2]), RESTS, samples=samples)
        assert (naming.confidence >= 0.85) == (sure or samples > 1)
        assert naming.category_confidence >= 0.7 or class_ == "cup"


@pytest.mark.parametrize(("score", "name"), [(0.7, "bottle"), (0.3, "")])
def test_a_household_thing_that_travels_keeps_a_name_that_is_sure(score: float, name: str) -> None:
    views = [{"bottle": score}]
    assert named(views * 6, views * 3, motion=TRAVELS) == name


def test_a_car_that_is_taken_for_a_phone_is_a_vehicle_where_it_drives() -> None:
    views = [{"cell phone": 0.5, "car": 0.45}]
    assert named(views * 6, samples=40, motion=TRAVELS) == "vehicle"
    assert named([{"bottle": 0.3}] * 6, motion=TRAVELS) == ""


def test_what_is_hard_to_tell_apart_is_called_by_what_it_must_be() -> None:
    looks = [{"car": 0.7}, {"truck": 0.7}]
    assert named([{"car": 0.8}, {"truck": 0.8}] * 3, looks) == "car"
    assert named([{"truck": 0.8}] * 6, [{"truck": 0.7}] * 2) == "truck"
    ball = [{"sports ball": 0.7}, {"frisbee": 0.7}]
    assert named(ball * 3, ball, motion=TRAVELS) == "sports ball"


def test_probabilities_lie_between_none_and_all() -> None:
    for value in (0.05, 0.5, 0.99):
        naming = name_class(track([{"cat": value}] * 4), RESTS, samples=4)
        assert 0 <= naming.confidence <= naming.category_confidence <= 1
        assert naming.class_ in {"cat", "animal"}
    assert {"person", "animal", "vehicle", "dog", "car"} <= LIVELY


def test_a_face_speaks_for_a_person_and_none_against_one() -> None:
    def probability(faces: list[float], name: str = "person") -> float:
        seen = track([{name: 0.45}] * 6)
        seen.faces = faces
        return name_class(seen, RESTS, samples=6).confidence

    assert probability([0.0, 0.0]) < probability([]) < probability([0.0, 1.0])
    assert probability([1.0], "chair") == probability([], "chair")
