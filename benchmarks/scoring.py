"""How far found facts agree with the truth: pure functions on words, times, boxes and masks.

Conventions, where the schema leaves room:

* ``move_*`` count as the turn that looks alike; ``tracking`` and ``shaky`` are not scored.
* An arc is a sideways travel and a turn against it. Which of the two shows depends on how far
  the background is, so in a scene whose truth has an arc, ``pan_*`` and ``arc_*`` are not scored.
* A truth that is empty after folding (shake alone) leaves ``static`` unscored too: a trembling
  hand that goes nowhere may be called either way, but any direction is a false word.
* A thing that was not found counts as wrong wherever something was to be said about it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from benchmarks.truth import Mask, Segment, Transition
from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, MaskRle, Shot

Boxes = NDArray[np.float64]
ClassVerdict = Literal["right", "hypernym", "unnamed", "wrong"]

FOLD = {
    "move_in": "zoom_in",
    "move_out": "zoom_out",
    "move_left": "pan_left",
    "move_right": "pan_right",
    "move_up": "tilt_up",
    "move_down": "tilt_down",
}
UNSCORED = {"tracking", "shaky"}
OPPOSITE = {
    a: b
    for pair in (
        ("pan_left", "pan_right"),
        ("tilt_up", "tilt_down"),
        ("zoom_in", "zoom_out"),
        ("roll_cw", "roll_ccw"),
    )
    for a, b in (pair, pair[::-1])
}
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

MASK_TOLERANCE = 0.1
"""Seconds to the nearest mask; a frame with none so near counts as not segmented."""

TRACK_HOLD = 0.15
"""Seconds for which a track's first and last box hold beyond its ends: the sampling's gap."""


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float | None:
        """The F1 score; None where there was nothing to find and nothing was found."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else None


def fold(words: Iterable[str]) -> frozenset[str]:
    """Primitives as they are scored: travels as turns, hints left out."""
    return frozenset(FOLD.get(word, word) for word in words) - UNSCORED


def score_camera(truth: Collection[str], found: Collection[str]) -> Counts:
    """Agreement of two sets of primitives after folding."""
    true, said = fold(truth), fold(found)
    if any(word.startswith("arc") for word in true):
        drop = {"arc_cw", "arc_ccw", "pan_left", "pan_right"}
        true, said = true - drop, said - drop
        if not true:
            # The arc itself is not scored, but to call it static is wrong.
            return Counts(0, len(said), 0)
    elif not true:
        said -= {"static"}
    said = frozenset(word for word in said if not word.startswith("arc"))
    return Counts(len(true & said), len(said - true), len(true - said))


def count_flipped(truth: Collection[str], found: Collection[str]) -> int:
    """How many true directions were reported as their opposite."""
    true, said = fold(truth), fold(found)
    return sum(OPPOSITE.get(w) in said and OPPOSITE.get(w) not in true for w in true)


def judge_static(truth: Collection[str], found: Collection[str]) -> bool | None:
    """Whether static was told from moving; None where shake alone leaves it open."""
    true = fold(truth)
    if not true:
        return None
    return ("static" in true) == ("static" in found or not fold(found))


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


def match_times(truth: Sequence[float], found: Sequence[float], tolerance: float) -> Counts:
    """One-to-one matches of times no further apart than ``tolerance``, in order of time."""
    true, said = sorted(truth), sorted(found)
    hits = i = j = 0
    while i < len(true) and j < len(said):
        if abs(true[i] - said[j]) <= tolerance:
            hits, i, j = hits + 1, i + 1, j + 1
        elif true[i] < said[j]:
            i += 1
        else:
            j += 1
    return Counts(hits, len(said) - hits, len(true) - hits)


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


def boxes_at(track: Sequence[TrackPoint], times: NDArray[np.float64]) -> Boxes:
    """A track's boxes at any times, interpolated, shape (times, 4); NaN where it does not reach."""
    if not track:
        return np.full((len(times), 4), np.nan)
    known = np.array([point.t for point in track])
    corners = np.array([point.box for point in track])
    boxes = np.stack([np.interp(times, known, corners[:, i]) for i in range(4)], axis=1)
    outside = (times < known[0] - TRACK_HOLD) | (times > known[-1] + TRACK_HOLD)
    boxes[outside] = np.nan
    return boxes


def join_boxes(first: Boxes, second: Boxes) -> Boxes:
    """The boxes around two tracks, shape (times, 4); where one is absent, the other's."""
    low, high = np.fmin(first[:, :2], second[:, :2]), np.fmax(first[:, 2:], second[:, 2:])
    return np.concatenate([low, high], axis=1)


def iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union, row by row, of boxes of shape (n, 4); 0 where one is NaN."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:], second[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = sum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = shared / (areas - shared)
    return np.asarray(np.nan_to_num(ratio))


def cell_of(box: Sequence[float]) -> str:
    """The third of the frame, row and column, in which a box has its centre."""
    column = min(int((box[0] + box[2]) / 2 * 3), 2)
    row = min(int((box[1] + box[3]) / 2 * 3), 2)
    return f"{('top', 'center', 'bottom')[row]}-{('left', 'middle', 'right')[column]}"


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
    shares = [
        np.mean([found == truth for truth, found in pairs if truth is kind])
        for kind in (True, False)
        if any(truth is kind for truth, _ in pairs)
    ]
    return float(np.mean(shares)) if shares else None


def mask_iou(first: Mask, second: Mask) -> float:
    """Region similarity J of two masks of one size; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


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
            mask = _mask_at(instance.masks, float(t), true.shape)
            if mask is not None:
                said |= mask
        scores.append(mask_iou(true, said))
    return float(np.mean(scores)) if scores else None


def _mask_at(masks: Sequence[MaskRle], t: float, shape: tuple[int, ...]) -> Mask | None:
    nearest = min(masks, key=lambda mask: abs(mask.t - t), default=None)
    if nearest is None or abs(nearest.t - t) > MASK_TOLERANCE:
        return None
    code = {"size": list(nearest.size), "counts": nearest.counts.encode()}
    with warnings.catch_warnings():
        # pycocotools hands numpy 2 an array in the way of numpy 1.
        warnings.simplefilter("ignore", DeprecationWarning)
        mask = np.asarray(coco_mask.decode(code)) > 0
    if mask.shape == shape:
        return mask
    rows = np.arange(shape[0]) * mask.shape[0] // shape[0]
    columns = np.arange(shape[1]) * mask.shape[1] // shape[1]
    return np.asarray(mask[rows[:, None], columns])
