"""A mask per instance and sample: U²-Net-p on the box, or GrabCut where its weights are missing.

GrabCut (Rother et al. 2004) is seeded with the box. Only computed where asked for: it needs a
second pass over the frames, because tracks are known after the first.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from instancecap.evidence.cluster import load_masker
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.evidence import Evidence, MaskRle
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import Ticker

Mask = NDArray[np.bool_]

MARGIN = 0.25
"""Ring around the box, in box sizes, that GrabCut learns the surroundings from."""

SALIENT = 0.5
"""Salience from which a pixel is the thing."""

ROUNDS = 2
"""GrabCut iterations a mask."""


def add_masks(clip: Clip, evidence: Evidence, *, threads: int = 0) -> None:
    """Add to every instance of ``evidence`` a mask for each sampled frame that it is seen on.

    Masks have the size of the displayed frame and are stored as COCO run-lengths.
    """
    began = time.perf_counter()
    size = evidence.video.height, evidence.video.width
    ticker = Ticker(SAMPLE_RATE)
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            if not ticker.due(frame.t):
                continue
            sample = Sample(frame, index=0, aspect=reader.info.aspect)
            for item in evidence.instances:
                box = box_at(item, sample.t)
                if box is not None:
                    mask = segment_box(sample.bgr, box)
                    item.masks.append(encode_mask(mask, t=sample.t, size=size))
    evidence.timings["masks"] = round(time.perf_counter() - began, 4)


def segment_box(picture: Picture, box: NDArray[np.float64]) -> Mask:
    """Mask of the thing in a box (0..1) of a BGR picture; bool (height, width)."""
    masker = load_masker()
    if masker is None:
        return grab_cut(picture, box)
    mask = _tidy(masker.mask(picture, box) >= SALIENT)
    return mask if mask.any() else grab_cut(picture, box)


def grab_cut(picture: Picture, box: NDArray[np.float64]) -> Mask:
    """As :func:`segment_box`, without a network."""
    height, width = picture.shape[:2]
    x0, y0 = int(box[0] * width), int(box[1] * height)
    x1 = min(width, max(x0 + 1, int(np.ceil(box[2] * width))))
    y1 = min(height, max(y0 + 1, int(np.ceil(box[3] * height))))
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


def encode_mask(mask: Mask, *, t: float, size: tuple[int, int]) -> MaskRle:
    """A mask scaled to ``size`` (height, width) as COCO compressed run-lengths."""
    height, width = size
    full = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    code = coco_mask.encode(np.asfortranarray(full))
    return MaskRle(t=round(t, 3), size=(height, width), counts=code["counts"].decode("ascii"))
