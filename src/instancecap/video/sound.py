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
from instancecap.video.probe import VideoInfo, open_container, probe

Samples = NDArray[np.float32]

RATE = 16_000
"""Samples a second that sound is read at: what networks for speech take."""

MAX_BAD_PACKETS = 200
"""Packets in a row that may fail to decode before the rest of the sound is given up."""

_MAX_DRIFT = RATE // 10
"""Samples by which the stream's own time stamps may run ahead before silence fills the gap."""


def has_sound(clip: Clip) -> bool:
    """Whether the clip's file has a stream of sound. Raises :class:`InputError`."""
    if clip.array is not None or not probe(clip).fps:
        return False
    with open_container(clip.path, local=clip.local) as container:
        return _stream(container) is not None


def read_sound(clip: Clip) -> Iterator[Samples]:
    """The sound of the clip's span as float32 mono in -1..1, ``RATE`` a second, block by block.

    The first sample is that of the span's first moment: where sound begins later, or pauses,
    silence stands for it. Channels are mixed down as FFmpeg does. Nothing comes where there is no
    sound; damaged packets are passed over. Raises :class:`InputError` where the file cannot be
    opened.
    """
    info = probe(clip)
    with open_container(clip.path, local=clip.local) as container:
        stream = _stream(container)
        if stream is None:
            return
        end = float("inf") if clip.end is None else round((clip.end - clip.start) * RATE)
        at = 0
        for place, block in _blocks(container, stream, clip, info):
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
    container: av.container.InputContainer, stream: AudioStream, clip: Clip, info: VideoInfo
) -> Iterator[tuple[int, Samples]]:
    """Blocks of sound, each with the place of its first sample, counted from the span's start."""
    zero = info.start_pts + clip.start
    if clip.start > 0 and not info.discontinuous:
        container.seek(max(0, round((zero - 1.0) * av.time_base)))
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    place = None
    for frame in _frames(container, stream):
        for mixed in resampler.resample(frame):
            block = mixed.to_ndarray().reshape(-1)
            stamp = place
            if mixed.pts is not None and not (info.discontinuous and place is not None):
                stamp = round((mixed.pts * float(mixed.time_base or 1 / RATE) - zero) * RATE)
            if place is None or (stamp is not None and stamp - place > _MAX_DRIFT):
                place = stamp if stamp is not None else 0
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
