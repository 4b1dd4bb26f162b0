"""The rules by which web clips are scored."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability import count_facts, web_facts
from benchmarks.web import Labelled, judge_web, overlaps, summarise_web
from instancecap.schema.base import Text, TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    Evidence,
    FramingFacts,
    InstanceFacts,
    InstanceMotion,
    Shot,
    Video,
)
from instancecap.video import Clip

LABEL: dict[str, Any] = {
    "file": "a.mp4", "camera": ["zoom_in", "handheld"], "camera_confidence": 0.8,
    "shot_type": "full_shot", "shot_angle": "eye_level", "place": "outdoor", "light": "daylight",
    "kind": "real", "texts": True,
    "transitions": [{"t": 1.0, "kind": "cut"}, {"t": 3.0, "kind": "flash"}],
    "instances": [
        {"class": "woman", "coco": "person", "box": [0.1, 0.1, 0.4, 0.9], "t": 0.5,
         "start": "center-left", "end": "center-left", "leaves": False, "moving": True,
         "colors": ["red"]},
        {"class": "statue", "coco": None, "box": [0.6, 0.1, 0.9, 0.9], "t": 0.5,
         "start": "center-right", "end": "center-right", "leaves": False, "moving": False,
         "colors": ["gray"]},
    ],
}  # fmt: skip


def instance(id: int, x: float, name: str = "person") -> InstanceFacts:
    track = [TrackPoint(t=t, box=(x, 0.1, x + 0.3, 0.9), score=0.8) for t in (0.0, 0.5, 1.0)]
    return InstanceFacts(
        id=id, class_=name, confidence=0.8, salience=0.5, track=track, colors=[("red", 0.6)],
        motion=InstanceMotion(moving=True),
    )  # fmt: skip


def evidence(*instances: InstanceFacts, cuts: tuple[float, ...] = (1.1,)) -> Evidence:
    edges = [0.0, *cuts, 4.0]
    shots = [Shot(start=a, end=b, transition="cut" if a else "start") for a, b in pairwise(edges)]
    return Evidence(
        video=Video(id="a", path="a", start=0, end=4, duration=4, fps=25, width=16, height=9,
                    frames=100),
        shots=shots, camera=CameraFacts(motion=["move_in"], confidence=0.9),
        framing=FramingFacts(shot_type="full_shot"), instances=list(instances),
    )  # fmt: skip


@pytest.fixture
def case() -> Labelled:
    return Labelled("web/a.mp4", Clip(path="a.mp4", id="a"), LABEL)


def test_what_is_right_scores_full_marks(case: Labelled) -> None:
    found = evidence(instance(0, 0.1), cuts=(1.1, 3.2))
    found.texts = [Text(text="TAXI", t=0.0, box=(0.1, 0.1, 0.2, 0.2))]
    result = judge_web(case, found)
    figures = summarise_web([result])
    assert result.misses == []
    names = ("camera_f1", "static", "transitions_f1", "shot_type", "coco_class", "main_iou")
    assert [figures[name] for name in names] == [1.0] * 6
    assert figures["duplicates"] == 0


def test_a_missed_cut_and_a_false_one_count_both(case: Labelled) -> None:
    result = judge_web(case, evidence(cuts=(2.0,)))
    assert (result.events.hits, result.events.false, result.events.missed) == (0, 1, 1)


def test_writing_is_found_and_is_not_told_where_there_is_none(case: Labelled) -> None:
    plain, written = evidence(instance(0, 0.1)), evidence(instance(0, 0.1))
    written.texts = [Text(text="TAXI", t=0.0, box=(0.1, 0.1, 0.2, 0.2))]
    blank = replace(case, label=case.label | {"texts": False})
    results = [judge_web(case, plain), judge_web(case, written), judge_web(blank, written)]
    assert [any("writing" in miss for miss in one.misses) for one in results] == [True, False, True]
    figures = summarise_web(results)
    assert (figures["writing"], figures["writing_false"]) == (0.5, 1)


def test_a_second_instance_on_one_thing_is_a_double(case: Labelled) -> None:
    result = judge_web(case, evidence(instance(0, 0.1), instance(1, 0.12)))
    assert (result.doubles, result.instances) == (1, 2)
    assert overlaps(instance(0, 0.1), instance(1, 0.12))
    assert not overlaps(instance(0, 0.1), instance(1, 0.6))


def test_only_the_first_three_instances_are_scored(case: Labelled) -> None:
    away = [instance(i, 0.6 + i / 100, "vase") for i in range(3)]
    result = judge_web(case, evidence(*away, instance(3, 0.1)))
    assert result.classes == (0, 1)
    assert result.main < 0.5


def test_an_uncertain_label_of_the_camera_is_left_out(case: Labelled) -> None:
    case.label["camera_confidence"] = 0.5
    try:
        assert judge_web(case, evidence()).static is None
    finally:
        case.label["camera_confidence"] = 0.8


def test_facts_are_counted_by_kind_and_confidence(case: Labelled) -> None:
    told, untold = (
        instance(0, 0.1).model_copy(update={"confidence": sure}) for sure in (0.86, 0.8)
    )
    assert "color" not in count_facts(web_facts(case, evidence(untold)))
    kinds = count_facts(web_facts(case, evidence(told)))
    assert (kinds["camera.direction"][3].right, kinds["camera.direction"][3].n) == (1, 1)
    assert kinds["class"][3].right == 1
    assert kinds["color"][1].right == 1
    assert kinds["transition"][3].n == 1


def test_the_real_labels_can_be_read(clips_dir: Path) -> None:
    from benchmarks.web import load_web

    cases = list(load_web(clips_dir))
    assert len(cases) == 49
    assert sum(case.camera is not None for case in cases) == 25
