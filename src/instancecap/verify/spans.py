"""What was seen of one instance during a part of the clip, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, cell_of, centers
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.vocabulary import Cell
from instancecap.verify.thresholds import LIMITS
from instancecap.video.sampling import pick_evenly

Array = NDArray[np.float64]

SIGNS = {"left": (0, -1.0), "right": (0, 1.0), "up": (1, -1.0), "down": (1, 1.0)}
"""Axis and sign of each direction in the frame."""


@dataclass(frozen=True, slots=True)
class TrackSpan:
    """One tracked instance in a part of the clip.

    Attributes:
        evidence: of that part, see :func:`instancecap.evidence.view.within`.
        times: (n,) seconds.
        boxes: (n, 4) in 0..1 of the frame.
        whole: whether the part is the whole time for which it was tracked.
    """

    evidence: Evidence
    item: InstanceFacts
    times: Array
    boxes: Array
    whole: bool = True

    @classmethod
    def of(
        cls, item: InstanceFacts, evidence: Evidence, part: Evidence | None = None
    ) -> TrackSpan | None:
        """The track of ``item``, within the view ``part`` of its evidence where that is given.

        None where it is not seen then.
        """
        there = part or evidence
        here = next((one for one in there.instances if one.id == item.id and one.track), None)
        if here is None:
            return None
        times = np.array([point.t for point in here.track])
        boxes = np.array([point.box for point in here.track]).reshape(-1, 4)
        return cls(there, here, times, boxes, len(times) == len(item.track))

    @property
    def is_sure(self) -> bool:
        """Whether it was tracked well enough to speak against a claim."""
        return (
            self.item.confidence >= LIMITS.trusted
            and len(self.times) >= LIMITS.fewest
            and float(np.ptp(self.times)) >= LIMITS.shortest
        )

    @property
    def centers(self) -> Array:
        """(n, 2) in 0..1 of the frame."""
        return centers(self.boxes)

    def ends(self, when: str) -> Array:
        """The first or the last few boxes, the median of which tells where it is."""
        few = max(1, min(3, len(self.boxes) // 4))
        return self.boxes[:few] if when == "start" else self.boxes[-few:]

    def excursion(self, way: str) -> tuple[float, float]:
        """The farthest that it gets one way (frame widths or heights), and when (seconds).

        A later turn back does not count against it: the path need not keep the direction.
        """
        axis, sign = SIGNS[way]
        along = sign * _smooth(self.centers[:, axis])
        lowest = np.minimum.accumulate(along)
        gains = along - lowest
        last = int(gains.argmax())
        first = int(np.flatnonzero(along[: last + 1] == lowest[last])[-1])
        return float(gains[last]), float(self.times[first] + self.times[last]) / 2

    @property
    def reach(self) -> float:
        """The farthest from where it was first, frame sizes."""
        path = np.stack([_smooth(self.centers[:, 0]), _smooth(self.centers[:, 1])], axis=1)
        return float(np.linalg.norm(path - path[0], axis=1).max())

    @property
    def size(self) -> float:
        """Median of the square root of the box's area, 0..1."""
        return float(np.median(np.sqrt(areas(self.boxes))))

    def rests(self, *, seconds: float = 1.0, within: float = 0.025) -> bool:
        """Whether it stays in place for a while somewhere along its path."""
        for start in self.times:
            inside = (self.times >= start) & (self.times <= start + seconds)
            if self.times[-1] - start < seconds:
                break
            if np.ptp(self.centers[inside], axis=0).max() < within:
                return True
        return False

    def gap(self, when: str) -> float:
        """Distance of the box at the start or the end from the frame's nearest edge, 0..1."""
        boxes = self.ends(when)
        return float(min(boxes[:, :2].min(), 1 - boxes[:, 2:].max()))

    def cell(self, when: str) -> Cell:
        """Cell of the centre of the first or the last box."""
        box = self.boxes[0 if when == "start" else -1]
        return cell_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def frames(self, when: str = "") -> list[float]:
        """Seconds that show it."""
        if when:
            return [round(float(self.times[0 if when == "start" else -1]), 3)]
        return [round(float(self.times[i]), 3) for i in pick_evenly(len(self.times), 4)]


def _smooth(values: Array) -> Array:
    """Running median of three: a single box that jumps is no movement."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])
