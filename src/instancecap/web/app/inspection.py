"""What workers do for the app beside captioning: look at a clip before it is taken, thumbnails."""

from __future__ import annotations

import cv2

from instancecap.errors import DecodeError, InputError
from instancecap.io.atomic import write_whole
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.probe import open_container, probe
from instancecap.video.sampling import fit_within
from instancecap.web.app.config import Limits

THUMBNAIL_SIDE = 320


def inspect_clip(path: str, name: str, limits: Limits) -> dict[str, object]:
    """Width, height, seconds and codec of a clip that may be taken.

    The header is read first: nothing is decoded of a clip that promises too much.

    Raises:
        InputError: no video, damaged, too large or too long; the line starts with ``name``.
    """
    try:
        with open_container(path) as container:
            streams = container.streams.video
            width, height = max(
                ((one.codec_context.width, one.codec_context.height) for one in streams),
                key=lambda size: size[0] * size[1],
            )
            seconds = (container.duration or 0) / 1e6
        if width * height > limits.pixels:
            raise InputError(
                f"{path}: frames of {width} x {height} pixels; at most "
                f"{limits.pixels / 1e6:g} million pixels are taken"
            )
        if seconds > limits.seconds:
            raise InputError(
                f"{path}: {seconds:.0f} s long; clips of at most {limits.seconds:g} s are taken"
            )
        info = probe(Clip.open(path))
    except InputError as error:
        raise type(error)(str(error).replace(path, name)) from error
    except MemoryError as error:
        raise DecodeError(f"{name}: a frame needs more memory than a job may have") from error
    return {
        "width": info.width,
        "height": info.height,
        "seconds": round(info.duration, 2),
        "codec": info.codec,
    }


def make_thumbnail(path: str, target: str) -> None:
    """Write a WebP file of the clip's first frame, its longer side at most 320 pixels."""
    with ClipReader(Clip.open(path), threads=1) as reader:
        frame = next(iter(reader))
        side = min(THUMBNAIL_SIDE, max(reader.info.width, reader.info.height, 2))
        picture = frame.bgr(fit_within(reader.info.aspect, side))
    done, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 60])
    assert done, picture.shape
    write_whole(target, data.tobytes())
