"""Parallax: proof that the camera travels and does not only turn or zoom.

A camera that turns, rolls and zooms moves every point of the picture by a rule that does not know
how far away the point is. When it travels, near points move more than far ones, all along lines
that the direction of travel alone decides. So points are followed over a stretch long enough to
show it; the best turn is taken out; and what is left is tested for lying along such lines: for
every direction of travel on a half sphere, the part of the motion across the lines is explained
by turning alone (the linear subspace constraint of Heeger and Jepson, 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import compose
from instancecap.evidence.thresholds import PARALLAX
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parallax:
    """What one stretch of the camera's path shows.

    Attributes:
        start, end: seconds.
        proven: near and far points move differently, as they do for a travelling camera only.
        axis: the line of travel: right, down, forward, of length 1; which way is not known.
        lead: correlation (-1..1) of a point's height in the picture (positive: lower) with its
            motion to the right, and to the bottom, after the turn. What is lower is nearer, as
            a rule, so this tells which way near things move past far ones.
    """

    start: float
    end: float
    proven: bool
    axis: tuple[float, float, float]
    lead: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Expansion:
    """How far one step's points leave the zoom that fits them best, and whether along its rays.

    A zoom moves all points by one factor. A camera that travels forward moves near ones further,
    all away from where it goes; what moves by itself goes any way.

    Attributes:
        t: seconds, the end of the step.
        off: share of the points that follow another motion than the zoom.
        along: mean of the cosine of twice the angle between what is left of their motion and the
            ray from the focus, weighted by its length: 1 along the rays, 0 for any way.
        focus: the point that the zoom leaves where it is, 0..1 of the picture.
    """

    t: float
    off: float
    along: float
    focus: tuple[float, float]


def measure_expansion(
    before: Points, after: Points, matrix: Array, shape: tuple[int, ...], *, t: float
) -> Expansion | None:
    """Of points (n, 2) in pixels that ``matrix`` takes from ``before`` to ``after``, mostly; None
    where it hardly zooms. ``shape`` is the picture's height and width."""
    turn = matrix[:, :2]
    if (
        abs(float(np.hypot(*turn[:, 0])) - 1) < PARALLAX.min_zoom
        or len(before) < PARALLAX.min_zoomed
    ):
        return None
    focus = np.linalg.solve(np.eye(2) - turn, matrix[:, 2])
    rest = after - (before @ turn.T + matrix[:, 2])
    left = np.linalg.norm(rest, axis=1)
    off = (left > PARALLAX.off_pixels[0]) & (left < PARALLAX.off_pixels[1])
    ray = before[off] - focus
    cosine = (rest[off] * ray).sum(axis=1) / (left[off] * np.linalg.norm(ray, axis=1) + 1e-9)
    weight = float(left[off].sum())
    along = float((left[off] * (2 * cosine**2 - 1)).sum()) / weight if weight else 0.0
    x, y = focus / np.array(shape[::-1])
    return Expansion(t, float(off.mean()), along, (float(x), float(y)))


def travels_forward(steps: Sequence[Expansion]) -> bool:
    """True where a zoom of these steps is a travel: points leave it along rays from a focus that
    the picture shows."""
    if len(steps) < PARALLAX.min_expansions:
        return False
    ahead = np.median([step.focus for step in steps], axis=0)
    off = np.array([step.off for step in steps])
    along = float(np.average([step.along for step in steps], weights=off + 1e-9))
    return bool(ahead.min() >= 0 and ahead.max() <= 1 and off.mean() * along >= PARALLAX.expands)


@dataclass(frozen=True, slots=True)
class _Start:
    t: float
    gray: Picture
    points: Points


