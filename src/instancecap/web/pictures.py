"""The pictures of a clip that a page carries: few, small, as JPEG, from one decode pass."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.video import Clip, ClipReader
from instancecap.video.sampling import Ticker, fit_within, pick_evenly

FRAMES_PER_SECOND = 8.0
LONGER_SIDE = 480
THUMBNAIL_SIDE = 160
JPEG_QUALITY = 75
SAME_TIME = 1e-3
"""Seconds; time stamps that went through JSON differ by less."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One sampled frame.

    Attributes:
        t: seconds from the clip's start.
        jpeg: the encoded frame, longer side at most ``LONGER_SIDE`` pixels.
    """

    t: float
    jpeg: bytes

    @property
    def url(self) -> str:
        """The picture as a data URL."""
        return _data_url(self.jpeg)

    def thumbnail(self) -> str:
        """A small copy for filmstrips and indexes, as a data URL."""
        image = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        height, width = image.shape[:2]
        if max(width, height) > THUMBNAIL_SIDE:
            size = fit_within(width / height, THUMBNAIL_SIDE)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return _data_url(_encode(image))


@dataclass(frozen=True, slots=True)
class Pictures:
    """The sampled frames of one clip, in order of time, all of one size in pixels."""

    frames: list[Picture]
    width: int
    height: int

    def nearest(self, t: float) -> int:
        """Index of the frame whose time is closest to ``t``."""
        return min(range(len(self.frames)), key=lambda index: abs(self.frames[index].t - t))


def sample_pictures(
    clip: Clip, *, duration: float, wanted: Iterable[float] = (), limit: int = 160
) -> Pictures:
    """Read the clip once and keep about ``limit`` frames at most, evenly spread over its time.

    Args:
        duration: length of the clip in seconds; longer clips are sampled more sparsely.
        wanted: times that must be among the frames (the frames a caption refers to), as long as
            they fill no more than half of ``limit``.
    """
    times = sorted(set(wanted))
    times = [times[index] for index in pick_evenly(len(times), limit // 2)]
    rate = FRAMES_PER_SECOND
    if duration > 0:
        rate = min(rate, max(limit - len(times), 1) / duration)
    ticker = Ticker(rate)
    frames: list[Picture] = []
    with ClipReader(clip) as reader:
        longer_side = max(2, min(LONGER_SIDE, max(reader.info.width, reader.info.height)))
        width, height = fit_within(reader.info.aspect, longer_side)
        for frame in reader:
            is_wanted = bool(times) and frame.t >= times[0] - SAME_TIME
            while times and frame.t >= times[0] - SAME_TIME:
                times.pop(0)
            if ticker.due(frame.t) or is_wanted:
                frames.append(Picture(frame.t, _encode(frame.bgr((width, height)))))
    # The ticker runs a little fast, and a container may promise less than it holds.
    kept = [frames[index] for index in pick_evenly(len(frames), 2 * limit)]
    return Pictures(kept, width, height)


def _encode(image: NDArray[np.integer | np.floating]) -> bytes:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done, image.shape
    return data.tobytes()


def _data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + b64encode(jpeg).decode("ascii")
