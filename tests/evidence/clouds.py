"""A cloud of points before a camera whose path is known: what a camera model would see of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.scene_render import FIELD_OF_VIEW, CameraPath, Pose
from instancecap.evidence.camera_model import CameraPoses, PointTracks, Window

SIZE = (416, 234)
LENS = SIZE[0] / 2 / np.tan(np.radians(FIELD_OF_VIEW / 2))


def cloud(
    *, seed: int = 1, count: int = 2000, near: float = 2.5, far: float = 25.0, ground: bool = False
) -> np.ndarray:
    """Points (n, 3) all around the camera's way, as dense in the picture near by as far away.

    On ``ground`` what is lower is nearer, with a little disorder; else height tells nothing.
    """
    rng = np.random.default_rng(seed)
    x, y, share = rng.uniform([-1.6, -1.6, 0], [1.6, 1.6, 1], (count, 3)).T
    if ground:
        share = (share + 9 * (y + 1.6) / 3.2) / 10
    depth = 1 / (1 / far + (1 / near - 1 / far) * share)
    return np.column_stack([x * depth, 0.7 * y * depth, depth])


def lens_of(pose: Pose) -> float:
    """Focal length in pixels."""
    return float(LENS * np.exp(pose.log_zoom))


def project(points: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 2) and depth (n,) of points in space."""
    seen = (points - [pose.x, pose.y, pose.z]) @ pose.axes().T
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = seen[:, :2] / seen[:, 2:] * lens_of(pose) + np.array(SIZE) / 2
    return flat, seen[:, 2]


@dataclass
class CloudModel:
    """A camera model whose answers are known: it sees the cloud, whatever it is shown.

    Attributes:
        path: the camera's.
        poses: answer with poses; else with points.
        noise: pixels by which a point is off; poses are off in proportion.
        ground: whether what is lower is nearer.
    """

    path: CameraPath
    poses: bool = False
    noise: float = 0.3
    ground: bool = False
    name: str = "cloud"
    rate: float = 8.0
    most: int = 24
    seed: int = 1

    def look(self, window: Window) -> PointTracks | CameraPoses:
        at = [self.path.at(float(t)) for t in window.times]
        rng = np.random.default_rng(self.seed + int(1000 * window.times[0]))
        return self._poses(at, rng) if self.poses else self._tracks(at, rng)

    def _tracks(self, at: list[Pose], rng: np.random.Generator) -> PointTracks:
        points = cloud(seed=self.seed, ground=self.ground)
        pixels, depth = zip(*(project(points, pose) for pose in at), strict=True)
        flat, ahead = np.stack(pixels), np.stack(depth) > 0.2
        seen = ahead & ((flat > 0) & (flat < np.array(SIZE))).all(axis=2)
        often = np.argsort(-seen.sum(axis=0), kind="stable")[:400]
        flat = flat[:, often] + rng.normal(0, self.noise, (len(at), len(often), 2))
        return PointTracks(np.nan_to_num(flat, posinf=0, neginf=0), seen[:, often])

    def _poses(self, at: list[Pose], rng: np.random.Generator) -> CameraPoses:
        points = cloud(seed=self.seed, ground=self.ground)
        extrinsics, intrinsics, depths = [], [], []
        scale = 3.7  # nobody knows how large the world is
        for pose in at:
            axes, here = pose.axes(), np.array([pose.x, pose.y, pose.z])
            here = here + rng.normal(0, self.noise * 0.01, 3)
            extrinsics.append(np.column_stack([axes, -axes @ here * scale]))
            lens = lens_of(pose) / SIZE[0] * 64 * (1 + rng.normal(0, self.noise * 0.005))
            intrinsics.append([[lens, 0, 32], [0, lens, 18], [0, 0, 1]])
            flat, depth = project(points, pose)
            inside = (depth > 0.2) & ((flat > 0) & (flat < np.array(SIZE))).all(axis=1)
            picture = np.full((36, 64), np.nan)
            x, y = (flat[inside] / np.array(SIZE) * [64, 36]).astype(int).T
            picture[y, x] = depth[inside] * scale
            depths.append(picture)
        return CameraPoses(np.array(extrinsics), np.array(intrinsics), np.array(depths))


def windows(path: CameraPath, *, rate: float, most: int) -> list[Window]:
    """Windows of a clip of ``path``, of pictures that show nothing."""
    times = np.arange(0, path.duration, 1 / rate)
    found = []
    for first in range(0, len(times) - 1, most - 1):
        some = times[first : first + most]
        shape = (len(some), SIZE[1], SIZE[0])
        found.append(Window(some, np.zeros((*shape, 3), np.uint8), np.ones(shape, bool)))
    return found
