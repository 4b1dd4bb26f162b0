"""What is done to a picture so that a multimodal model is asked about one instance in it.

InstanceCap (Fan et al. 2024) replaces what lies outside an instance's mask by a copy that was
scaled down and up again by about 150: colors stay, things go. A close-up darkens what is around,
and leaves it to be seen: what a thing is held by, or does, is still plain.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.cluster import load_masker, load_segmenter
from instancecap.video.decode import Picture
from instancecap.video.sampling import fit_within

Box = NDArray[np.float64]
RED = (255, 0, 0)

SALIENT = 0.5
"""How likely a pixel of a box has to be part of its instance to be left undimmed."""

BLUR_FACTOR = 150
"""How far the paper scales down what is outside the mask."""

MIN_BLUR_CELLS = 4
"""Pixels of the longer side of the scaled-down copy; fewer would be a plain color."""

DIMMED = 0.55
"""Share of its brightness that dimmed context keeps. With less, a black thing seems to be lit."""

CLOSE_MARGIN = 0.5
"""Share of a box's size that its surroundings add on each side in a close-up; at least
``CLOSE_LEAST`` of the frame is shown, so that small things have neighbors."""

CLOSE_LEAST = 0.2
CLOSE_FEATHER = 0.01
"""Width over which a close-up goes over to dark, over the frame's longer side."""

FEATHER = 5
"""Pixels of the window that softens a mask's edge: 2 on each side of it. The mask grows by as many,
so that its soft edge lies outside the thing."""

UNREACHED = 0.15
"""Share of a box's size by which a mask may stay away from a side before it misses a part: about
a head, an eighth of a person's height."""

MAX_CROP_RATIO = 1.5
"""Longer over shorter side of a crop, the frame's edge permitting."""

MAX_ENLARGEMENT = 3.0


def blur_around(picture: Picture, box: Box, *, side: int, segmenter: str = "") -> Picture:
    """A picture in which all but what lies in a box is blurred, as the paper does it.

    Args:
        picture: uint8 RGB (height, width, 3); not changed.
        box: x0 y0 x1 y1 in 0..1.
        side: longer side of the result in pixels at most.
        segmenter: who tells what is in the box from what is around it; as of
            :class:`instancecap.evidence.choice.Cluster`.
    """
    picture = resized(picture, side)
    return _blend(picture, blurred(picture), _mask(picture, box, segmenter))


def close_up(picture: Picture, box: Box, *, side: int, segmenter: str = "") -> Picture:
    """What lies in a box (0..1) and near it, enlarged; what is not in it is darkened.

    ``side``: longer side of the result in pixels, at most; ``segmenter`` as of
    :func:`blur_around`.
    """
    height, width = picture.shape[:2]
    mask = _mask(picture, box, segmenter)
    feather = 2 * max(FEATHER, round(max(height, width) * CLOSE_FEATHER)) + 1
    dimmed = np.asarray(picture * DIMMED, np.uint8)
    lit = _blend(picture, dimmed, mask, feather=feather)
    center, span = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * (1 + 2 * CLOSE_MARGIN)
    half = np.maximum(span, CLOSE_LEAST) / 2
    x0, y0, x1, y1 = crop_around(np.concatenate([center - half, center + half]), (width, height))
    part = lit[y0:y1, x0:x1]
    scale = min(MAX_ENLARGEMENT, side / max(part.shape[:2]))
    size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)


def resized(picture: Picture, side: int) -> Picture:
    """A picture whose longer side has ``side`` pixels at most."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    size = fit_within(width / height, side)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def outline_box(picture: Picture, box: Box, *, label: str = "") -> Picture:
    """A copy with a red line just outside a box, and a word at its corner."""
    height, width = picture.shape[:2]
    thickness = max(2, round(max(height, width) / 250))
    x0, y0, x1, y1 = (box * (width, height, width, height)).round().astype(int).tolist()
    drawn = picture.copy()
    cv2.rectangle(drawn, (x0 - thickness, y0 - thickness), (x1 + thickness, y1 + thickness), RED,
                  thickness)  # fmt: skip
    if label:
        scale = max(height, width) / 800
        corner = max(0, x0), max(round(22 * scale), y0 - 2 * thickness)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(drawn, label, corner, font, scale, (0, 0, 0), 4 * thickness, cv2.LINE_AA)
        cv2.putText(drawn, label, corner, font, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    return drawn


def to_jpeg(picture: Picture, *, quality: int = 90) -> bytes:
    """An RGB picture (height, width, 3) as a JPEG file; ``quality`` 1..100."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, picture.shape
    return data.tobytes()


