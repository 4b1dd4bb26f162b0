"""Colors of the instances in their boxes, told from what surrounds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.sample import Sample
from instancecap.evidence.thresholds import COLOR
from instancecap.models.coco import CLASSES

Array = NDArray[np.float64]

TORSO = (0.2, 0.18, 0.8, 0.62)
"""Part of an upright person's box that shows clothes rather than hair, skin and ground."""

UPRIGHT = 1.2
"""Height over width, in pixels, from which a person's box shows what is worn above in that part."""

DOUBTFUL = frozenset(("brown", "beige", "pink", "gray"))

_PERSON = CLASSES.index("person")


def instance_colors(sample: Sample, boxes: Array, scores: NDArray[np.floating]) -> Array:
    """Color shares (n, colors) of what is in the boxes; of people, of what they wear above."""
    names = sample.color_names
    rows = [
        box_colors(names, box, part=TORSO if int(score.argmax()) == _PERSON else None)
        for box, score in zip(boxes, scores, strict=True)
    ]
    return np.stack(rows) if rows else np.zeros((0, len(COLORS)))


def color_shares(names: NDArray[np.uint8]) -> Array:
    """Share of each colour among named pixels of any shape; sums to 1 (or 0 for none)."""
    counts = _counts(names)
    total = counts.sum()
    return counts / total if total else counts


def _counts(names: NDArray[np.uint8]) -> Array:
    return np.bincount(names.ravel(), minlength=len(COLORS)).astype(float)


def _squared_offsets(length: int) -> Array:
    """Squared distances from the middle of a row of pixels, whose ends are at 1."""
    middle = (length - 1) / 2
    return np.asarray(((np.arange(length) - middle) / max(middle, 1)) ** 2)


def box_colors(
    names: NDArray[np.uint8], box: Array, *, part: tuple[float, float, float, float] | None = None
) -> Array:
    """Color shares of the instance in a box (0..1), told from what surrounds the box.

    The inner ellipse of the box is mostly the instance, the ring around the box mostly not: colors
    are counted in the ellipse and lose what the ring has of them. ``part`` of the box (0..1) is
    counted instead of all of it.
    """
    height, width = names.shape
    x0, y0, x1, y1 = (np.asarray(box) * [width, height, width, height]).astype(int)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    inner = names[y0:y1, x0:x1]
    if inner.size == 0:
        return np.zeros(len(COLORS))
    shown = inner
    if part is not None and y1 - y0 >= UPRIGHT * (x1 - x0):
        tall, wide = inner.shape
        left, top, right, bottom = (np.array(part) * [wide, tall, wide, tall]).astype(int)
        shown = inner[top : max(bottom, top + 1), left : max(right, left + 1)]
    down, across = (_squared_offsets(length) for length in shown.shape)
    thing = color_shares(shown[down[:, None] + across <= 0.64])
    pad_x, pad_y = max(3, (x1 - x0) // 5), max(3, (y1 - y0) // 5)
    ring = names[max(0, y0 - pad_y) : y1 + pad_y, max(0, x0 - pad_x) : x1 + pad_x]
    around = _counts(ring) - _counts(inner)
    if around.sum() < 0.1 * inner.size:
        return thing
    kept = np.maximum(thing - 0.6 * around / around.sum(), 0.15 * thing)
    return np.asarray(kept / kept.sum())


def named_shares(shares: Array, *, minimum: float = 0.12, most: int = 3) -> list[tuple[str, float]]:
    """The colours worth a name, largest first."""
    order = np.argsort(-shares, kind="stable")[:most]
    return [
        (COLORS[index], round(float(shares[index]), 3))
        for index in order
        if shares[index] >= minimum
    ]


def sure_colors(
    colors: Sequence[tuple[str, float]], class_: str, *, upright: float
) -> list[tuple[str, float]]:
    """The colors that are told of an instance: those that fill much of what is seen.

    A person whose box is not upright shows skin and hair as much as clothes: of six such colors on
    labelled clips three were right.

    Brown, beige and pink are skin, wood and lamplight as often as paint or cloth, gray and black
    are shade, and paint mirrors what is around it: they need more of it.

    Args:
        upright: height over width of the instance's box, in pixels.
    """
    if class_ == "person" and upright < UPRIGHT:
        return []
    least = COLOR.share if class_ == "person" else COLOR.paint
    needed = dict.fromkeys(DOUBTFUL, COLOR.doubtful) | {"black": COLOR.black}
    return [(name, share) for name, share in colors if share >= needed.get(name, least)]
