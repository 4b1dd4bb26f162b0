"""Where shots begin and how, on frames made by hand and on edited clips."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scene_textures import SURFACES
from instancecap.evidence.experts.shots import ShotExpert
from instancecap.evidence.sample import THUMB_SIZE
from instancecap.schema.evidence import Shot
from instancecap.video import Clip
from instancecap.video.decode import ClipReader

FPS = 24.0
SIZE = (96, 64)


def picture(surface: str, *, seed: int = 1) -> np.ndarray:
    """RGB, wider than a frame, so that one can pan over it."""
    return SURFACES[surface](np.random.default_rng(seed), SIZE[1], SIZE[0] * 4)


def still(surface: str, frames: int, *, seed: int = 1, noise: float = 2.0) -> np.ndarray:
    base = picture(surface, seed=seed)[:, : SIZE[0]].astype(float)
    grain = np.random.default_rng(9).normal(0, noise, (frames, *base.shape))
    return np.clip(base + grain, 0, 255).astype(np.uint8)


def shots_of(frames: np.ndarray, *, fps: float = FPS) -> list[Shot]:
    return shots_of_clip(Clip.from_frames(frames, fps))


def shots_of_clip(clip: Clip) -> list[Shot]:
    expert = ShotExpert()
    with ClipReader(clip) as reader:
        for frame in reader:
            expert.look(frame.t, frame.bgr(THUMB_SIZE))
    return expert.shots(end=reader.end)[0]


def warnings_of(frames: np.ndarray, *, fps: float = FPS) -> list[str]:
    expert = ShotExpert()
    with ClipReader(Clip.from_frames(frames, fps)) as reader:
        for frame in reader:
            expert.look(frame.t, frame.bgr(THUMB_SIZE))
    return expert.shots(end=reader.end)[1]


def kinds(shots: list[Shot]) -> list[str]:
    return [shot.transition for shot in shots]


def mix(first: np.ndarray, second: np.ndarray, frames: int) -> np.ndarray:
    """A dissolve between two pictures."""
    part = np.linspace(0, 1, frames + 2)[1:-1, None, None, None]
    return (first * (1 - part) + second * part).astype(np.uint8)


def assert_no_gaps(shots: list[Shot], *, end: float) -> None:
    assert shots[0].start == 0
    assert shots[0].transition == "start"
    assert shots[-1].end == pytest.approx(end, abs=2e-3)
    for shot, following in pairwise(shots):
        assert shot.end == following.start
        assert shot.start < shot.end
        assert following.transition != "start"


@pytest.mark.parametrize(("first", "second"), [("hills", "bricks"), ("cells", "foliage")])
@pytest.mark.parametrize("at", [12, 37])
def test_a_hard_cut_is_found_at_its_frame(first: str, second: str, at: int) -> None:
    shots = shots_of(np.concatenate([still(first, at), still(second, 60 - at)]))
    assert kinds(shots) == ["start", "cut"]
    assert shots[1].start == pytest.approx(at / FPS, abs=1e-3)
    assert_no_gaps(shots, end=60 / FPS)


def test_three_shots_are_three() -> None:
    frames = np.concatenate([still(s, 30) for s in ("hills", "bricks", "foliage")])
    shots = shots_of(frames)
    assert kinds(shots) == ["start", "cut", "cut"]
    assert [shot.start for shot in shots] == pytest.approx([0, 1.25, 2.5], abs=1e-3)


@pytest.mark.parametrize("left", [1, 2, 6])
@pytest.mark.parametrize("word", ["first", "last"])
def test_frames_that_a_neighboring_shot_left_are_warned_of(left: int, word: str) -> None:
    parts = [still("bricks", left), still("cells", 40)]
    frames = np.concatenate(parts if word == "first" else parts[::-1])
    assert warnings_of(frames) == [f"the {word} {left / FPS:.2f} s belong to another shot"]


@pytest.mark.parametrize("lengths", [(40,), (10, 40), (40, 10), (5, 8)])
def test_shots_of_their_own_are_no_leftovers(lengths: tuple[int, ...]) -> None:
    surfaces = ("bricks", "cells")
    frames = [still(surface, n) for surface, n in zip(surfaces, lengths, strict=False)]
    assert warnings_of(np.concatenate(frames)) == []


def test_a_flash_is_no_cut() -> None:
    frames = still("hills", 60)
    frames[30:32] = 255
    assert kinds(shots_of(frames)) == ["start"]


def test_noise_is_no_cut() -> None:
    assert kinds(shots_of(still("cells", 60, noise=14))) == ["start"]


def test_a_pan_is_no_change_of_shot() -> None:
    wide = picture("hills")
    frames = np.stack([wide[:, 3 * i : 3 * i + SIZE[0]] for i in range(72)])
    assert kinds(shots_of(frames)) == ["start"]


def test_something_large_that_crosses_is_no_change_of_shot() -> None:
    frames = still("cells", 60)
    for index, frame in enumerate(frames):
        left = -50 + 3 * index
        frame[10:60, max(0, left) : max(0, left + 45)] = (180, 40, 30)
    assert kinds(shots_of(frames)) == ["start"]


def test_a_dissolve_is_one_change_in_its_middle() -> None:
    first, second = still("hills", 36, noise=0), still("bricks", 36, noise=0)
    frames = np.concatenate([first, mix(first[-1], second[0], 20), second])
    shots = shots_of(frames)
    assert kinds(shots) == ["start", "dissolve"]
    assert shots[1].start == pytest.approx(46 / FPS, abs=0.25)
    assert_no_gaps(shots, end=len(frames) / FPS)


def test_a_fade_through_black_is_one_change() -> None:
    first, second = still("hills", 36, noise=0), still("bricks", 36, noise=0)
    black = np.zeros((6, *first.shape[1:]), np.uint8)
    out, back = mix(first[-1], black[0], 10), mix(black[0], second[0], 10)
    shots = shots_of(np.concatenate([first, out, black, back, second]))
    assert kinds(shots) == ["start", "fade"]
    assert 36 / FPS <= shots[1].start <= 62 / FPS


def test_one_frame_is_one_shot() -> None:
    shots = shots_of(still("hills", 1))
    assert kinds(shots) == ["start"]
    assert_no_gaps(shots, end=1 / FPS)


def test_no_frames_are_no_shots() -> None:
    assert ShotExpert().shots(end=1.0) == ([], [])


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 14)), min_size=1, max_size=5),
    st.sampled_from([5.0, 24.0]),
)
def test_any_frames_give_shots_without_gaps(parts: list[tuple[int, int]], fps: float) -> None:
    ramp = np.linspace(0, 60, SIZE[0])[None, :, None]
    frames = np.concatenate(
        [
            np.full((n, SIZE[1], SIZE[0], 3), np.clip(level + ramp, 0, 255), np.uint8)
            for level, n in parts
        ]
    )
    shots = shots_of(frames, fps=fps)
    assert_no_gaps(shots, end=len(frames) / fps)
    assert len(shots) <= len(parts)


def test_cuts_of_an_edited_clip(clips_dir: Path) -> None:
    shots = shots_of_clip(Clip.open(clips_dir / "cuts" / "bikes.mp4"))
    truth = [1.2, 3.04, 5.48, 7.48, 9.68]
    assert [shot.start for shot in shots[1:]] == pytest.approx(truth, abs=0.05)
    assert_no_gaps(shots, end=10.0)


def test_a_counter_on_three_backgrounds_has_three_shots(clips_dir: Path) -> None:
    shots = shots_of_clip(Clip.open(clips_dir / "cuts" / "counter.mp4"))
    assert kinds(shots) == ["start", "cut", "cut"]
    assert [shot.start for shot in shots] == pytest.approx([0, 1, 2], abs=0.05)


@pytest.mark.parametrize("name", ["everyday/woman_dog.mp4", "masks/bmx-trees.mp4"])
def test_an_uncut_clip_is_one_shot(clips_dir: Path, name: str) -> None:
    assert kinds(shots_of_clip(Clip.open(clips_dir / name))) == ["start"]


def test_the_picture_size_does_not_matter() -> None:
    frames = np.concatenate([still("hills", 24), still("bricks", 24)])
    large = np.stack([cv2.resize(frame, (384, 256)) for frame in frames])
    assert shots_of(large) == shots_of(frames)