def from_jpeg(data: bytes) -> Picture:
    """A JPEG file as an RGB picture (height, width, 3)."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def blurred(picture: Picture) -> Picture:
    """The picture scaled down by ``BLUR_FACTOR`` and up again: its colors, none of its things."""
    height, width = picture.shape[:2]
    cells = max(MIN_BLUR_CELLS, round(max(width, height) / BLUR_FACTOR))
    small = cv2.resize(picture, fit_within(width / height, cells), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)


def _blend(picture: Picture, around: Picture, mask: Picture, *, feather: int = FEATHER) -> Picture:
    """``picture`` where the mask is, ``around`` elsewhere; soft over ``feather`` pixels."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (feather, feather))
    soft = cv2.GaussianBlur(cv2.dilate(mask, kernel), (feather, feather), 0)
    share = soft.astype(np.uint16)[..., None]
    mixed = (picture * share + around * (255 - share) + 127) // 255  # at most 65,152: fits
    return mixed.astype(np.uint8)


def crop_around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a picture of ``size`` (width, height) that shows a box (0..1), in pixels.

    Where the box is long and thin, the shorter side is widened. At the frame's edge the part moves
    inwards, so that it is cut only where the frame is too small.
    """
    ends = []
    spans = [(box[axis + 2] - box[axis]) * size[axis] for axis in (0, 1)]
    least = max(max(spans) / MAX_CROP_RATIO, 2.0)
    for axis, limit in enumerate(size):
        length = min(limit, max(1, round(max(spans[axis], least))))
        center = (box[axis] + box[axis + 2]) / 2 * limit
        start = min(max(0, round(center - length / 2)), limit - length)
        ends.append((int(start), int(start + length)))
    (x0, x1), (y0, y1) = ends
    return x0, y0, x1, y1


# Masks -------------------------------------------------------------------------------------------


def _mask(picture: Picture, box: Box, segmenter: str) -> Picture:
    """The mask of what lies in a box, 0 or 255, shape (height, width).

    Without a network, or where its mask stays away from a side of the box, so that a head or feet
    are missing, it is the box with round corners: better some surroundings than half a thing.
    """
    height, width = picture.shape[:2]
    bgr = np.ascontiguousarray(picture[..., ::-1])
    found: NDArray[np.bool_] | None = None
    if segmenter:
        (found,) = load_segmenter(segmenter).segment(bgr, box[None])
    elif (masker := load_masker()) is not None:
        found = masker.mask(bgr, box) >= SALIENT
    if found is None or not _reaches(found, box):
        center, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 1e-6)
        xs = ((np.arange(width) + 0.5) / width - center[0]) / half[0]
        ys = ((np.arange(height) + 0.5) / height - center[1]) / half[1]
        found = ys[:, None] ** 4 + xs**4 <= 1
    mask = found.astype(np.uint8) * np.uint8(255)
    # A hole is a shirt's print more often than a view through the thing.
    rims, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, rims, -1, 255, cv2.FILLED)
    return mask


def _reaches(mask: NDArray[np.bool_], box: Box) -> bool:
    """Whether a mask comes near all four sides of a box (0..1)."""
    (height, width), (ys, xs) = mask.shape, np.nonzero(mask)
    if not len(xs):
        return False
    found = np.array([xs.min() / width, ys.min() / height, xs.max() / width, ys.max() / height])
    slack = UNREACHED * np.tile(box[2:] - box[:2], 2)
    return bool((np.abs(found - box) <= slack).all())
