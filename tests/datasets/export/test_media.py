"""Clips as files: what is promised is what a decoder finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from instancecap.datasets.export import media
from instancecap.datasets.export.rules import Plan
from instancecap.errors import DecodeError
from instancecap.video import Clip, ClipReader, probe
from tests.datasets.export.made import count_frames, make_colours

MakeVideo = Callable[..., Path]


@pytest.mark.parametrize(
    ("plan", "frames"),
    [
        (Plan(), 24),
        (Plan(step=4, rest=1), 21),
        (Plan(step=8, rest=1), 17),
        (Plan(step=17), 17),
        (Plan(step=4, rest=1, frames=9), 9),
        (Plan(step=4, rest=1, fps=16), 45),  # 3 s at 16 frames a second, each one twice
        (Plan(step=4, rest=1, fps=4), 9),
        (Plan(step=100, rest=1, fps=4), 1),
        (Plan(fps=12.5), 37),
        (Plan(step=60), 24),  # not one step of the rule: all that is there
        (Plan(step=4, rest=1, frames=81), 21),  # fewer than asked for
    ],
)
def test_an_encoded_file_has_exactly_the_frames(tmp_path: Path, plan: Plan, frames: int) -> None:
    clip = Clip.open(make_colours(tmp_path / "in.mp4"))
    info = media.encode(clip, tmp_path / "out.mp4", plan)
    assert (info.frames, count_frames(tmp_path / "out.mp4")) == (frames, frames)
    assert info.fps == pytest.approx(plan.fps or 8)


@pytest.mark.parametrize("multiple", [2, 16, 32])
def test_the_size_is_a_multiple(tmp_path: Path, make_video: MakeVideo, multiple: int) -> None:
    clip = Clip.open(make_video(tmp_path / "in.mp4", size=(110, 70)))
    info = media.encode(clip, tmp_path / "out.mp4", Plan(multiple=multiple))
    assert (info.width, info.height) == (110 // multiple * multiple, 70 // multiple * multiple)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.colorspace == media.BT709


def test_crop_fills_the_size_and_pad_shows_everything(tmp_path: Path) -> None:
    clip = Clip.open(make_colours(tmp_path / "in.mp4", size=(96, 64)))
    tall = (64, 128)
    media.encode(clip, tmp_path / "crop.mp4", Plan(size=tall))
    media.encode(clip, tmp_path / "pad.mp4", Plan(size=tall), fit="pad")
    crop, pad = (first_frame(tmp_path / name) for name in ("crop.mp4", "pad.mp4"))
    assert crop.shape == pad.shape == (128, 64, 3)
    assert crop[0].max() > 100  # the picture reaches the top
    assert pad[:30].max() < 20  # black above
    assert pad[64].max() > 100
    # A red left half stays half of what is shown.
    assert np.mean(pad[64, :, 0] > 120) == pytest.approx(0.5, abs=0.1)


def first_frame(path: Path) -> np.ndarray:
    """RGB, by a plain decoder."""
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_frames_and_colours_stay_those_of_the_source(clips_dir: Path, tmp_path: Path) -> None:
    source = clips_dir / "everyday" / "two_cars.mp4"
    media.encode(Clip.open(source), tmp_path / "out.mp4", Plan(frames=5, multiple=16))
    with ClipReader(Clip.open(source)) as old, ClipReader(Clip.open(tmp_path / "out.mp4")) as new:
        for first, second in zip(old, new, strict=False):
            one, two = (cv2.GaussianBlur(frame.bgr(), (9, 9), 0) for frame in (first, second))
            assert np.abs(one.astype(int) - two.astype(int)).mean() < 2.5
            assert np.abs(one.mean((0, 1)) - two.mean((0, 1))).max() < 1.5


def test_rotation_is_applied(clips_dir: Path, tmp_path: Path) -> None:
    source = Clip.open(clips_dir / "odd" / "nasa_13013_rotated.mp4")
    before = probe(source)
    assert before.rotation in (90, 270)
    info = media.encode(source, tmp_path / "out.mp4", Plan(frames=3))
    assert info.rotation == 0
    assert (info.width, info.height) == (before.width // 2 * 2, before.height // 2 * 2)
    with ClipReader(source) as reader:
        shown = next(iter(reader)).bgr((info.width, info.height))
    written = first_frame(tmp_path / "out.mp4")[..., ::-1]
    assert np.abs(shown.astype(int) - written.astype(int)).mean() < 6


def test_a_span_from_a_key_frame_is_cut_without_loss(tmp_path: Path) -> None:
    source = make_colours(tmp_path / "in.mp4", frames=24, gop=8)  # key frames at 0, 1 and 2 s
    clip = Clip.open(source, start=1.0, end=2.5)
    assert media.cut(clip, tmp_path / "out.mp4")
    assert count_frames(tmp_path / "out.mp4") == 12
    with ClipReader(clip) as old, ClipReader(Clip.open(tmp_path / "out.mp4")) as new:
        assert all(
            np.array_equal(first.bgr(), second.bgr())
            for first, second in zip(old, new, strict=True)
        )


def test_a_span_from_any_other_frame_is_not(tmp_path: Path) -> None:
    source = make_colours(tmp_path / "in.mp4", frames=24, gop=8)
    assert not media.cut(Clip.open(source, start=1.25), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_real_clip_with_b_frames_is_cut_only_where_nothing_is_lost(
    clips_dir: Path, tmp_path: Path
) -> None:
    source = clips_dir / "everyday" / "woman_dog.mp4"
    for number, end in enumerate((0.5, 0.7, 1.1)):
        target = tmp_path / f"{number}.mp4"
        clip = Clip.open(source, end=end)
        with ClipReader(clip) as reader:
            wanted = sum(1 for _ in reader)
        if media.cut(clip, target):
            assert count_frames(target) == wanted
        else:
            assert not target.exists()


def test_a_damaged_file_is_refused_where_every_frame_is_decoded(clips_dir: Path) -> None:
    with pytest.raises(DecodeError, match=r"missing|decoded|damaged"):
        media.inspect(clips_dir / "odd" / "derived_truncated_60pct.mp4", decode=True)


@pytest.mark.parametrize("link", ["symlink", "hardlink", "copy"])
def test_a_whole_file_is_linked_or_copied(
    tmp_path: Path, make_video: MakeVideo, link: media.Link
) -> None:
    source = make_video(tmp_path / "a b.mp4")
    media.place(str(source), tmp_path / "set" / "x.mp4", link=link)
    placed = tmp_path / "set" / "x.mp4"
    assert placed.read_bytes() == source.read_bytes()
    assert placed.is_symlink() == (link == "symlink")
    assert placed.samefile(source) == (link != "copy")


def test_stills_are_spread_over_the_clip(tmp_path: Path) -> None:
    clip = Clip.open(make_colours(tmp_path / "in.mp4"), start=1.0)
    names = media.save_frames(clip, tmp_path / "frames", "a", count=3)
    assert names == ["a-00.jpg", "a-01.jpg", "a-02.jpg"]
    pictures = [cv2.imread(str(tmp_path / "frames" / name)) for name in names]
    assert len({int(one[:, 60:].mean()) for one in pictures}) == 3
