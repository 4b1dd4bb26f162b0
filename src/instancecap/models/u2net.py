"""U²-Net-p: the mask of the salient thing in a picture (Qin et al., arXiv 2005.09007)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.models.onnx import OnnxModel
from instancecap.video.decode import Picture

SIDE = 192
"""Pixels of the square that a box is stretched to, where the network takes any size."""

MARGIN = 0.2
"""Share of the box's size that is seen beyond each of its sides."""

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)


class SalientMasker:
    """Tells the salient thing in a box from its surroundings."""

    name = "u2netp"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._model = OnnxModel(path, threads=threads)
        self._shape = self._model.input_shape or (SIDE, SIDE)

    def mask(self, picture: Picture, box: NDArray[np.float64]) -> NDArray[np.float32]:
        """How likely each pixel of a BGR picture is the thing in ``box``, 0..1 of the picture.

        Returns:
            float32 (height, width) in 0..1; 0 outside the box.
        """
        height, width = picture.shape[:2]
        size = np.array([width, height, width, height])
        pad = np.tile((box[2:] - box[:2]) * MARGIN, 2) * [-1, -1, 1, 1]
        left, top, right, bottom = ((box + pad).clip(0, 1) * size).round().astype(int).tolist()
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        left, top = min(left, width - 1), min(top, height - 1)
        part = picture[top:bottom, left:right]
        salient = self._salient(part)
        inside = np.zeros((height, width), np.float32)
        x0, y0 = (box[:2].clip(0, 1) * size[:2]).astype(int).tolist()
        x1, y1 = np.ceil(box[2:].clip(0, 1) * size[:2]).astype(int).tolist()
        whole = np.zeros((height, width), np.float32)
        whole[top:bottom, left:right] = cv2.resize(salient, (part.shape[1], part.shape[0]))
        inside[y0:y1, x0:x1] = whole[y0:y1, x0:x1]
        return inside

    def _salient(self, part: Picture) -> NDArray[np.float32]:
        rgb = cv2.resize(part, self._shape[::-1])[..., ::-1].astype(np.float32)
        rgb = (rgb / max(float(rgb.max()), 1.0) - MEAN) / SPREAD
        found = self._model(rgb.transpose(2, 0, 1)[None])[0, 0]
        low, high = float(found.min()), float(found.max())
        return np.asarray((found - low) / max(high - low, 1e-6), np.float32)
