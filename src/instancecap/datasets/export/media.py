"""Files of clips for a trainer: linked, copied, cut without loss, or encoded anew."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import cv2
import numpy as np

from instancecap.datasets.export.rules import MediaInfo, Plan
from instancecap.datasets.videos import find_video
from instancecap.errors import DecodeError, OutputError
from instancecap.schema.caption import Caption
from instancecap.video import Clip, ClipReader, VideoInfo, probe
from instancecap.video.decode import Picture
from instancecap.video.probe import open_container, video_stream
from instancecap.video.sampling import pick_evenly

Link = Literal["symlink", "hardlink", "copy"]
Fit = Literal["crop", "pad"]

QUALITY = {"crf": "16", "preset": "fast"}
"""libx264's settings: losses that are not seen."""

BT709 = 1
"""The number of ITU-R BT.709 in H.264's colour tables (primaries, transfer, matrix alike)."""

_FROM_BGR = np.array(
    [
        [0.0722 * 219, 0.7152 * 219, 0.2126 * 219, 16 * 255],
        [0.5 * 224, -0.7152 / 1.8556 * 224, -0.2126 / 1.8556 * 224, 128 * 255],
        [-0.0722 / 1.5748 * 224, -0.7152 / 1.5748 * 224, 0.5 * 224, 128 * 255],
    ]
)
"""BT.709 (ITU-R BT.709-6, items 3.2 to 3.4) from BGR to limited-range Y, Cb, Cr, times 255."""

JPEG_QUALITY = 95


def inspect(path: str | Path, *, decode: bool = False) -> MediaInfo:
    """Facts of a file. ``decode`` counts the frames by decoding every one of them.

    Without it the packets are counted, and one frame is decoded. Raises :class:`InputError`: the
    file is missing or is no video; or, with ``decode``, a part is damaged.
    """
    clip = Clip.open(path)
    info = probe(clip)
    if info.fps == 0 and info.frames == 1:
        return MediaInfo(1, 0.0, info.width, info.height, 0.0, info.rotation)
    if decode:
        with ClipReader(clip) as reader:
            for _ in reader:
                pass
        if reader.losses:
            raise DecodeError(f"{path}: {'; '.join(reader.losses)}")
        frames, seconds = reader.frames_read, reader.end
    else:
        with open_container(str(path)) as container:
            stream = video_stream(container, str(path))
            frames = sum(1 for packet in container.demux(stream) if packet.size)
        seconds = info.duration or (frames / info.fps if info.fps else 0.0)
    return MediaInfo(frames, info.fps, info.width, info.height, seconds, info.rotation)


def find_clip(caption: Caption, *, caption_file: str = "", video_root: str = "") -> Clip:
    """The clip that a caption is about. Raises :class:`InputError` where there is none."""
    path = find_video(caption, caption_file=caption_file, video_root=video_root or None)
    video = caption.video
    assert video is not None
    known_end = video.end if video.end > video.start else None
    return Clip(path=path, start=video.start, end=known_end, id=video.id or os.path.basename(path))


def is_whole(clip: Clip, info: VideoInfo) -> bool:
    """Whether the clip is the whole file, give or take a frame."""
    slack = 1.1 / info.fps if info.fps else 0.0
    reaches = clip.end is None or not info.duration or clip.end >= info.duration - slack
    return clip.start <= 1e-6 and reaches


def place(source: str, target: Path, *, link: Link) -> None:
    """Make ``target`` the same file as ``source``: by a link, or a copy.

    A hard link that the file system refuses becomes a copy.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    real = os.path.realpath(source)
    if link == "symlink":
        os.symlink(real, target)
        return
    if link == "hardlink":
        with suppress(OSError):
            os.link(real, target)
            return
    shutil.copyfile(source, target)


def cut(clip: Clip, target: Path) -> bool:
    """Write the clip's own packets to an MP4 file, if that gives exactly its frames.

    It does where the clip starts on a key frame and no frame needs one beyond the clip's end. The
    result is compared with the source, frame by frame; where anything differs the file is removed
    again. Audio is left out. Returns whether ``target`` was written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    info = probe(clip)
    if info.rotation or info.mirrored or info.transfer:
        return False
    try:
        if _copy_packets(clip, info, target) and _same_frames(clip, target):
            return True
    except (av.error.FFmpegError, OSError, ValueError, DecodeError):
        pass  # a codec that MP4 cannot hold, or no key frame: it has to be encoded anew
    target.unlink(missing_ok=True)
    return False


def _copy_packets(clip: Clip, info: VideoInfo, target: Path) -> bool:
    start = info.start_pts + clip.start - 1e-6
    end = math.inf if clip.end is None else info.start_pts + clip.end - 1e-6
    written = 0
    opened = open_container(clip.path, local=clip.local)
    with opened as source, av.open(str(target), "w", format="mp4") as sink:
        stream = video_stream(source, clip.path)
        if clip.start > 0:
            source.seek(round((start + 2e-6) * av.time_base))
        out = sink.add_stream_from_template(stream)
        first: int | None = None
        for packet in source.demux(stream):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            t = float(packet.pts * packet.time_base)
            if not start <= t < end:
                if t >= end and packet.is_keyframe:
                    break
                continue
            if first is None:
                if not packet.is_keyframe:
                    return False
                first = packet.pts
            packet.pts -= first
            packet.dts -= first
            packet.stream = out
            sink.mux(packet)
            written += 1
    return written > 0


def _same_frames(clip: Clip, target: Path) -> bool:
    with ClipReader(clip) as original, ClipReader(Clip.open(target)) as written:
        pairs = zip(_pictures(original), _pictures(written), strict=True)
        same = all(np.array_equal(first, second) for first, second in pairs)
    return same and not written.warnings


