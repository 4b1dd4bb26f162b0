"""Captions and their videos as rows that TRL's trainers take: pictures, question, answer.

A captioner learns on what it is asked later: the question, the frames and the answer's form are
those of ``instancecap caption --mode single``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image

from instancecap.captioners.chain.prompting import load_prompts
from instancecap.captioners.chain.single import FORMATS
from instancecap.captioners.visual_prompts import to_jpeg
from instancecap.datasets.captions import read_captions
from instancecap.errors import DecodeError, InputError, UsageError
from instancecap.formats import answer_text
from instancecap.schema.caption import Caption
from instancecap.video import Clip, ClipReader
from instancecap.video.sampling import fit_within, pick_evenly

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOptions:
    """How a clip is shown and asked about.

    Attributes:
        captioner: whose question and answer, as of ``--single-format``.
        frames: pictures a clip.
        side: longer side of a picture in pixels, at most.
    """

    captioner: str = "instancecap"
    frames: int = 16
    side: int = 768

    def __post_init__(self) -> None:
        if self.captioner not in FORMATS:
            raise UsageError(f"captioner {self.captioner}: choose one of {', '.join(FORMATS)}")

    @property
    def question(self) -> str:
        """What the captioner is asked."""
        return load_prompts().say(self.captioner.replace("-", "_"))


def make_row(pictures: Sequence[np.ndarray], caption: Caption, options: RowOptions) -> Row:
    """One row; pictures are RGB, uint8 (height, width, 3), in order of time."""
    answer = answer_text(caption, FORMATS[options.captioner])
    return {
        "images": [as_sent(one) for one in pictures],
        "prompt": [{"role": "user", "content": options.question}],
        "completion": [{"role": "assistant", "content": answer}],
    }


def as_sent(picture: np.ndarray) -> Image.Image:
    """A picture as a model gets it in use: through JPEG."""
    return Image.open(io.BytesIO(to_jpeg(picture, quality=88))).convert("RGB")


def read_rows(paths: Sequence[str], options: RowOptions) -> Iterator[tuple[Row, Caption]]:
    """Every caption whose video can be read; the others are named on the terminal.

    Raises:
        InputError: there is not one.
    """
    count = 0
    for one in read_captions(paths):
        try:
            if one.caption is None:
                raise InputError(one.error)
            row = make_row(frames_of_caption(one.caption, options), one.caption, options)
        except (InputError, DecodeError) as error:
            print(f"left out: {one.source}: {error}")
            continue
        count += 1
        yield row, one.caption
    if not count:
        raise InputError(f"{', '.join(paths)}: no caption whose video can be read")


def frames_of_caption(caption: Caption, options: RowOptions) -> list[np.ndarray]:
    """Frames of a caption's video. Raises as :func:`frames_of`, also where it names none."""
    video = caption.video
    if video is None or not video.path:
        raise InputError("the caption names no video")
    return frames_of(video.path, options, start=video.start, end=video.end)


def frames_of(
    path: str, options: RowOptions, *, start: float = 0.0, end: float = 0.0
) -> list[np.ndarray]:
    """Frames of a video, RGB, evenly spread, the first and the last among them.

    Args:
        start, end: seconds; 0 for the video's own.

    Raises:
        InputError, DecodeError: it cannot be opened or decoded.
    """
    with ClipReader(Clip.open(path, start=start, end=end or None)) as reader:
        size = fit_within(
            reader.info.aspect, min(options.side, max(reader.info.width, reader.info.height))
        )
        shown = [cv2.cvtColor(frame.bgr(size), cv2.COLOR_BGR2RGB) for frame in reader]
    return [shown[index] for index in pick_evenly(len(shown), options.frames)]
