"""Animated WebP, which FFmpeg does not decode: times from the file's chunks, pictures by OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW = 32
"""Pictures in memory at a time; a later window is decoded from the beginning."""


def durations(path: str) -> list[float]:
    """Seconds of every picture of an animated WebP; empty for any other file.

    Browsers show a picture of at most 10 ms for a tenth of a second, and so do we.
    """
    with open(path, "rb") as file:
        head = file.read(21)
        if len(head) < 21 or head[:4] != b"RIFF" or head[8:16] != b"WEBPVP8X" or not head[20] & 2:
            return []
    data = Path(path).read_bytes()
    found, at = [], 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"ANMF":
            milliseconds = int.from_bytes(data[at + 20 : at + 23], "little")
            found.append(milliseconds / 1000 if milliseconds > 10 else 0.1)
        at += 8 + size + size % 2
    return found


def pictures(path: str, count: int) -> Iterator[NDArray[np.uint8]]:
    """Its pictures as (height, width, 3), red first; fewer than ``count`` where it is damaged."""
    for start in range(0, count, WINDOW):
        read: Any = cv2.imreadanimation(path, start, WINDOW)
        done, animation = read
        if not done:
            return
        for frame in animation.frames:
            yield np.ascontiguousarray(np.asarray(frame, np.uint8)[:, :, 2::-1])
