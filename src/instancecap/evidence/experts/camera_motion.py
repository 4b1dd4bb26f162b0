"""From followed points, or from poses, to what the camera's words are made of.

Both end as the path that optical flow gives too, the background's motion from picture to picture.
Points that were followed for longer show a travel by parallax, as corners do in the pass over the
frames (:mod:`instancecap.evidence.experts.parallax`): a model without depth is held against one in
which near points move further along the lines of a travel. Poses tell the turn, the lens and the
travel apart by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.camera_model import CameraPoses, PointTracks, Window
from instancecap.evidence.experts.camera import background_motion
from instancecap.evidence.experts.camera_path import PoseStep
from instancecap.evidence.experts.parallax import (
    Expansion,
    Parallax,
    measure,
    measure_expansion,
    reach_of,
)
from instancecap.evidence.geometry import compose
from instancecap.evidence.movement import IDENTITY, Matrix, Step
from instancecap.evidence.sample import SMALL_SIDE
from instancecap.evidence.thresholds import CAMERA, PARALLAX
from instancecap.schema.evidence import CameraSample

Array = NDArray[np.float64]

USUAL_LENS = 1.1
"""Focal length in longer sides of the picture that is taken for the camera's: 49 degrees wide."""

MOST_MOVED = 1.0
"""Frame sizes, or log of the zoom, by which neither a turn nor a travel moves the picture from one
to the next: poses that say more are wrong, and nothing is known of that step."""

OFF_PIXELS = 1.0
"""Pixels up to which a point agrees with the epipolar geometry."""


@dataclass(slots=True)
class CameraMotion:
    """What a camera model saw of a clip, window after window."""

    path: list[CameraSample] = field(default_factory=list)
    parallax: list[Parallax] = field(default_factory=list)
    expansions: list[Expansion] = field(default_factory=list)
    poses: list[PoseStep] = field(default_factory=list)

    def add(self, seen: PointTracks | CameraPoses, window: Window) -> None:
        """Take in what was seen of a window. Raises ValueError where its shapes do not fit."""
        if isinstance(seen, PointTracks):
            self._add_tracks(seen, window)
        else:
            self._add_poses(seen, window)

    def _add_tracks(self, tracks: PointTracks, window: Window) -> None:
        count, many = len(window.times), tracks.points.shape[1]
        _check("points", tracks.points, (count, many, 2))
        _check("visible", tracks.visible, (count, many))
        tracks = PointTracks(tracks.points, _on_background(tracks, window))
        matrices = [self._step(tracks, window, index) for index in range(1, count)]
        self.parallax += _stretches(tracks, window, matrices)

    def _step(self, tracks: PointTracks, window: Window, index: int) -> Matrix:
        """The background's motion up to a picture, in its pixels.

        It is fitted in a picture of the size that the limits of the fit were chosen for.
        """
        height, width = window.pictures.shape[1:3]
        scale, t = SMALL_SIDE / max(height, width), float(window.times[index])
        small = (round(height * scale), round(width * scale))
        start, end = (
            (points * scale).astype(np.float32) for points in _in_both(tracks, index - 1, index)
        )
        matrix, inliers = background_motion(start, end, small)
        if expansion := measure_expansion(start, end, matrix, small, t=t):
            self.expansions.append(expansion)
        matrix = np.column_stack([matrix[:, :2], matrix[:, 2] / scale])
        step = Step(t=t, matrix=matrix, inliers=inliers, size=(width, height))
        self.path.append(step.facts())
        return matrix

    def _add_poses(self, poses: CameraPoses, window: Window) -> None:
        count = len(window.times)
        _check("extrinsics", poses.extrinsics, (count, 3, 4))
        _check("intrinsics", poses.intrinsics, (count, 3, 3))
        _check("depth", poses.depth, (count, *poses.depth.shape[1:]))
        nearness = [_nearness(poses.depth[i], window.background[i]) for i in range(count)]
        for index in range(1, count):
            t = float(window.times[index])
            step, roll = _pose_step(poses, index, nearness[index - 1], t=t)
            if np.abs([*step.turn, *step.travel]).max() > MOST_MOVED:
                self.path.append(CameraSample(t=round(t, 4), dx=0, dy=0, zoom=1, roll=0, inliers=0))
                continue
            right, down, closer = (np.array(step.turn) + np.array(step.travel)).tolist()
            self.poses.append(step)
            self.path.append(
                CameraSample(
                    t=round(t, 4),
                    dx=round(right, 6),
                    dy=round(down, 6),
                    zoom=round(float(np.exp(closer)), 6),
                    roll=round(roll, 5),
                    inliers=1.0,
                )
            )


def _check(name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} of shape {array.shape}, where {shape} was due")
    if name != "depth" and not np.isfinite(array).all():
        raise ValueError(f"{name} that are no numbers")


