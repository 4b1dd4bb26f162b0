"""A clip: a source and a time span of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from instancecap.errors import UsageError


@dataclass(frozen=True, slots=True)
class Clip:
    """What is to be described. Nothing is opened until the clip is read.

    Attributes:
        path: the video or image file; empty for frames from memory.
        start, end: the span in seconds from the source's first frame; None for its end.
        id: a name for the outputs; the file's own name unless told otherwise.
        array: uint8 RGB frames of shape (frames, height, width, 3), for a clip from memory.
        local: a copy at hand that is opened in place of ``path``; empty for none.
    """

    path: str = ""
    start: float = 0.0
    end: float | None = None
    id: str = ""
    array: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    array_fps: float = 0.0
    local: str = field(default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        if not math.isfinite(self.start) or self.start < 0:
            raise UsageError(f"start must be a number of seconds >= 0, got {self.start}")
        if self.end is not None and not (math.isfinite(self.end) and self.end > self.start):
            raise UsageError(f"end must lie after start ({self.start} s), got {self.end}")

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        start: float = 0.0,
        end: float | None = None,
        id: str = "",
    ) -> Self:
        """A clip from a video or image file. The file is first opened when it is read."""
        text = os.fspath(path)
        return cls(path=text, start=start, end=end, id=id or Path(text).name)

    @classmethod
    def from_frames(cls, array: NDArray[Any], fps: float, *, id: str = "frames") -> Self:
        """A clip from frames in memory.

        ``array`` is uint8 RGB, shape (frames, height, width, 3), or (height, width, 3) for one
        frame; ``fps`` is more than 0.
        """
        frames = array[None] if array.ndim == 3 else array
        if frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
            raise UsageError(
                f"frames must have the shape (frames, height, width, 3), got {array.shape}"
            )
        if frames.dtype != np.uint8:
            raise UsageError(f"frames must be uint8 in 0..255, got {frames.dtype}")
        if not (math.isfinite(fps) and fps > 0):
            raise UsageError(f"fps must be a number > 0, got {fps}")
        return cls(id=id, array=frames, array_fps=float(fps))
