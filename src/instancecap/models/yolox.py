"""YOLOX-Nano: boxes of COCO's 80 classes on a CPU (Ge et al., arXiv 2107.08430)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.models.onnx import OnnxModel
from instancecap.video.decode import Picture

SIDE = 416
"""The network's input is SIDE × SIDE pixels; pictures with this longer side need no scaling."""

PADDING = 114
STRIDES = (8, 16, 32)
NMS_IOU = 0.55


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes found in one picture.

    Attributes:
        boxes: float32 (n, 4), x0 y0 x1 y1 in 0..1 of the picture.
        scores: float32 (n, 80), one score a class, in 0..1.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def _cells() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    grids, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: SIDE // stride, : SIDE // stride]
        grids.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full((xs.size, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


class YoloxDetector:
    """Finds things in pictures."""

    name = "yolox-nano"
    tight = True

    def __init__(self, path: Path, *, min_score: float = 0.1, threads: int = 1) -> None:
        self._model = OnnxModel(path, threads=threads)
        self._grid, self._stride = _cells()
        self._min_score = min_score

    def detect(self, picture: Picture) -> Detections:
        """Things in a BGR picture of any size, best first; double finds of one thing are merged."""
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        if scale != 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = np.asarray(cv2.resize(picture, size), np.uint8)
        canvas = np.full((SIDE, SIDE, 3), PADDING, np.uint8)
        canvas[: picture.shape[0], : picture.shape[1]] = picture
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
        boxes /= np.array(picture.shape[1::-1] * 2, np.float32)
        boxes = boxes.clip(0, 1)
        chosen = suppress(boxes, best, scores.argmax(axis=1), iou=NMS_IOU)
        return Detections(boxes=boxes[chosen], scores=scores[chosen])


def suppress(
    boxes: NDArray[np.float32],
    best: NDArray[np.float32],
    classes: NDArray[np.int64],
    *,
    iou: float,
) -> NDArray[np.int64]:
    """Non-maximum suppression within a class, then between classes for almost equal boxes.

    Args:
        boxes: (n, 4), x0 y0 x1 y1.
        best: (n,), the score of each box's class.
        iou: overlap from which the lesser of two boxes of one class goes.

    Returns:
        Indices of the boxes that stay, best first.
    """
    rects = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()
    chosen = cv2.dnn.NMSBoxesBatched(rects, best.tolist(), classes.tolist(), 0.0, iou)
    index = np.asarray(chosen, np.int64).reshape(-1)
    again = cv2.dnn.NMSBoxes([rects[i] for i in index], best[index].tolist(), 0.0, 0.85)
    return index[np.asarray(again, np.int64).reshape(-1)]
