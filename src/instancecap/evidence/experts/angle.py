"""From which height the camera looks, where faces or the ground plane tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.schema.evidence import Face, InstanceFacts
from instancecap.schema.vocabulary import ShotAngle, Unknown

Array = NDArray[np.float64]

LEVEL_NOSE = (0.45, 0.65)
"""Where the nose's tip is between eyes (0) and mouth (1) in a face that is seen straight on: it
sticks out, and from above it sinks towards the mouth."""

GROUND_THINGS = frozenset(("person", "car", "bus", "truck", "vehicle", "motorcycle"))
"""Things that stand on the ground and keep their size."""

LEVEL_RATIO = (0.75, 1.8)
"""Height of things over that of the camera: people's eyes, or a hand's breadth above cars."""


def shot_angle(
    instances: Sequence[InstanceFacts], faces: Sequence[Face], *, static: bool, aspect: float
) -> ShotAngle | Unknown:
    """The angle, or nothing; ``static`` says that the camera rests."""
    noses = [_nose(face, aspect) for face in faces if len(face.landmarks) == 5]
    if len(noses) >= 3 and LEVEL_NOSE[0] <= float(np.median(noses)) <= LEVEL_NOSE[1]:
        return "eye_level"
    for kind in sorted(GROUND_THINGS & {item.class_ for item in instances}):
        things = [item for item in instances if item.class_ == kind and item.confidence >= 0.5]
        if found := _by_ground(things, static=static):
            return found
    return ""


def _nose(face: Face, aspect: float) -> float:
    marks = np.array(face.landmarks) * [aspect, 1.0]
    eyes, mouth = marks[:2].mean(axis=0), marks[3:].mean(axis=0)
    down = mouth - eyes
    return float((marks[2] - eyes) @ down / max(float(down @ down), 1e-9))


def _boxes(item: InstanceFacts) -> Array:
    return np.array([point.box for point in item.track]).reshape(-1, 4)


def _by_ground(things: Sequence[InstanceFacts], *, static: bool) -> ShotAngle | Unknown:
    """Heights of things of one kind shrink towards the horizon in step with their feet.

    Their slope is the things' height over the camera's; where they would vanish is the horizon.
    """
    whole = []
    for item in things:
        boxes = _boxes(item)
        # What the frame's edge cuts off has no height that could be measured.
        whole.append(boxes[(boxes[:, :2] > 0.02).all(axis=1) & (boxes[:, 2:] < 0.98).all(axis=1)])
    points = np.concatenate(whole) if whole else np.zeros((0, 4))
    if len(points) < 6:
        return ""
    feet, heights = points[:, 3], points[:, 3] - points[:, 1]
    if heights.max() < 1.6 * heights.min() or np.ptp(feet) < 0.1:
        return ""
    slope, offset = np.polyfit(feet, heights, 1)
    if slope <= 0 or np.corrcoef(feet, heights)[0, 1] < 0.95:
        return ""
    horizon, seen = -offset / slope, sum(len(boxes) >= 2 for boxes in whole)
    if seen >= 3 and LEVEL_RATIO[0] <= slope <= LEVEL_RATIO[1] and 0.15 <= horizon <= 0.7:
        return "eye_level"
    return "high_angle" if static and slope < 0.6 and horizon < -0.1 else ""
