"""Follow anything from one to three boxes of it, both ways in time, and say where it is absent.

What a detector has no class for (dough, a reed boat, a wave) can be followed once somebody has
pointed at it. NanoTrack (Yan et al., LightTrack, CVPR 2021; weights ``nanotrack``) goes from each
box forward and backward to the next box or cut; where its weights are missing, feature points are
followed by optical flow. NanoTrack's own score says nothing about its error, so a point's
confidence comes from elsewhere: how much of the box has colors that the thing has and its
surroundings lack, how alike all its colors are to those of the boxes given, whether the ways from
two boxes meet, and, where a detector knows the thing, whether it finds it there, however unsure.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, as_box, ious, pairwise_ious
from instancecap.evidence.tracking.box_trackers import Seed, StartTracker, Tracker, start_tracker
from instancecap.evidence.tracking.film import Film
from instancecap.models.detector import Detector, detect_all
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Shot
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Detected = dict[int, tuple[Array, NDArray[np.float32]]]
"""Boxes (n, 4) and class scores (n, classes) by frame."""

Key = TypeVar("Key", bound=Hashable)

RING = 0.6
"""Share of a box's size that its surroundings reach beyond it, for the colors around a thing."""

PRESENCE = (4.607, 26.83, -28.308)
"""Weights of a logistic model of whether the thing is in the box: share of its own colors,
likeness of all colors, constant. ``python -m benchmarks.follow --fit`` writes them, with figures
from clips that were left out."""

ABSENT = 0.4
"""Presence under which a thing is gone, and from which on it is there."""

MIN_ABSENCE = 0.35
"""Seconds; a shorter dip is a blink, and the thing stays where it was followed to."""

MIN_VISIBLE = 0.2
"""Share of a followed box that lies in the frame under which the thing has left it."""

MEET = 0.4
"""IoU from which on two boxes are at the same thing."""

DETECT_EVERY = 4
"""Frames from one on which the detector looks to the next."""

