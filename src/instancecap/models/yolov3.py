"""YOLOv3-tiny: boxes of COCO's 80 classes (Redmon and Farhadi, arXiv 1804.02767), in OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.models.detector import Detections, suppress
from instancecap.video.decode import Picture

SIDE = 416
PADDING = 127
NMS_IOU = 0.45

NESTED = 0.85
"""Share of a box inside a better one of its class from which it is a part of the same instance:
the coarse grid gives an instance and a bit of it a box each."""


class Yolov3Detector:
    """The detector that can be had where only a package index is reached."""

    name = "yolov3-tiny"
    tight = False

    def __init__(self, config: Path, weights: Path, *, min_score: float = 0.1) -> None:
        """Raises :class:`MissingDependency` for files that are no such network."""
        try:
            self._net = cv2.dnn.readNetFromDarknet(str(config), str(weights))
        except cv2.error as error:
            raise MissingDependency(
                f"{weights}: not a usable network; delete it, or point INSTANCECAP_MODELS to a "
                "folder with a good copy"
            ) from error
        self._outputs = self._net.getUnconnectedOutLayersNames()
        self._min_score = min_score

    def detect(self, picture: Picture) -> Detections:
        """Instances in a BGR picture of any size, best first."""
        height, width = picture.shape[:2]
        scale = SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        canvas = np.full((SIDE, SIDE, 3), PADDING, np.uint8)
        canvas[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size)
        self._net.setInput(cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True))
        output = np.concatenate(self._net.forward(self._outputs)).astype(np.float32)
        best = output[:, 5:].max(axis=1)
        output, best = output[best >= self._min_score], best[best >= self._min_score]
        center, half = output[:, :2] * SIDE, output[:, 2:4] * SIDE / 2
        corner = np.array([left, top], np.float32)
        boxes = np.concatenate([center - half - corner, center + half - corner], axis=1)
        boxes = (boxes / np.array(size * 2, np.float32)).clip(0, 1)
        scores = output[:, 5:]
        classes = scores.argmax(axis=1)
        chosen = suppress(boxes, best, classes, iou=NMS_IOU)
        chosen = chosen[~_nested(boxes[chosen], classes[chosen])]
        return Detections(boxes=boxes[chosen], scores=scores[chosen])


def _nested(boxes: NDArray[np.float32], classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which boxes, best first, lie almost whole in an earlier one of their class."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).clip(1e-9)
    inside = (shared / area[:, None] >= NESTED) & (classes[:, None] == classes[None, :])
    earlier: NDArray[np.bool_] = np.tril(inside, -1).any(axis=1)
    return earlier