class ParallaxExpert:
    """Gathers the stretches of a camera's path over which parallax can show."""

    def __init__(self) -> None:
        self.found: list[Parallax] = []
        self._start: _Start | None = None
        self._total = np.eye(2, 3)
        self._next = 0.0

    def needs_points(self, t: float) -> bool:
        """True when a picture at ``t`` seconds is to start a new stretch."""
        return self._start is None and t >= self._next

    def begin(self, t: float, gray: Picture, points: Points) -> None:
        """Start a stretch at ``gray``, at ``t`` seconds, with points (n, 2) of the background."""
        self._start, self._total = _Start(t, gray, points), np.eye(2, 3)
        self._next = t + PARALLAX.spacing

    def stop(self) -> None:
        """Forget the stretch: the picture changed to another place."""
        self._start = None

    def add(self, t: float, gray: Picture, matrix: Array) -> None:
        """Take in the next picture, to which ``matrix`` (2, 3) took the one before."""
        if self._start is None:
            return
        self._total = compose(self._total, matrix)
        reach = reach_of(self._total, gray.shape)
        if reach < PARALLAX.reach and t - self._start.t < PARALLAX.max_seconds:
            return
        if reach >= PARALLAX.least_reach:
            self._close(t, gray)
        self._start = None

    def finish(self, t: float, gray: Picture) -> None:
        """Judge the stretch that the last picture ends."""
        if self._start is not None and reach_of(self._total, gray.shape) >= PARALLAX.least_reach:
            self._close(t, gray)
        self._start = None

    def _close(self, t: float, gray: Picture) -> None:
        start = self._start
        if start is None or len(start.points) < PARALLAX.min_points:
            return
        before, after = _follow(start.gray, gray, start.points, self._total)
        if len(before) >= PARALLAX.min_points:
            height, width = gray.shape
            self.found.append(measure(before, after, (width, height), start=start.t, end=t))


def reach_of(matrix: Array, shape: tuple[int, ...]) -> float:
    """Mean motion of the corners of the picture's inner part, in longer sides of the picture."""
    height, width = shape
    inner = np.array([[x * width, y * height] for x in (0.2, 0.8) for y in (0.2, 0.8)])
    moved = inner @ matrix[:, :2].T + matrix[:, 2] - inner
    return float(np.linalg.norm(moved, axis=1).mean()) / max(height, width)


def _follow(before: Picture, after: Picture, points: Points, matrix: Array) -> tuple[Array, Array]:
    """Points (n, 2) in both pictures, followed there and back from where ``matrix`` takes them."""
    guess = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    options = {"winSize": (17, 17), "maxLevel": 3, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    there, ok_there, _ = cv2.calcOpticalFlowPyrLK(before, after, points, guess, **options)  # type: ignore[call-overload]
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, points.copy(), **options)  # type: ignore[call-overload]
    miss = np.linalg.norm(back - points, axis=1)
    good = (ok_there.ravel() == 1) & (ok_back.ravel() == 1) & (miss < PARALLAX.max_round_trip)
    return points[good].astype(np.float64), there[good].astype(np.float64)


def measure(
    before: Array, after: Array, size: tuple[int, int], *, start: float, end: float
) -> Parallax:
    """Judge points (n, 2) in pixels of a picture of ``size`` (width, height), eight or more."""
    side = max(size)
    # At the middle of its way a point moves as for a small turn, up to terms of third order.
    middle = ((before + after) / 2 - np.array(size) / 2) / side
    motion = (after - before) / side
    rest, turn = _without_turn(middle, motion, PARALLAX.noise / side)
    left = float(np.median(np.linalg.norm(rest, axis=1)))
    axis, across = _line_of_travel(middle, rest, turn, PARALLAX.noise / side)
    enough = max(
        PARALLAX.min_pixels / side,
        PARALLAX.min_share * float(np.linalg.norm(motion, axis=1).mean()),
    )
    proven = left >= enough and across <= PARALLAX.max_across * left
    return Parallax(
        start, end, proven, axis, (_lead(middle, rest[:, 0]), _lead(middle, rest[:, 1]))
    )


