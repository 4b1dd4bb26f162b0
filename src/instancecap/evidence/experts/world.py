"""How a thing moves in the world: its path, or the flow in it, less the camera's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import (
    areas,
    centers,
    compose,
    coverage,
    direction_of,
    ious,
    touches_border,
)
from instancecap.evidence.tracking.tracks import FrameDetections, Track
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraFacts, InstanceMotion

Array = NDArray[np.float64]

MIN_TRAVEL = 0.03
"""Frame diagonals that a thing must travel in the world to count as moving."""

MIN_TRAVEL_OF_SIZE = 0.3
"""… and this share of its own size: large boxes tremble by more pixels than small ones."""

MIN_OWN_SHIFT = 0.06
"""Frame sizes by which a followed thing has to shift, the camera's turn taken away, to move."""

MIN_STEADY = 0.6
"""Mean own flow over mean strength of it from which a thing before a moving camera travels."""

MIN_COHERENCE = 0.5
"""Mean flow over mean speed of flow from which a patch goes somewhere rather than stirs."""


@dataclass(frozen=True, slots=True)
class CameraTrajectory:
    """Where the camera looked at every sample of a clip.

    Attributes:
        times: (n,) seconds of the samples.
        matrices: n cumulative 2×3 similarities from the first sample, in pixels of ``size``.
        moves: whether the camera moved at all.
        patches: what moved by itself, by the time of the sample.
    """

    times: Array
    matrices: tuple[Array, ...]
    size: tuple[int, int]
    moves: bool
    patches: dict[float, FrameDetections] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Sequence[FrameDetections], *, moves: bool) -> CameraTrajectory:
        """From every sample's carry, in order."""
        total = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        matrices = []
        for index, found in enumerate(samples):
            total = compose(total, found.carry) if index else total
            matrices.append(total)
        return cls(
            times=np.array([found.t for found in samples]),
            matrices=tuple(matrices),
            size=samples[0].size if samples else (1, 1),
            moves=moves,
            patches={found.t: found for found in samples},
        )

    def place(self, t: float, points: Array) -> tuple[Array, float]:
        """Points (n, 2), 0..1 of the frame at ``t``, in the first sample's pixels; and the zoom."""
        after = min(int(np.searchsorted(self.times, t)), len(self.times) - 1)
        before = max(after - 1, 0)
        index = before if t - self.times[before] < self.times[after] - t else after
        matrix = self.matrices[index]
        pixels = points * np.array(self.size)
        back = np.linalg.solve(matrix[:, :2], (pixels - matrix[:, 2]).T).T
        return back, float(np.hypot(matrix[0, 0], matrix[1, 0]))


