"""What was seen of one instance during a part of the clip, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, centers
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.tracks import cell_of
from instancecap.schema.vocabulary import Cell
from instancecap.verify.thresholds import LIMITS
from instancecap.video.sampling import pick_evenly

Array = NDArray[np.float64]

SIGNS = {"left": (0, -1.0), "right": (0, 1.0), "up": (1, -1.0), "down": (1, 1.0)}
"""Axis and sign of each direction in the frame."""


@dataclass(frozen=True, slots=True)
class TrackSpan:
    """One tracked instance in a part of the clip."""

    evidence: Evidence  # of that part, see instancecap.evidence.view.within
    item: InstanceFacts
    times: Array  # (n,) seconds
    boxes: Array  # (n, 4) in 0..1 of the frame
    whole: bool = True  # whether the part is the whole time for which it was tracked

    @classmethod
    def of(cls, item: InstanceFacts, view: Evidence) -> TrackSpan | None:
        """The track of ``item`` within a view of its evidence; None where it is not seen then."""
        here = next((one for one in view.instances if one.id == item.id), None)
        if here is None or not here.track:
            return None
        times = np.array([point.t for point in here.track])
        boxes = np.array([point.box for point in here.track])
        return cls(view, here, times, boxes, len(times) == len(item.track))

    @property
    def is_sure(self) -> bool:
        """Whether it was tracked well enough to speak against a claim."""
        long = len(self.times) >= LIMITS.fewest and np.ptp(self.times) >= LIMITS.shortest
        return bool(long) and self.item.confidence >= LIMITS.trusted

    @property
    def centers(self) -> Array:
        """(n, 2) in 0..1 of the frame."""
        return centers(self.boxes)

    @property
    def path(self) -> Array:
        """The centers as a running median of three: a single box that jumps is no movement."""
        points = self.centers.copy()
        if len(points) >= 3:
            points[1:-1] = np.median(np.stack([points[:-2], points[1:-1], points[2:]]), axis=0)
        return points

    def ends(self, when: str) -> Array:
        """The first or the last few boxes, the median of which tells where it is."""
        few = max(1, min(3, len(self.boxes) // 4))
        return self.boxes[:few] if when == "start" else self.boxes[-few:]

    def excursion(self, way: str) -> float:
        """The farthest that it gets one way, frame widths or heights.

        A later turn back does not count against it: the path need not keep the direction.
        """
        axis, sign = SIGNS[way]
        along = sign * self.path[:, axis]
        return float((along - np.minimum.accumulate(along)).max())

    @property
    def reach(self) -> float:
        """The farthest from where it was first, frame sizes."""
        return float(np.linalg.norm(self.path - self.path[0], axis=1).max())

    @property
    def size(self) -> float:
        """Median of the square root of the box's area, 0..1."""
        return float(np.median(np.sqrt(areas(self.boxes))))

    def rests(self, *, seconds: float = 1.0, within: float = 0.025) -> bool:
        """Whether it stays in place for a while somewhere along its path."""
        for start in self.times[self.times <= self.times[-1] - seconds]:
            during = (self.times >= start) & (self.times <= start + seconds)
            if np.ptp(self.centers[during], axis=0).max() < within:
                return True
        return False

    def gap(self, when: str) -> float:
        """Distance of the box at the start or the end from the frame's nearest edge, 0..1."""
        boxes = self.ends(when)
        return float(min(boxes[:, :2].min(), 1 - boxes[:, 2:].max()))

    @property
    def longest_absence(self) -> tuple[float, float, bool] | None:
        """Seconds from and to which it is not seen in between, and whether it is at the frame's
        edge before and after; None where no absence is as long as ``LIMITS.missing``."""
        steps = np.diff(self.times)
        if not len(steps) or steps.max() < LIMITS.missing + np.median(steps):
            return None
        at = int(steps.argmax())
        boxes = self.boxes[at : at + 2]
        gaps = np.minimum(boxes[:, :2].min(axis=1), 1 - boxes[:, 2:].max(axis=1))
        return float(self.times[at]), float(self.times[at + 1]), bool(gaps.max() < LIMITS.edge)

    def cell(self, when: str) -> Cell:
        """Cell of the center of the first or the last box."""
        return cell_of(*self.centers[0 if when == "start" else -1])

    def frames(self, when: str = "") -> list[float]:
        """Seconds that show it."""
        ends = {"start": [0], "end": [-1]}
        return [
            round(float(self.times[i]), 3)
            for i in ends.get(when) or pick_evenly(len(self.times), 4)
        ]
