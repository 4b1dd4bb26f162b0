"""Single frames of a clip, by their places among all of its frames."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from instancecap.mllm.base import Image
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import fit_within

SIDE = 512
"""Pixels of the longer side of what a model is shown."""

QUALITY = 90
"""Of JPEG files, 1..100."""


def count_frames(clip: Clip) -> int:
    """How many can be decoded; containers do not always tell. Raises :class:`DecodeError`."""
    if clip.array is not None:
        return len(clip.array)
    with ClipReader(clip) as reader:
        return sum(1 for _ in reader)


def evenly(count: int, wanted: int) -> list[int]:
    """``wanted`` places from the first of ``count`` to the last; some twice where there are fewer.

    As published code has it: ``numpy.linspace`` rounded down.
    """
    return [int(one) for one in np.linspace(0, count - 1, wanted)]


def read_frames(
    clip: Clip, places: Sequence[int], *, size: tuple[int, int] | None = None
) -> list[tuple[float, Picture]]:
    """Times in seconds and BGR pictures (height, width, 3) of the frames at rising ``places``.

    ``size``: (width, height) to squash them to; None for their own.
    """
    wanted, found = set(places), dict[int, tuple[float, Picture]]()
    with ClipReader(clip) as reader:
        for frame in reader:
            if frame.index in wanted:
                found[frame.index] = frame.t, frame.bgr(size)
            if len(found) == len(wanted):
                break
    return [found[place] for place in places if place in found]


def shown_frames(clip: Clip, places: Sequence[int], *, side: int = SIDE) -> tuple[Image, ...]:
    """The frames as a model is shown them, each with its time."""
    return tuple(_shown(t, picture, side) for t, picture in read_frames(clip, places))


def _shown(t: float, picture: Picture, side: int) -> Image:
    height, width = picture.shape[:2]
    if max(height, width) > side:
        size = fit_within(width / height, side)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done, picture.shape
    return Image(data.tobytes(), round(t, 3))
