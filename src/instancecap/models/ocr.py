"""Reads the writing in a picture: PP-OCR through rapidocr, whose wheel brings the weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.video.decode import Picture

SIDE = 512
"""Longer side in pixels of the picture in which lines are looked for."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line of writing: its text, how sure (0..1), and its box (4,) in 0..1 of the picture."""

    text: str
    score: float
    box: NDArray[np.float64]


def read_lines(picture: Picture) -> list[ReadLine]:
    """The lines of writing in a BGR picture, from the top."""
    height, width = picture.shape[:2]
    found = _engine()(picture)
    if found.boxes is None:
        return []
    lines = []
    for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        low, high = corners.min(axis=0), corners.max(axis=0)
        box = (np.concatenate([low, high]) / [width, height, width, height]).clip(0, 1)
        lines.append(ReadLine(text.strip(), float(score), box))
    return sorted(lines, key=lambda line: (line.box[1], line.box[0]))


@cache
def _engine() -> Any:
    """Loaded once per process: one thread, silent, with the weights of the wheel."""
    from rapidocr import RapidOCR

    threads = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Det.limit_type": "max",
            "Det.limit_side_len": SIDE,
            **{f"EngineConfig.onnxruntime.{name}": value for name, value in threads.items()},
        }
    )
