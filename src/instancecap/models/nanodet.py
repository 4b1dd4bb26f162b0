"""NanoDet-Plus-m: boxes of COCO's 80 classes on a CPU (github.com/RangiLyu/nanodet)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections, letterbox, suppress
from instancecap.models.onnx import OnnxModel
from instancecap.video.decode import Picture

SIDE = 416
"""Longer side of the network's input in pixels, at most; the shorter one is what the picture needs.
A network that was exported for one size gets every picture at that size."""

STRIDES = (8, 16, 32, 64)
BINS = 8
"""Each side's distance from a cell's center is a distribution over so many strides."""

MEAN = np.array([103.53, 116.28, 123.675], np.float32)
SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
NMS_IOU = 0.55
STEP = 32

RAW = (0.0, 0.2, 0.27, 0.34, 0.4, 0.47, 0.6, 0.8, 1.0)
EVEN = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.88, 1.0)
"""The network's scores, and those at which YOLOX-Nano makes about as many false boxes a picture
(labelled web clips): what decides by scores need not know which network gave them."""


class NanoDetDetector:
    """Finds instances in pictures."""

    name = "nanodet-plus-m"
    tight = True

    def __init__(self, path: Path, *, min_score: float = 0.05, threads: int = 1) -> None:
        self._model = OnnxModel(path, threads=threads)
        self._fixed = self._model.input_shape
        self._min_score = min_score

    def detect(self, picture: Picture) -> Detections:
        """Instances in a BGR picture of any size, best first; doubles are merged."""
        height, width = picture.shape[:2]
        side, shape = min(SIDE, max(height, width)), self._fixed
        if shape is None:
            scale = side / max(height, width)
            tall, wide = (max(1, -(-round(n * scale) // STEP)) * STEP for n in (height, width))
            shape = tall, wide
        else:
            side = min(shape)
        canvas = letterbox(picture, side=side, shape=shape, padding=0)
        blob = np.ascontiguousarray(canvas.transpose(2, 0, 1), np.float32)
        blob -= MEAN[:, None, None]
        blob /= SPREAD[:, None, None]
        output = self._model(blob[None])[0]
        classes = len(CLASSES)
        least = np.interp(self._min_score, EVEN, RAW)
        keep = np.flatnonzero(output[:, :classes].max(axis=1) >= least)
        scores = np.interp(output[keep, :classes], RAW, EVEN).astype(np.float32)
        best = scores.max(axis=1, initial=0)
        centers, strides = (part[keep] for part in _cells(*shape))
        logits = output[keep, classes:].reshape(-1, 4, BINS)
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        weights /= weights.sum(axis=2, keepdims=True)
        reach = weights @ np.arange(BINS, dtype=np.float32) * strides[:, None]
        boxes = np.concatenate([centers - reach[:, :2], centers + reach[:, 2:]], axis=1)
        scale = side / max(height, width)
        boxes = (boxes / np.array([width * scale, height * scale] * 2, np.float32)).clip(0, 1)
        chosen = suppress(boxes, best, scores.argmax(axis=1), iou=NMS_IOU)
        return Detections(boxes=boxes[chosen], scores=scores[chosen])


@lru_cache(maxsize=8)
def _cells(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centers (n, 2) in pixels and strides (n,) of the cells of an input of this size."""
    centers, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centers.append(np.stack([xs.ravel(), ys.ravel()], axis=1) * stride)
        strides.append(np.full(xs.size, stride))
    return np.concatenate(centers).astype(np.float32), np.concatenate(strides).astype(np.float32)
