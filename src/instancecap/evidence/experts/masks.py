"""A mask per instance and sample, without a neural segmenter.

GrabCut (Rother et al. 2004) is seeded with the instance's box; between samples the mask before,
carried by dense flow, tells what is surely the thing and what is surely not. Only computed where
asked for: it needs a second pass over the frames, because tracks are known after the first.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.evidence import Evidence, InstanceFacts, MaskRle
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import Ticker

Mask = NDArray[np.bool_]

MARGIN = 0.25
"""Ring around the box, in box sizes, that GrabCut learns the surroundings from."""

ROUNDS = 2
"""GrabCut iterations a mask."""


def add_masks(clip: Clip, evidence: Evidence, *, threads: int = 0) -> None:
    """Add to every instance of ``evidence`` a mask for each sampled frame that it is seen on.

    Masks have the size of the displayed frame and are stored as COCO run-lengths.
    """
    began = time.perf_counter()
    masker = _Masker(evidence.instances, size=(evidence.video.height, evidence.video.width))
    ticker = Ticker(SAMPLE_RATE)
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            if ticker.due(frame.t):
                masker.add(Sample.of(frame, index=0, aspect=reader.info.aspect))
    evidence.timings["masks"] = round(time.perf_counter() - began, 4)


class _Masker:
    def __init__(self, instances: list[InstanceFacts], *, size: tuple[int, int]) -> None:
        self._instances = instances
        self._size = size
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._last: Picture | None = None
        self._masks: dict[int, Mask] = {}

    def add(self, sample: Sample) -> None:
        """Mask every instance on one sample."""
        visible = {i.id: box for i in self._instances if (box := box_at(i, sample.t)) is not None}
        flow = None
        if self._masks.keys() & visible.keys() and self._last is not None:
            flow = self._flow.calc(sample.gray, self._last, None)  # type: ignore[call-overload]
        masks = {}
        for item in self._instances:
            if item.id not in visible:
                continue
            before = self._masks.get(item.id)
            carried = _carry(before, flow) if before is not None and flow is not None else None
            mask = segment_box(sample.bgr, visible[item.id], carried=carried)
            masks[item.id] = mask
            item.masks.append(encode_mask(mask, t=sample.t, size=self._size))
        self._last, self._masks = sample.gray, masks


def segment_box(picture: Picture, box: NDArray[np.float64], *, carried: Mask | None = None) -> Mask:
    """Mask of the thing in a box (0..1) of a BGR picture; bool (height, width).

    ``carried`` is where the thing should be by the sample before.
    """
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
    labels[inner] = cv2.GC_PR_FGD if carried is None else cv2.GC_PR_BGD
    if carried is not None:
        _seed_from(labels, carried[top:bottom, left:right], inner)
    known = (labels == cv2.GC_BGD).any() and (labels[inner] != cv2.GC_BGD).sum() > 20
    if known and (carried is None or (labels == cv2.GC_PR_FGD).any()):
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # GrabCut's clustering draws from OpenCV's global generator
        whole_region = (0, 0, region.shape[1], region.shape[0])  # not used, but typed as needed
        cv2.grabCut(region, labels, whole_region, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if found.sum() < 0.1 * (y1 - y0) * (x1 - x0):
        found = _ellipse(labels.shape, inner)
    whole[top:bottom, left:right] = _tidy(found)
    return whole


def _seed_from(labels: NDArray[np.uint8], carried: Mask, inner: tuple[slice, slice]) -> None:
    """Mark what the carried mask says, unsure near its border."""
    mask = carried.astype(np.uint8)
    reach = max(3, round(float(np.sqrt(mask.sum())) * 0.06))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    core, around = cv2.erode(mask, kernel), cv2.dilate(mask, kernel)
    inside = labels[inner]
    inside[mask[inner] > 0] = cv2.GC_PR_FGD
    inside[core[inner] > 0] = cv2.GC_FGD
    inside[around[inner] == 0] = cv2.GC_PR_BGD


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


def _carry(mask: Mask, flow: NDArray[np.float32]) -> Mask:
    """The mask of the sample before, moved by flow that points from now to then."""
    height, width = mask.shape
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    moved = cv2.remap(
        mask.astype(np.uint8), xs + flow[..., 0], ys + flow[..., 1], cv2.INTER_NEAREST
    )
    return moved.astype(bool)


def encode_mask(mask: Mask, *, t: float, size: tuple[int, int]) -> MaskRle:
    """A mask scaled to ``size`` (height, width) as COCO compressed run-lengths."""
    height, width = size
    full = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    code = coco_mask.encode(np.asfortranarray(full))
    return MaskRle(t=round(t, 3), size=(height, width), counts=code["counts"].decode("ascii"))
