"""Near-duplicates of real clips, made on purpose: re-encoded, cropped, faster, mirrored."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.video import Clip, ClipReader
from instancecap.video.decode import Picture
from instancecap.video.sampling import fit_within

MOST_SECONDS = 8.0
"""Of a clip that are copied; longer ones would only take longer."""

LONGER_SIDE = 480
"""Pixels of the copies."""


@dataclass(frozen=True)
class Change:
    """What is done to a clip.

    Attributes:
        picture: to each frame, BGR.
        speed: factor.
        quality: of H.264, constant rate factor: 23 is usual, more is worse.
    """

    picture: Callable[[Picture], Picture] = lambda frame: frame
    speed: float = 1.0
    quality: int = 26


def cut_off(left: float, top: float, right: float, bottom: float) -> Callable[[Picture], Picture]:
    """Take shares of the width and height off each side."""

    def crop(frame: Picture) -> Picture:
        height, width = frame.shape[:2]
        return frame[
            round(top * height) : height - round(bottom * height),
            round(left * width) : width - round(right * width),
        ]

    return crop


def shrink(frame: Picture) -> Picture:
    """Three quarters of each side."""
    return _picture(cv2.resize(frame, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA))


def mirror(frame: Picture) -> Picture:
    """Left and right exchanged."""
    return frame[:, ::-1]


def mirror_cropped(frame: Picture) -> Picture:
    """Mirrored, then cropped on all sides."""
    return cut_off(0.025, 0.025, 0.025, 0.025)(mirror(frame))


def _picture(array: NDArray[np.generic]) -> Picture:
    return np.asarray(array, np.uint8)


CHANGES = {
    "re-encoded": Change(shrink, quality=36),
    "cropped 5 %": Change(cut_off(0.025, 0.025, 0.025, 0.025)),
    "cropped 5 % at one corner": Change(cut_off(0.05, 0.05, 0.0, 0.0)),
    "speed x1.1": Change(speed=1.1),
    "all three": Change(cut_off(0.025, 0.025, 0.025, 0.025), speed=1.1, quality=34),
    "mirrored": Change(mirror),
    "mirrored, cropped 5 %": Change(mirror_cropped, quality=32),
}
"""By name."""


def plant(source: Path, targets: dict[str, Path]) -> None:
    """Write copies of a clip, each with the change of its name; the clip is decoded once."""
    with ExitStack() as files, ClipReader(Clip.open(source, end=MOST_SECONDS), threads=1) as reader:
        rate = reader.info.fps or 25.0
        size = fit_within(reader.info.aspect, LONGER_SIDE)
        copies = [
            files.enter_context(_Copy(path, CHANGES[name], rate)) for name, path in targets.items()
        ]
        for frame in reader:
            picture = frame.bgr(size)
            for copy in copies:
                copy.add(picture)


class _Copy:
    """A video file that takes pictures."""

    def __init__(self, path: Path, change: Change, rate: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._change = change
        self._rate = Fraction(change.speed * rate).limit_denominator(1000)
        self._container = av.open(str(path), "w")
        options = {"crf": str(change.quality), "preset": "veryfast"}
        self._stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()

    def add(self, picture: Picture) -> None:
        """The next picture, before the change."""
        picture = self._change.picture(picture)
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        if self._count == 0:
            self._stream.width, self._stream.height = width, height
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(picture[:height, :width]), format="bgr24"
        )
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._container.mux(self._stream.encode(frame))
