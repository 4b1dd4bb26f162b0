"""SSIM and PSNR of frames at the same places of two videos."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evals.frames import count_frames, evenly, read_frames
from instancecap.evals.reconstruction.metric import FEW, MetricOptions
from instancecap.video.clip import Clip
from instancecap.video.decode import Picture
from instancecap.video.sampling import fit_within

SIDE = 512
"""Pixels of the longer side at which frames are compared, at most."""

MOST_DECIBELS = 100.0
"""PSNR of equal pictures, where the formula has no value."""

WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03
"""Of SSIM: side and deviation of the Gaussian window, and two constants (Wang et al. 2004)."""


@dataclass(frozen=True, slots=True)
class _Pixels:
    options: MetricOptions

    def look(self, clip: Clip, text: str) -> list[Picture]:
        """Frames evenly over a clip, BGR, of its own shape and at most :data:`SIDE` pixels long."""
        found = read_frames(clip, evenly(count_frames(clip), FEW))
        height, width = found[0][1].shape[:2]
        size = fit_within(width / height, min(SIDE, max(width, height)))
        return [np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_AREA), np.uint8)
                for _, one in found]  # fmt: skip


class Ssim(_Pixels):
    """Mean structural similarity of luma, 1 for equal pictures (Wang et al. 2004)."""

    def compare(self, original: list[Picture], generated: list[Picture]) -> dict[str, float]:
        """Mean over the frames."""
        pairs = _alike(original, generated)
        gray = [[_luma(one) for one in pair] for pair in pairs]
        return {"ssim": float(np.mean([ssim(a, b) for a, b in gray]))}


class Psnr(_Pixels):
    """Peak signal-to-noise ratio in decibels, of the mean squared error over all frames."""

    def compare(self, original: list[Picture], generated: list[Picture]) -> dict[str, float]:
        """One value over all frames, channels and pixels."""
        errors = [
            float(np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2))
            for a, b in _alike(original, generated)
        ]
        error = sum(errors) / len(errors)
        found = 10 * math.log10(255**2 / error) if error else MOST_DECIBELS
        return {"psnr": min(MOST_DECIBELS, found)}


def _alike(first: list[Picture], second: list[Picture]) -> list[tuple[Picture, Picture]]:
    """Pairs of one size: that of the first, to which the second is squashed."""
    height, width = first[0].shape[:2]
    fitted = (cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in second)
    return [(a, np.asarray(b, np.uint8)) for a, b in zip(first, fitted, strict=True)]


def _luma(picture: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def ssim(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Of two gray pictures (height, width) of one size, where the whole window lies inside."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    near, far = (K1 * 255) ** 2, (K2 * 255) ** 2
    mean_a, mean_b = _smooth(a), _smooth(b)
    var_a, var_b = _smooth(a * a) - mean_a**2, _smooth(b * b) - mean_b**2
    both = _smooth(a * b) - mean_a * mean_b
    found = (2 * mean_a * mean_b + near) * (2 * both + far)
    found /= (mean_a**2 + mean_b**2 + near) * (var_a + var_b + far)
    edge = WINDOW // 2
    inside = found[edge:-edge, edge:-edge] if min(found.shape) > 2 * edge else found
    return float(inside.mean())


def _smooth(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA), np.float64)
