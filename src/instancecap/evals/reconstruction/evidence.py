"""Evidence distance: do two videos show the same instances, paths, colors, camera and cuts?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from instancecap.evals.reconstruction.metric import MetricOptions
from instancecap.evidence.build import measure
from instancecap.evidence.geometry import pairwise_ious
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.naming import category_of
from instancecap.video.clip import Clip

Array = NDArray[np.float64]

MOMENTS = 32
"""Times, evenly from a clip's start to its end, at which the two are compared."""

NEAR_CATEGORY = 0.5
"""How much alike two classes of one category are; 1 for one class, 0 for others."""

REACH = 0.25
"""Seconds around a track's points in which an instance counts as visible."""

CUT_SLACK = 0.02
"""Share of the length by which two cuts may be apart and still be the same."""

ZOOM, ROLL = 1.0, 45.0
"""Scale of the camera's path: the zoom (as a logarithm) and the roll in degrees that count as much
as a move by a whole frame."""


@dataclass(frozen=True, slots=True)
class EvidenceDistance:
    """The mean of four or five distances, each 0 for agreement and 1 for none."""

    options: MetricOptions

    def look(self, clip: Clip, text: str) -> Evidence:
        """The evidence, as ``instancecap evidence`` measures it."""
        return measure(clip, threads=1)

    def compare(self, original: Evidence, generated: Evidence) -> dict[str, float]:
        """``evidence`` and its parts."""
        parts = distances(original, generated)
        mean = sum(parts.values()) / len(parts)
        return {"evidence": mean, **{f"evidence {name}": one for name, one in parts.items()}}


