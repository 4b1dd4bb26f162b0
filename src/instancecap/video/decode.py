"""One streaming decode pass over a clip."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

import av
import av.container
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from instancecap.errors import DecodeError
from instancecap.video.clip import Clip
from instancecap.video.probe import VideoInfo, open_container, probe

Picture = NDArray[np.uint8]

MAX_BAD_PACKETS = 200
"""Packets in a row that may fail to decode before the rest of the stream is given up."""


class _Scaler:
    """Scales frames on one thread, keeping FFmpeg's tables from one frame to the next.

    Left to itself PyAV makes new tables, and threads, for every frame: five times the work.
    """

    def __init__(self) -> None:
        self._scalers: dict[tuple[int, int, str], VideoReformatter] = {}

    def __call__(self, frame: av.VideoFrame, *, width: int, height: int, pixels: str) -> Picture:
        scaler = self._scalers.setdefault((width, height, pixels), VideoReformatter())
        scaled = scaler.reformat(
            frame, width=width, height=height, format=pixels, interpolation="AREA", threads=1
        )
        return cast(Picture, scaled.to_ndarray())


@dataclass(frozen=True, slots=True)
class Frame:
    """One displayed frame. Pictures are made on demand, at the size asked for.

    Attributes:
        index: 0 for the first frame of the clip.
        t: seconds from the clip's start, from the stream's own time stamps.
    """

    index: int
    t: float
    _source: av.VideoFrame | Picture
    _rotation: int = 0
    _scale: _Scaler = field(default_factory=_Scaler, repr=False)

    def bgr(self, size: tuple[int, int] | None = None) -> Picture:
        """The frame as uint8 (height, width, 3), blue first; ``size`` is (width, height)."""
        return self._render("bgr24", size)

    def gray(self, size: tuple[int, int] | None = None) -> Picture:
        """The frame's luma as uint8 (height, width); ``size`` is (width, height)."""
        return self._render("gray", size)

    def _render(self, pixels: str, size: tuple[int, int] | None) -> Picture:
        source = self._source
        if isinstance(source, np.ndarray):
            code = cv2.COLOR_RGB2BGR if pixels == "bgr24" else cv2.COLOR_RGB2GRAY
            scaled = cv2.resize(source, size, interpolation=cv2.INTER_AREA) if size else source
            return cast(Picture, cv2.cvtColor(scaled, code))
        turned = self._rotation in (90, 270)
        width, height = size or (
            (source.height, source.width) if turned else (source.width, source.height)
        )
        if turned:
            width, height = height, width
        array = self._scale(source, width=width, height=height, pixels=pixels)
        if self._rotation:
            array = np.ascontiguousarray(np.rot90(array, -self._rotation // 90))
        return array


class ClipReader:
    """Reads a clip once, frame by frame, in bounded memory.

    ::

        with ClipReader(clip) as reader:
            for frame in reader:
                ...
        reader.frames_read, reader.end, reader.warnings

    Damaged stretches are passed over; what was lost stands in ``warnings`` after the last frame.
    Raises :class:`DecodeError` when not one frame lies in the clip's span.
    """

    def __init__(self, clip: Clip, *, threads: int = 0) -> None:
        """``threads`` for the decoder, 0 for one a core."""
        self.clip = clip
        self.info: VideoInfo = probe(clip)
        self.frames_read = 0
        self.warnings: list[str] = []
        self._threads = threads
        self._corrupt = 0
        self._bad_packets = 0
        self._last_t = 0.0
        self._last_duration = 0.0
        self._container: av.container.InputContainer | None = None

    @property
    def end(self) -> float:
        """Seconds from the clip's start to the end of its last frame; known after reading."""
        return self._last_t + self._last_duration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[Frame]:
        frames = self._frames_of_array() if self.clip.array is not None else self._frames_of_file()
        previous = -math.inf
        scaler = _Scaler()
        for t, duration, source in frames:
            if t <= previous:
                continue
            previous = t
            self._last_t, self._last_duration = t, duration
            yield Frame(self.frames_read, t, source, self.info.rotation, scaler)
            self.frames_read += 1
        if self.frames_read == 0:
            raise DecodeError(self._nothing_read())
        self._warn()

    def _frames_of_array(self) -> Iterator[tuple[float, float, Picture]]:
        assert self.clip.array is not None
        step = 1 / self.clip.array_fps
        for index, picture in enumerate(self.clip.array):
            t = index * step
            if self._ends_before(t):
                return
            if t >= self.clip.start - 1e-6:
                yield max(0.0, t - self.clip.start), step, picture

    def _frames_of_file(self) -> Iterator[tuple[float, float, av.VideoFrame]]:
        step = 1 / self.info.fps if self.info.fps else 0.0
        t = -step
        for frame in self._frames_from_start():
            stamp = self._time_of(frame)
            t = t + step if stamp is None else stamp
            if self._ends_before(t):
                return
            if t < self.clip.start - 1e-6:
                continue
            self._corrupt += bool(frame.is_corrupt)
            yield max(0.0, t - self.clip.start), step, frame

    def _frames_from_start(self) -> Iterator[av.VideoFrame]:
        """Frames from the span's start or before it, by a seek where that lands there."""
        if self.clip.start > 0:
            frames = self._decode(seek=self.info.start_pts + self.clip.start)
            first = next(frames, None)
            t = None if first is None else self._time_of(first)
            if first is not None and t is not None and t <= self.clip.start + 1e-6:
                yield first
                yield from frames
                return
            # A container without an index (an MPEG program stream) only guesses where a time
            # is and may land after it.
            self._bad_packets = 0
        yield from self._decode()

    def _decode(self, *, seek: float | None = None) -> Iterator[av.VideoFrame]:
        """Frames of all packets that decode; a bad packet does not end the stream."""
        if self._container is not None:
            self._container.close()
        container = self._container = open_container(self.clip.path, local=self.clip.local)
        stream = container.streams.video[0]
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        if seek is not None:
            with suppress(av.error.FFmpegError, OSError):  # then it starts at the beginning
                container.seek(round(seek * av.time_base))
        failed_in_a_row = 0
        packets = container.demux(stream)
        while failed_in_a_row < MAX_BAD_PACKETS:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError):
                self._bad_packets += 1
                failed_in_a_row += 1
                continue
            if frames:
                failed_in_a_row = 0
            yield from frames

    def _time_of(self, frame: av.VideoFrame) -> float | None:
        """Seconds from the source's first frame; None where the stream does not say."""
        if frame.pts is None or frame.time_base is None:
            return None
        return float(frame.pts * frame.time_base) - self.info.start_pts

    def _ends_before(self, t: float) -> bool:
        return self.clip.end is not None and t >= self.clip.end - 1e-6

    def _nothing_read(self) -> str:
        name = self.clip.path or self.clip.id
        if self.clip.start or self.clip.end is not None:
            end = "the end" if self.clip.end is None else f"{self.clip.end:g} s"
            return (
                f"{name}: no frame between {self.clip.start:g} s and {end}; "
                f"the video is {self.info.duration:g} s long"
            )
        return f"{name}: no frame can be decoded"

    def _warn(self) -> None:
        if self._corrupt:
            self.warnings.append(
                f"{self._corrupt} of {self.frames_read} frames are damaged and were concealed "
                "by the decoder"
            )
        if self._bad_packets:
            self.warnings.append(f"{self._bad_packets} packets could not be decoded")
        promised = self.info.duration
        if self.clip.end is not None:
            promised = min(promised, self.clip.end) if promised else self.clip.end
        missing = promised - self.clip.start - self.end
        if self.info.fps and missing > max(2.5 / self.info.fps, 0.05 * promised):
            self.warnings.append(
                f"only {self.frames_read} frames ({self.end:.2f} s of "
                f"{promised - self.clip.start:.2f} s) could be read; the rest is missing"
            )