def _pictures(reader: ClipReader) -> Iterator[Picture]:
    return (frame.bgr() for frame in reader)


def encode(clip: Clip, target: Path, plan: Plan, *, fit: Fit = "crop") -> MediaInfo:
    """Encode a clip as H.264 (yuv420p, BT.709) of exactly the frames, rate and size of ``plan``.

    Rotation is applied. The frame shown at each tick of the new rate is taken: a higher rate
    repeats frames, a lower one leaves some out. ``crop`` cuts off what stands over the size, evenly
    on both sides; ``pad`` adds black bars. Audio is left out. Where the clip is too short for
    ``plan.frames``, the most frames that keep the rule are written, and all there are where not
    even one step of it fits. The file is decoded once more to be sure of it.

    Raises :class:`InputError`: the clip cannot be decoded, or the file not be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    info = probe(clip)
    rate = Fraction(plan.fps or info.fps or 1).limit_denominator(1001)
    size = _output_size(info, plan)
    with ClipReader(clip) as reader, av.open(str(target), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=rate, options=dict(QUALITY))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = 1  # limited, as every reader expects of H.264
        count = 0
        for picture in _in_rule(_ticks(reader, float(rate), size, fit, info), plan):
            frame = av.VideoFrame.from_ndarray(_yuv420p(picture), format="yuv420p")
            frame.pts, frame.time_base = count, 1 / rate
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    done = inspect(target, decode=True)
    if (done.frames, done.width, done.height) != (count, *size):
        raise OutputError(
            f"{target}: {done.frames} frames of {done.width}x{done.height} were written instead "
            f"of {count} of {size[0]}x{size[1]}"
        )
    return done


def _yuv420p(picture: Picture) -> Picture:
    """BGR to the planes of yuv420p, rounded; FFmpeg's own way from RGB darkens by two levels."""
    full = cv2.transform(picture, _FROM_BGR / 255)
    height, width = picture.shape[:2]
    half = cv2.resize(full[..., 1:], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    planes = (full[..., 0], half[..., 0], half[..., 1])
    flat = np.concatenate([plane.reshape(-1) for plane in planes])
    return flat.reshape(height * 3 // 2, width)


def _output_size(info: VideoInfo, plan: Plan) -> tuple[int, int]:
    """Width and height, even because of yuv420p."""
    unit = math.lcm(plan.multiple, 2)
    if plan.size is not None:
        return plan.size
    width = round(info.height * info.aspect)
    return max(unit, width // unit * unit), max(unit, info.height // unit * unit)


def _ticks(
    reader: ClipReader, rate: float, size: tuple[int, int], fit: Fit, info: VideoInfo
) -> Iterator[Picture]:
    """The picture that is shown at every tick of ``rate``, from the clip's start to its end."""
    step, tick = 1 / rate, 0
    shown: Picture | None = None
    for frame in reader:
        # A frame is shown from its own time on; a tenth of a tick allows for rounded stamps.
        while shown is not None and tick * step < frame.t - step / 10:
            yield shown
            tick += 1
        if (tick + 1) * step > frame.t - step:  # else the next one replaces it unseen
            shown = _fitted(frame.bgr(_scaled_size(size, fit, info)), size)
    end = max(reader.end, step if tick == 0 else 0.0)
    while shown is not None and (tick + 0.9) * step <= end + 1e-6:
        yield shown
        tick += 1


def _scaled_size(size: tuple[int, int], fit: Fit, info: VideoInfo) -> tuple[int, int]:
    """Size to scale a picture to, before it is cropped to ``size`` or padded to it."""
    width, height = info.height * info.aspect, info.height
    scales = size[0] / width, size[1] / height
    if fit == "pad":
        scale = min(scales)
        return max(1, round(width * scale)), max(1, round(height * scale))
    # A few pixels too many are cut off rather than squeezed in.
    scale = max(scales)
    if scale < 1 and round(width) - size[0] < 64 and height - size[1] < 64:
        scale = 1.0
    return max(size[0], round(width * scale)), max(size[1], round(height * scale))


def _fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    """The middle of a larger picture; a smaller one in the middle of black."""
    height, width = picture.shape[:2]
    left, top = abs(width - size[0]) // 2, abs(height - size[1]) // 2
    if width >= size[0] and height >= size[1]:
        return np.ascontiguousarray(picture[top : top + size[1], left : left + size[0]])
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + height, left : left + width] = picture
    return canvas


def _in_rule(pictures: Iterator[Picture], plan: Plan) -> Iterator[Picture]:
    """The first pictures whose number keeps the rule; at most ``step`` of them are held back."""
    waiting: list[Picture] = []
    passed = 0
    for number, picture in enumerate(pictures, 1):
        waiting.append(picture)
        if plan.keeps_rule(number):
            yield from waiting
            passed, waiting = number, []
        if passed and passed == plan.frames:
            return
    if not passed:
        yield from waiting


def save_frames(clip: Clip, folder: Path, stem: str, *, count: int) -> list[str]:
    """Save ``count`` frames, evenly spread, as JPEG files in ``folder``. Returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    with ClipReader(clip) as reader:
        total = sum(1 for _ in reader)
    wanted = set(pick_evenly(total, count))
    names: list[str] = []
    with ClipReader(clip) as reader:
        for frame in reader:
            if frame.index not in wanted:
                continue
            _, data = cv2.imencode(".jpg", frame.bgr(), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            name = f"{stem}-{len(names):02d}.jpg"
            (folder / name).write_bytes(data.tobytes())
            names.append(name)
    return names
