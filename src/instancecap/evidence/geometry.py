"""Arithmetic of boxes, each x0 y0 x1 y1 in 0..1 of the frame, and of 2×3 similarity matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instancecap.schema.evidence import Direction

Array = NDArray[np.float64]

BORDER = 0.025
"""Share of the frame within which a box touches its edge."""


def areas(boxes: Array) -> Array:
    """Areas of boxes (n, 4); shape (n,)."""
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)


def intersections(first: Array, second: Array) -> Array:
    """Shared area of every pair; (n, 4) and (m, 4) give (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=2))


def ious(first: Array, second: Array) -> Array:
    """Intersection over union of every pair; (n, 4) and (m, 4) give (n, m)."""
    shared = intersections(first, second)
    union = areas(first)[:, None] + areas(second)[None, :] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def coverage(inner: Array, outer: Array) -> Array:
    """Share of each inner box that lies in each outer one; (n, 4) and (m, 4) give (n, m)."""
    return np.asarray(intersections(inner, outer) / np.maximum(areas(inner), 1e-9)[:, None])


def pairwise_ious(first: Array, second: Array) -> Array:
    """Intersection over union of corresponding boxes; (n, 4) twice gives (n,)."""
    shared = _pairwise_intersections(first, second)
    return np.asarray(shared / np.maximum(areas(first) + areas(second) - shared, 1e-9))


def pairwise_coverage(inner: Array, outer: Array) -> Array:
    """Share of each inner box that lies in the corresponding outer one; (n,)."""
    return np.asarray(_pairwise_intersections(inner, outer) / np.maximum(areas(inner), 1e-9))


def _pairwise_intersections(first: Array, second: Array) -> Array:
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=1))


def centers(boxes: Array) -> Array:
    """Centres (n, 2) of boxes (n, 4)."""
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def as_box(values: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """Four numbers as a box of the schema: within the frame, rounded to 1/10,000."""
    x0, y0, x1, y1 = (round(float(value), 4) for value in np.clip(values, 0, 1))
    return x0, y0, x1, y1


def move_boxes(boxes: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """Boxes carried along by a similarity in pixels of a picture of ``size`` (width, height)."""
    scale = np.array([*size, *size], float)
    pixels = boxes * scale
    middle = centers(pixels)
    half = (pixels[:, 2:] - pixels[:, :2]) / 2 * np.hypot(matrix[0, 0], matrix[1, 0])
    moved = middle @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(np.concatenate([moved - half, moved + half], axis=1) / scale)


def compose(first: Array, then: Array) -> Array:
    """The 2×3 matrix that does ``first`` and ``then``."""
    linear = then[:, :2] @ first[:, :2]
    shift = then[:, :2] @ first[:, 2] + then[:, 2]
    return np.concatenate([linear, shift[:, None]], axis=1)


def direction_of(shift: Array) -> Direction:
    """One of eight directions; the four main ones are twice as wide."""
    x, y = float(shift[0]), float(shift[1])
    across: Direction = "right" if x > 0 else "left"
    along: Direction = "down" if y > 0 else "up"
    if abs(x) > 2 * abs(y):
        return across
    if abs(y) > 2 * abs(x):
        return along
    return f"{along}_{across}"  # type: ignore[return-value]


def touches_border(boxes: Array) -> NDArray[np.bool_]:
    """Which boxes (n, 4) touch the frame's edge and so may show a part of the instance only."""
    return np.asarray(touched_sides(boxes).any(axis=1))


def touched_sides(boxes: Array) -> NDArray[np.bool_]:
    """Which sides of the frame (left, top, right, bottom) each box (n, 4) touches; (n, 4)."""
    return np.concatenate([boxes[:, :2] < BORDER, boxes[:, 2:] > 1 - BORDER], axis=1)