def _on_background(tracks: PointTracks, window: Window) -> NDArray[np.bool_]:
    """Where points are seen, and on the background."""
    height, width = window.pictures.shape[1:3]
    x, y = np.floor(tracks.points).astype(int).transpose(2, 0, 1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    picture = np.arange(len(window.times))[:, None]
    ground = window.background[picture, y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.asarray(tracks.visible & inside & ground)


def _in_both(tracks: PointTracks, first: int, last: int) -> tuple[Array, Array]:
    """Points (n, 2) that are seen in two pictures, in the one and in the other."""
    both = tracks.visible[first] & tracks.visible[last]
    return tracks.points[first, both], tracks.points[last, both]


def _stretches(
    tracks: PointTracks, window: Window, matrices: Sequence[Matrix]
) -> Iterator[Parallax]:
    """Parallax over stretches in which the picture moves far enough, one after another."""
    height, width = window.pictures.shape[1:3]
    start, total = 0, IDENTITY
    for index, matrix in enumerate(matrices, start=1):
        total = compose(total, matrix)
        reach = reach_of(total, (height, width))
        begin, end = float(window.times[start]), float(window.times[index])
        is_long = reach >= PARALLAX.reach or end - begin >= PARALLAX.max_seconds
        if not is_long and index < len(matrices):
            continue
        before, after = _in_both(tracks, start, index)
        if reach >= PARALLAX.least_reach and len(before) >= PARALLAX.min_points:
            seen = measure(before, after, (width, height), start=begin, end=end)
            if seen.proven and abs(seen.lead[0]) < CAMERA.min_lead:
                sideways = _sideways_lead(before, after, np.array([width, height]))
                seen = replace(seen, lead=(sideways, seen.lead[1]))
            yield seen
        start, total = index, IDENTITY


def _sideways_lead(before: Array, after: Array, size: Array) -> float:
    """As ``lead`` of :class:`Parallax`, where height in the picture does not tell what is near.

    The essential matrix says how far the camera turned (Hartley and Zisserman, *Multiple View
    Geometry*, chapter 9); what is left of the points' motion to the right is the travel's. The lens
    is not known, and the turn that is found grows with the square of its focal length: so a usual
    one decides whether the travel is larger, and that it goes against the turn has to hold for the
    widest one. 0 where neither does.
    """
    focal = USUAL_LENS * float(size.max())
    lens = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    matrix, agrees = cv2.findEssentialMat(
        before, after, lens, method=cv2.RANSAC, threshold=OFF_PIXELS
    )
    if matrix is None or matrix.shape != (3, 3):
        return 0.0
    _, turned, _, _ = cv2.recoverPose(matrix, before, after, lens, mask=agrees)
    turn = focal * float(turned[0, 2]) / max(float(turned[2, 2]), 1e-3)
    total = float(np.median(after[:, 0] - before[:, 0]))
    share = turn / total if total else 0.0
    if share < 0.5:
        return float(np.sign(total))
    against = share * (PARALLAX.widest_lens / USUAL_LENS) ** 2 > 1
    return -float(np.sign(total)) if against else 0.0


def _nearness(depth: Array, background: NDArray[np.bool_]) -> float:
    """Median of one over the depth of the background; of all where no background is seen."""
    height, width = depth.shape
    mask = cv2.resize(background.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    known = np.isfinite(depth) & (depth > 0)
    chosen = known & (mask > 0)
    values = depth[chosen if chosen.any() else known]
    return float(np.median(1 / values)) if len(values) else 0.0


def _pose_step(
    poses: CameraPoses, index: int, nearness: float, *, t: float
) -> tuple[PoseStep, float]:
    """The step up to a picture, and by how many degrees the picture turns clockwise."""
    height, width = poses.depth.shape[1:]
    before, after = poses.extrinsics[index - 1], poses.extrinsics[index]
    lens, next_lens = poses.intrinsics[index - 1], poses.intrinsics[index]
    size = np.array([width, height])
    focal, next_focal = np.diag(lens)[:2], np.diag(next_lens)[:2]
    turned = after[:, :3] @ before[:, :3].T
    # Where the camera went, in the axes that it had before.
    went = -before[:, :3] @ after[:, :3].T @ after[:, 3] + before[:, 3]
    ahead = turned[:, 2]
    turn = next_focal * ahead[:2] / max(float(ahead[2]), 1e-3) / size
    travel = -focal * went[:2] * nearness / size
    closer = -np.log(max(1 - float(went[2]) * nearness, 1e-3))
    lens_zoom = float(np.log(next_focal / focal).mean())
    roll = float(np.degrees(np.arctan2(turned[1, 0], turned[0, 0])))
    step = PoseStep(
        t,
        turn=(float(turn[0]), float(turn[1]), lens_zoom),
        travel=(float(travel[0]), float(travel[1]), float(closer)),
    )
    return step, roll
