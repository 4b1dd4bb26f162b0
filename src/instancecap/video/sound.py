"""One streaming pass over the sound of a clip."""

from __future__ import annotations

from collections.abc import Iterator

import av
import av.container
import av.error
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from instancecap.video.clip import Clip
from instancecap.video.probe import TS_DISCONT, open_container, webp_durations

Samples = NDArray[np.float32]

RATE = 16_000
"""Samples a second that sound is read at: what networks for speech take."""

MAX_BAD_PACKETS = 200
"""Packets in a row that may fail to decode before the rest of the sound is given up."""

PREROLL = 1.0
"""Seconds before a span from which it is decoded, so that no codec is heard beginning."""

_MAX_DRIFT = RATE // 10
"""Samples by which the stream's own time stamps may run ahead before silence fills the gap."""


def has_sound(clip: Clip) -> bool:
    """Whether the clip's file has a stream of sound. Raises :class:`InputError`."""
    if clip.array is not None or webp_durations(clip.local or clip.path):
        return False
    with open_container(clip.path, local=clip.local) as container:
        return _stream(container) is not None


def read_sound(clip: Clip, *, first: float) -> Iterator[Samples]:
    """The sound of the clip's span as float32 mono in -1..1, ``RATE`` a second, block by block.

    The first sample is that of the span's first moment: where sound begins later, or pauses,
    silence stands for it. Channels are mixed down to their mean. Nothing comes where there is no
    sound; damaged packets are passed over.

    Args:
        first: time stamp of the source's first picture, seconds, from which clips count.

    Raises:
        InputError: the file cannot be opened.
    """
    with open_container(clip.path, local=clip.local) as container:
        stream = _stream(container)
        if stream is None:
            return
        end = float("inf") if clip.end is None else round((clip.end - clip.start) * RATE)
        at = 0
        for place, block in _blocks(container, stream, zero=first + clip.start):
            gap = place - at
            block = block[max(0, -gap) :] if gap < 0 else block
            while gap > _MAX_DRIFT and at < end:
                pause = int(min(gap, RATE, end - at))
                yield np.zeros(pause, np.float32)
                at, gap = at + pause, gap - pause
            block = block[: int(min(len(block), end - at))]
            if len(block):
                yield block
                at += len(block)
            if at >= end:
                return


def _stream(container: av.container.InputContainer) -> AudioStream | None:
    """The first stream of sound that FFmpeg can decode."""
    return next((one for one in container.streams.audio if one.codec_context is not None), None)


def _blocks(
    container: av.container.InputContainer, stream: AudioStream, *, zero: float
) -> Iterator[tuple[int, Samples]]:
    """Blocks of sound, each with the place of its first sample, counted from ``zero`` seconds.

    Where time stamps may start anew, blocks follow one another.
    """
    anew = bool(container.format.flags & TS_DISCONT)
    if zero > PREROLL and not anew:
        container.seek(round((zero - PREROLL) * av.time_base))
    # Of floats FFmpeg would add the channels up, of integers it takes their mean.
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    place = None
    for frame in _frames(container, stream):
        for mixed in resampler.resample(frame):
            block: Samples = mixed.to_ndarray().reshape(-1).astype(np.float32) / np.float32(32768)
            stamp = None
            if mixed.pts is not None and mixed.time_base:
                stamp = round((float(mixed.pts * mixed.time_base) - zero) * RATE)
            if place is None:
                place = stamp or 0
            elif stamp is not None and stamp - place > _MAX_DRIFT and not anew:
                place = stamp
            yield place, block
            place += len(block)


def _frames(
    container: av.container.InputContainer, stream: AudioStream
) -> Iterator[av.AudioFrame | None]:
    """Decoded frames, and None at last, which empties a resampler."""
    bad = 0
    packets = container.demux(stream)
    while bad < MAX_BAD_PACKETS:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            yield from packet.decode()
            bad = 0
        except av.error.FFmpegError:
            bad += 1
    yield None