def _without_turn(points: Array, motion: Array, noise: float) -> tuple[Array, Array]:
    """What a turn, roll and zoom leave of the motion (n, 2), and their pattern (n, 2, 4).

    A turn moves the picture's edges more than its centre, the more so the wider the lens; how
    wide is one more unknown, taken from the motion itself.
    """
    turn = _turn_pattern(points)
    rows, goal = turn.reshape(-1, 4), motion.reshape(-1)
    weight, bend = np.ones(len(points)), 0.0
    edge = np.zeros_like(motion)
    rest = motion
    for _ in range(6):
        twice = np.sqrt(np.repeat(weight, 2))[:, None]
        with_bend = np.column_stack([rows, edge.reshape(-1)])
        bend = float(_solve(with_bend * twice, goal * twice[:, 0])[4])
        bend = min(max(bend, 0.0), 1 / PARALLAX.widest_lens**2)
        plain = _solve(rows * twice, (goal - bend * edge.reshape(-1)) * twice[:, 0])
        rest = motion - turn @ plain - bend * edge
        edge = points * (points @ plain[:2])[:, None]
        distance = np.linalg.norm(rest, axis=1)
        scale = max(noise, 1.5 * float(np.median(distance)))
        weight = 1 / (1 + (distance / scale) ** 2)
    return rest, turn


def _turn_pattern(points: Array) -> Array:
    """Motion (n, 2, 4) of points (n, 2) by a shift right, a shift down, a zoom and a roll."""
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    return np.stack([np.stack([one, zero, x, -y], -1), np.stack([zero, one, y, x], -1)], 1)


def _solve(rows: Array, goal: Array) -> Array:
    return np.asarray(np.linalg.lstsq(rows, goal, rcond=None)[0])


def _half_sphere() -> Array:
    """Unit vectors (k, 3) about 20 degrees apart, one for every line through the centre."""
    found = []
    for elevation in np.radians([0, 20, 40, 60, 75, 90]):
        count = max(1, round(12 * float(np.cos(elevation))))
        around = np.arange(count) * np.pi * (2 if elevation > 0 else 1) / count
        flat = np.cos(elevation)
        up = np.full(count, np.sin(elevation))
        found.append(np.stack([flat * np.cos(around), flat * np.sin(around), up], 1))
    return np.concatenate(found)


_TRAVELS = _half_sphere()


def _line_of_travel(
    points: Array, rest: Array, turn: Array, noise: float
) -> tuple[tuple[float, float, float], float]:
    """The direction of travel that explains most, and the median motion it leaves unexplained."""
    lines = _TRAVELS[:, None, :2] + PARALLAX.travel_lens * _TRAVELS[:, None, 2:] * points[None]
    length = np.linalg.norm(lines, axis=2, keepdims=True) + 1e-3
    normal = np.stack([-lines[..., 1], lines[..., 0]], -1) / length
    rows = np.einsum("knc,ncd->knd", normal, turn)
    goal = np.einsum("knc,nc->kn", normal, rest)
    weight, off = np.ones_like(goal), goal
    # A little resistance keeps what the lines leave open, such as the turn along them, at rest.
    resistance = 5e-4 * len(points) * np.eye(turn.shape[2])
    for _ in range(3):
        weighted = rows * weight[..., None]
        normal_matrix = weighted.transpose(0, 2, 1) @ rows + resistance
        target = np.einsum("knd,kn->kd", weighted, goal)[..., None]
        off = goal - (rows @ np.linalg.solve(normal_matrix, target))[..., 0]
        scale = np.maximum(noise, 1.5 * np.median(np.abs(off), axis=1, keepdims=True))
        weight = 1 / (1 + (off / scale) ** 2)
    size = np.abs(off)
    best = int(np.minimum(size, 16 * noise).mean(axis=1).argmin())
    x, y, z = _TRAVELS[best].tolist()
    return (x, y, z), float(np.median(size[best]))


def _lead(points: Array, motion: Array) -> float:
    """Correlation of height in the picture with a motion (n,); 0 where either is constant."""
    height, motion = points[:, 1] - points[:, 1].mean(), motion - motion.mean()
    spread = float(np.linalg.norm(height) * np.linalg.norm(motion))
    return float(np.clip(height @ motion / spread, -1, 1)) if spread > 1e-9 else 0.0