def track_motion(track: Track, world: CameraTrajectory) -> InstanceMotion:
    """How a thing moves in the world, the camera's motion taken out.

    Before a resting camera the path of its box tells. Before a moving one the box's path in the
    world is off by parallax, and the flow inside the box against the flow around it tells.
    """
    boxes = np.array(track.boxes)
    middle = centers(boxes)
    diagonal = float(np.hypot(*world.size))
    placed = [world.place(t, point[None]) for t, point in zip(track.times, middle, strict=True)]
    zoom = np.array([z for _, z in placed])
    seconds = max(track.times[-1] - track.times[0], 1e-6)
    size = float(np.median(np.sqrt(areas(boxes) * world.size[0] * world.size[1]) / zoom))
    needed = max(MIN_TRAVEL * diagonal, MIN_TRAVEL_OF_SIZE * size)
    if world.moves:
        shift, reach = _flow_travel(track, world, seconds)
    else:
        shift, reach = _path_travel(np.array([point[0] for point, _ in placed]))
    net = float(np.linalg.norm(shift))
    moving = len(track.times) > 1 and reach > needed
    ends = max(1, min(3, len(boxes) // 3))
    frame_shift = middle[-ends:].mean(axis=0) - middle[:ends].mean(axis=0)
    return InstanceMotion(
        moving=moving,
        direction=direction_of(shift) if moving and net > 0.6 * max(needed, reach) else "",
        speed=round(reach / diagonal / seconds, 4) if moving else 0.0,
        scale_change=round(min(max(_scale_change(boxes, zoom), 0.01), 100.0), 3),
        activity=round(_activity(track, world), 3),
        frame_dx=round(float(frame_shift[0]), 4),
        frame_dy=round(float(frame_shift[1]), 4),
    )


def _path_travel(path: Array) -> tuple[Array, float]:
    """Net shift of a path (n, 2) in pixels, and how far it gets from its start."""
    ends = max(1, min(3, len(path) // 3))
    start = path[:ends].mean(axis=0)
    shift = path[-ends:].mean(axis=0) - start
    farthest = float(np.linalg.norm(path - start, axis=1).max())
    return shift, max(farthest, float(np.linalg.norm(shift)))


def _flow_travel(track: Track, world: CameraTrajectory, seconds: float) -> tuple[Array, float]:
    """Travel in pixels by the flow in the box; nothing unless the flow keeps its direction."""
    if len(track.flows) < 2:
        return np.zeros(2), 0.0
    flows = np.array(track.flows) * np.array(world.size)
    mean = flows.mean(axis=0)
    steady = float(np.linalg.norm(mean)) / max(float(np.linalg.norm(flows, axis=1).mean()), 1e-9)
    if steady < MIN_STEADY:
        return np.zeros(2), 0.0
    return mean * seconds, float(np.linalg.norm(mean)) * seconds


def _scale_change(boxes: Array, zoom: Array) -> float:
    """Last area over first area, 1 unless width and height change the same way.

    Something that comes closer grows both ways; somebody who stands up grows in height alone.
    Boxes at the frame's edge show a part only and tell nothing.
    """
    whole = ~touches_border(boxes)
    if whole.sum() < 3:
        return 1.0
    boxes, zoom = boxes[whole], zoom[whole]
    sides = (boxes[:, 2:] - boxes[:, :2]) / zoom[:, None]
    part = max(1, min(3, len(sides) // 3))
    first, last = np.median(sides[:part], axis=0), np.median(sides[-part:], axis=0)
    ratio = last / np.maximum(first, 1e-6)
    if (ratio > 1).all():
        return float(ratio.min() ** 2)
    return float(ratio.max() ** 2) if (ratio < 1).all() else 1.0


def _activity(track: Track, world: CameraTrajectory) -> float:
    """Share of the track's samples in which a moving patch covers part of the box."""
    seen = hit = 0
    for t, box in zip(track.times, track.boxes, strict=True):
        found = world.patches.get(t)
        if found is None or not found.measured:
            continue
        seen += 1
        if len(found.boxes):
            hit += bool(coverage(box[None], found.boxes)[0].max() > 0.08)
    return hit / seen if seen else 0.0


def trust_patch(track: Track, motion: InstanceMotion, world: CameraTrajectory) -> InstanceMotion:
    """Keep the travel of a moving patch only where its flow or a straight path bears it out.

    The box around a moving patch changes with which part of a thing happens to move, and so
    seems to travel, and to grow, when nothing does.
    """
    moving = motion.moving and (_flow_agrees(track, motion, world) or _is_straight(track))
    return motion.model_copy(
        update={
            "moving": moving,
            "direction": motion.direction if moving else "",
            "speed": motion.speed if moving else 0.0,
            "scale_change": 1.0,
        }
    )


def _flow_agrees(track: Track, motion: InstanceMotion, world: CameraTrajectory) -> bool:
    flows = []
    for t, box in zip(track.times, track.boxes, strict=True):
        found = world.patches.get(t)
        if found is not None and found.flow is not None and len(found.boxes):
            flows.append(found.flow[int(ious(box[None], found.boxes)[0].argmax())])
    if not flows:
        return False
    mean, shift = np.mean(flows, axis=0), np.array([motion.frame_dx, motion.frame_dy])
    strength = float(np.mean([np.linalg.norm(flow) for flow in flows]))
    coherent = float(np.linalg.norm(mean)) > MIN_COHERENCE * strength
    return coherent and float(mean @ shift) > 0.5 * float(
        np.linalg.norm(mean) * np.linalg.norm(shift)
    )


def _is_straight(track: Track) -> bool:
    """True for a path much longer than the thing that does not wander."""
    boxes = np.array(track.boxes)
    path = centers(boxes)
    steps = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    net = float(np.linalg.norm(path[-1] - path[0]))
    size = float(np.median(np.sqrt(areas(boxes))))
    return net > max(0.6 * steps, 0.8 * size)


def own_motion(track: Sequence[TrackPoint], camera: CameraFacts) -> InstanceMotion:
    """How a thing moves by its boxes, what the camera's turn shifts them by taken away."""
    if len(track) < 2:
        return InstanceMotion(moving=False)
    boxes = np.array([point.box for point in track])
    start, end = track[0].t, track[-1].t
    steps = [step for step in camera.path if start < step.t <= end]
    shift = centers(boxes)[-1] - centers(boxes)[0]
    own = shift - np.array([sum(step.dx for step in steps), sum(step.dy for step in steps)])
    zoom = float(np.prod([step.zoom for step in steps])) if steps else 1.0
    growth = areas(boxes)[-1] / max(float(areas(boxes)[0]), 1e-6) / max(zoom, 1e-3) ** 2
    moving = bool(np.abs(own).max() >= MIN_OWN_SHIFT)
    return InstanceMotion(
        moving=moving,
        direction=direction_of(own) if moving else "",
        speed=round(float(np.hypot(*own) / np.sqrt(2) / max(end - start, 1e-3)), 4),
        scale_change=round(float(np.clip(growth, 0.01, 100)), 3),
        frame_dx=round(float(shift[0]), 4),
        frame_dy=round(float(shift[1]), 4),
    )
