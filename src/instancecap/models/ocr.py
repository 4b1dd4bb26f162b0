"""Reads the writing in a picture: PP-OCR through rapidocr, whose wheel brings the weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rapidocr.utils.process_img import get_rotate_crop_image

from instancecap.video.decode import Picture

SIDE = 512
"""Longer side in pixels of the picture in which lines are looked for."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of writing: its text, how sure (0..1), and its box (4,) in 0..1 of the picture."""

    text: str
    score: float
    box: NDArray[np.float64]


def locate_lines(picture: Picture) -> list[NDArray[np.float32]]:
    """Corners (4, 2) in pixels of each line of writing in a BGR picture, the largest first."""
    found = _engine("det")(picture)
    boxes = [] if found.boxes is None else [np.asarray(one, np.float32) for one in found.boxes]
    return sorted(boxes, key=lambda corners: -float(np.prod(np.ptp(corners, axis=0))))


def read_line(picture: Picture, corners: NDArray[np.float32]) -> ReadLine:
    """What is written between the corners (4, 2); no text and score 0 where nothing can be read."""
    cut = get_rotate_crop_image(picture, corners)
    read = _engine("rec")(cut)
    box = box_between(picture, corners)
    if not read.txts:
        return ReadLine("", 0.0, box)
    return ReadLine(read.txts[0].strip(), float(read.scores[0]), box)


def box_between(picture: Picture, corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """The box (4,) in 0..1 of the picture that holds some corners in pixels."""
    height, width = picture.shape[:2]
    both = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return np.asarray((both / [width, height, width, height]).clip(0, 1), np.float64)


@cache
def _engine(task: Literal["det", "rec"]) -> Any:
    """Finds lines, or reads one; loaded once per process: one thread, silent, with the weights of
    the wheel. What one of them does is not switched from call to call: threads may share it."""
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_det": task == "det",
            "Global.use_cls": False,
            "Global.use_rec": task == "rec",
            "Det.limit_type": "max",
            "Det.limit_side_len": SIDE,
            **{f"EngineConfig.onnxruntime.{name}": value for name, value in threads.items()},
        }
    )
