"""Trackers of one thing of any kind, from a box in one frame to the next frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.models import weights
from instancecap.video.decode import Picture

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seed:
    """Where a thing is: ``box`` in 0..1 of the frame at ``t`` seconds from the clip's start.

    ``score``: how sure that is, 0..1.
    """

    t: float
    box: tuple[float, float, float, float]
    score: float = 1.0


class Tracker(Protocol):
    """Follows one thing from frame to frame."""

    def update(self, picture: Picture) -> Array:
        """The box (4,) in 0..1 of the next BGR picture; it may reach beyond the frame."""


StartTracker = Callable[[Picture, Array], Tracker]
"""Makes a tracker that follows the thing in a box (0..1) of a BGR picture."""


def start_tracker(picture: Picture, box: Array) -> Tracker:
    """Follow the thing in a box (0..1) of a BGR picture, by the best means at hand."""
    try:
        return NanoTracker(picture, box)
    except MissingDependency:
        return FlowTracker(picture, box)


class NanoTracker:
    """NanoTrack through OpenCV. Raises :class:`MissingDependency` without its weights."""

    def __init__(self, picture: Picture, box: Array) -> None:
        parameters = cv2.TrackerNano.Params()
        parameters.backbone, parameters.neckhead = map(str, weights.find_files("nanotrack"))
        self._tracker = cv2.TrackerNano.create(parameters)
        height, width = picture.shape[:2]
        self._scale = np.array([width, height, width, height], float)
        left, top, right, bottom = (box.clip(0, 1) * self._scale).round().astype(int).tolist()
        self._tracker.init(picture, (left, top, max(2, right - left), max(2, bottom - top)))

    def update(self, picture: Picture) -> Array:
        _, (left, top, width, height) = self._tracker.update(picture)
        box: Array = np.array([left, top, left + width, top + height]) / self._scale
        return box


class FlowTracker:
    """Feature points of the box, followed by optical flow: their median shift and growth."""

    POINTS, LEAST = 60, 6

    def __init__(self, picture: Picture, box: Array) -> None:
        self._gray, self._box = _gray(picture), box

    def update(self, picture: Picture) -> Array:
        gray, size = _gray(picture), np.array(picture.shape[1::-1], float)
        mask = np.zeros_like(gray)
        left, top, right, bottom = self._pixels(size)
        mask[top:bottom, left:right] = 255
        points = cv2.goodFeaturesToTrack(self._gray, self.POINTS, 0.01, 3, mask=mask)
        if points is not None and len(points) >= self.LEAST:
            moved, found = _flow(self._gray, gray, points)
            back, again = _flow(gray, self._gray, moved)
            error = np.linalg.norm((back - points).reshape(-1, 2), axis=1)
            kept = found & again & (error < 1.0)
            if kept.sum() >= self.LEAST:
                self._move(points.reshape(-1, 2)[kept] / size, moved.reshape(-1, 2)[kept] / size)
        self._gray = gray
        return self._box

    def _pixels(self, size: Array) -> list[int]:
        corners = self._box.reshape(2, 2).clip(0, 1) * size
        return [int(value) for value in corners.round().ravel()]

    def _move(self, before: Array, after: Array) -> None:
        spread = [
            np.linalg.norm(some - np.median(some, axis=0), axis=1) for some in (before, after)
        ]
        growth = float(np.clip(np.median(spread[1]) / max(np.median(spread[0]), 1e-6), 0.9, 1.1))
        center = (self._box[:2] + self._box[2:]) / 2 + np.median(after - before, axis=0)
        half = (self._box[2:] - self._box[:2]) / 2 * growth
        self._box = np.concatenate([center - half, center + half])


def _flow(before: Picture, after: Picture, points: Any) -> tuple[Any, NDArray[np.bool_]]:
    """Where points (n, 1, 2) in pixels go, and which of them were found again."""
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None)  # type: ignore[call-overload]
    return moved, found.ravel() == 1


def _gray(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
