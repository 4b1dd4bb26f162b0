"""Boxes and masks over time, compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.tracking.masklets import decode_mask
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import MaskRle

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRACK_HOLD = 0.15
"""Seconds for which a track's first and last box hold beyond its ends: the sampling's gap."""

MASK_TOLERANCE = 0.1
"""Seconds to the nearest mask; a frame with none so near counts as not segmented."""


def boxes_at(track: Sequence[TrackPoint], times: NDArray[np.float64]) -> Boxes:
    """A track's boxes at any times, interpolated, shape (times, 4); NaN where it does not reach."""
    if not track:
        return np.full((len(times), 4), np.nan)
    known = np.array([point.t for point in track])
    corners = np.array([point.box for point in track])
    boxes = np.stack([np.interp(times, known, corners[:, i]) for i in range(4)], axis=1)
    outside = (times < known[0] - TRACK_HOLD) | (times > known[-1] + TRACK_HOLD)
    boxes[outside] = np.nan
    return boxes


def iou(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union, row by row, of boxes of shape (n, 4); 0 where one is NaN."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, 2:], second[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = sum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = shared / (areas - shared)
    return np.asarray(np.nan_to_num(ratio))


def track_iou(first: Sequence[TrackPoint], second: Sequence[TrackPoint]) -> float:
    """Mean overlap of two tracks over the times of both, 0 where only one is seen."""
    times = np.unique([point.t for track in (first, second) for point in track])
    return float(iou(boxes_at(first, times), boxes_at(second, times)).mean()) if len(times) else 0.0


def mask_iou(first: Mask, second: Mask) -> float:
    """Region similarity J of two masks of one size; 1 where both are empty."""
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def mask_at(masks: Sequence[MaskRle], t: float, shape: tuple[int, ...]) -> Mask | None:
    """The nearest mask in time, scaled to ``shape``; None where none is near."""
    nearest = min(masks, key=lambda mask: abs(mask.t - t), default=None)
    if nearest is None or abs(nearest.t - t) > MASK_TOLERANCE:
        return None
    return decode_mask(nearest, size=shape)


def box_of(mask: Mask) -> tuple[float, float, float, float] | None:
    """[x0, y0, x1, y1] in 0..1 around the true pixels; None where there is none."""
    if not mask.any():
        return None
    height, width = mask.shape
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )
