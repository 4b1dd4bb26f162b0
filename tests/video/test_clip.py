"""A clip is checked when it is made, and opened when it is read."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from instancecap.errors import InputError, UsageError
from instancecap.video import Clip, probe


def test_clip_is_named_by_its_file() -> None:
    assert Clip.open(Path("in") / "a b.mp4").id == "a b.mp4"
    assert Clip.open("in/a.mp4", id="rally").id == "rally"


def test_nothing_is_opened_before_reading() -> None:
    clip = Clip.open("no/such/file.mp4", start=1, end=2)
    with pytest.raises(InputError, match=r"no/such/file\.mp4: cannot be opened: No such file"):
        probe(clip)


BAD_TIMES = (-1.0, math.nan, math.inf)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        *((start, None, "start must be a number of seconds >= 0") for start in BAD_TIMES),
        *((1.0, end, r"end must lie after start \(1\.0 s\)") for end in (1.0, *BAD_TIMES)),
    ],
)
def test_a_span_is_checked(start: float, end: float | None, reason: str) -> None:
    with pytest.raises(UsageError, match=rf"{reason}, got {start if end is None else end}"):
        Clip.open("a.mp4", start=start, end=end)


@pytest.mark.parametrize(
    ("shape", "dtype", "fps", "reason"),
    [
        *((shape, np.uint8, 10, r"must have the shape \(frames, height, width, 3\), got")
          for shape in [(4, 6), (5, 4, 6, 4), (0, 4, 6, 3), (5, 0, 6, 3), (1, 5, 4, 6, 3)]),
        *(((1, 4, 6, 3), dtype, 10, r"frames must be uint8 in 0\.\.255, got")
          for dtype in (np.float32, np.int8, np.uint16, bool)),
        *(((1, 4, 6, 3), np.uint8, fps, f"fps must be a number > 0, got {fps}")
          for fps in (0, -1, math.nan, math.inf)),
    ],
)  # fmt: skip
def test_other_frames_are_refused(
    shape: tuple[int, ...], dtype: type, fps: float, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        Clip.from_frames(np.zeros(shape, dtype), fps)