DETECTED, MISSED = 0.9, 0.7
"""Least presence where the detector finds the thing; factor where it knows the thing and does not
find it: small detectors miss a lot."""


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing over the clip.

    Attributes:
        track: where it is while it is there; a point's score is the probability that it is there.
        absent: seconds, start and end, between which it is not to be seen, within shots that have
            a seed.
        tracker: who followed it.
    """

    track: tuple[TrackPoint, ...]
    absent: tuple[tuple[float, float], ...]
    tracker: str = "nanotrack"

    @property
    def confidence(self) -> float:
        """Mean probability of the points, 0..1."""
        scores = [point.score for point in self.track]
        return float(np.mean(scores)) if scores else 0.0


def follow_in(
    film: Film,
    seeds: Mapping[Key, Sequence[Seed]],
    *,
    shots: Sequence[Shot] = (),
    detector: Detector | None = None,
    start: StartTracker = start_tracker,
) -> dict[Key, Followed]:
    """Follow each thing from its boxes.

    Args:
        film: the clip's frames.
        seeds: one to three boxes of each thing; no box, no track.
        shots: nothing is followed over a cut.
        detector: confirms what it knows.
        start: makes the trackers.
    """
    if not film.times:
        return {key: Followed((), ()) for key in seeds}
    times = np.array(film.times)
    stretches = _stretches(times, shots)
    jobs = {key: _Job.of(given, times, stretches, start) for key, given in seeds.items()}
    seeded = {index for job in jobs.values() for index in job.seeds}
    detections: Detected = {}
    count = len(times)
    for index in (*range(count), *reversed(range(count))):
        picture = film.picture(index)
        for job in jobs.values():
            job.see(index, picture)
        due = seeded and (index % DETECT_EVERY == 0 or index in seeded)
        if detector is not None and due and index not in detections:
            (found,) = detect_all(detector, [picture])
            detections[index] = found.boxes.astype(float), found.scores
    return {key: job.finish(times, detections) for key, job in jobs.items()}


def _stretches(times: Array, shots: Sequence[Shot]) -> NDArray[np.int64]:
    """The number of the shot that each time lies in."""
    starts = np.array([shot.start for shot in shots[1:]])
    return np.searchsorted(starts, times + 1e-3, side="right").astype(np.int64)


@dataclass(slots=True)
class _Way:
    """One direction in time: the tracker at work, and boxes by frame."""

    tracker: Tracker | None = None
    boxes: dict[int, Array] = field(default_factory=dict)


@dataclass(slots=True)
class _Job:
    """Follows one thing: first forward, then backward through the same frames."""

    seeds: dict[int, Array]
    stretches: NDArray[np.int64]
    start: StartTracker
    forward: _Way = field(default_factory=_Way)
    backward: _Way = field(default_factory=_Way)
    colors: dict[tuple[int, bool], Colors] = field(default_factory=dict)
    last: int = -1

    @classmethod
    def of(
        cls,
        seeds: Sequence[Seed],
        times: Array,
        stretches: NDArray[np.int64],
        start: StartTracker,
    ) -> _Job:
        chosen = {int(np.abs(times - one.t).argmin()): np.array(one.box) for one in seeds}
        boxes = {index: box for index, box in chosen.items() if (box[2:] > box[:2]).all()}
        return cls(boxes, stretches, start)

    def see(self, index: int, picture: Picture) -> None:
        """Look at the next frame of the way: indices rise, then fall."""
        backward = index <= self.last
        way = self.backward if backward else self.forward
        if self.last >= 0 and self.stretches[index] != self.stretches[self.last]:
            way.tracker = None
        self.last = index
        if index in self.seeds:
            box = self.seeds[index]
            way.tracker = self.start(picture, box)
        elif way.tracker is None:
            return
        else:
            box = way.tracker.update(picture)
        way.boxes[index] = box
        self.colors[index, backward] = Colors.of(picture, box)

    def finish(self, times: Array, detections: Detected) -> Followed:
        """What both ways give together."""
        known = [self.colors[index, False] for index in self.seeds]
        found: dict[int, tuple[Array, float]] = {}
        for index in sorted(self.forward.boxes.keys() | self.backward.boxes.keys()):
            found[index] = self._at(index, known)
        self._confirm(found, detections)
        return _visible(found, times, self.stretches)

    def _confirm(self, found: dict[int, tuple[Array, float]], detections: Detected) -> None:
        """Let the detector speak for the frames around those on which it looked."""
        class_ = self._class_of(detections)
        checks = sorted(found.keys() & detections.keys())
        if class_ is None or not checks:
            return
        hits = {}
        for check in checks:
            boxes, scores = detections[check]
            likely = boxes[scores.argmax(axis=1) == class_] if len(boxes) else boxes
            hits[check] = bool((ious(found[check][0][None], likely) >= MEET).any())
        for index, (box, presence) in found.items():
            near = min(checks, key=lambda check: abs(check - index))
            sure = max(presence, DETECTED) if hits[near] else presence * MISSED
            found[index] = box, presence if index in self.seeds else sure

    def _class_of(self, detections: Detected) -> int | None:
        """The class that the detector takes the thing for, by the boxes given."""
        for index, box in self.seeds.items():
            boxes, scores = detections.get(index, (np.zeros((0, 4)), np.zeros((0, 0))))
            overlaps = ious(box[None], boxes)[0]
            if len(overlaps) and overlaps.max() >= 0.5:
                return int(scores[overlaps.argmax()].argmax())
        return None

    def _at(self, index: int, known: Sequence[Colors]) -> tuple[Array, float]:
        """Box and presence at a frame: of the surer way, or between both where they agree."""
        if index in self.seeds:
            return self.seeds[index], 1.0
        ways = [
            (way.boxes[index], max(self.colors[index, back].presence(one) for one in known))
            for way, back in ((self.forward, False), (self.backward, True))
            if index in way.boxes
        ]
        if len(ways) == 1:
            return ways[0]
        (one, sure), (other, too) = ways
        if pairwise_ious(one[None], other[None])[0] >= MEET:
            share = self._share(index)
            return one * (1 - share) + other * share, 1 - (1 - sure) * (1 - too)
        return (one, sure) if sure >= too else (other, too)

    def _share(self, index: int) -> float:
        """How far a frame is from the seed before it to the one after it, 0..1."""
        before = max(one for one in self.seeds if one < index)
        after = min(one for one in self.seeds if one > index)
        return (index - before) / (after - before)


def _visible(
    found: Mapping[int, tuple[Array, float]], times: Array, stretches: NDArray[np.int64]
) -> Followed:
    """Leave out the frames on which the thing is gone."""
    track: list[TrackPoint] = []
    absent: list[tuple[float, float]] = []
    for shot in np.unique(stretches):
        here = [index for index in sorted(found) if stretches[index] == shot]
        if not here:
            continue
        boxes = np.array([found[index][0] for index in here])
        inside = areas(boxes.clip(0, 1)) / np.maximum(areas(boxes), 1e-9)
        presence = np.array([found[index][1] for index in here]) * (inside >= MIN_VISIBLE)
        gone = _gone(presence, times[here])
        for start, end in _runs(gone):
            last = min(end, len(here) - 1)
            absent.append((float(times[here[start]]), float(times[here[last]])))
        track += [
            TrackPoint(t=round(float(times[index]), 3), box=as_box(box), score=round(score, 3))
            for index, box, score, out in zip(here, boxes, presence.tolist(), gone, strict=True)
            if not out
        ]
    return Followed(tuple(track), tuple(absent))


def _gone(presence: Array, times: Array) -> NDArray[np.bool_]:
    """Frames of a shot on which the thing is not there, short dips and returns smoothed away."""
    padded = np.pad(presence, 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    gone = np.where(presence >= 1.0, False, smooth < ABSENT)  # a seed is there
    for flag in (True, False):
        for start, end in _runs(gone == flag):
            edge = flag and (start == 0 or end == len(gone))
            seconds = times[min(end, len(times) - 1)] - times[start]
            seeded = not flag and (presence[start:end] >= 1.0).any()
            if seconds < MIN_ABSENCE and not edge and not seeded:
                gone[start:end] = not flag
    return np.asarray(gone, bool)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


# Colors ------------------------------------------------------------------------------------------

HUES, SATURATIONS, LUMAS = 13, 3, 5
"""Bins of a color: twelve hues and gray, three saturations, five values."""


@dataclass(frozen=True, slots=True)
class Colors:
    """Shares of colors in a box and in the ring around it, each (bins,)."""

    inside: Array
    around: Array

    @classmethod
    def of(cls, picture: Picture, box: Array) -> Colors:
        """Of a box (0..1) in a BGR picture."""
        (left, top, right, bottom), outer = _pixels(box, picture, 0.0), _pixels(box, picture, RING)
        bins = _bins(picture[outer[1] : outer[3], outer[0] : outer[2]])
        part = bins[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]]
        count = HUES * SATURATIONS * LUMAS
        inside = np.bincount(part.ravel(), minlength=count).astype(float)
        around = np.bincount(bins.ravel(), minlength=count) - inside
        return cls(inside / max(inside.sum(), 1.0), around / max(around.sum(), 1.0))

    def presence(self, seed: Colors) -> float:
        """Probability that the thing of ``seed`` is in this box."""
        own = np.clip((seed.inside - seed.around) / (seed.inside + seed.around + 1e-3), 0, 1)
        share = float(own @ self.inside) / (float(own @ seed.inside) + 1e-6)
        alike = float(np.sqrt(self.inside * seed.inside).sum())
        a, b, c = PRESENCE
        return float(1 / (1 + np.exp(-(a * min(share, 1.3) + b * alike + c))))


def _pixels(box: Array, picture: Picture, margin: float) -> tuple[int, int, int, int]:
    height, width = picture.shape[:2]
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * (1 + margin)
    left, top = (np.clip(center - half, 0, 1) * (width, height)).astype(int).tolist()
    right, bottom = np.ceil(np.clip(center + half, 0, 1) * (width, height)).astype(int).tolist()
    return left, top, right, bottom


def _bins(picture: Picture) -> NDArray[np.int64]:
    if picture.size == 0:
        return np.zeros(picture.shape[:2], np.int64)
    hsv = cv2.cvtColor(cv2.GaussianBlur(picture, (3, 3), 0), cv2.COLOR_BGR2HSV).astype(np.int64)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    hues = np.where(saturation < 48, HUES - 1, hue * (HUES - 1) // 180)
    vivid = (saturation >= 48).astype(np.int64) + (saturation >= 128)
    return np.asarray((hues * SATURATIONS + vivid) * LUMAS + value * LUMAS // 256)
