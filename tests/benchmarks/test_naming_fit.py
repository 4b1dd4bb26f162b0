"""The fit of class probabilities, on made tracks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.naming import fitted, judge_tracks, overlap, reliability
from benchmarks.truth import LABELS
from instancecap.evidence.thresholds import NAMING
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CLASSES

BOX = [0.2, 0.2, 0.6, 0.8]


def seen(name: str) -> Track:
    scores = np.zeros(len(CLASSES), np.float32)
    scores[CLASSES.index(name)] = 0.7
    times = [0.0, 0.25, 0.5]
    boxes, colors = [np.array(BOX)] * 3, [np.zeros(11)] * 3
    return Track(times=times, boxes=boxes, scores=[scores] * 3, colors=colors)


@pytest.mark.parametrize(
    ("name", "verdict", "class_", "rights"),
    [
        ("dog", "class", "dog", [True, True]),
        ("dog", "category", "dog", [False, True]),
        ("dog", "none", "dog", [False, False]),
        ("cat", "class", "dog", [False, True]),
        ("person", "none", "person", [False]),
        ("cat", "none", "dog", []),
    ],
)
def test_a_track_takes_over_the_verdict_of_what_it_covers(
    name: str, verdict: str, class_: str, rights: list[bool]
) -> None:
    label = {"class": class_, "right": verdict, "track": [[0.0, *BOX], [0.5, *BOX]]}
    rows = list(judge_tracks("a.mp4", iter([(seen(name), 3)]), [label], NAMING))
    assert [row.right for row in rows] == rights
    aside = label | {"track": [[0.0, 0.7, 0.2, 0.9, 0.8]]}
    assert not list(judge_tracks("a.mp4", iter([(seen(name), 3)]), [aside], NAMING))
    assert overlap(seen(name), [[5.0, *BOX]]) == 0


def test_the_fit_finds_the_function_that_made_the_verdicts() -> None:
    draw = np.random.default_rng(1)
    x = np.stack([np.ones(20_000), draw.normal(size=20_000)], axis=1)
    chance = 1 / (1 + np.exp(-(x @ [0.5, 1.5])))
    right = (draw.random(20_000) < chance).astype(float)
    assert fitted(x, right, np.ones(20_000)) == pytest.approx([0.5, 1.5], abs=0.1)
    found = reliability(chance, right, np.ones(20_000))
    sure, n = map(int, found["0.92-"].split("/"))
    assert 0.92 < sure / n < 0.99


def test_every_judged_track_is_whole() -> None:
    for line in (LABELS / "naming.jsonl").read_text().splitlines():
        one = json.loads(line)
        assert one["class"] in CLASSES
        assert one["right"] in ("class", "category", "none")
        assert all(len(point) == 5 for point in one["track"])
