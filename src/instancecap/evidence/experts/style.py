"""Whether the pictures were drawn or made by a program, where plain numbers tell.

Programs leave areas of one color with hard borders. Games and rendered films are as gradual as what
a camera saw: of 46 web clips that looked filmed by such numbers 40 were, so *real* is never told.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.light import LIGHT_RATE
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Style

Array = NDArray[np.float64]

FLAT = 2
"""Gray levels that the pixels of a 3 x 3 patch may differ by in an area of one color: coding
alone makes that much."""

SOFT, HARD = 8, 90
"""Differences in gray levels within 3 x 3 pixels: from ``SOFT`` on it is detail and no noise, up
to 40 a camera's, from ``HARD`` on a border that no lens blurred."""

SIGNAL_SHARE = 0.03
"""Share of the picture that a pure color must fill: brake lights and sweaters stay below it."""

FEW_COLORS = 12
"""Colors, in 16 steps a channel, that nine tenths of a drawn picture get by with."""

DRAWN_CHANGE = 0.04
"""Share of the picture that changes outright between samples where drawn figures move."""


class StyleExpert:
    """Keeps eleven numbers of every sample that shows more than one plain tone."""

    name = "style"
    rate = LIGHT_RATE
    needs = ()

    def __init__(self) -> None:
        self._rows: list[Array] = []
        self._before: NDArray[np.uint8] | None = None

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample."""
        scene.worker.run(partial(self.look, sample))

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write the style."""
        evidence.framing.style = self.style()

    def look(self, sample: Sample) -> None:
        """Measure a sample."""
        small = cv2.resize(sample.gray, (104, 64), interpolation=cv2.INTER_AREA)
        changed = 0.0
        if self._before is not None:
            changed = float((cv2.absdiff(small, self._before) > 60).mean())
        self._before = np.asarray(small, np.uint8)
        self._rows.append(np.array([*_measure(sample), changed]))

    def style(self) -> Style:
        """The style of all samples together."""
        if not self._rows:
            return "unknown"
        rows = np.stack(self._rows)
        if int((rows[:, 5:11].mean(axis=0) > SIGNAL_SHARE).sum()) >= 2:
            return "graphics"
        flat, soft, hard, colors, lit = np.median(rows[:, :5], axis=0)
        if flat > 0.5 and hard > 0.01 and soft < 2 * hard and colors <= FEW_COLORS:
            if hard > 0.03 and float(np.median(rows[:, 11])) > DRAWN_CHANGE:
                return "animation"
            return "graphics" if flat > 0.9 and lit > 0.5 else "unknown"
        return "unknown"


def _measure(sample: Sample) -> list[float]:
    """Shares of flat, soft, hard pixels; colors; share of mid-tones; six shares of pure hues."""
    bgr = sample.bgr
    patch = np.ones((3, 3), np.uint8)
    spread = np.asarray(cv2.morphologyEx(sample.gray, cv2.MORPH_GRADIENT, patch), np.uint8)
    blue, green, red = (bgr[::2, ::2, i].astype(np.int16) >> 4 for i in range(3))
    codes = (blue << 8) | (green << 4) | red
    counts = np.sort(np.bincount(codes.ravel(), minlength=1))[::-1]
    colors = int((np.cumsum(counts) < 0.9 * codes.size).sum()) + 1
    hsv = cv2.cvtColor(bgr[::2, ::2], cv2.COLOR_BGR2HSV)
    pure = (hsv[..., 1] > 200) & (hsv[..., 2] > 100) & (spread[::2, ::2] <= FLAT)
    # Sextants around red, yellow, green, cyan, blue, magenta; OpenCV's hue has 180 steps.
    hues = np.bincount(((hsv[..., 0][pure].astype(int) + 15) // 30) % 6, minlength=6) / pure.size
    spreads, tones = _up_to(spread), _up_to(sample.gray)
    return [
        float(spreads[FLAT]),
        float(spreads[40] - spreads[SOFT]),
        float(1 - spreads[HARD]),
        float(colors),
        float(tones[214] - tones[40]),
        *hues.tolist(),
    ]


def _up_to(levels: NDArray[np.uint8]) -> Array:
    """Share of pixels at each of the 256 levels or below it; shape (256,)."""
    counts = cv2.calcHist([levels], [0], None, [256], [0, 256]).ravel()
    return np.asarray(counts.cumsum(dtype=float) / levels.size)
