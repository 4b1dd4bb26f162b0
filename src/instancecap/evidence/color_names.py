"""Names of colors, as people use them, for the pixels of a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.video.decode import Picture

Array = NDArray[np.float64]

COLORS = (
    "black",
    "gray",
    "white",
    "red",
    "orange",
    "brown",
    "beige",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
)
"""The eleven basic colour terms (Berlin and Kay 1969) with beige and teal."""

_INDEX = {name: index for index, name in enumerate(COLORS)}
LEVELS = 32
"""Steps per channel of the look-up table from pixels to names."""


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """Name index of every BGR colour in ``LEVELS`` steps a channel; shape (LEVELS,) * 3."""
    step = 256 // LEVELS
    axis = np.arange(LEVELS, dtype=np.float32) * step + step / 2
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    pixels = np.stack([blue, green, red], axis=-1).reshape(1, -1, 3) / 255
    lab = cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_BGR2LAB).reshape(-1, 3)
    names = [_name(float(light), float(a), float(b)) for light, a, b in lab]
    return np.array([_INDEX[name] for name in names], np.uint8).reshape((LEVELS,) * 3)


def _name(light: float, a: float, b: float) -> str:
    """Name of a CIELAB colour: ``light`` 0..100, ``a`` and ``b`` about -100..100."""
    chroma = float(np.hypot(a, b))
    hue = float(np.degrees(np.arctan2(b, a))) % 360
    if light < 12 or (light < 25 and chroma < 11):
        return "black"
    cool = 180 <= hue < 305
    if chroma < (7 if cool else 9) + (4 if light > 85 else 0):
        return "white" if light > 80 else "gray"
    if chroma < 16:
        return _faint_name(light, hue)
    return _vivid_name(light, chroma, hue)


def _faint_name(light: float, hue: float) -> str:
    """Colours near gray: cloth in the shade, sand, pale paint."""
    if 35 <= hue < 110:
        return "beige" if light > 55 else "brown" if hue < 80 else "gray"
    if 190 <= hue < 305 and light < 75:
        return "teal" if hue < 225 else "blue"
    return "white" if light > 80 else "gray"


def _vivid_name(light: float, chroma: float, hue: float) -> str:
    if light > 50 and (hue >= 340 or hue < 15):
        return "pink"
    if hue < 40 or hue >= 345:
        if light > 62 and chroma < 55:
            return "beige" if 35 <= hue < 48 and chroma < 28 else "pink"
        return "brown" if chroma < 32 and 20 <= hue < 48 else "red"
    if hue < 75:
        if light > 66 and chroma < 38:
            return "beige"
        return "orange" if light > 38 and chroma > 42 else "brown"
    if hue < 102:
        if chroma < 32:
            return "beige" if light > 62 else "brown"
        return "yellow" if light > 58 else "green" if hue > 95 else "brown"
    if hue < 172:
        return "green"
    if hue < 225:
        return "teal"
    if hue < 305:
        return "blue"
    return "purple" if hue < 325 or light < 45 else "pink"


def name_pixels(picture: Picture) -> NDArray[np.uint8]:
    """Index into ``COLORS`` for every pixel of a BGR picture; shape (height, width)."""
    bits = LEVELS.bit_length() - 1
    blue, green, red = (picture[..., i].astype(np.uint16) >> (8 - bits) for i in range(3))
    return _table().ravel().take((blue << (2 * bits)) | (green << bits) | red)
