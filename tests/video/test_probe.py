"""What a container says is read right, and what is no video is refused with its reason."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.errors import DecodeError, InputError
from instancecap.video import Clip, ClipReader, probe

MakeVideo = Callable[..., Path]
ODD = json.loads(Path(__file__).with_name("odd.json").read_text(encoding="utf-8"))


def quadrants(width: int = 60, height: int = 40) -> np.ndarray:
    """A picture (BGR) that looks different in every corner."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (0, 0, 255)
    picture[: height // 2, width // 2 :] = (0, 255, 0)
    picture[height // 2 :, : width // 2] = (255, 0, 0)
    return picture


@pytest.mark.parametrize(("name", "size", "fps", "duration", "pixels"), ODD["facts"])
def test_facts_of_odd_files(
    clips_dir: Path, name: str, size: list[int], fps: float, duration: float, pixels: str
) -> None:
    info = probe(Clip.open(clips_dir / "odd" / name))
    assert [info.width, info.height] == size
    assert info.fps == pytest.approx(fps, abs=1e-3)
    assert info.duration == pytest.approx(duration, abs=1e-3)
    assert info.pixel_format == pixels
    assert info.aspect == pytest.approx(size[0] / size[1])


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_is_clockwise_for_display(clips_dir: Path, degrees: int) -> None:
    info = probe(Clip.open(clips_dir / "odd" / f"decord_video_{degrees}.mov"))
    assert info.rotation == degrees
    assert (info.width, info.height) == ((320, 568) if degrees in (90, 270) else (568, 320))


@pytest.mark.parametrize(("name", "reason"), ODD["refused"])
def test_what_is_no_video_has_a_named_reason(clips_dir: Path, name: str, reason: str) -> None:
    path = clips_dir / "odd" / name
    with pytest.raises(DecodeError, match=f"{name}: {reason}") as caught:
        probe(Clip.open(path))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_header_without_a_picture_is_refused(tmp_path: Path, make_video: MakeVideo) -> None:
    data = make_video(tmp_path / "whole.mp4").read_bytes()
    # The index is kept, and every byte of the pictures is wiped.
    begin = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    wiped = tmp_path / "wiped.mp4"
    wiped.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    with pytest.raises(DecodeError, match=r"wiped\.mp4: no frame can be decoded"):
        probe(Clip.open(wiped))


def test_places_that_are_no_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    for name, reason in {
        "pipe.mp4": "not a regular file",
        "": "not a regular file",
        "none.mp4": "cannot be opened: No such file",
        "loop.mp4": "cannot be opened: Too many levels",
        "a\0b.mp4": "not a file name: embedded null",
    }.items():
        with pytest.raises(InputError, match=reason):
            probe(Clip(path=os.path.join(tmp_path, name)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_file_is_named(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "secret.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match=r"secret\.mp4: cannot be opened: Permission denied"):
        probe(Clip.open(path))


@pytest.mark.parametrize(
    "name",
    [
    
        "with space.mp4", "two\nlines.mp4", "-dash.mp4", "雪 Möwe.mp4", "50%d.mp4", "concat:a.mp4",
        "https:x.mp4", "[1]*?#.mp4",
    ],
)  # fmt: skip
def test_any_file_name_is_a_plain_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_video: MakeVideo, name: str
) -> None:
    shutil.copy(make_video(tmp_path / "source.mp4"), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(Clip.open(name)).frames == 8


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tiff"])
def test_image_is_a_clip_of_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"still %03d.{suffix}"
    cv2.imwrite(str(path), quadrants())
    with ClipReader(Clip.open(path)) as reader:
        frames = [(frame.t, frame.bgr()) for frame in reader]
    assert [t for t, _ in frames] == [0.0]
    assert (reader.info.width, reader.info.height, reader.info.fps) == (60, 40, 0.0)
    assert (reader.end, reader.warnings) == (0.0, [])
    assert np.abs(frames[0][1].astype(int) - quadrants()).mean() < 2


def test_what_other_files_hold_is_not_read_through_one(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    """A list of files, or a name with a number in it, would be read through links as well."""
    (tmp_path / "link.mp4").symlink_to(make_video(tmp_path / "elsewhere" / "secret.mp4"))
    playlist = tmp_path / "list.mp4"
    playlist.write_text("ffconcat version 1.0\nfile link.mp4\n")
    with pytest.raises(DecodeError, match=r"list\.mp4: a list of other files, not a video"):
        probe(Clip.open(playlist))
    cv2.imwrite(str(tmp_path / "elsewhere" / "secret.jpg"), quadrants())
    (tmp_path / "a1.jpg").symlink_to(tmp_path / "elsewhere" / "secret.jpg")
    cv2.imwrite(str(tmp_path / "a%d.jpg"), np.zeros((20, 30, 3), np.uint8))
    info = probe(Clip.open(tmp_path / "a%d.jpg"))
    assert (info.width, info.height) == (30, 20)
