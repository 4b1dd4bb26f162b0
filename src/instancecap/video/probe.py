"""What a container says of its video, and the first frame's word on size and rotation."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
import cv2
import numpy as np
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from instancecap.errors import DecodeError, InputError
from instancecap.video.clip import Clip
from instancecap.video.display import TRANSFERS, orientation

IMAGE_FORMATS = ("image2", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe")
"""FFmpeg's demuxers for single pictures; a video stream of theirs has no frame rate of its own."""


LISTS_OF_FILES = frozenset({"concat", "dash", "hls"})
"""Formats that name other files to read."""

STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "webp"})
"""Codecs of pictures; beside a stream of another codec one of these is a cover."""

TS_DISCONT = 0x0200
"""FFmpeg's flag of containers whose time stamps may start anew (MPEG streams)."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream, as it will be displayed.

    Attributes:
        width, height: pixels of the displayed frame (after rotation, square pixels not enforced).
        aspect: displayed width over height, with the pixels' own shape counted in.
        fps: mean frames per second; 0 for a still image.
        duration: seconds, 0 where the container does not say.
        frames: frames the container promises, 0 where it does not say.
        rotation: clockwise degrees (0, 90, 180, 270) that display needs.
        mirrored: display needs the frame mirrored left to right, before it is turned.
        transfer: ``PQ`` or ``HLG`` for high dynamic range, else empty.
        discontinuous: the container is one whose time stamps may start anew.
        start_pts: time stamp of the first frame in seconds; clip times count from it.
    """

    width: int
    height: int
    aspect: float
    fps: float
    duration: float
    frames: int
    rotation: int
    start_pts: float
    codec: str
    pixel_format: str
    mirrored: bool = False
    transfer: str = ""
    discontinuous: bool = False


def probe(clip: Clip) -> VideoInfo:
    """Read the header and the first frame. Raises :class:`InputError` with the reason."""
    if clip.array is not None:
        return _of_pictures(clip.array[0], len(clip.array) / clip.array_fps, len(clip.array))
    path = clip.local or clip.path
    check_regular_file(path)
    if seconds := webp_durations(path):
        first = next(webp_pictures(path, 1), None)
        if first is None:
            raise DecodeError(f"{clip.path}: no picture of the animation can be decoded")
        return _of_pictures(first, sum(seconds), len(seconds), codec="webp")
    with open_container(clip.path, local=clip.local) as container:
        return describe(container, clip.path, local=clip.local)


def _of_pictures(
    first: NDArray[np.uint8], duration: float, count: int, *, codec: str = "raw"
) -> VideoInfo:
    """Facts of ``count`` RGB pictures in memory that are shown for ``duration`` seconds."""
    height, width, _ = first.shape
    return VideoInfo(
        width=width,
        height=height,
        aspect=width / height,
        fps=count / duration if duration else 0.0,
        duration=duration,
        frames=count,
        rotation=0,
        start_pts=0.0,
        codec=codec,
        pixel_format="rgb24",
    )


def open_container(path: str, *, local: str = "") -> av.container.InputContainer:
    """Open a regular file, or its copy at ``local``, with at least one video stream.

    FFmpeg would wait for ever on a FIFO and take ``-x`` or ``concat:`` as instructions, so the
    path is looked at first and handed over as a plain file name. It would also follow lists of
    files, and read ``a1.jpg`` for a file named ``a%d.jpg``; neither is done, as those may be links
    to anywhere.
    """
    check_regular_file(local or path)
    try:
        container = av.open(
            f"file:{os.path.abspath(local or path)}",
            metadata_errors="replace",
            options={"pattern_type": "none"},
        )
    except (av.error.FFmpegError, OSError) as error:
        raise DecodeError(f"{path}: not a video that can be read ({_reason(error)})") from error
    if container.format.name in LISTS_OF_FILES:
        container.close()
        raise DecodeError(f"{path}: a list of other files, not a video; give the files themselves")
    try:
        video_stream(container, path)
    except DecodeError:
        container.close()
        raise
    return container


def video_stream(container: av.container.InputContainer, path: str) -> VideoStream:
    """The stream that is shown: the first that is no cover picture, by its mark or its codec.

    Where the first holds one picture and another more, it is that other: an animated AVIF has
    its still first. Raises :class:`DecodeError` where there is none.
    """
    streams = container.streams.video
    shown = [one for one in streams if not one.disposition & Disposition.attached_pic]
    shown = [one for one in shown if one.codec_context.name not in STILL_CODECS] or shown
    if not shown:
        only = " but its cover picture" if streams else ""
        raise DecodeError(f"{path}: has no video stream{only}")
    if shown[0].frames == 1:
        return max(shown, key=lambda one: one.frames)
    return shown[0]


def check_regular_file(path: str) -> None:
    """Raise :class:`InputError` unless ``path`` is a readable, non-empty, regular file."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path!r}: not a file name: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: not a regular file (a folder, pipe or device)")
    if status.st_size == 0:
        raise DecodeError(f"{path}: the file is empty (0 bytes)")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: cannot be opened: Permission denied")


def describe(container: av.container.InputContainer, path: str, *, local: str = "") -> VideoInfo:
    """Facts of the stream that is shown; decodes one frame and leaves the container used."""
    stream = video_stream(container, path)
    frame = None
    try:
        frame = next(container.decode(stream), None)
    except (av.error.FFmpegError, OSError) as error:
        raise DecodeError(f"{path}: no frame can be decoded ({_reason(error)})") from error
    if frame is None:
        raise DecodeError(f"{path}: no frame can be decoded (the stream is empty)")
    rotation, mirrored = orientation(frame, local or path)
    turned = rotation in (90, 270)
    pixel_aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    aspect = frame.width / frame.height * pixel_aspect
    is_image = container.format.name in IMAGE_FORMATS or not stream.average_rate
    is_image |= stream.frames == 1 and stream.duration is None  # a still in a video's container
    duration = 0.0
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif container.duration:
        duration = container.duration / av.time_base
    return VideoInfo(
        width=frame.height if turned else frame.width,
        height=frame.width if turned else frame.height,
        aspect=1 / aspect if turned else aspect,
        fps=0.0 if is_image else float(stream.average_rate or 0),
        duration=0.0 if is_image else duration,
        frames=1 if is_image else stream.frames,
        rotation=rotation,
        start_pts=float(frame.pts * frame.time_base) if frame.pts and frame.time_base else 0.0,
        codec=stream.codec_context.name,
        pixel_format=frame.format.name,
        mirrored=mirrored,
        transfer=TRANSFERS.get(int(frame.color_trc), ""),
        discontinuous=bool(container.format.flags & TS_DISCONT),
    )


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


# Animated WebP, which FFmpeg does not decode: times from the file's chunks, pictures by OpenCV

WINDOW = 32
"""Pictures in memory at a time; a later window is decoded from the beginning."""


def webp_durations(path: str) -> list[float]:
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


def webp_pictures(path: str, count: int) -> Iterator[NDArray[np.uint8]]:
    """Its pictures as (height, width, 3), red first; fewer than ``count`` where it is damaged."""
    for start in range(0, count, WINDOW):
        read: Any = cv2.imreadanimation(path, start, WINDOW)
        done, animation = read
        if not done:
            return
        for frame in animation.frames:
            yield np.ascontiguousarray(np.asarray(frame, np.uint8)[:, :, 2::-1])
