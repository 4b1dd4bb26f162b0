"""Sound is read from the clip's span, in time with the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.errors import DecodeError
from instancecap.video import Clip
from instancecap.video.probe import probe
from instancecap.video.sound import RATE, has_sound, read_sound
from tests.conftest import MakeVideo
from tests.sounds import silence, tone, write_sounding


@pytest.fixture(scope="module")
def beep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of silence, a second of a tone, a second of silence."""
    path = tmp_path_factory.mktemp("sound") / "beep.mkv"
    return write_sounding(path, np.concatenate((silence(1), tone(1), silence(1))))


def read(clip: Clip) -> np.ndarray:
    blocks = list(read_sound(clip, first=probe(clip).start_pts))
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def test_a_tone_is_where_it_was_put(beep: Path) -> None:
    sound = read(Clip.open(beep))
    assert sound.dtype == np.float32
    assert len(sound) == pytest.approx(3 * RATE, abs=50)
    loud = np.flatnonzero(np.abs(sound) > 0.05)
    assert loud[0] / RATE == pytest.approx(1.0, abs=0.005)
    assert loud[-1] / RATE == pytest.approx(2.0, abs=0.005)
    assert np.sqrt(np.mean(sound[RATE + 800 : 2 * RATE - 800] ** 2)) == pytest.approx(
        0.5 / np.sqrt(2), rel=0.02
    )


@settings(max_examples=12)
@given(start=st.floats(0, 2.5), length=st.floats(0.05, 1.5))
def test_a_span_is_that_part_of_the_whole(beep: Path, start: float, length: float) -> None:
    whole = read(Clip.open(beep))
    part = read(Clip.open(beep, start=start, end=start + length))
    at = round(start * RATE)
    wanted = whole[at : at + round(length * RATE)]
    assert len(part) == pytest.approx(len(wanted), abs=2)
    both = min(len(part), len(wanted))
    difference = part[:both] - wanted[:both]
    assert np.mean(np.abs(difference)) < 0.08  # a sample early or late within a tone of 440 Hz


def test_what_has_no_sound_is_told(tmp_path: Path, make_video: MakeVideo, beep: Path) -> None:
    mute = Clip.open(make_video(tmp_path / "mute.mp4"))
    frames = Clip.from_frames(np.zeros((2, 8, 8, 3), np.uint8), 8)
    assert [has_sound(one) for one in (Clip.open(beep), mute, frames)] == [True, False, False]
    assert not len(read(mute))


def test_a_file_that_is_no_video_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "no.mp4"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DecodeError, match=r"no\.mp4"):
        has_sound(Clip.open(path))


@pytest.mark.parametrize("name", ["failing_audio.mp4", "fire2_vfr.mp4", "derived_bitflips_300.mp4"])
def test_odd_files_are_read_in_full(clips_dir: Path, name: str) -> None:
    clip = Clip.open(clips_dir / "odd" / name)
    sound = read(clip)
    assert len(sound) / RATE == pytest.approx(probe(clip).duration, abs=0.5)
    assert np.abs(sound).max() <= 1.5
