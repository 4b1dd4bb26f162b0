"""Tiny videos with sound that is known: tones, noise, silence, and pauses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Sound = NDArray[np.float32]


def tone(seconds: float, *, amplitude: float = 0.5, hertz: float = 440.0) -> Sound:
    """A sine; its level is 3 dB under that of ``amplitude``."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def noise(seconds: float, *, amplitude: float = 0.1) -> Sound:
    """White noise, always the same."""
    made = np.random.default_rng(0).normal(0, amplitude, round(seconds * RATE))
    return np.clip(made, -1, 1).astype(np.float32)


def silence(seconds: float) -> Sound:
    """Nothing."""
    return np.zeros(round(seconds * RATE), np.float32)


def write_sounding(path: Path, sound: Sound, *, seconds: float = 0.0, codec: str = "flac") -> Path:
    """A gray video with a stereo track in a Matroska file; ``seconds`` of picture."""
    frames = round((seconds or len(sound) / RATE) * 8)
    with av.open(str(path), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=Fraction(8))
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codec, rate=RATE, layout="stereo")
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8))
            container.mux(video.encode(picture))
        container.mux(video.encode())
        samples = (np.repeat(sound, 2) * 32767).astype(np.int16)
        for at in range(0, len(sound), RATE):
            block = av.AudioFrame.from_ndarray(
                samples[None, 2 * at : 2 * (at + RATE)], format="s16", layout="stereo"
            )
            block.sample_rate, block.pts = RATE, at
            container.mux(audio.encode(block))
        container.mux(audio.encode())
    return path
