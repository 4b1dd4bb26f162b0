"""What is measured of the pixels: still frames, blur, bars, marks that never move."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.curation.measure import Candidate, ClipFigures, FiguresWork
from instancecap.datasets.curation.pixels import MOVING_AROUND, FrameExpert, blur, find_marks
from instancecap.io.inputs import Job
from instancecap.video import Clip


def texture(seed: int, *, size: tuple[int, int] = (120, 200)) -> np.ndarray:
    """A gray picture with detail everywhere."""
    lot = np.random.default_rng(seed)
    picture = cv2.GaussianBlur(lot.normal(128, 160, size), (0, 0), 1.2)
    return picture.clip(0, 255).astype(np.uint8)


@given(seed=st.integers(0, 100), sigma=st.floats(0.8, 4.0))
def test_a_blurred_picture_is_more_blurred(seed: int, sigma: float) -> None:
    sharp = texture(seed)
    assert 0 <= blur(sharp) < blur(cv2.GaussianBlur(sharp, (0, 0), sigma)) <= 1


def test_a_plain_picture_has_no_sharpness() -> None:
    assert blur(np.full((20, 20), 90, np.uint8)) == 1.0


def test_a_mark_is_found_before_a_picture_that_moves() -> None:
    wide = texture(3, size=(100, 400))
    frames = np.stack([wide[:, step : step + 180] for step in range(0, 120, 20)])
    assert not find_marks(frames, around=MOVING_AROUND).any()
    marked = frames.copy()
    marked[:, 8:20, 150:172] = np.where(np.indices((12, 22)).sum(axis=0) % 6 < 3, 250, 10)
    found = find_marks(marked, around=MOVING_AROUND)
    assert found[8:20, 150:172].mean() > 0.7
    assert found.sum() < 2 * 12 * 22
    still = np.repeat(marked[:1], 6, axis=0)
    assert not find_marks(still, around=MOVING_AROUND).any(), "everything rests"


def frames_of(steps: list[float]) -> FrameExpert:
    """An expert that has seen ten frames a second that differ so much."""
    expert = FrameExpert()
    expert.times.extend(index / 10 for index in range(len(steps)))
    expert.steps.extend(steps)
    return expert


@pytest.mark.parametrize(
    ("steps", "repeated", "frozen"),
    [
        ([1, 0.1, 0.1, 0.1], 0.0, 0.0),
        ([1, 0, 0, 0], 1.0, 0.4),
        ([1, 0, 0.1, 0, 0.1, 0], 0.6, 0.2),
        ([1, 0.1, 0, 0, 0, 0.1], 0.6, 0.4),
        ([1], 0.0, 0.0),
    ],
)
def test_rests_of_the_picture_are_timed(steps: list[float], repeated: float, frozen: float) -> None:
    share, longest = frames_of(steps).still(0.0, len(steps) / 10)
    assert share == pytest.approx(repeated)
    assert longest == pytest.approx(frozen)


def measured(frames: np.ndarray, fps: float = 8.0) -> Candidate:
    """The figures of a clip from memory; frames are RGB."""
    clip = Clip.from_frames(frames, fps, id="made.mp4")
    found = ClipFigures.from_json(FiguresWork(threads=1)(Job(clip, "made.mp4")).evidence)
    assert found.whole is not None
    return found.whole


def moving(count: int = 16, *, size: tuple[int, int] = (96, 160)) -> np.ndarray:
    """A detailed picture that shifts."""
    wide = texture(1, size=(size[0], size[1] + 4 * count)).clip(50, 255)
    return np.stack(
        [np.repeat(wide[:, 4 * i : 4 * i + size[1], None], 3, axis=2) for i in range(count)]
    )


def test_black_bars_are_told_and_what_they_leave(without_weights: None) -> None:
    frames = moving()
    assert measured(frames).figures.bars == 0
    frames[:, :12] = frames[:, -12:] = 0
    figures = measured(frames).figures
    assert figures.content == pytest.approx((0, 0.125, 1, 0.875), abs=0.01)
    assert figures.bars == pytest.approx(0.25, abs=0.02)


def test_a_clip_that_rests_is_frozen(without_weights: None) -> None:
    frames = moving()
    frames[4:] = frames[4]
    figures = measured(frames).figures
    assert figures.frozen == pytest.approx(1.5, abs=0.13)
    assert figures.repeated == pytest.approx(11 / 15, abs=0.01)


def test_each_shot_has_figures_and_a_hash_of_its_own(without_weights: None) -> None:
    one, other = moving(), moving()[:, ::-1] // 5
    clip = Clip.from_frames(np.concatenate([one, other]), 8.0, id="cut.mp4")
    found = ClipFigures.from_json(FiguresWork(threads=1)(Job(clip, "cut.mp4")).evidence)
    assert [(shot.start, shot.end) for shot in found.shots] == [(0.0, 2.0), (2.0, 4.0)]
    assert found.whole is not None
    assert found.whole.figures.transitions == 1
    assert [shot.figures.transitions for shot in found.shots] == [0, 0]
    assert len({found.whole.hash, *(shot.hash for shot in found.shots)}) == 3
    assert found.candidates(split_shots=True) == found.shots
    assert found.candidates(split_shots=False) == [found.whole]


def test_real_motion_is_told_from_rest(clips_dir: Path, with_weights: Path) -> None:
    def motion(name: str) -> float:
        path = clips_dir / name
        found = ClipFigures.from_json(FiguresWork(threads=1)(Job(Clip.open(path), name)).evidence)
        assert found.whole is not None
        return found.whole.figures.motion

    assert motion("everyday/two_cars.mp4") > 0.05
    assert motion("everyday/flower_cc0.mp4") < 0.03
