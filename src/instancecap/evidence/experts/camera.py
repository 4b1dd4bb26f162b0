"""The camera's path: how the background moves from one sampled frame to the next.

Corners are followed with pyramidal Lucas–Kanade flow (Bouguet 2000), checked forwards and
backwards, and a similarity transform is fitted to them by RANSAC and then by reweighted least
squares. Corners on things that move by themselves are left out as far as they are known. The
words for the path are made in :mod:`instancecap.evidence.experts.camera_words`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.evidence.experts.parallax import (
    Expansion,
    Parallax,
    ParallaxExpert,
    measure_expansion,
)
from instancecap.evidence.movement import IDENTITY, Matrix, Step
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.schema.evidence import Evidence
from instancecap.video.decode import Picture

Points = NDArray[np.float32]

GRID = (8, 6)
POINTS_PER_CELL, PARALLAX_POINTS_PER_CELL = 2, 4
"""Corners of a cell, at most, that the camera's motion and its parallax are measured by."""

MIN_POINTS = 8
"""Fewer followed corners than this say nothing about the camera."""

MAX_ROUND_TRIP = 0.5
"""Pixels by which a corner followed there and back may miss where it started."""

CLEARLY_RESTING = 0.7
"""Share of resting cells from which the camera rests and no corner needs to be followed."""

MIN_DETAIL = 0.35
MAX_REST_CHANGE = 0.3
"""Evened contrast that a cell needs to show motion; change over contrast up to which it rests.
A shift by a quarter of a pixel changes fine detail by about this much."""

NOISE_FLOOR = 3.0
"""Gray levels of local contrast that are noise rather than texture."""

RESTS = 0.4
RANSAC_PIXELS = 1.1
REST_PIXELS = 0.3
"""Pixels between two samples within which a corner rests."""


@dataclass(frozen=True, slots=True)
class Key:
    """A picture to follow: as it is, and with even contrast so that exposure does not matter."""

    gray: Picture
    even: NDArray[np.float32]

    @classmethod
    def of(cls, gray: Picture) -> Key:
        """From luma, uint8 (height, width)."""
        return cls(gray, even_contrast(gray))


