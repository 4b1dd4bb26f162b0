"""Bodies of seventeen joints in known poses, as a camera at a person's height sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.pose_words import Skeleton

Array = NDArray[np.float64]

TRUNK, THIGH, SHIN, ARM = 0.52, 0.45, 0.43, 0.28
"""Meters."""


def bone(length: float, degrees: float) -> Array:
    """From straight down, toward the right of the picture where positive."""
    angle = np.radians(degrees)
    return length * np.array([np.sin(angle), np.cos(angle)])


def body(
    *,
    trunk: float = 0.0,
    thighs: tuple[float, float] = (3.0, -3.0),
    shins: tuple[float, float] = (0.0, 0.0),
    arms: tuple[tuple[float, float], tuple[float, float]] = ((8.0, 8.0), (-8.0, -8.0)),
    toward: float = 1.0,
) -> Array:
    """Joints (17, 2) in meters, hips at (0, 0), y down.

    Args:
        trunk: degrees that it leans to the right.
        thighs, shins: degrees of each from straight down, left and right.
        arms: of upper arm and forearm.
        toward: how much of a thigh's length is seen; less where it points at the camera.
    """
    joints = np.zeros((17, 2))
    up = -bone(TRUNK, -trunk)
    joints[:5] = 1.4 * up
    for side, across in ((0, 0.06), (1, -0.06)):
        shoulder, hip = up + np.array([3 * across, 0.0]), np.array([1.6 * across, 0.0])
        elbow = shoulder + bone(ARM, arms[side][0])
        knee = hip + toward * bone(THIGH, thighs[side])
        joints[5 + side], joints[7 + side] = shoulder, elbow
        joints[9 + side] = elbow + bone(ARM, arms[side][1])
        joints[11 + side], joints[13 + side] = hip, knee
        joints[15 + side] = knee + bone(SHIN, shins[side])
    return joints


def turned(points: Array, degrees: float, *, about: Array) -> Array:
    """Points turned clockwise."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray((points - about) @ matrix.T + about)


STANDING = body()
SEATED = body(trunk=-10, thighs=(85, 88), shins=(0, 5))
SEATED_IN_FRONT = body(thighs=(10, -10), shins=(2, -2), toward=0.25)
LYING = turned(STANDING, 88, about=np.zeros(2))
BOTH_ARMS = body(arms=((150, 170), (-150, -170)))
ONE_ARM = body(arms=((150, 170), (-8, -8)))


def gait(phase: float) -> Array:
    """A body in the step of ``phase`` (0..1 of two steps), seen from the side."""
    swing = 26 * np.sin(2 * np.pi * phase)
    lift = 40 * max(0.0, np.cos(2 * np.pi * phase)), 40 * max(0.0, -np.cos(2 * np.pi * phase))
    return body(
        thighs=(swing, -swing), shins=(swing - lift[0], -swing - lift[1]),
        arms=((-swing, -swing), (swing, swing)),
    )  # fmt: skip


def seen(
    joints: Array, t: float, *, scale: float = 0.3, at: tuple[float, float] = (0.8, 0.5)
) -> Skeleton:
    """In frame heights, ``scale`` of them a meter."""
    return Skeleton(t, joints * scale + np.array(at), np.full(17, 0.9))


def resting(joints: Array, *, seconds: float = 2.0, **how: object) -> list[Skeleton]:
    """The same pose at four samples a second."""
    return [seen(joints, i / 4, **how) for i in range(int(seconds * 4) + 1)]  # type: ignore[arg-type]


def walk(*, speed: float = 1.3, scale: float = 0.3, seconds: float = 2.0) -> list[Skeleton]:
    """Somebody who walks to the right, ``speed`` meters a second, a stride in 1.1 s."""
    return [
        seen(gait(t / 1.1), t, scale=scale, at=(0.3 + scale * speed * t, 0.5))
        for t in (i / 4 for i in range(int(seconds * 4) + 1))
    ]
