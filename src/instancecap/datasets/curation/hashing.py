"""A perceptual hash of a video: what its picture looks like at eight moments, coarsely.

Each moment is the mean of the pictures around it, so a few frames more or less do not count, and
the moments are parts of the clip's length, so its speed does not either. Of each the signs of the
lowest frequencies are kept (Zauner, *Implementation and Benchmarking of Perceptual Image Hash
Functions*, 2010), which coding leaves as they are. Cropping changes one in six of them; so there
are further views, of the picture less 5 % in its middle and in each corner, and a copy that was
cropped looks like one of those.

A part of a clip has another hash than the whole: only what was cut alike is found.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from instancecap.errors import FormatError
from instancecap.video.decode import Picture

Array = NDArray[np.float32]
Views = NDArray[np.uint64]

MOMENTS = 8
"""Parts of the clip's length, each with a mean picture."""

WAVES = 8
"""Frequencies each way. The first, the mean, is never negative: its bit is the same in all."""

SMOOTHING = 1.5
"""Standard deviation, in pixels of the 32 that a picture has, of what is smoothed away first."""

INNER = 0.95
"""Share of each side that the views after the first show."""

PLACES = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
"""Where those lie: from left to right and from top to bottom, 0..1."""

VIEWS, WORDS = 1 + len(PLACES), MOMENTS
"""A hash is of so many views; each is as many words of 64 bits as there are moments."""

BITS = MOMENTS * (WAVES * WAVES - 1)
"""Bits of a view that may differ."""

_ODD = np.packbits(np.tile(np.arange(WAVES) % 2 == 1, WAVES * MOMENTS))
MIRRORED: Views = _ODD.view(np.uint64)
"""Bits of a view that mirroring the pictures left to right turns round."""


def hash_of(
    times: NDArray[np.float64], pictures: Sequence[Picture], start: float, end: float
) -> str:
    """The hash of a span, view by view, as base64 text.

    Args:
        times: of the pictures, seconds, rising.
        pictures: gray, uint8 (32, 32).
    """
    means = _moments(times, pictures, start, end)
    views = [means, *(_inner(means, place) for place in PLACES)]
    waves = [dctn(view, axes=(1, 2), norm="ortho")[:, :WAVES, :WAVES] for view in views]
    return b64encode(np.packbits(np.stack(waves) > 0).tobytes()).decode("ascii")


def _moments(
    times: NDArray[np.float64], pictures: Sequence[Picture], start: float, end: float
) -> Array:
    """The mean picture around each moment, smoothed; (moments, 32, 32)."""
    inside = np.flatnonzero((times >= start) & (times < end))
    if not len(inside):
        inside = np.array([int(np.abs(times - start).argmin())])
    stack = np.stack([pictures[index] for index in inside.tolist()]).astype(np.float32)
    length = max(end - start, 1e-3)
    reach = max(length / MOMENTS, 0.125)
    means = []
    for moment in range(MOMENTS):
        away = np.abs(times[inside] - start - (moment + 0.5) / MOMENTS * length)
        weights = np.maximum(1 - away / reach, 0)
        weights = weights if weights.any() else (away == away.min()).astype(float)
        mean = np.tensordot(weights / weights.sum(), stack, 1)
        means.append(cv2.GaussianBlur(mean, (0, 0), SMOOTHING))
    return np.array(means, np.float32)


def _inner(means: Array, place: tuple[float, float]) -> Array:
    """A part of each picture, at the same size."""
    side = means.shape[-1]
    zoom = np.eye(2, 3, dtype=np.float32) * INNER
    zoom[:, 2] = np.array(place) * (1 - INNER) * (side - 1)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.array([cv2.warpAffine(mean, zoom, (side, side), flags=flags) for mean in means])


def views_of(text: str) -> Views:
    """The views of a hash: (views, words). Raises :class:`FormatError` for what is none."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != VIEWS * WORDS * 8:
        raise FormatError(f"not a video hash: {text[:20]!r}")
    return np.frombuffer(data, np.uint64).reshape(VIEWS, WORDS)
