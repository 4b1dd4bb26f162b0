"""The pictures that experts share, made once per sampled frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.color_names import name_pixels
from instancecap.models.detector import Detections
from instancecap.video.decode import Frame, Picture
from instancecap.video.sampling import fit_within

SAMPLE_RATE = 8.0
"""Frames a second that camera, motion and instances are measured on."""

SAMPLE_SIDE = 416
"""Longer side of a sampled picture in pixels: the detector's own input size."""

SMALL_SIDE = 312
"""Longer side in pixels of the pictures that motion is measured on."""

THUMB_SIZE = (48, 32)
"""Width and height of the picture that shots are told by, made for every frame."""


@dataclass(frozen=True)
class Sample:
    """One frame in the sizes that experts share.

    Attributes:
        index: counts the samples before it.
        found: what detectors that were shown several samples at once found in it, by their name.
    """

    frame: Frame
    index: int
    aspect: float
    found: dict[str, Detections] = field(default_factory=dict)

    @property
    def t(self) -> float:
        """Seconds from the clip's start."""
        return self.frame.t

    @cached_property
    def thumb(self) -> Picture:
        """The picture that shots are told by."""
        return self.frame.bgr(THUMB_SIZE)

    @cached_property
    def bgr(self) -> Picture:
        """The frame, its longer side ``SAMPLE_SIDE`` pixels; blue first."""
        return self.frame.bgr(fit_within(self.aspect, SAMPLE_SIDE))

    def at_most(self, side: int) -> Picture:
        """The frame, its longer side ``side`` pixels or its own if that is less."""
        return self.frame.bgr(fit_within(self.aspect, max(2, min(side, self.frame.longer_side))))

    @cached_property
    def gray(self) -> Picture:
        """Luma, uint8 (height, width)."""
        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY), np.uint8)

    @cached_property
    def small(self) -> Picture:
        """Luma, its longer side ``SMALL_SIDE`` pixels, for flow."""
        size = fit_within(self.aspect, SMALL_SIDE)
        return np.asarray(cv2.resize(self.gray, size), np.uint8)

    @cached_property
    def color_names(self) -> NDArray[np.uint8]:
        """Index into the names of colors for every second pixel each way."""
        return name_pixels(self.bgr[::2, ::2])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of ``bgr`` in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]
