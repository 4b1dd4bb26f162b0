"""YOLOX: boxes of COCO's 80 classes on a CPU (Ge et al., arXiv 2107.08430)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instancecap.models.detector import Detections, letterbox, suppress
from instancecap.models.onnx import OnnxModel
from instancecap.video.decode import Picture

SIDE = 416
"""Pixels of the network's square input, where it was exported for any."""

PADDING = 114
STRIDES = (8, 16, 32)
NMS_IOU = 0.55


def _cells(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows (n, 2), and strides (n, 1), of the cells of an input of this size."""
    grids, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full((xs.size, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


class YoloxDetector:
    """Finds things in pictures."""

    name = "yolox-nano"
    tight = True

    def __init__(self, path: Path, *, min_score: float = 0.1, threads: int = 1) -> None:
        self._model = OnnxModel(path, threads=threads)
        self._shape = self._model.input_shape or (SIDE, SIDE)
        self._grid, self._stride = _cells(*self._shape)
        self._min_score = min_score

    def count_classes(self) -> int:
        """How many classes it tells apart. Raises ValueError for a network that is no YOLOX."""
        shape = self._model(np.zeros((1, 3, *self._shape), np.float32)).shape
        if len(shape) != 3 or shape[1] != len(self._grid) or shape[2] < 6:
            raise ValueError(f"its output is {shape}, not (1, {len(self._grid)}, 5 + classes)")
        return int(shape[2]) - 5

    def detect(self, picture: Picture) -> Detections:
        """Things in a BGR picture of any size, best first; double finds of one thing are merged."""
        height, width = picture.shape[:2]
        side = min(self._shape)
        canvas = letterbox(picture, side=side, shape=self._shape, padding=PADDING)
        output = self._model(canvas.transpose(2, 0, 1)[None].astype(np.float32))[0]
        # No class score is above 1: most cells are out by their objectness alone.
        keep = np.flatnonzero(output[:, 4] >= self._min_score)
        scores = output[keep, 4:5] * output[keep, 5:]
        best = scores.max(axis=1, initial=0)
        sure = best >= self._min_score
        keep, scores, best = keep[sure], scores[sure], best[sure]
        output = output[keep]
        center = (output[:, :2] + self._grid[keep]) * self._stride[keep]
        half = np.exp(output[:, 2:4]) * self._stride[keep] / 2
        boxes = np.concatenate([center - half, center + half], axis=1)
        scale = side / max(height, width)
        boxes = (boxes / np.array([width * scale, height * scale] * 2, np.float32)).clip(0, 1)
        chosen = suppress(boxes, best, scores.argmax(axis=1), iou=NMS_IOU)
        return Detections(boxes=boxes[chosen], scores=scores[chosen])
