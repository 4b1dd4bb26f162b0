"""Frames come once, upright, at their own times, in bounded memory, whatever the file."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from instancecap.errors import DecodeError
from instancecap.video import Clip, ClipReader
from tests.video.test_probe import ODD

MakeVideo = Callable[..., Path]


def read(clip: Clip) -> tuple[list[float], list[np.ndarray], ClipReader]:
    """Times and small gray pictures of a clip, and its reader."""
    times, pictures = [], []
    with ClipReader(clip) as reader:
        for frame in reader:
            times.append(frame.t)
            pictures.append(frame.gray((16, 16)).astype(int))
    return times, pictures, reader


def stamps(path: Path) -> list[float]:
    """Display times of the first video stream from the packets alone, nothing decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        ticks = sorted(packet.pts for packet in packets)
        return [float((tick - ticks[0]) * stream.time_base) for tick in ticks]


def write_gray(path: Path, levels: list[int], *, fps: int = 10, size: tuple[int, int]) -> Path:
    """A video of plain gray frames."""
    width, height = size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for level in levels:
            picture = np.full((height, width, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_every_odd_file_is_read_or_refused(clips_dir: Path) -> None:
    refused = set()
    for path in sorted((clips_dir / "odd").iterdir()):
        try:
            times, _, reader = read(Clip.open(path))
        except DecodeError:
            refused.add(path.name)
            continue
        assert times[0] == 0.0, path.name
        assert all(a < b for a, b in pairwise(times)), path.name
        assert len(times) == reader.frames_read, path.name
        assert reader.end >= times[-1], path.name
    assert refused == {name for name, _ in ODD["refused"]}


@pytest.mark.parametrize("name", ["var_fps_video.mp4", "fire2_vfr.mp4", "no_duration.webm"])
def test_variable_rate_keeps_the_streams_own_times(clips_dir: Path, name: str) -> None:
    path = clips_dir / "odd" / name
    times, _, reader = read(Clip.open(path))
    assert times == pytest.approx(stamps(path), abs=1e-9)
    gaps = np.diff(times)
    assert gaps.max() > 1.1 * gaps.min()
    assert reader.warnings == []


def test_times_count_from_the_first_frame(clips_dir: Path) -> None:
    times, _, reader = read(Clip.open(clips_dir / "odd" / "test_non_zero_start.mp4"))
    assert times == pytest.approx([index / 30 for index in range(12)], abs=1e-3)
    assert reader.end == pytest.approx(0.4, abs=1e-3)
    assert reader.info.start_pts == pytest.approx(8.333, abs=1e-3)


@pytest.mark.parametrize(("name", "count", "size"), ODD["pixels"])
def test_odd_pixels_and_sizes(clips_dir: Path, name: str, count: int, size: list[int]) -> None:
    with ClipReader(Clip.open(clips_dir / "odd" / name)) as reader:
        shapes = {frame.bgr().shape for frame in reader}
    assert shapes == {(size[1], size[0], 3)}
    assert (reader.frames_read, reader.losses) == (count, [])


def test_colors_of_one_pixel(clips_dir: Path) -> None:
    with ClipReader(Clip.open(clips_dir / "odd" / "bitmap_1x1.mp4")) as reader:
        pixels = [frame.bgr()[0, 0].astype(int) for frame in reader]
    red, green, blue, black, white = pixels
    assert red.argmax() == 2
    assert green.argmax() == 1
    assert blue.argmax() == 0
    assert black.max() < 30 < 225 < white.min()


@pytest.mark.parametrize(
    ("start", "end", "told"), [(0.0, None, 0), (0.0, 2.0, 0), (0.5, 2.1, 0), (0.5, 99.0, 1)]
)
def test_a_span_that_ends_after_its_video_is_told(
    tmp_path: Path, start: float, end: float | None, told: int
) -> None:
    path = write_gray(tmp_path / "a.mp4", [99] * 20, size=(64, 48))
    _, _, reader = read(Clip.open(path, start=start, end=end))
    line = "the span ends at 99 s, but the video ends at 2.00 s"
    assert reader.warnings == [line] * told


def test_truncated_file_says_how_much_there_was(clips_dir: Path) -> None:
    path = clips_dir / "odd" / "derived_truncated_60pct.mp4"
    _, _, reader = read(Clip.open(path))
    assert reader.frames_read == 90
    assert reader.warnings == [
        "only 90 frames (3.00 s of 5.00 s) could be read; the rest is missing"
    ]
    _, _, span = read(Clip.open(path, start=1.0, end=2.0))
    assert span.warnings == []
    _, _, late = read(Clip.open(path, start=2.5))
    assert late.warnings == ["only 15 frames (0.50 s of 2.50 s) could be read; the rest is missing"]


def test_flipped_bytes_are_told(clips_dir: Path) -> None:
    _, _, reader = read(Clip.open(clips_dir / "odd" / "derived_bitflips_300.mp4"))
    (warning,) = reader.warnings
    assert reader.frames_read == 150
    assert warning.endswith("of 150 frames are damaged and were concealed by the decoder")
    assert 10 < int(warning.split()[0]) < 150


def test_reading_goes_on_after_a_bad_packet(clips_dir: Path) -> None:
    times, _, reader = read(Clip.open(clips_dir / "odd" / "decord_corrupted.mp4"))
    assert len(times) >= 48
    assert times[-1] > 4.5
    assert "1 packets could not be decoded" in reader.warnings


@pytest.mark.parametrize(
    "name",
    [
        "sine_stereo_mp2.mpg", "var_fps_video.mp4", "test_non_zero_start.mp4", "no_duration.webm",
        "pigs.gif", "testsrc2_mpeg4.avi", "nasa_13013_multistream.mp4", "fire2_vfr.mp4",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("first", "last"), [(0.0, 0.5), (0.37, 0.71), (0.6, 1.0)])
def test_span_holds_exactly_the_frames_of_its_time(
    clips_dir: Path, name: str, first: float, last: float
) -> None:
    path = clips_dir / "odd" / name
    times, pictures, whole = read(Clip.open(path))
    start = first * whole.end
    end = None if last == 1 else last * whole.end
    inside = [
        index for index, t in enumerate(times) if start <= t and (end is None or t < end - 1e-6)
    ]
    span_times, span_pictures, span = read(Clip.open(path, start=start, end=end))
    assert span_times == pytest.approx([times[index] - start for index in inside], abs=1e-6)
    for index, picture in zip(inside, span_pictures, strict=True):
        assert np.abs(picture - pictures[index]).max() <= 2
    assert span.warnings == []


def test_span_starts_on_a_frame_and_ends_before_one(tmp_path: Path) -> None:
    path = write_gray(tmp_path / "steps.mp4", list(range(20, 220, 10)), size=(32, 32))
    times, pictures, reader = read(Clip.open(path, start=0.5, end=0.8))
    assert times == pytest.approx([0.0, 0.1, 0.2])
    assert [round(picture.mean(), -1) for picture in pictures] == [70, 80, 90]
    assert reader.end == pytest.approx(0.3)


def test_span_beyond_the_end_is_refused(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "short.mp4")
    with pytest.raises(DecodeError, match=r"short\.mp4: no frame between 9 s and the end; .* 1 s"):
        read(Clip.open(path, start=9))
    with pytest.raises(DecodeError, match="no frame between 9 s and 10 s"):
        read(Clip.open(path, start=9, end=10))


def test_span_that_ends_after_the_end_is_the_rest(tmp_path: Path, make_video: MakeVideo) -> None:
    times, _, reader = read(Clip.open(make_video(tmp_path / "short.mp4"), start=0.5, end=60))
    assert times == pytest.approx([0.0, 0.125, 0.25, 0.375])
    assert reader.losses == []


def test_frames_in_memory_are_read_like_a_file() -> None:
    array = np.zeros((5, 4, 6, 3), np.uint8)
    array[:, :, :, 0] = 200  # red
    clip = Clip.from_frames(array, 10)
    with ClipReader(clip) as reader:
        frames = list(reader)
    info = reader.info
    assert (info.width, info.height, info.frames, info.fps, info.duration) == (6, 4, 5, 10, 0.5)
    assert ClipReader(Clip.from_frames(array[0], 1)).info.frames == 1
    assert [frame.t for frame in frames] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert frames[0].bgr()[0, 0].tolist() == [0, 0, 200]
    assert frames[0].gray((3, 2)).shape == (2, 3)
    assert reader.end == pytest.approx(0.5)
    assert reader.warnings == []


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("needs /proc")
    levels = [20 + index % 200 for index in range(240)]
    path = write_gray(tmp_path / "long.mp4", levels, size=(1280, 720))
    pages = []
    with ClipReader(Clip.open(path)) as reader:
        for frame in reader:
            frame.bgr((320, 180))
            pages.append(int(status.read_text().split()[1]))
    growth = (max(pages[60:]) - max(pages[:60])) * 4096 / 1e6
    assert growth < 60, f"grew by {growth:.0f} MB"  # 180 frames kept would be 250 MB
    assert math.isclose(reader.end, 24.0)
