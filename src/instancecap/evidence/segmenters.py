"""Segmenters by name: who tells what lies in a box from what is around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.neural.sam import SamSegmenter, open_sam
from instancecap.evidence.registry import Kind
from instancecap.models import weights
from instancecap.models.u2net import SalientMasker
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MARGIN = 0.25
"""Ring around the box, in box sizes, that GrabCut learns the surroundings from."""

SALIENT = 0.5
"""Salience from which a pixel is the thing."""

ROUNDS = 2
"""GrabCut iterations a mask."""


class Segmenter(Protocol):
    """Tells what lies in boxes from what is around it."""

    @property
    def name(self) -> str:
        """For the record."""

    def segment(self, picture: Picture, boxes: Array) -> list[Mask]:
        """Masks, bool (height, width), of what lies in boxes (n, 4), 0..1 of a BGR picture."""


@dataclass(frozen=True)
class EachBox:
    """A segmenter that looks at one box after the other."""

    name: str
    segment_box: Callable[[Picture, Array], Mask]

    def segment(self, picture: Picture, boxes: Array) -> list[Mask]:
        return [self.segment_box(picture, box) for box in boxes]


@dataclass(frozen=True)
class Salient:
    """U²-Net-p on the box; GrabCut where it finds nothing."""

    masker: SalientMasker
    name: str = "u2netp"

    def segment(self, picture: Picture, boxes: Array) -> list[Mask]:
        return [self._segment(picture, box) for box in boxes]

    def _segment(self, picture: Picture, box: Array) -> Mask:
        mask = _tidy(self.masker.mask(picture, box) >= SALIENT)
        return mask if mask.any() else grab_cut(picture, box)


def fill_box(picture: Picture, box: Array) -> Mask:
    """The box itself as a mask, bool (height, width); at least a pixel."""
    mask = np.zeros(picture.shape[:2], bool)
    x0, y0, x1, y1 = _pixels(box, picture)
    mask[y0:y1, x0:x1] = True
    return mask


def _pixels(box: Array, picture: Picture) -> tuple[int, int, int, int]:
    """A box (0..1) in pixels of a picture, at least one each way."""
    height, width = picture.shape[:2]
    x0, y0 = min(int(box[0] * width), width - 1), min(int(box[1] * height), height - 1)
    x1 = min(width, max(x0 + 1, int(np.ceil(box[2] * width))))
    y1 = min(height, max(y0 + 1, int(np.ceil(box[3] * height))))
    return x0, y0, x1, y1


def grab_cut(picture: Picture, box: Array) -> Mask:
    """Mask of what lies in a box (0..1) of a BGR picture by GrabCut (Rother et al. 2004), which is
    seeded with the box; bool (height, width)."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = _pixels(box, picture)
    whole = np.zeros((height, width), bool)
    pad_x, pad_y = int((x1 - x0) * MARGIN) + 3, int((y1 - y0) * MARGIN) + 3
    left, top = max(0, x0 - pad_x), max(0, y0 - pad_y)
    right, bottom = min(width, x1 + pad_x), min(height, y1 + pad_y)
    region = np.ascontiguousarray(picture[top:bottom, left:right])
    labels = np.full(region.shape[:2], cv2.GC_BGD, np.uint8)
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    labels[inner] = cv2.GC_PR_FGD
    if (labels == cv2.GC_BGD).any() and labels[inner].size > 20:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # GrabCut's clustering draws from OpenCV's global generator
        whole_region = (0, 0, region.shape[1], region.shape[0])  # not used, but typed as needed
        cv2.grabCut(region, labels, whole_region, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if found.sum() < 0.1 * (y1 - y0) * (x1 - x0):
        found = _ellipse(labels.shape, inner)
    whole[top:bottom, left:right] = _tidy(found)
    return whole


def _ellipse(shape: tuple[int, ...], inner: tuple[slice, slice]) -> Mask:
    mask = np.zeros(shape, np.uint8)
    rows, columns = inner
    center = ((columns.start + columns.stop) // 2, (rows.start + rows.stop) // 2)
    axes = ((columns.stop - columns.start) // 2, (rows.stop - rows.start) // 2)
    cv2.ellipse(mask, center, axes, 0, 0, 360, 1, cv2.FILLED)
    return mask.astype(bool)


def _tidy(mask: Mask) -> Mask:
    """Drop specks: pieces under a tenth of the largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count <= 2:
        return mask
    area = stats[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    return np.asarray(np.isin(labels, np.flatnonzero(area >= 0.1 * area.max())))


def _open_other(name: str) -> Segmenter | None:
    if "/" not in name and not Path(name).is_dir():
        return None
    return SamSegmenter(open_sam("segmenter", name))


SEGMENTERS = Kind[Segmenter](
    name="segmenter",
    own={
        "box": lambda: EachBox("box", fill_box),
        "u2netp": lambda: Salient(SalientMasker(weights.find("u2netp"))),
        "grabcut": lambda: EachBox("grabcut", grab_cut),
    },
    open_other=_open_other,
    others="the path of a folder, or a hub id such as facebook/sam2.1-hiera-small",
    needs=("name", "segment"),
)
"""What ``--segmenter`` takes."""
