"""What happens to pictures between a scene and a file: noise, blur, bars, logos, editing, codecs.

Every function takes and gives uint8 RGB frames of shape (frames, height, width, 3).
"""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def add_noise(frames: Frames, *, sigma: float, seed: int = 0) -> Frames:
    """Sensor noise with a standard deviation of ``sigma`` grey levels."""
    rng = np.random.default_rng(seed)
    noisy = (frame + sigma * rng.standard_normal(frame.shape, dtype=np.float32) for frame in frames)
    return np.stack([np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy])


def flicker(frames: Frames, *, depth: float, seed: int = 0) -> Frames:
    """The brightness of each frame changes at random by up to ``depth`` (0..1)."""
    gains = 1 + depth * np.random.default_rng(seed).uniform(-1, 1, len(frames))
    return np.stack(
        [np.clip(f * gain, 0, 255).astype(np.uint8) for f, gain in zip(frames, gains, strict=True)]
    )


def dim(frames: Frames, *, gain: float) -> Frames:
    """Less light."""
    return (frames * gain).astype(np.uint8)


def letterbox(frames: Frames, *, share: float = 0.13) -> Frames:
    """Black bars over the top and bottom ``share`` of the picture."""
    barred = frames.copy()
    bar = round(frames.shape[1] * share)
    barred[:, :bar] = 0
    barred[:, -bar:] = 0
    return barred


def logo(frames: Frames) -> Frames:
    """A station's logo and a line of writing that stay where they are."""
    marked = frames.copy()
    height, width = frames.shape[1:3]
    for frame in marked:
        corner, end = (
            (width * 80 // 100, height * 5 // 100),
            (width * 96 // 100, height * 20 // 100),
        )
        cv2.rectangle(frame, corner, end, (230, 30, 40), -1)
        cv2.circle(
            frame, (width * 88 // 100, height * 12 // 100), height // 20, (255, 255, 255), -1
        )
        foot = (width * 5 // 100, height * 92 // 100)
        cv2.putText(frame, "LIVE  24 NEWS", foot, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 2)
    return marked


def ripple(frames: Frames, *, top: float = 0.5, fps: float, pixels: float = 2.5) -> Frames:
    """Water: everything under ``top`` (share of the height) sways to and fro, each part its way."""
    height, width = frames.shape[1:3]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    strength = pixels * np.clip((ys / height - top) * 8, 0, 1)
    rippled = []
    for index, frame in enumerate(frames):
        t = index / fps
        dx = strength * np.sin(xs / 9 + 5.1 * t) * np.cos(ys / 7 - 3.3 * t)
        dy = strength * np.cos(xs / 11 - 4.3 * t) * np.sin(ys / 5 + 6.1 * t)
        rippled.append(
            cv2.remap(frame, xs + dx, ys + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        )
    return np.stack(rippled).astype(np.uint8)


def mix(first: Frames, second: Frames, *, frames: int) -> Frames:
    """A dissolve: the last ``frames`` frames of one shot turn into the first of the next."""
    share = np.linspace(0, 1, frames + 2)[1:-1, None, None, None]
    blend = (1 - share) * first[-frames:] + share * second[:frames]
    return np.concatenate([first[:-frames], blend.astype(np.uint8), second[frames:]])


def fade(first: Frames, second: Frames, *, frames: int, black: int) -> Frames:
    """The last ``frames`` of one shot go dark, ``black`` empty frames, the next shot lights up."""
    share = np.linspace(1, 0, frames + 1)[1:, None, None, None]
    out, into = first[-frames:] * share, second[:frames] * share[::-1]
    empty = np.zeros((black, *first.shape[1:]), np.uint8)
    parts = [first[:-frames], out.astype(np.uint8), empty, into.astype(np.uint8), second[frames:]]
    return np.concatenate(parts)


def flash(frames: Frames, *, at: int, length: int = 1) -> Frames:
    """A photographer's flash: ``length`` nearly white frames."""
    lit = frames.copy()
    lit[at : at + length] = 255 - (255 - lit[at : at + length]) // 8
    return lit


def write(frames: Frames, target: Path | IO[bytes], *, fps: float, crf: int = 23) -> None:
    """Write an H.264 video in an mp4 file; ``crf`` 0 (no loss) to 51 (worst)."""
    out = target if not isinstance(target, Path) else str(target)
    with av.open(out, "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1001)
        options = {"crf": str(crf), "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def compress(frames: Frames, *, fps: float, crf: int) -> Frames:
    """What remains after H.264 at ``crf``."""
    file = io.BytesIO()
    write(frames, file, fps=fps, crf=crf)
    file.seek(0)
    with av.open(file, "r") as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.array(pictures, np.uint8)
