"""Faces with five landmarks, by YuNet (Wu et al. 2023) through OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from instancecap.evidence.geometry import as_box
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Face

MIN_SCORE = 0.75
MIN_SIDE = 32
"""Shorter side in pixels up to which YuNet reads past its maps and finds faces at random."""

FACE_RATE = 2.0
"""Samples a second that are searched for faces."""


class FaceExpert:
    """Finds faces in some of the samples."""

    name = "yunet"

    def __init__(self, path: Path) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), MIN_SCORE, 0.3, 50)
        self.faces: list[Face] = []

    def add(self, sample: Sample) -> None:
        """Search one sample."""
        width, height = sample.size
        if min(width, height) <= MIN_SIDE:
            return
        self._detector.setInputSize((width, height))
        _, rows = self._detector.detect(sample.bgr)
        scale = np.array([width, height], float)
        for row in rows if rows is not None else []:
            low = (row[:2] / scale).clip(0, 1)
            high = ((row[:2] + row[2:4]) / scale).clip(0, 1)
            if (high - low).min() <= 0:
                continue
            marks = (row[4:14].reshape(5, 2) / scale).clip(0, 1)
            self.faces.append(
                Face(
                    t=round(sample.t, 3),
                    box=as_box(np.concatenate([low, high])),
                    score=round(min(1.0, float(row[14])), 3),
                    landmarks=[(round(float(x), 4), round(float(y), 4)) for x, y in marks],
                )
            )
