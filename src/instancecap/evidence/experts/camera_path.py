"""The camera's path as numbers of one kind: four components of motion, cumulated and smoothed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.thresholds import CAMERA
from instancecap.schema.evidence import CameraSample, Shot

Array = NDArray[np.float64]
Vector = tuple[float, float, float]

RADIUS = 0.35
"""Mean distance of a picture's points from its centre, so that zoom and roll are comparable with
shifts: all four components are measured as the mean shift of a point, in frame sizes."""


@dataclass(frozen=True, slots=True)
class PoseStep:
    """What moved the background in the picture over a stretch of time.

    Attributes:
        t: seconds, within the stretch.
        turn: motion right and down in frame sizes by turning, and log of the zoom by the lens.
        travel: the same three by travelling, of background that is as far away as its median.
    """

    t: float
    turn: Vector
    travel: Vector


def components(steps: Sequence[CameraSample], aspect: float) -> Array:
    """Per step the mean shift of a point by dx, dy, zoom and roll, in frame sizes; (n, 4)."""
    width, height = np.sqrt(aspect), 1 / np.sqrt(aspect)
    return np.array(
        [
            [
                step.dx * width,
                step.dy * height,
                np.log(step.zoom) * RADIUS,
                np.radians(step.roll) * RADIUS,
            ]
            for step in steps
        ]
    )


def steps_of(path: Sequence[CameraSample], shot: Shot, shots: Sequence[Shot]) -> list[CameraSample]:
    """The steps within a shot, without the one that reaches back over its cut."""
    steps = [step for step in path if shot.start + 1e-6 < step.t <= shot.end + 1e-6]
    return steps[1:] if len(shots) > 1 and shot.start > 0 else steps


def shot_path(steps: Sequence[CameraSample], *, start: float, aspect: float) -> tuple[Array, Array]:
    """Seconds (n + 1,) and cumulated components (n + 1, 4) of two steps or more of a shot."""
    times = np.array([start, *[step.t for step in steps]])
    times[0] = max(start, times[1] - (times[2] - times[1]))
    return times, np.vstack([np.zeros(4), np.cumsum(components(steps, aspect), axis=0)])


def smoothed(times: Array, position: Array) -> Array:
    """Gaussian smoothing over time that fits a line locally, so that a steady move stays exact."""
    count = len(times)
    interval = max(float(np.median(np.diff(times))), 1e-3)
    reach = min(int(np.ceil(3 * CAMERA.smoothing / interval)), count - 1)
    near = np.arange(count)[:, None] + np.arange(-reach, reach + 1)[None, :]
    inside = (near >= 0) & (near < count)
    near = near.clip(0, count - 1)
    gap = times[near] - times[:, None]
    weight = np.where(inside, np.exp(-0.5 * (gap / CAMERA.smoothing) ** 2), 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    mean_gap = (weight * gap).sum(axis=1)
    mean_value = np.einsum("nk,nkc->nc", weight, position[near])
    centered = gap - mean_gap[:, None]
    spread = np.maximum((weight * centered**2).sum(axis=1), 1e-9)
    slope = np.einsum("nk,nkc->nc", weight * centered, position[near]) / spread[:, None]
    return np.asarray(mean_value - slope * mean_gap[:, None])


def net_motion(steps: Iterable[PoseStep], component: int) -> tuple[float, float]:
    """What turning (of a zoom: the lens), and what travelling moved the picture by in all."""
    parts = [(one.turn[component], one.travel[component]) for one in steps]
    return sum(turn for turn, _ in parts), sum(travel for _, travel in parts)
