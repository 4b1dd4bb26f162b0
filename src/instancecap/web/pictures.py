"""The pictures of a clip that a page carries: few, small, as WebP, from one decode pass."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.video import Clip, ClipReader
from instancecap.video.sampling import Ticker, fit_within, pick_evenly

FRAMES_PER_SECOND = 8.0
LONGER_SIDE = 360
THUMBNAIL_SIDE = 128
QUALITY = 35
"""Of WebP: about half of the bytes of a JPEG file that looks as good."""

CLIP_BYTES = 150_000
"""Of all pictures of a clip, filmstrip aside; the page holds them as text, a third more."""

SAME_TIME = 1e-3
"""Seconds; time stamps that went through JSON differ by less."""


class Picture(Protocol):
    """One frame that a page shows."""

    @property
    def t(self) -> float:
        """Seconds from the clip's start."""

    @property
    def url(self) -> str:
        """Of the picture."""

    def thumbnail(self) -> str:
        """URL of a small copy for filmstrips and indexes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled frame.

    Attributes:
        t: seconds from the clip's start.
        webp: the encoded frame, longer side at most ``LONGER_SIDE`` pixels.
        cited: the caption refers to it.
    """

    t: float
    webp: bytes
    cited: bool = False

    @property
    def url(self) -> str:
        """The picture as a data URL."""
        return _data_url(self.webp)

    def thumbnail(self) -> str:
        """A small copy for filmstrips and indexes, as a data URL."""
        image = cv2.imdecode(np.frombuffer(self.webp, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        height, width = image.shape[:2]
        if max(width, height) > THUMBNAIL_SIDE:
            size = fit_within(width / height, THUMBNAIL_SIDE)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return _data_url(_encode(image))


@dataclass(frozen=True, slots=True)
class Pictures:
    """The sampled frames of one clip, in order of time, all of one size in pixels."""

    frames: Sequence[Picture]
    width: int
    height: int

    def nearest(self, t: float) -> int:
        """Index of the frame whose time is closest to ``t``."""
        return min(range(len(self.frames)), key=lambda index: abs(self.frames[index].t - t))


def sample_pictures(
    clip: Clip, *, duration: float, wanted: Iterable[float] = (), limit: int = 60
) -> Pictures:
    """The frames of :func:`sample_frames` as they stand in a page."""
    return Pictures(*sample_frames(clip, duration=duration, wanted=wanted, limit=limit))


def sample_frames(
    clip: Clip,
    *,
    duration: float,
    wanted: Iterable[float] = (),
    limit: int = 60,
    side: int = LONGER_SIDE,
    most_bytes: int = CLIP_BYTES,
) -> tuple[list[Sample], int, int]:
    """Read the clip once and keep about ``limit`` frames at most, evenly spread over its time.

    Together they have ``most_bytes`` at most; where that is too little, fewer are kept.

    Args:
        duration: length of the clip in seconds; longer clips are sampled more sparsely.
        wanted: times that must be among the frames (the frames a caption refers to), as long as
            they fill no more than half of what is kept.
        side: pixels of the longer side, at most.

    Returns:
        The frames in order of time, and their width and height in pixels.
    """
    times = sorted(set(wanted))
    times = [times[index] for index in pick_evenly(len(times), limit // 2)]
    rate = FRAMES_PER_SECOND
    if duration > 0:
        rate = min(rate, max(limit - len(times), 1) / duration)
    ticker = Ticker(rate)
    frames: list[Sample] = []
    with ClipReader(clip) as reader:
        longer_side = max(2, min(side, max(reader.info.width, reader.info.height)))
        width, height = fit_within(reader.info.aspect, longer_side)
        for frame in reader:
            is_wanted = bool(times) and frame.t >= times[0] - SAME_TIME
            while times and frame.t >= times[0] - SAME_TIME:
                times.pop(0)
            if ticker.due(frame.t) or is_wanted:
                picture = _encode(frame.bgr((width, height)))
                frames.append(Sample(frame.t, picture, is_wanted))
    # The ticker runs a little fast, and a container may promise less than it holds.
    most = min(2 * limit, most_bytes * len(frames) // sum(len(one.webp) for one in frames))
    kept = _pick([one for one in frames if one.cited], max(1, most // 2))
    kept += _pick([one for one in frames if not one.cited], most - len(kept))
    return sorted(kept, key=lambda one: one.t), width, height


def _pick(frames: list[Sample], count: int) -> list[Sample]:
    return [frames[index] for index in pick_evenly(len(frames), count)]


def _encode(image: NDArray[np.integer | np.floating]) -> bytes:
    done, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    assert done, image.shape
    return data.tobytes()


def _data_url(webp: bytes) -> str:
    return "data:image/webp;base64," + b64encode(webp).decode("ascii")
