"""One streaming decode pass over a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Self, cast

import av
import av.container
import av.error
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from instancecap.errors import DecodeError
from instancecap.video.clip import Clip
from instancecap.video.clock import Clock
from instancecap.video.display import tone_map, turn
from instancecap.video.probe import (
    VideoInfo,
    open_container,
    probe,
    video_stream,
    webp_durations,
    webp_pictures,
)

Picture = NDArray[np.uint8]

DEFAULT_STEP = 1 / 25
"""Seconds a frame where neither stamps nor the container say."""

MAX_BAD_PACKETS = 200
"""Packets in a row that may fail to decode before the rest of the stream is given up."""


class _Scaler:
    """Scales frames on one thread, keeping FFmpeg's tables from one frame to the next.

    Left to itself PyAV makes new tables, and threads, for every frame: five times the work.
    """

    def __init__(self) -> None:
        self._scalers: dict[tuple[int, int, str], VideoReformatter] = {}

    def __call__(
        self, frame: av.VideoFrame, *, width: int, height: int, pixels: str
    ) -> NDArray[Any]:
        scaler = self._scalers.setdefault((width, height, pixels), VideoReformatter())
        scaled = scaler.reformat(
            frame, width=width, height=height, format=pixels, interpolation="AREA", threads=1
        )
        return scaled.to_ndarray()


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
    _info: VideoInfo
    _scale: _Scaler = field(default_factory=_Scaler, repr=False)

    @property
    def longer_side(self) -> int:
        """Pixels of the longer side as it is displayed."""
        return max(self._info.width, self._info.height)

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
        info, turned = self._info, self._info.rotation in (90, 270)
        width, height = size or (
            (source.height, source.width) if turned else (source.width, source.height)
        )
        if turned:
            width, height = height, width
        if info.transfer:
            deep = self._scale(source, width=width, height=height, pixels="bgr48le")
            array = tone_map(deep, info.transfer)
            if pixels == "gray":
                array = cast(Picture, cv2.cvtColor(array, cv2.COLOR_BGR2GRAY))
        else:
            array = self._scale(source, width=width, height=height, pixels=pixels)
        return turn(array, info.rotation, info.mirrored)


class ClipReader:
    """Reads a clip once, frame by frame, in bounded memory; iterate over it within its context.

    Damaged stretches are passed over; what was lost stands in ``losses`` after the last frame, and
    in ``notes`` what was mended to show it. :attr:`end`, ``frames_read`` and :attr:`warnings` are
    known then too. Raises :class:`DecodeError` when not one frame lies in the clip's span.
    """

    def __init__(self, clip: Clip, *, threads: int = 0) -> None:
        """``threads`` for the decoder, 0 for one a core."""
        self.clip = clip
        self.info: VideoInfo = probe(clip)
        self.frames_read = 0
        self.losses: list[str] = []
        self.notes: list[str] = []
        self._threads = threads
        self._corrupt = 0
        self._bad_packets = 0
        self._mended = 0
        self._missing = 0.0
        self._last_t = 0.0
        self._last_duration = 0.0
        self._container: av.container.InputContainer | None = None

    @property
    def warnings(self) -> list[str]:
        """What was mended and what is missing, a line each; known after reading."""
        return [*self.notes, *self.losses]

    @property
    def end(self) -> float:
        """Seconds from the clip's start to the end of its last frame; known after reading."""
        return self._last_t + self._last_duration

    @property
    def damage(self) -> float:
        """Share of the clip's frames that are damaged or missing, 0..1; known after reading."""
        missing = self._missing * self.info.fps
        return min(1.0, (self._corrupt + missing) / max(1.0, self.frames_read + missing))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[Frame]:
        scaler = _Scaler()
        for t, duration, source in self._frames():
            self._last_t, self._last_duration = t, duration
            yield Frame(self.frames_read, t, source, self.info, scaler)
            self.frames_read += 1
        if self.frames_read == 0:
            raise DecodeError(self._nothing_read())
        self._warn()

    def _frames(self) -> Iterator[tuple[float, float, av.VideoFrame | Picture]]:
        """Frames of the span with their times from its start, and how long each is shown."""
        if self.clip.array is not None:
            step = 1 / self.clip.array_fps
            return self._in_span(
                (index * step, step, one) for index, one in enumerate(self.clip.array)
            )
        path = self.clip.local or self.clip.path
        if seconds := webp_durations(path):
            starts = accumulate(seconds, initial=0.0)
            return self._in_span(
                zip(starts, seconds, webp_pictures(path, len(seconds)), strict=False)
            )
        return self._frames_of_file()

    def _in_span(
        self, timed: Iterable[tuple[float, float, Picture]]
    ) -> Iterator[tuple[float, float, Picture]]:
        for t, step, picture in timed:
            if self._ends_before(t):
                return
            if t >= self.clip.start - 1e-6:
                yield max(0.0, t - self.clip.start), step, picture

    def _frames_of_file(self) -> Iterator[tuple[float, float, av.VideoFrame]]:
        """By a seek where that leads to the span, else from the beginning.

        Times in a stream that may start anew are known from its beginning only, and a container
        without an index only guesses where a time is.
        """
        if self.clip.start > 0 and not self.info.discontinuous:
            found = False
            for one in self._span_of_file(seek=self.info.start_pts + self.clip.start):
                found = True
                yield one
            if found:
                return
            self._bad_packets = 0
        yield from self._span_of_file()

    def _span_of_file(
        self, *, seek: float | None = None
    ) -> Iterator[tuple[float, float, av.VideoFrame]]:
        step = 1 / self.info.fps if self.info.fps else 0.0
        clock: Clock[av.VideoFrame] = Clock(step or DEFAULT_STEP, leaps=self.info.discontinuous)
        stamped = ((self._time_of(frame), frame) for frame in self._decode(seek=seek))
        before, first = 0, True
        for t, frame in clock.times(stamped):
            if self._ends_before(t) or (first and seek is not None and t > self.clip.start + 1e-6):
                return
            first = False
            if t < self.clip.start - 1e-6:
                before = clock.mended
                continue
            self._corrupt += bool(frame.is_corrupt)
            self._mended = clock.mended - before
            yield max(0.0, t - self.clip.start), step, frame

    def _decode(self, *, seek: float | None = None) -> Iterator[av.VideoFrame]:
        """Frames of all packets that decode; a bad packet does not end the stream."""
        if self._container is not None:
            self._container.close()
        container = self._container = open_container(self.clip.path, local=self.clip.local)
        stream = video_stream(container, self.clip.path)
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
        if self.info.transfer:
            self.notes.append(
                f"{self.info.transfer} high dynamic range was mapped to the range of usual video"
            )
        if self._mended:
            self.notes.append(
                f"{self._mended} of {self.frames_read} frames have time stamps that start anew, "
                "repeat or stand still; their times follow the order of the frames"
            )
        if self._corrupt:
            self.losses.append(
                f"{self._corrupt} of {self.frames_read} frames are damaged and were concealed "
                "by the decoder"
            )
        if self._bad_packets:
            self.losses.append(f"{self._bad_packets} packets could not be decoded")
        promised = self.info.duration
        if self.clip.end is not None:
            promised = min(promised, self.clip.end) if promised else self.clip.end
        missing = promised - self.clip.start - self.end
        known = self.info.fps and not self._mended  # else the container's duration means nothing
        slack = max(2.5 / self.info.fps, 0.05 * promised) if known else 0.0
        if known and self.clip.end is not None and self.clip.end > promised + slack:
            self.notes.append(
                f"the span ends at {self.clip.end:g} s, but the video ends at {promised:.2f} s"
            )
        if known and missing > slack:
            self._missing = missing
            self.losses.append(
                f"only {self.frames_read} frames ({self.end:.2f} s of "
                f"{promised - self.clip.start:.2f} s) could be read; the rest is missing"
            )
