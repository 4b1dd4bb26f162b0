"""How a decoded frame is shown: which way up, mirrored or not, in which range of light."""

from __future__ import annotations

import math
import re
import struct
from functools import cache
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

TRANSFERS = {16: "PQ", 18: "HLG"}
"""FFmpeg's numbers of the transfer curves of high dynamic range (ITU-R BT.2100)."""

_EXIF = {
    1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True),
    5: (270, True), 6: (90, False), 7: (90, True), 8: (270, False),
}  # fmt: skip
_EXIF_DATA = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4}|\A)(II\*\0|MM\0\*)", re.DOTALL)

WHITE = 203.0
"""cd/m² of diffuse white in HDR (ITU-R BT.2408): what becomes the white of a usual video."""

KNEE = 0.75
"""Linear light up to which nothing is changed; what is brighter is pressed below white."""

TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""From the primaries of BT.2020 to those of BT.709 (ITU-R BT.2087), red first."""

LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
"""Shares of red, green, blue in the luminance of BT.2020."""


def orientation(frame: av.VideoFrame, path: str) -> tuple[int, bool]:
    """Clockwise degrees (0, 90, 180, 270), and whether the frame is mirrored left to right first.

    Read from the display matrix, or the EXIF data of a picture.
    """
    try:
        sides: Any = frame.side_data
        matrices = [one for one in sides if one.type == Type.DISPLAYMATRIX]
    except ValueError:  # PyAV does not know FFmpeg's newest kinds of side data, EXIF among them
        return _EXIF.get(exif_orientation(path), (-round(frame.rotation / 90) * 90 % 360, False))
    if not matrices:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(matrices[0]))
    mirrored = a * d - b * c < 0
    angle = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return round(angle / 90) * 90 % 360, mirrored


def exif_orientation(path: str) -> int:
    """The orientation (1..8) in a picture's EXIF data; 0 where there is none."""
    data = Path(path).read_bytes()
    if (start := _EXIF_DATA.search(data)) is None:
        return 0
    order: Literal["little", "big"] = "little" if start.group(1)[:1] == b"I" else "big"
    tiff = data[start.start(1) :]

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    entries = number(4, 4)
    for index in range(number(entries, 2)):
        at = entries + 2 + 12 * index
        if number(at, 2) == 0x0112:
            return number(at + 8, 2)
    return 0


def turn(picture: NDArray[np.uint8], rotation: int, mirrored: bool) -> NDArray[np.uint8]:
    """The picture as it is shown; shape (height, width) or (height, width, 3)."""
    if mirrored:
        picture = picture[:, ::-1]
    if rotation:
        picture = np.rot90(picture, -rotation // 90)
    return np.ascontiguousarray(picture)


def tone_map(picture: NDArray[np.uint16], transfer: str) -> NDArray[np.uint8]:
    """A picture of high dynamic range as one of BT.709, (height, width, 3), blue first.

    ``picture`` holds 16-bit values of the curve ``transfer``, ``PQ`` or ``HLG``, with the
    primaries of BT.2020. Diffuse white stays nearly white (245), highlights are pressed above it.
    """
    light = _linear(transfer)[picture]
    if transfer == "HLG":  # from the scene's light to that of a display of 1,000 cd/m²
        scene = light @ LUMA[::-1]
        light *= (1000 / WHITE * np.maximum(scene, 1e-6) ** 0.2)[..., None]
    light = np.maximum(cv2.transform(light, TO_BT709[::-1, ::-1]), 0)
    peak = np.maximum(light.max(axis=2), 1e-6)
    pressed = KNEE + (1 - KNEE) * (1 - np.exp(-(peak - KNEE) / (1 - KNEE)))
    light *= (np.where(peak > KNEE, pressed, peak) / peak)[..., None]
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4) * 255 + 0.5, np.uint8)


@cache
def _linear(transfer: str) -> NDArray[np.float32]:
    """Linear light for every 16-bit value: of the scene for HLG, in units of WHITE for PQ."""
    value = np.linspace(0, 1, 65536)
    if transfer == "HLG":
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    else:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        power = value ** (1 / m2)
        light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) * 10_000 / WHITE
    return light.astype(np.float32)
