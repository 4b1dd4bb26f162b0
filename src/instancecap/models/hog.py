"""OpenCV's histogram-of-gradients people detector: the last resort where no network is at hand."""

from __future__ import annotations

import cv2
import numpy as np

from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections
from instancecap.video.decode import Picture

MIN_WEIGHT = 0.9
"""Support-vector margin from which an upright figure is taken for a person; misses are many,
false finds few (Dalal and Triggs 2005)."""

MIN_HEIGHT = 160
"""The detector's window is 128 pixels high: smaller pictures cannot hold a whole figure."""


class HogPeopleDetector:
    """Finds whole, upright people. The last resort: misses many."""

    name = "opencv-hog"
    tight = False

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def detect(self, picture: Picture) -> Detections:
        """People in a BGR picture."""
        height, width = picture.shape[:2]
        empty = np.zeros((0, len(CLASSES)), np.float32)
        if height < MIN_HEIGHT or width < MIN_HEIGHT / 2:
            return Detections(np.zeros((0, 4), np.float32), empty)
        found, weights = self._hog.detectMultiScale(
            picture, winStride=(8, 8), padding=(8, 8), scale=1.07
        )
        kept = [
            (x, y, w, h, float(weight))
            for (x, y, w, h), weight in zip(found, np.ravel(weights), strict=True)
            if weight >= MIN_WEIGHT
        ]
        if not kept:
            return Detections(np.zeros((0, 4), np.float32), empty)
        rows = np.array(kept, np.float32)
        # The detector's window has a margin of about a tenth on every side of the figure.
        margin = rows[:, 2:4] * 0.1
        low, high = rows[:, :2] + margin, rows[:, :2] + rows[:, 2:4] - margin
        boxes = np.concatenate([low, high], axis=1) / np.array([width, height] * 2, np.float32)
        scores = np.zeros((len(rows), len(CLASSES)), np.float32)
        scores[:, CLASSES.index("person")] = (0.3 + 0.2 * rows[:, 4]).clip(0, 0.8)
        return Detections(boxes.clip(0, 1).astype(np.float32), scores)
