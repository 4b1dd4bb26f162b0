"""Every frame is shown, one after the other, whatever its stamp says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.video import Clip, ClipReader
from instancecap.video.clock import Clock
from tests.video.test_decode import write_gray

STEP = 0.1
GOOD = [index * STEP for index in range(6)]


def run(stamps: list[float | None], *, leaps: bool = False) -> tuple[list[float], int]:
    clock: Clock[int] = Clock(STEP, leaps=leaps)
    times = list(clock.times((stamp, index) for index, stamp in enumerate(stamps)))
    assert [index for _, index in times] == list(range(len(stamps)))
    return [round(t, 6) for t, _ in times], clock.mended


@pytest.mark.parametrize(
    ("stamps", "times", "mended"),
    [
        pytest.param(GOOD, GOOD, 0, id="as it should be"),
        pytest.param([0.0, 0.1, 0.35, 0.4, 7.0], [0.0, 0.1, 0.35, 0.4, 7.0], 0, id="a pause"),
        pytest.param([None] * 4, GOOD[:4], 0, id="no stamps"),
        pytest.param([0.0, 0.0, 0.2, 0.2, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4], 2, id="doubled"),
        pytest.param([0.0, 0.2, 0.1, 0.3], [0.0, 0.2, 0.25, 0.3], 1, id="out of order"),
        pytest.param([0.0] * 12, [round(n * STEP, 6) for n in range(12)], 11, id="all zero"),
        pytest.param(
            [5.0, 5.1, 5.2, 0.0, 0.1, 0.2], [5.0, 5.1, 5.2, 5.3, 5.4, 5.5], 3, id="a restart"
        ),
        pytest.param(
            [0.0, *[0.1] * 8, 1.0],
            [*[n / 10 for n in range(7)], 0.733333, 0.866667, 1.0],
            7,
            id="frozen",
        ),
    ],
)
def test_times_go_forward(stamps: list[float | None], times: list[float], mended: int) -> None:
    assert run(stamps) == (pytest.approx(times, abs=1e-5), mended)


def test_a_leap_is_a_break_in_a_transport_stream_alone() -> None:
    stamps: list[float | None] = [0.0, 0.1, 900.0, 900.1]
    assert run(stamps) == ([0.0, 0.1, 900.0, 900.1], 0)
    assert run(stamps, leaps=True) == ([0.0, 0.1, 0.2, 0.3], 2)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=40), st.booleans())
def test_any_stamps_give_rising_times_and_every_frame(
    stamps: list[float | None], leaps: bool
) -> None:
    clock: Clock[int] = Clock(STEP, leaps=leaps)
    times = list(clock.times((stamp, index) for index, stamp in enumerate(stamps)))
    assert [index for _, index in times] == list(range(len(stamps)))
    assert all(a < b or b - a > -1e-6 for (a, _), (b, _) in pairwise(times))


@pytest.fixture
def stitched(tmp_path: Path) -> Path:
    """Three times the same two seconds, one after the other, each with its own stamps."""
    part = write_gray(tmp_path / "part.ts", list(range(20, 220, 10)), size=(32, 32))
    path = tmp_path / "whole.ts"
    path.write_bytes(part.read_bytes() * 3)
    return path


def test_a_stitched_stream_is_read_whole(stitched: Path) -> None:
    with ClipReader(Clip.open(stitched)) as reader:
        frames = [(frame.t, frame.gray().mean()) for frame in reader]
    assert len(frames) == 60
    assert [t for t, _ in frames] == pytest.approx([index / 10 for index in range(60)], abs=1e-3)
    assert reader.end == pytest.approx(6.0, abs=1e-3)
    assert reader.warnings == [
        "40 of 60 frames have time stamps that start anew, repeat or stand still; their times "
        "follow the order of the frames"
    ]


def test_a_span_of_a_stitched_stream_is_the_one_that_a_player_shows(stitched: Path) -> None:
    with ClipReader(Clip.open(stitched, start=3.0, end=3.5)) as reader:
        levels = [round(frame.gray().mean(), -1) for frame in reader]
    assert levels == [120, 130, 140, 150, 160]


@pytest.mark.parametrize(
    ("name", "frames", "seconds", "mended"),
    [("concat.ts", 144, 5.76, 96), ("allzero.mkv", 30, 1.0, 29)],
)
def test_the_reported_files(
    cases_dir: Path, name: str, frames: int, seconds: float, mended: int
) -> None:
    with ClipReader(Clip.open(cases_dir / "12-frames-after-timestamp-reset" / name)) as reader:
        times = [frame.t for frame in reader]
    assert (len(times), reader.end) == (frames, pytest.approx(seconds, abs=1e-3))
    assert reader.warnings[0].startswith(f"{mended} of {frames} frames have time stamps")