class CameraExpert:
    """Follows the background over the samples of a clip.

    Each sample is compared with a key picture, the last one before which the camera moved: so a
    resting camera costs almost nothing and does not drift, and a very slow move adds up.
    """

    name = "camera"
    rate = SAMPLE_RATE
    needs = ("shots",)

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._key: Key | None = None
        self._last: tuple[float, Picture] | None = None
        self._parallax = ParallaxExpert()
        self._expansions: list[Expansion] = []

    def add(self, sample: Sample, scene: Scene) -> None:
        """Measure the step from the sample before."""
        scene.step = self.look(sample, foreground=scene.foreground)

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write the camera's path and the words for it."""
        evidence.camera, scene.motions = describe_camera(
            [step.facts() for step in self.steps],
            evidence.shots,
            aspect=scene.aspect,
            parallax=self.parallax(),
            expansions=self._expansions,
        )

    def look(self, sample: Sample, *, foreground: NDArray[np.bool_] | None = None) -> Step | None:
        """The step from the sample before; None for the first one.

        ``foreground`` is true where the sample before shows what moves by itself, shape
        (height, width).
        """
        here, last = Key.of(sample.small), self._last
        self._last = sample.t, sample.gray
        scale = sample.size[0] / here.gray.shape[1]
        if foreground is not None:
            size = here.gray.shape[::-1]
            foreground = (
                cv2.resize(foreground.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
            )
        if self._key is None or last is None:
            self._key = here
            return None
        inliers = resting_share(self._key, here, foreground)
        matrix = IDENTITY.copy()
        if inliers < CLEARLY_RESTING:
            start, end = follow_corners(self._key, here, foreground)
            matrix, inliers = background_motion(start, end, here.gray.shape)
            if expansion := measure_expansion(start, end, matrix, here.gray.shape, t=sample.t):
                self._expansions.append(expansion)
            if self._parallax.needs_points(last[0]):
                corners = spread_corners(self._key, foreground, most=PARALLAX_POINTS_PER_CELL)
                self._parallax.begin(last[0], last[1], corners * np.float32(scale))
            matrix[:, 2] *= scale
            self._key = here
        if inliers > 0:
            self._parallax.add(sample.t, sample.gray, matrix)
        else:
            self._parallax.stop()
        step = Step(t=sample.t, matrix=matrix, inliers=inliers, size=sample.size)
        self.steps.append(step)
        return step

    def parallax(self) -> list[Parallax]:
        """What the path's stretches show of depth. Call after the last sample."""
        if self._last is not None:
            self._parallax.finish(*self._last)
        return self._parallax.found


def resting_share(before: Key, after: Key, foreground: NDArray[np.bool_] | None) -> float:
    """Share of the picture's textured cells in which nothing changed; 0 where texture is rare."""
    detail, change = np.abs(before.even), cv2.absdiff(before.even, after.even)
    if foreground is not None:
        detail[foreground] = 0
    detail, change = _cell_means(detail), _cell_means(change)
    textured = detail > MIN_DETAIL
    if textured.sum() < MIN_POINTS:
        return 0.0
    return float((change[textured] < MAX_REST_CHANGE * detail[textured]).mean())


def _cell_means(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Means over the cells of a grid, less the pixels at the edges that fill none."""
    columns, rows = 2 * GRID[0], 2 * GRID[1]
    height, width = picture.shape
    whole = picture[: max(rows, height - height % rows), : max(columns, width - width % columns)]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA))


def follow_corners(
    before: Key, after: Key, foreground: NDArray[np.bool_] | None = None
) -> tuple[Points, Points]:
    """Background corners that could be followed: where they were and where they went."""
    corners = spread_corners(before, foreground)
    if len(corners) < MIN_POINTS and foreground is not None:
        corners = spread_corners(before, None)
    if len(corners) < MIN_POINTS:
        return corners[:0], corners[:0]
    return follow(before.gray, after.gray, corners)


def background_motion(start: Points, end: Points, shape: tuple[int, ...]) -> tuple[Matrix, float]:
    """Similarity that takes most corners from ``start`` to ``end``, and the share of inliers."""
    if len(start) < MIN_POINTS:
        return IDENTITY.copy(), 0.0
    matrix, share = fit_similarity(start, end)
    if _background_rests(start, end, matrix, shape):
        rests = np.linalg.norm(end - start, axis=1) < REST_PIXELS
        return IDENTITY.copy(), max(share, float(rests.mean()))
    return matrix, share


def _background_rests(start: Points, end: Points, matrix: Matrix, shape: tuple[int, ...]) -> bool:
    """True when the background rests although most corners move.

    A large subject on plain ground has more corners than the ground. Ground covers more of the
    picture though, so cells of the picture are counted, not corners: those that rest although
    the fitted motion says they move, against those that move with it.
    """
    height, width = shape
    column = (start[:, 0] * GRID[0] / width).astype(int).clip(0, GRID[0] - 1)
    row = (start[:, 1] * GRID[1] / height).astype(int).clip(0, GRID[1] - 1)
    cell = row * GRID[0] + column
    fitted = start @ matrix[:, :2].T + matrix[:, 2]
    rests = np.linalg.norm(end - start, axis=1) < REST_PIXELS
    follows = np.linalg.norm(end - fitted, axis=1) < RANSAC_PIXELS
    resting = len(set(cell[rests & ~follows].tolist()))
    following = len(set(cell[follows & ~rests].tolist()))
    return resting > RESTS * following and resting >= 2


def spread_corners(
    picture: Key, foreground: NDArray[np.bool_] | None, *, most: int = POINTS_PER_CELL
) -> Points:
    """Corners that cover the picture evenly, at most ``most`` per grid cell; shape (n, 2)."""
    mask = None if foreground is None else np.where(foreground, 0, 255).astype(np.uint8)
    found = cv2.goodFeaturesToTrack(picture.even, 800, 0.01, 4, mask=mask, blockSize=3)
    # OpenCV gives None where there are no corners, whatever its type says.
    points = np.zeros((0, 2), np.float32) if found is None else found.reshape(-1, 2)
    height, width = picture.gray.shape
    column = (points[:, 0] * GRID[0] / width).astype(int).clip(0, GRID[0] - 1)
    row = (points[:, 1] * GRID[1] / height).astype(int).clip(0, GRID[1] - 1)
    cell = row * GRID[0] + column
    order = np.argsort(cell, kind="stable")  # within a cell the strongest corner stays first
    first = np.searchsorted(cell[order], cell[order], side="left")
    rank = np.arange(len(order)) - first
    kept: Points = points[np.sort(order[rank < most])]
    return kept


def even_contrast(picture: Picture) -> NDArray[np.float32]:
    """The picture with about the same contrast everywhere, so that plain ground has corners too."""
    around = (23, 23)
    mean = cv2.boxFilter(picture, cv2.CV_32F, around)
    variance = cv2.subtract(cv2.sqrBoxFilter(picture, cv2.CV_32F, around), cv2.multiply(mean, mean))
    spread = np.sqrt(np.maximum(variance, 0)) + np.float32(NOISE_FLOOR)
    detail = cv2.subtract(picture, mean, dtype=cv2.CV_32F)
    return np.asarray(cv2.divide(detail, spread), np.float32)


def follow(before: Picture, after: Picture, points: Points) -> tuple[Points, Points]:
    """Follow points there and back; those that come back, where they were and where they went."""
    window = {"winSize": (17, 17), "maxLevel": 3}
    there, ok_there, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **window)  # type: ignore[call-overload]
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, None, **window)  # type: ignore[call-overload]
    miss = np.linalg.norm(back - points, axis=1)
    good = (ok_there.ravel() == 1) & (ok_back.ravel() == 1) & (miss < MAX_ROUND_TRIP)
    return points[good], there[good]


def fit_similarity(start: Points, end: Points) -> tuple[Matrix, float]:
    """Robust similarity from ``start`` to ``end``, each (n, 2), and the share that follows it."""
    matrix, inlier = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PIXELS, maxIters=500
    )
    if matrix is None:
        return IDENTITY.copy(), 0.0
    agreeing = inlier.ravel() == 1
    refined = _refine(start, end, matrix.astype(np.float64))
    return refined, float(agreeing.mean())


def _refine(start: Points, end: Points, matrix: Matrix, rounds: int = 3) -> Matrix:
    """Iteratively reweighted least squares with Cauchy weights, from a RANSAC start."""
    # As complex numbers, points are turned and scaled by one factor: the best has a closed form.
    before, after = (points.astype(float) @ np.array([1, 1j]) for points in (start, end))
    turn, shift = complex(*matrix[:, 0]), complex(*matrix[:, 2])
    for _ in range(rounds):
        distance = np.abs(turn * before + shift - after)
        scale = max(0.25, float(np.median(distance)) * 1.5)
        weight = 1 / (1 + (distance / scale) ** 2)
        weight /= weight.sum()
        center = weight @ before
        offset = before - center
        extent = float(weight @ np.abs(offset) ** 2)
        turn = complex((weight * offset.conj()) @ after) / max(extent, 1e-12)
        shift = complex(weight @ after) - turn * complex(center)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
