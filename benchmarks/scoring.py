"""How far found facts agree with the truth of labelled clips and scenes.

What metrics share (words of cameras, times, boxes, masks) is scored by :mod:`instancecap.evals`;
here is what only these labels need. A thing that was not found counts as wrong wherever something
was to be said about it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.truth import Segment, Transition
from instancecap.evals import statistics
from instancecap.evals.boxes import Boxes, Mask, mask_at, mask_iou
from instancecap.evals.camera import Counts, fold
from instancecap.evals.timed import match_times
from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema import tracks
from instancecap.schema.evidence import InstanceFacts, Shot

ClassVerdict = Literal["right", "hypernym", "unnamed", "wrong"]

SYNONYMS = {
    "man": "person",
    "woman": "person",
    "child": "person",
    "bike": "bicycle",
    "motorbike": "motorcycle",
    "plane": "airplane",
    "sofa": "couch",
    "table": "dining table",
    "plant": "potted plant",
    "ball": "sports ball",
    "football": "sports ball",
    "jeep": "car",
    "van": "car",
    "swan": "bird",
}

CUT_TOLERANCE = 2.5
"""Frames; two frames and the rounding of time stamps."""

GRADUAL_TOLERANCE = 0.5
"""Seconds before and after a dissolve or fade at which it may be reported."""


def score_segments(
    truth: Sequence[Segment], found: Sequence[Segment], *, step: float = 0.1
) -> Counts:
    """Agreement of the camera's words moment by moment, in samples of ``step`` seconds.

    Rest is no word. Moments within 0.25 s of an edge of the truth are left out.
    """
    total = Counts()
    if not truth:
        return total
    edges = {segment.start for segment in truth[1:]}
    for t in np.arange(step / 2, truth[-1].end, step):
        if any(abs(t - edge) < 0.25 for edge in edges):
            continue
        true, said = (
            fold(w for s in segments if s.start <= t < s.end for w in s.motion) - {"static"}
            for segments in (truth, found)
        )
        if not any(word.startswith("arc") for word in true):
            total += Counts(len(true & said), len(said - true), len(true - said))
    return total


def score_shots(
    truth: Sequence[Transition], shots: Sequence[Shot], *, fps: float
) -> tuple[Counts, Counts]:
    """Agreement on hard cuts, and on dissolves and fades.

    A cut is found by a boundary called ``cut`` within two frames. A dissolve or fade is found by
    a boundary of either of these kinds within half a second of its span. Whatever is reported
    within an optional change is not scored, hit or not.
    """
    boundaries = [shot for shot in shots if shot.transition != "start"]
    optional = [change for change in truth if change.optional]
    boundaries = [b for b in boundaries if not any(_near(c, b.start) for c in optional)]
    cuts = [change.start for change in truth if change.kind == "cut"]
    said_cuts = [b.start for b in boundaries if b.transition == "cut"]
    cut_counts = match_times(cuts, said_cuts, CUT_TOLERANCE / max(fps, 1e-6))
    gradual = [c for c in truth if c.kind != "cut" and not c.optional]
    said_gradual = [b.start for b in boundaries if b.transition != "cut"]
    hits = 0
    for change in gradual:
        match = next((t for t in said_gradual if _near(change, t)), None)
        if match is not None:
            said_gradual.remove(match)
            hits += 1
    return cut_counts, Counts(hits, len(said_gradual), len(gradual) - hits)


def _near(change: Transition, t: float) -> bool:
    return change.start - GRADUAL_TOLERANCE <= t <= change.end + GRADUAL_TOLERANCE


def join_boxes(first: Boxes, second: Boxes) -> Boxes:
    """The boxes around two tracks, shape (times, 4); where one is absent, the other's."""
    low, high = np.fmin(first[:, :2], second[:, :2]), np.fmax(first[:, 2:], second[:, 2:])
    return np.concatenate([low, high], axis=1)


def cell_of(box: Sequence[float]) -> str:
    """The third of the frame, row and column, in which a box has its centre."""
    return tracks.cell_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def coco_name(name: str) -> str | None:
    """The COCO class that a label means, or None for one that COCO does not have."""
    word = SYNONYMS.get(name, name)
    return word if word in CLASSES else None


def judge_class(wanted: Collection[str], found: Collection[str]) -> ClassVerdict:
    """How a main thing is called: by its class, by its category's word, not at all, or wrongly.

    ``wanted`` are the COCO classes that it may have, ``found`` what it is called; a thing that
    was not found, or is an *object*, is ``unnamed``.
    """
    if set(wanted) & set(found):
        return "right"
    if {HYPERNYMS.get(CATEGORIES[name]) for name in wanted} & set(found):
        return "hypernym"
    return "wrong" if set(found) - {OBJECT} else "unnamed"


def recall_classes(truth: Sequence[str], found: Sequence[str]) -> tuple[int, int]:
    """How many of the labelled things have a found thing of their class, and how many could."""
    wanted = [name for name in map(coco_name, truth) if name]
    left = list(found)
    hits = 0
    for name in wanted:
        if name in left:
            left.remove(name)
            hits += 1
    return hits, len(wanted)


def balanced_accuracy(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Mean of the accuracies on the true and on the false cases of (truth, found) pairs."""
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    found = statistics.balanced_accuracy(values, np.ones(len(values)))
    return None if math.isnan(found) else found


def mean_j(
    times: NDArray[np.float64], truth: Callable[[int], Mask], found: Sequence[InstanceFacts]
) -> float | None:
    """Mean J over all frames in which the truth shows something.

    Each frame is compared with the nearest mask in time of every instance in ``found`` (their
    union); a frame without one within :data:`MASK_TOLERANCE` counts as 0.
    """
    scores = []
    for index, t in enumerate(times):
        true = truth(index)
        if not true.any():
            continue
        said = np.zeros_like(true)
        for instance in found:
            mask = mask_at(instance.masks, float(t), true.shape)
            if mask is not None:
                said |= mask
        scores.append(mask_iou(true, said))
    return float(np.mean(scores)) if scores else None
