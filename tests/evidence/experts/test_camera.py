"""The background's motion from picture to picture, against pictures that were moved by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.scene_textures import SURFACES
from instancecap.evidence.experts.camera import (
    CameraExpert,
    Key,
    background_motion,
    follow_corners,
)
from instancecap.evidence.sample import Sample
from tests.evidence.samples import sample_of

SIZE = (320, 180)


def textured(surface: str = "cells", *, margin: int = 60) -> np.ndarray:
    """A gray picture with much to hold on to, larger than a frame by a margin on every side."""
    rng = np.random.default_rng(7)
    painted = SURFACES[surface](rng, SIZE[1] + 2 * margin, SIZE[0] + 2 * margin)
    return np.asarray(cv2.cvtColor(painted, cv2.COLOR_RGB2GRAY), np.uint8)


def view(
    world: np.ndarray, *, x: float = 0, y: float = 0, zoom: float = 1, turn: float = 0
) -> np.ndarray:
    """What is seen of the world after its picture moved: right, down, larger, clockwise."""
    height, width = world.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -turn, zoom)
    matrix[:, 2] += [x - (width - SIZE[0]) / 2, y - (height - SIZE[1]) / 2]
    return np.asarray(cv2.warpAffine(world, matrix, SIZE, flags=cv2.INTER_LINEAR), np.uint8)


def as_sample(gray: np.ndarray, *, index: int = 0) -> Sample:
    bgr = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    return sample_of(bgr, t=index / 10, index=index)


def motion_of(
    before: np.ndarray, after: np.ndarray, foreground: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    followed = follow_corners(Key.of(before), Key.of(after), foreground)
    return background_motion(*followed, before.shape)


def step_facts(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float, float, float]:
    expert = CameraExpert()
    assert expert.look(as_sample(before)) is None
    step = expert.look(as_sample(after, index=1))
    assert step is not None
    facts = step.facts()
    return facts.dx, facts.dy, facts.zoom, facts.roll, facts.inliers


@pytest.mark.parametrize("surface", ["cells", "bricks", "foliage", "hills"])
@pytest.mark.parametrize(("x", "y"), [(6.0, 0.0), (0.0, -4.5), (-9.5, 3.25)])
def test_a_shift_is_measured_to_a_fraction_of_a_pixel(surface: str, x: float, y: float) -> None:
    world = textured(surface)
    dx, dy, zoom, roll, inliers = step_facts(view(world), view(world, x=x, y=y))
    assert (dx * SIZE[0], dy * SIZE[1]) == pytest.approx((x, y), abs=0.15)
    assert zoom == pytest.approx(1, abs=0.003)
    assert roll == pytest.approx(0, abs=0.1)
    assert inliers > 0.8


@pytest.mark.parametrize("zoom", [1.04, 0.96])
def test_zoom_is_measured_about_the_centre(zoom: float) -> None:
    world = textured()
    dx, dy, found, roll, _ = step_facts(view(world), view(world, zoom=zoom))
    assert found == pytest.approx(zoom, abs=0.003)
    assert (dx, dy, roll) == pytest.approx((0, 0, 0), abs=0.1)


@pytest.mark.parametrize("turn", [2.5, -2.5])
def test_roll_is_positive_when_the_picture_turns_clockwise(turn: float) -> None:
    world = textured()
    dx, dy, zoom, roll, _ = step_facts(view(world), view(world, turn=turn))
    assert roll == pytest.approx(turn, abs=0.15)
    assert (dx, dy) == pytest.approx((0, 0), abs=0.004)
    assert zoom == pytest.approx(1, abs=0.004)


def test_the_same_picture_twice_has_not_moved() -> None:
    still = view(textured())
    assert step_facts(still, still)[:4] == pytest.approx((0, 0, 1, 0), abs=1e-4)


def test_plain_pictures_say_nothing_about_the_camera() -> None:
    plain = np.full((SIZE[1], SIZE[0]), 90, np.uint8)
    assert step_facts(plain, plain) == (0, 0, 1, 0, 0)


def test_unlike_pictures_have_few_inliers() -> None:
    matrix, inliers = motion_of(view(textured("cells")), view(textured("hills")))
    assert inliers < 0.5
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 240), (416, 2), (9, 9)])
def test_tiny_pictures_say_nothing_and_do_not_fail(width: int, height: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (height, width)).astype(np.uint8)
    matrix, inliers = motion_of(picture, picture)
    assert np.isfinite(matrix).all()
    assert 0 <= inliers <= 1


def test_a_large_thing_that_moves_does_not_move_the_camera() -> None:
    world, thing = textured("hills"), textured("bricks")[:110, :130]
    frames = []
    for left in (60, 72):
        frame = view(world).copy()
        frame[40:150, left : left + 130] = thing
        frames.append(frame)
    foreground = np.zeros((SIZE[1], SIZE[0]), bool)
    foreground[35:155, 55:205] = True
    known, _ = motion_of(*frames, foreground)
    unknown, _ = motion_of(*frames)
    assert known[:, 2] == pytest.approx([0, 0], abs=0.2)
    assert unknown[:, 2] == pytest.approx([0, 0], abs=0.5)


def test_noise_and_light_do_not_move_the_camera() -> None:
    rng = np.random.default_rng(3)
    world = textured("facade")
    before = view(world).astype(float) + rng.normal(0, 6, (SIZE[1], SIZE[0]))
    after = 0.85 * view(world, x=5).astype(float) + rng.normal(0, 6, (SIZE[1], SIZE[0]))
    pair = [np.clip(one, 0, 255).astype(np.uint8) for one in (before, after)]
    dx, dy, zoom, _, _ = step_facts(pair[0], pair[1])
    assert (dx * SIZE[0], dy * SIZE[1]) == pytest.approx((5, 0), abs=0.3)
    assert zoom == pytest.approx(1, abs=0.005)
