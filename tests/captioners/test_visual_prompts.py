"""What is done to a picture around an instance: made frames with exact shapes, and real ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.visual_prompts import (
    blur_around,
    blurred,
    close_up,
    crop_around,
    from_jpeg,
    outline_box,
    to_jpeg,
)

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("without_weights"),
]

SIZE = (180, 320)
BOX = np.array([0.3, 0.3, 0.55, 0.7])
SOFT = 6
"""Pixels on each side of a mask's edge that the soft edge and the smoothing may touch."""


def shape() -> np.ndarray:
    """The made thing's exact mask: an ellipse that fills its box; bool (height, width)."""
    height, width = SIZE
    ys, xs = np.mgrid[:height, :width]
    across = ((xs + 0.5) / width - (BOX[0] + BOX[2]) / 2) / ((BOX[2] - BOX[0]) / 2)
    down = ((ys + 0.5) / height - (BOX[1] + BOX[3]) / 2) / ((BOX[3] - BOX[1]) / 2)
    return np.asarray(across**2 + down**2 <= 1)


def scene() -> np.ndarray:
    """A red, grainy ellipse on noisy ground, greener to the right; RGB."""
    ground = np.empty((*SIZE, 3))
    ground[...] = (70, 110, 120)
    ground[..., 1] += np.linspace(0, 80, SIZE[1])
    frame = np.where(shape()[..., None], (190.0, 40.0, 40.0), ground)
    noise = np.random.default_rng(1).normal(0, 25, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def zones() -> tuple[np.ndarray, np.ndarray]:
    """What is surely within the box with round corners, and what is surely without."""
    kernel = np.ones((2 * SOFT + 1, 2 * SOFT + 1), np.uint8)
    whole = np.zeros(SIZE, np.uint8)
    x0, y0, x1, y1 = (BOX * (SIZE[1], SIZE[0], SIZE[1], SIZE[0])).astype(int)
    whole[y0 : y1 + 1, x0 : x1 + 1] = 1
    return cv2.erode(shape().astype(np.uint8), kernel) > 0, cv2.dilate(whole, kernel) == 0


def grain(picture: np.ndarray, where: np.ndarray) -> float:
    """How much neighboring pixels differ, gray values."""
    fine = cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    return float(fine[where].std())


def test_blur_takes_the_things_out_of_the_surroundings_and_leaves_their_colors() -> None:
    frame, (inside, outside) = scene(), zones()
    picture = blur_around(frame, BOX, side=320)
    assert (picture[inside] == frame[inside]).all()
    assert grain(picture, outside) < 0.05 * grain(frame, outside)
    assert picture[outside].mean(axis=0) == pytest.approx(frame[outside].mean(axis=0), abs=15)
    assert blurred(frame).mean(axis=(0, 1)) == pytest.approx(frame.mean(axis=(0, 1)), abs=3)
    assert picture[:20, -60:, 1].mean() - picture[:20, :60, 1].mean() > 30  # as it was


def test_what_stays_sharp_is_what_the_segmenter_chosen_sees() -> None:
    frame = scene()
    x0, y0, x1, y1 = (BOX * (SIZE[1], SIZE[0], SIZE[1], SIZE[0])).astype(int)
    filled = blur_around(frame, BOX, side=320, segmenter="box")
    assert (
        filled[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] == frame[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1]
    ).all()
    cut_out = blur_around(frame, BOX, side=320, segmenter="grabcut")
    inside, _ = zones()
    assert (cut_out[inside] == frame[inside]).mean() > 0.95
    corner = frame[y0 + 1 : y0 + 4, x0 + 1 : x0 + 4].astype(int)
    assert np.abs(cut_out[y0 + 1 : y0 + 4, x0 + 1 : x0 + 4] - corner).mean() > 5


def test_a_close_up_enlarges_and_darkens_what_is_around() -> None:
    near = close_up(scene(), BOX, side=999)
    height, width = near.shape[:2]
    assert (width, height) == (480, 432), "three times the box and half of it on each side"
    inside = near[height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20]
    assert np.allclose(inside.mean(axis=(0, 1)), (190, 40, 40), atol=6), "as bright as it was"
    assert near[:40].mean() < 0.7 * scene()[30:40].mean()
    tiny = np.array([0.5, 0.5, 0.51, 0.51])
    assert close_up(scene(), tiny, side=999).shape[1] == 3 * 64, "a fifth of the frame"
    assert max(close_up(scene(), BOX, side=100).shape) == 100


def test_an_outline_touches_nothing_inside_and_nothing_changes_what_is_given() -> None:
    frame = scene()
    marked = outline_box(frame, BOX, label="2")
    x0, y0, x1, y1 = (BOX * (320, 180, 320, 180)).astype(int)
    assert (marked[y0 + 1 : y1, x0 + 1 : x1] == frame[y0 + 1 : y1, x0 + 1 : x1]).mean() > 0.97
    assert (marked[(y0 + y1) // 2, x0 - 2] == (255, 0, 0)).all()
    close_up(frame, BOX, side=320), blur_around(frame, BOX, side=320)
    assert (frame == scene()).all()


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(2, 400), st.integers(2, 400))
def test_crops_lie_in_the_picture_around_the_box(
    numbers: tuple[float, float, float, float], width: int, height: int
) -> None:
    a, b, c, d = numbers
    box = np.array([min(a, c), min(b, d), max(a, c), max(b, d)])
    x0, y0, x1, y1 = crop_around(box, (width, height))
    assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    middle = (box[:2] + box[2:]) / 2 * (width, height)
    assert x0 - 1 <= middle[0] <= x1 + 1 and y0 - 1 <= middle[1] <= y1 + 1


def test_jpeg_files_are_the_picture() -> None:
    smooth = cv2.GaussianBlur(scene(), (9, 9), 0)
    assert np.abs(from_jpeg(to_jpeg(smooth, quality=95)).astype(int) - smooth).mean() < 3
