"""Things that move by themselves: what is left of the picture's motion without the camera's.

Dense flow (DIS, Kroeger et al. 2016) minus the motion that the camera explains leaves patches
that move on their own. Boxes around them are found whether or not a detector knows the thing.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.appearance import box_colors
from instancecap.evidence.geometry import compose
from instancecap.evidence.movement import IDENTITY, UNKNOWN, MovingPatches, OwnFlow, Step
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.thresholds import MOTION
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.schema.evidence import Evidence
from instancecap.video.decode import Picture
from instancecap.video.sampling import Ticker

Array = NDArray[np.float64]

FLOW_SIDE = 208
"""Longer side in pixels of the pictures that dense flow is computed on."""

MOTION_RATE = 6.0
"""Times a second at which a sample is compared with the one before it."""

AT_FIRST = 2.0
"""Seconds in which every sample is compared: a short clip has too few otherwise."""


class MotionExpert:
    """Finds independently moving patches from sample to sample."""

    name = "motion"
    rate = SAMPLE_RATE
    needs = ("camera",)

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._flow.setFinestScale(1)  # the preset's 2 smears small things over 8 pixels
        self._before: tuple[float, Picture] | None = None
        self._due = Ticker(MOTION_RATE)
        self._carry = IDENTITY

    def add(self, sample: Sample, scene: Scene) -> None:
        """Keep what moves by itself, as detections whose only class is *object*."""
        self._carry = compose(self._carry, scene.matrix)
        if not self._due.due(sample.t) and sample.t > AT_FIRST:
            self._before = sample.t, _shrink(sample)
            return
        carry, self._carry = self._carry, IDENTITY
        scene.moving = moving = self.look(sample, scene.step)
        scores = (0.3 + 0.15 * moving.strength).clip(0, 0.9)[:, None].astype(np.float32)
        scene.patches.append(
            FrameDetections(
                index=sample.index,
                t=sample.t,
                boxes=moving.boxes,
                scores=scores,
                colors=np.array([box_colors(sample.color_names, box) for box in moving.boxes])
                if len(moving.boxes)
                else np.zeros((0, len(COLORS))),
                carry=carry,
                size=sample.size,
                flow=moving.flow,
                measured=moving.field is not None,
            )
        )

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Nothing of its own: the detections' expert makes instances of what moves."""

    def look(self, sample: Sample, step: Step | None) -> MovingPatches:
        """Patches at ``sample`` that moved more than the camera's steps explain."""
        before, now = self._before, _shrink(sample)
        self._before = sample.t, now
        if step is None or before is None or step.inliers < MOTION.min_inliers:
            return UNKNOWN
        seconds, earlier = max(sample.t - before[0], 1e-3), before[1]
        changed = _changed(earlier, now, step.matrix, sample.size)
        if not changed.any():
            still = np.zeros((*now.shape, 2), np.float32)
            return replace(UNKNOWN, field=OwnFlow(still, seconds))
        flow = self._flow.calc(now, earlier, None)  # type: ignore[call-overload]
        _take_off_camera(flow, step.matrix, sample.size)
        return _patches(OwnFlow(flow, seconds), changed)


def _shrink(sample: Sample) -> Picture:
    """The picture that flow is computed on."""
    scale = FLOW_SIDE / max(sample.size)
    size = (max(16, round(sample.size[0] * scale)), max(16, round(sample.size[1] * scale)))
    return np.asarray(cv2.resize(sample.gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _take_off_camera(flow: NDArray[np.float32], matrix: Array, from_size: tuple[int, int]) -> None:
    """Subtract, in place, the flow from the newer to the older picture that the camera causes.

    ``matrix`` is in pixels of ``from_size``, the flow (height, width, 2) in its own pixels.
    """
    height, width = flow.shape[:2]
    inverse = cv2.invertAffineTransform(matrix)
    inverse[:, 2] *= np.array([width / from_size[0], height / from_size[1]])
    shift = (inverse - np.eye(2, 3)).astype(np.float32)
    # A linear field: the sum of a row's part and a column's part.
    flow -= np.arange(width, dtype=np.float32)[:, None] * shift[:, 0]
    flow -= (np.arange(height, dtype=np.float32)[:, None] * shift[:, 1] + shift[:, 2])[:, None]


def _changed(
    earlier: Picture, now: Picture, matrix: Array, from_size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Where the picture differs from the earlier one as the camera's motion would show it.

    Flow on plain ground is made up; where nothing changed, nothing moved.
    """
    height, width = now.shape
    scale = np.array([width / from_size[0], height / from_size[1]])
    small = matrix.copy()
    small[:, 2] *= scale
    moved = cv2.warpAffine(earlier, small, (width, height), borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.blur(cv2.absdiff(now, moved), (3, 3))
    if np.abs(matrix - IDENTITY).max() > 0:
        # What the camera uncovers at the edges was not in the earlier picture.
        seen = cv2.warpAffine(np.full_like(earlier, 255), small, (width, height))
        difference[cv2.erode(seen, np.ones((7, 7), np.uint8), borderValue=255) < 255] = 0
    limit = max(MOTION.min_change, 3 * float(np.median(difference)))
    changed = cv2.dilate((difference > limit).astype(np.uint8), np.ones((7, 7), np.uint8))
    return changed.astype(bool)


def _patches(field: OwnFlow, changed: NDArray[np.bool_]) -> MovingPatches:
    """Patches of pixels that changed and whose flow stands out."""
    own = field.flow
    residual = np.asarray(cv2.magnitude(*cv2.split(own)), np.float32)
    few = residual[::2, ::2].ravel()
    noise = float(np.partition(few, few.size // 4)[few.size // 4])
    threshold = max(MOTION.min_motion, MOTION.noise_factor * noise)
    stands_out = ((residual > threshold) & changed).astype(np.uint8)
    opened = cv2.morphologyEx(stands_out, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    moving = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(moving)
    height, width = changed.shape
    area = stats[1:count, cv2.CC_STAT_AREA] / (width * height)
    keep = np.flatnonzero((area > MOTION.min_area) & (area < MOTION.max_area))
    keep = keep[np.argsort(-area[keep], kind="stable")][: MOTION.most_patches] + 1
    if not len(keep):
        return replace(UNKNOWN, field=field)
    size = np.array([width, height])
    speed, flow, corners = np.zeros(len(keep)), np.zeros((len(keep), 2)), np.zeros((len(keep), 4))
    for index, label in enumerate(keep):
        x, y, w, h, _ = stats[label].tolist()
        part = slice(y, y + h), slice(x, x + w)
        inside = labels[part] == label
        pace = residual[part]
        speed[index] = np.median(pace[inside])
        flow[index] = own[part][inside].mean(axis=0)
        core = inside & (pace >= MOTION.edge_speed * speed[index])
        left, top, wide, tall = cv2.boundingRect(core.astype(np.uint8))
        corners[index] = x + left, y + top, x + left + wide, y + top + tall
    return MovingPatches(
        boxes=corners / np.concatenate([size, size]),
        strength=speed / threshold,
        flow=-flow / size / field.seconds,
        field=field,
    )