def distances(first: Evidence, second: Evidence) -> dict[str, float]:
    """Each part's distance, 0..1.

    ``instances``
        One less the agreement of what there is: instances are paired so that class and place agree
        best; a pair agrees by its classes and the smaller of its weights, over the larger weights
        of all. An instance weighs its salience times its confidence.
    ``paths``
        One less the mean overlap of the pairs' boxes over time, by weight; what has no partner
        overlaps nothing.
    ``colors``
        Share of the colors, of pairs by weight and of the background, that differs.
    ``camera``
        How far the two paths of the camera are apart, against how far both go; and the share of
        its movements' names that only one has.
    ``shots``
        One less the F1 of the cuts; left out where neither has one.

    Times are shares of each clip's length, so clips of different lengths can be compared.
    """
    pairs = _pairs(first, second)
    return {
        "instances": _instances(first, second, pairs),
        "paths": _paths(first, second, pairs),
        "colors": _colors(first, second, pairs),
        "camera": _camera(first, second),
        **({"shots": _shots(first, second)} if _cuts(first) or _cuts(second) else {}),
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    """Instances of the two clips that are taken for the same."""

    first: InstanceFacts
    second: InstanceFacts
    classes: float
    overlap: float

    @property
    def weight(self) -> float:
        """The larger one of the two."""
        return max(_weight(self.first), _weight(self.second))


def _weight(item: InstanceFacts) -> float:
    return item.salience * item.confidence


def _pairs(first: Evidence, second: Evidence) -> list[_Pair]:
    """The pairing by which classes and places agree best, of what agrees in either."""
    ours = [(item, *_boxes(item, first)) for item in first.instances if item.track]
    theirs = [(item, *_boxes(item, second)) for item in second.instances if item.track]
    if not ours or not theirs:
        return []
    table = [
        [_Pair(a, b, _alike(a.class_, b.class_), _overlap(seen, boxes, other, others))
         for b, other, others in theirs]
        for a, seen, boxes in ours
    ]  # fmt: skip
    gains = np.array([[one.classes + one.overlap for one in row] for row in table])
    chosen = zip(*linear_sum_assignment(-gains), strict=True)
    return [table[row][column] for row, column in chosen if gains[row, column] > 0]


def _alike(first: str, second: str) -> float:
    if first == second:
        return 1.0
    kinds = category_of(first), category_of(second)
    return NEAR_CATEGORY if "" in kinds or kinds[0] == kinds[1] else 0.0


def _boxes(item: InstanceFacts, evidence: Evidence) -> tuple[NDArray[np.bool_], Array]:
    """Where an instance is at each moment: whether it is visible (n,), and its box (n, 4)."""
    length = max(evidence.video.duration, 1e-6)
    at = np.linspace(0, length, MOMENTS)
    times = np.array([point.t for point in item.track])
    boxes = np.array([point.box for point in item.track])
    between = np.stack([np.interp(at, times, boxes[:, side]) for side in range(4)], axis=1)
    reach = max(REACH, length / MOMENTS)
    return np.abs(at[:, None] - times[None, :]).min(axis=1) <= reach, between


def _overlap(
    seen: NDArray[np.bool_], boxes: Array, others: NDArray[np.bool_], other_boxes: Array
) -> float:
    """Mean intersection over union where at least one is visible; 0 where only one is."""
    either = seen | others
    if not either.any():
        return 0.0
    return float((pairwise_ious(boxes, other_boxes) * (seen & others))[either].mean())


def _total(first: Evidence, second: Evidence, pairs: Sequence[_Pair]) -> float:
    """The weights of all pairs, and of what has no partner."""
    paired = {id(item) for one in pairs for item in (one.first, one.second)}
    alone = [
        item for item in (*first.instances, *second.instances)
        if item.track and id(item) not in paired
    ]  # fmt: skip
    return sum(one.weight for one in pairs) + sum(map(_weight, alone))


def _instances(first: Evidence, second: Evidence, pairs: Sequence[_Pair]) -> float:
    total = _total(first, second, pairs)
    agreed = sum(one.classes * min(_weight(one.first), _weight(one.second)) for one in pairs)
    return 1 - agreed / total if total else 0.0


def _paths(first: Evidence, second: Evidence, pairs: Sequence[_Pair]) -> float:
    total = _total(first, second, pairs)
    return 1 - sum(one.overlap * one.weight for one in pairs) / total if total else 0.0


def _colors(first: Evidence, second: Evidence, pairs: Sequence[_Pair]) -> float:
    total = sum(one.weight for one in pairs)
    around = _shares_apart(dict(first.place.colors), dict(second.place.colors))
    if not total:
        return around
    apart = [_shares_apart(dict(p.first.colors), dict(p.second.colors)) * p.weight for p in pairs]
    return (sum(apart) / total + around) / 2


def _shares_apart(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Share of colors that differs: 0 for the same shares, 1 for no color in common."""
    most = max(sum(first.values()), sum(second.values()))
    shared = sum(min(share, second.get(name, 0.0)) for name, share in first.items())
    return 1 - shared / most if most else 0.0


def _camera(first: Evidence, second: Evidence) -> float:
    ours, theirs = _path(first), _path(second)
    apart = float(np.abs(ours - theirs).sum(axis=1).mean())
    reach = float(np.abs(ours).sum(axis=1).mean() + np.abs(theirs).sum(axis=1).mean())
    names = set(first.camera.motion), set(second.camera.motion)
    either = names[0] | names[1]
    words = len(names[0] ^ names[1]) / len(either) if either else 0.0
    # Where neither goes as far as a hundredth of the frame, what differs is noise.
    return (apart / max(reach, 0.01) + words) / 2


def _path(evidence: Evidence) -> Array:
    """Where the picture has gone by each moment: shift in frame sizes, zoom, roll; (n, 4)."""
    at = np.linspace(0, max(evidence.video.duration, 1e-6), MOMENTS)
    steps = evidence.camera.path
    if not steps:
        return np.zeros((MOMENTS, 4))
    moved = np.array([[s.dx, s.dy, np.log(max(s.zoom, 1e-3)) / ZOOM, s.roll / ROLL] for s in steps])
    times, gone = np.array([one.t for one in steps]), np.cumsum(moved, axis=0)
    return np.stack([np.interp(at, times, gone[:, axis], left=0.0) for axis in range(4)], axis=1)


def _shots(first: Evidence, second: Evidence) -> float:
    ours, theirs = _cuts(first), _cuts(second)
    left, hits = list(theirs), 0
    for cut in ours:
        near = min(left, key=lambda one: abs(one - cut), default=None)
        if near is not None and abs(near - cut) <= CUT_SLACK:
            left.remove(near)
            hits += 1
    return 1 - 2 * hits / (len(ours) + len(theirs))


def _cuts(evidence: Evidence) -> list[float]:
    """As shares of the length."""
    return [shot.start / max(evidence.video.duration, 1e-6) for shot in evidence.shots[1:]]
