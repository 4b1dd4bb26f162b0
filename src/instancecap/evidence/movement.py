"""What moves from sample to sample: the background, and what moves by itself before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.schema.evidence import CameraSample

Array = NDArray[np.float64]
Matrix = NDArray[np.float64]

IDENTITY: Matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, slots=True)
class Step:
    """Background motion between two samples: a 2×3 similarity in pixels of the sampled picture.

    ``inliers`` is the share of followed corners that agree; 0 when nothing could be followed.
    """

    t: float
    matrix: Matrix
    inliers: float
    size: tuple[int, int]

    def facts(self) -> CameraSample:
        """The step in the units of the evidence schema, taken at the frame's centre."""
        width, height = self.size
        center = np.array([width / 2, height / 2, 1.0])
        shift = self.matrix @ center - center[:2]
        a, b = self.matrix[0, 0], self.matrix[1, 0]
        return CameraSample(
            t=round(self.t, 4),
            dx=round(float(shift[0] / width), 6),
            dy=round(float(shift[1] / height), 6),
            zoom=round(float(np.hypot(a, b)), 6),
            roll=round(float(np.degrees(np.arctan2(b, a))), 5),
            inliers=round(self.inliers, 3),
        )


@dataclass(frozen=True, slots=True)
class OwnFlow:
    """Flow (height, width, 2) from a sample to the one ``seconds`` ago, less the camera's."""

    flow: NDArray[np.float32]
    seconds: float

    def velocity(self, boxes: Array) -> Array:
        """Motion of what is in the boxes (n, 4), against what is around them.

        Near things shift against far ones when the camera travels; the ring around a thing is
        about as far away as the thing. (n, 2) in frame widths and heights a second.
        """
        every_second = self.flow[::2, ::2]
        moved = [_against_ring(every_second, box) for box in boxes]
        return np.array(moved).reshape(-1, 2) / self.seconds


@dataclass(frozen=True, slots=True)
class MovingPatches:
    """What moves by itself between two samples.

    Attributes:
        boxes: (n, 4) in 0..1 of the frame, largest first.
        strength: (n,) own motion over the noise level, 1 and more.
        flow: (n, 2) mean own motion of the patch, frame widths and heights a second.
        field: the motion that the camera does not explain, for the whole picture; None where
            the camera's motion was too uncertain to tell.
    """

    boxes: Array
    strength: Array
    flow: Array
    field: OwnFlow | None = None


UNKNOWN = MovingPatches(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 2)))


def _against_ring(own: NDArray[np.float32], box: Array) -> Array:
    """Median flow in the inner part of a box less that of the ring around it, in frame sizes."""
    height, width = own.shape[:2]
    x0, y0, x1, y1 = box * np.array([width, height, width, height])
    w, h = x1 - x0, y1 - y0
    inner = own[_rows(y0 + 0.2 * h, y1 - 0.2 * h, height), _rows(x0 + 0.2 * w, x1 - 0.2 * w, width)]
    pad = 0.25 * max(w, h) + 2
    top, bottom = max(0, int(y0 - pad)), int(np.ceil(y1 + pad))
    left, right = max(0, int(x0 - pad)), int(np.ceil(x1 + pad))
    above, below = max(0, int(y0)), int(y1)
    ring = [
        own[top:above, left:right],
        own[below:bottom, left:right],
        own[above:below, left : max(0, int(x0))],
        own[above:below, int(x1) : right],
    ]
    around = np.concatenate([part.reshape(-1, 2) for part in ring])
    ground = _median(around) if len(around) > 20 else np.zeros(2)
    return np.asarray((ground - _median(inner.reshape(-1, 2))) / np.array([width, height]))


def _median(flow: NDArray[np.float32]) -> Array:
    """Median of each component of flow (n, 2)."""
    middle = len(flow) // 2
    return np.asarray(np.partition(flow.T, middle, axis=1)[:, middle], float)


def _rows(low: float, high: float, limit: int) -> slice:
    first = min(max(0, int(low)), limit - 1)
    return slice(first, min(limit, max(first + 1, int(np.ceil(high)))))
