"""What was seen of one thing during a part of the clip: its path, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, cell_of, centers
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.vocabulary import Cell
from instancecap.video.sampling import pick_evenly

Array = NDArray[np.float64]

SIGNS = {"left": (0, -1.0), "right": (0, 1.0), "up": (1, -1.0), "down": (1, 1.0)}
"""Axis and sign of each direction in the frame."""

TRUSTED, BELIEVED = 0.5, 0.4
"""Confidence of an instance from which it may contradict, and from which it may support."""

SHORTEST, FEWEST = 0.5, 4
"""Seconds and points of a track under which it contradicts nothing."""

EDGE = 0.06
"""Share of the frame within which a box counts as at its edge."""


def within(track: list[TrackPoint], span: tuple[float, float] | None) -> list[TrackPoint]:
    """The part of a track between two times, seconds; all of it where there is no ``span``."""
    if span is None:
        return track
    return [point for point in track if span[0] - 1e-3 <= point.t <= span[1] + 1e-3]


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing of the evidence in a part of the clip.

    Attributes:
        times: (n,) seconds.
        boxes: (n, 4) in 0..1 of the frame.
        whole: whether the part is the whole time for which the thing was followed.
    """

    evidence: Evidence
    item: InstanceFacts
    times: Array
    boxes: Array
    whole: bool

    @classmethod
    def of(
        cls, item: InstanceFacts, evidence: Evidence, span: tuple[float, float] | None = None
    ) -> Seen:
        """The thing as it was followed, within ``span`` (seconds) where that is given."""
        points = within(item.track, span)
        return cls(
            evidence,
            item,
            np.array([p.t for p in points]),
            np.array([p.box for p in points]).reshape(-1, 4),
            len(points) == len(item.track),
        )

    @property
    def is_sure(self) -> bool:
        """Whether the thing was followed well enough to speak against a statement."""
        return (
            self.item.confidence >= TRUSTED
            and len(self.times) >= FEWEST
            and self.times[-1] - self.times[0] >= SHORTEST
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
        """The farthest that the thing gets one way (frame widths or heights), and when (seconds).

        A later turn back does not count against it: the path need not keep the direction.
        """
        axis, sign = SIGNS[way]
        if not len(self.times):
            return 0.0, 0.0
        along = sign * _smooth(self.centers[:, axis])
        lowest = np.minimum.accumulate(along)
        gains = along - lowest
        last = int(gains.argmax())
        first = int(np.flatnonzero(along[: last + 1] == lowest[last])[-1])
        return float(gains[last]), float(self.times[first] + self.times[last]) / 2

    @property
    def reach(self) -> float:
        """The farthest from where it was first, frame sizes."""
        if not len(self.times):
            return 0.0
        path = np.stack([_smooth(self.centers[:, 0]), _smooth(self.centers[:, 1])], axis=1)
        return float(np.linalg.norm(path - path[0], axis=1).max())

    @property
    def size(self) -> float:
        """Median of the square root of the box's area, 0..1."""
        return float(np.median(np.sqrt(areas(self.boxes)))) if len(self.boxes) else 0.0

    def rests(self, *, seconds: float = 1.0, within: float = 0.025) -> bool:
        """Whether it stays in place for a while somewhere along its path."""
        for index, start in enumerate(self.times):
            inside = (self.times >= start) & (self.times <= start + seconds)
            if self.times[-1] - start < seconds:
                break
            if np.ptp(self.centers[inside], axis=0).max() < within:
                return bool(index >= 0)
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
        if not len(self.times):
            return []
        if when:
            return [round(float(self.times[0 if when == "start" else -1]), 3)]
        return [round(float(self.times[i]), 3) for i in pick_evenly(len(self.times), 4)]


def _smooth(values: Array) -> Array:
    """Running median of three: a single box that jumps is no movement."""
    if len(values) < 3:
        return values
    inner = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], inner, values[-1:]])
