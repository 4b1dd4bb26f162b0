"""Metrics against references, on cases whose figures are worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.evals.equivalence import shared_words
from instancecap.evals.events import events_task, named_references
from instancecap.evals.fields import fields_task, match
from instancecap.evals.reference import reference_task
from instancecap.evals.run import evaluate
from instancecap.evals.task import Task
from instancecap.evals.timed import aligned, match_times, time_iou, timed_task
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Camera, Caption, Instance, Position, Segment
from tests.evals.conftest import Judge, write_captions
from tests.program import Run

Write = Callable[..., str]


def figures(task: Task, **more: Any) -> dict[str, float | None]:
    """By name."""
    return {one.name: one.value for one in evaluate(task, **more)[0].figures}


def still(box: tuple[float, float, float, float]) -> list[TrackPoint]:
    return [TrackPoint(t=t, box=box, score=1) for t in (0.0, 4.0)]


LEFT, RIGHT = still((0.0, 0.0, 0.4, 1.0)), still((0.6, 0.0, 1.0, 1.0))


def dog(**more: Any) -> Instance:
    known = {"id": 0, "class_": "dog", "category": "animal", "is_main": True}
    return Instance(**known | more)


REFERENCE = Caption(
    video=None,
    instances=[
        dog(appearance="A brown dog with long ears.", action="It runs to the left.",
            position=Position(start="center-right", end="center-left")),
        Instance(id=1, class_="ball", appearance="A red ball."),
    ],
    background="A lawn with trees.",
    camera=Camera(shot_type="full_shot", motion=["move_in"]),
)  # fmt: skip
SAID = Caption(
    video=None,
    instances=[
        dog(appearance="The dog is brown and has long ears.", action="It sleeps.",
            position=Position(start="center-right", end="center-middle")),
        Instance(id=1, class_="tree"),
    ],
    background="An indoor pool.",
    camera=Camera(shot_type="long_shot", motion=["zoom_in"]),
)  # fmt: skip


def test_fields_are_right_wrong_or_not_scored(tmp_path: Path) -> None:
    said, true = (
        write_captions(tmp_path / name, {"a.mp4": one})
        for name, one in (("said", SAID), ("true", REFERENCE))
    )
    found = figures(fields_task([said], [true], judge=False))
    left = {name: found.pop(name) for name in list(found) if name.endswith("says nothing")}
    # The ball was not found; of it the reference has three fields.
    assert {name.removesuffix(" says nothing"): one for name, one in left.items() if one} == {
        "average": pytest.approx(3 * 0.5 / 9), "TYPES_sub_type": 0.5, "appearance": 0.5,
        "is_main_subject": 0.5,
    }  # fmt: skip
    assert found == {
        "average": pytest.approx((0 + 1 + 1 + 0.5 + 0.5 + 0 + 0 + 0.5 + 0) / 9),
        "shot_type": 0.0,
        "shot_angle": None,
        "shot_position": None,
        "camera_motion": 1.0,  # folded
        "expression": None,
        "TYPES_type": 1.0,  # the ball's category is not known
        "TYPES_sub_type": 0.5,
        "appearance": 0.5,  # the ball was not found
        "action": 0.0,
        "position": 0.0,
        "is_main_subject": 0.5,
        "environment": 0.0,
        "lighting": None,
        "subjects found (F1)": 0.5,
    }


def test_plain_text_among_fields_is_warned_of(tmp_path: Path) -> None:
    text = Caption(video=None, global_description="A brown dog runs over a lawn.")
    said = write_captions(tmp_path / "said", {"a.mp4": text, "b.mp4": SAID})
    true = write_captions(tmp_path / "true", {"a.mp4": REFERENCE, "b.mp4": REFERENCE})
    task = fields_task([said], [true], judge=False)
    assert any("1 of 2 captions have none of these fields (a.mp4)" in one for one in task.notes)
    result, _ = evaluate(task)
    of_text, of_both = (one.detail for one in result.samples)
    assert not of_text["wrong"]
    assert {"field": "environment", "reference": REFERENCE.background} in of_text["says nothing"]
    assert {one["field"] for one in of_both["wrong"]} >= {"shot_type", "environment"}
    assert not any("Warning" in one for one in fields_task([true], [true], judge=False).notes)


def test_things_of_one_class_are_told_apart_by_looks_and_place() -> None:
    looks = ("the man in red", "A tall man in a red coat."), ("the child", "A child with a kite.")
    people = [
        Instance(id=i, class_="person", name=name, appearance=text, track=track)
        for i, ((name, text), track) in enumerate(zip(looks, (LEFT, RIGHT), strict=True))
    ]
    bare = [one.model_copy(update={"track": []}) for one in people]
    unnamed = [one.model_copy(update={"name": "", "appearance": ""}) for one in people]
    for known in (people, bare, unnamed):
        assert match(people, known[::-1]) == {0: 1, 1: 0}
    assert match(people, [dog()]) == {}


@pytest.mark.parametrize("same", ["yes", "no"])
def test_a_judge_of_fields_is_asked_about_free_texts_alone(tmp_path: Path, same: str) -> None:
    said, true = (
        write_captions(tmp_path / name, {"a.mp4": one})
        for name, one in (("said", SAID), ("true", REFERENCE))
    )

    def says(text: str, request: Any) -> dict[str, str]:
        return dict.fromkeys(request.schema["properties"], same)

    judge = Judge(says)
    found = figures(fields_task([said], [true], judge=True), backend=judge)
    (asked,) = judge.asked
    assert "A lawn with trees." in asked
    assert "full_shot" not in asked
    right = float(same == "yes")
    assert (found["environment"], found["action"], found["appearance"]) == (
        right, right, right / 2,
    )  # fmt: skip
    assert (found["shot_type"], found["camera_motion"]) == (0.0, 1.0)


def test_words_in_common() -> None:
    assert shared_words("A brown dog runs.", "the dog is running, brown") == 1.0
    assert shared_words("A brown dog", "a red ball") == 0.0
    assert shared_words("", "") == 0.0


# Events -------------------------------------------------------------------------------------------

DREAM = [
    {"vid": 1, "dataset": "DREAM/film", "text": {"response": "A dog runs and jumps."},
     "extra_info": {"events": ["A dog runs.", "The dog jumps."]}},
    {"vid": 2, "dataset": "DREAM/stock", "text": {"response": "A man waves."},
     "extra_info": {"events": ["A man waves."]}},
    {"vid": 3, "dataset": "DREAM/stock", "text": {"response": "A bird sings."},
     "extra_info": {"events": ["A bird sings."]}},
]  # fmt: skip

TOLD = {"1.mp4": "a dog runs. a cat flies.", "2.mp4": "a man waves.", "3.mp4": ""}


def labeled(text: str, request: Any) -> dict[str, Any]:
    """A judge who knows that only what runs or waves is so."""
    if "events" in request.schema["properties"]:
        told = text.split("<<<\n")[1].split("\n>>>")[0]
        return {"events": [one.strip() for one in told.split(".") if one.strip()]}
    lines = [one for one in text.splitlines() if one.startswith("event_")]
    verdicts = ["entailment" if "runs" in one or "waves" in one else "neutral" for one in lines]
    return {line.split(":")[0]: one for line, one in zip(lines, verdicts, strict=True)}


@pytest.mark.parametrize(
    ("method", "precision"),
    # Film: 1 of 2. Stock: 1 of 1, and a caption that tells nothing: left out, or 1.
    [("correct", (0.5 + 1) / 2), ("as-published", (0.5 + 1) / 2)],
)
def test_a_judge_that_answers_from_labels_gives_the_known_scores(
    tmp_path: Path, method: Any, precision: float
) -> None:
    said = write_captions(
        tmp_path / "said",
        {name: Caption(video=None, global_description=one) for name, one in TOLD.items()},
    )
    rows = tmp_path / "dream.jsonl"
    rows.write_text("".join(json.dumps(one) + "\n" for one in DREAM))
    judge = Judge(labeled)
    found = figures(events_task([said], [str(rows)], method=method), backend=judge)
    recall = (0.5 + (1 + 0) / 2) / 2  # film: one of two; stock: 1 and 0
    assert found["precision"] == pytest.approx(precision)
    assert found["recall"] == pytest.approx(recall)
    assert found["F1"] == pytest.approx(2 * precision * recall / (precision + recall))
    assert len(judge.asked) == 2 + 2 + 2  # nothing about a caption that tells nothing


def test_references_of_either_form_are_read(tmp_path: Path) -> None:
    rows = tmp_path / "metadata.jsonl"
    rows.write_text(
        '{"video_file": "video/7.mp4", "description": "It rains.", "events": ["It rains."]}\n'
        "{broken\n"
        '{"video_file": "video/8.mp4"}\n'
    )
    found = named_references([str(rows)])
    assert found.found["7.mp4"].events == ["It rains."]
    assert [one.reason for one in found.rejected] == ["not valid JSON", "no description"]


# Timed parts --------------------------------------------------------------------------------------


def parts(*spans: tuple[float, float, str], **more: Any) -> list[Segment]:
    return [Segment(start=a, end=b, description=text, **more) for a, b, text in spans]


TRUE_PARTS = parts((0, 2, "A dog runs."), (2, 4, "A man waves."), (4, 6, "Rain falls."))


def test_time_overlap_is_aligned_in_order() -> None:
    said = parts((0, 1, ""), (2, 4, ""))
    assert time_iou(TRUE_PARTS, said).tolist() == [[0.5, 0.0], [0.0, 1.0], [0.0, 0.0]]
    assert aligned(time_iou(TRUE_PARTS, said)) == 1.5
    assert aligned(time_iou(TRUE_PARTS, said[::-1])) == 1.0  # against the order only one counts
    counts = match_times([1.0, 2.0, 9.0], [1.4, 2.6, 2.1], 0.5)
    assert (counts.hits, counts.false, counts.missed) == (2, 1, 1)


@pytest.mark.parametrize("judge", [None, Judge(lambda *_: {"part_1": "2", "part_2": "1",
                                                           "part_3": "0"})])  # fmt: skip
def test_timelines_by_words_and_by_a_judge(tmp_path: Path, judge: Judge | None) -> None:
    said = parts((0, 2, "A man is waving."), (2, 4, "The dog runs."))
    folders = [
        write_captions(tmp_path / name, {"a.mp4": Caption(video=None, segments=some)})
        for name, some in (("said", said), ("true", TRUE_PARTS))
    ]
    task = timed_task([folders[0]], [folders[1]], judge=judge is not None)
    assert figures(task, backend=judge) == {
        "overlap (F1)": 2 * 2 / 5,  # two of three parts, each at its time
        "told at its time (F1)": 0.0,  # but each tells the other
        "order": 0.0,
        "boundaries (F1)": pytest.approx(2 / 3),
    }


# Who is who ---------------------------------------------------------------------------------------


def test_the_same_things_are_mentioned_in_the_same_parts(tmp_path: Path) -> None:
    man = Instance(id=1, class_="person", name="the man in blue", track=RIGHT)
    true = Caption(
        video=None,
        instances=[dog(name="the brown dog", track=LEFT), man],
        segments=[
            *parts((0, 2, "The brown dog barks at the man in blue."), instances=[0, 1]),
            *parts((2, 4, "The dog sits."), instances=[0]),
        ],
    )
    said = Caption(
        video=None,
        instances=[
            Instance(id=4, class_="person", name="the man", track=RIGHT),
            dog(id=7, name="the dog", track=LEFT),
            Instance(id=9, class_="bench", name="the bench"),
        ],
        segments=parts(
            (0, 2, "The dog barks."), (2, 4, "The dog sits by the bench; the man left.")
        ),
    )
    folders = [
        write_captions(tmp_path / name, {"a.mp4": one})
        for name, one in (("said", said), ("true", true))
    ]
    found = figures(reference_task([folders[0]], [folders[1]]))
    # Said 0-2: dog. True: dog, man. Said 2-4: dog, bench, man. True: dog.
    assert found["mentions (F1)"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))
    assert found["instances (F1)"] == pytest.approx(2 * 2 / (2 * 2 + 1))


# On the command line ------------------------------------------------------------------------------


def test_unequal_folders_are_named_and_never_shifted(tmp_path: Path, run: Run) -> None:
    said = write_captions(tmp_path / "said", {"a.mp4": SAID, "c.mp4": SAID})
    true = write_captions(tmp_path / "true", {"b.mp4": REFERENCE, "c.mp4": SAID})
    (tmp_path / "true" / "d.json").write_text("[broken")
    done = run("eval", "fields", said, true, "--out", tmp_path / "out", "--json")
    told = json.loads(done.out)
    assert done.status == 1
    assert [one["id"] for one in told["samples"]] == ["c.mp4"]
    assert told["figures"][0]["value"] == 1.0
    named = {one["input"]: one["reason"] for one in told["failed"]}
    assert named["a.mp4"] == "no reference of this name"
    assert named["b.mp4"] == "no caption of this name"
    assert any("d.json" in one for one in named)
    assert "failed: a.mp4: no reference" in done.err


def test_events_need_a_judge(run: Run) -> None:
    done = run("eval", "events", "a", "b")
    assert (done.status, "a model has to judge" in done.err) == (2, True)
