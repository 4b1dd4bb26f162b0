"""The pictures that experts share, made once per sampled frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.appearance import name_pixels
from instancecap.video.decode import Frame, Picture
from instancecap.video.sampling import fit_within

SAMPLE_RATE = 12.0
"""Frames a second that camera, motion and instances are measured on."""

SAMPLE_SIDE = 416
"""Longer side of a sampled picture in pixels: the detector's own input size."""

THUMB_SIZE = (48, 32)
"""Width and height of the picture that shots are told by, made for every frame."""


@dataclass(frozen=True)
class Sample:
    """One sampled frame. ``index`` counts samples, ``frame_index`` frames; ``t`` in seconds."""

    index: int
    frame_index: int
    t: float
    bgr: Picture

    @classmethod
    def of(cls, frame: Frame, *, index: int, aspect: float) -> Sample:
        """Scale a frame so that its longer side is ``SAMPLE_SIDE``."""
        picture = frame.bgr(fit_within(aspect, SAMPLE_SIDE))
        return cls(index=index, frame_index=frame.index, t=frame.t, bgr=picture)

    @cached_property
    def gray(self) -> Picture:
        """Luma, uint8 (height, width)."""
        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY), np.uint8)

    @cached_property
    def color_names(self) -> NDArray[np.uint8]:
        """Index into the names of colors for every second pixel each way."""
        return name_pixels(self.bgr[::2, ::2])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]
