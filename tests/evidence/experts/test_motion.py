"""Patches that move by themselves, on textured pictures with a square that is pushed about."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.scene_textures import SURFACES
from instancecap.evidence.experts.motion import MotionExpert
from instancecap.evidence.geometry import ious
from instancecap.evidence.movement import MovingPatches, Step
from tests.evidence.samples import sample_of

WIDTH, HEIGHT = 416, 234
RATE = 4.0
SIDE = 60
GROUND = SURFACES["cells"](np.random.default_rng(1), HEIGHT, 3 * WIDTH)
THING = SURFACES["foliage"](np.random.default_rng(2), SIDE, SIDE)


def run(
    *,
    thing: tuple[float, float] | None = (0.0, 0.0),
    camera: float = 0.0,
    inliers: float = 0.95,
    count: int = 6,
) -> tuple[list[MovingPatches], list[np.ndarray]]:
    """``count`` samples; ``thing`` moves by so many pixels a sample over the ground, the ground
    by ``camera`` pixels. Gives the patches of every sample and the thing's true boxes."""
    expert, found, truth = MotionExpert(), [], []
    for index in range(count):
        offset = WIDTH - round(camera * index)
        picture = np.ascontiguousarray(GROUND[:, offset : offset + WIDTH])
        if thing is not None:
            x, y = round(150 + thing[0] * index), round(80 + thing[1] * index)
            picture = picture.copy()
            picture[y : y + SIDE, x : x + SIDE] = THING
            truth.append(np.array([x, y, x + SIDE, y + SIDE]) / ([WIDTH, HEIGHT] * 2))
        bgr = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
        matrix = np.array([[1.0, 0.0, camera], [0.0, 1.0, 0.0]])
        t = index / RATE
        step = Step(t=t, matrix=matrix, inliers=inliers, size=(WIDTH, HEIGHT)) if index else None
        found.append(expert.look(sample_of(bgr, t=t, index=index), step))
    return found, truth


def is_told(patches: MovingPatches) -> bool:
    return patches.field is not None


def velocity(patches: MovingPatches, *boxes: object) -> np.ndarray:
    assert patches.field is not None
    return patches.field.velocity(np.array(boxes, float))


@pytest.mark.parametrize("push", [(5.0, 0.0), (-5.0, 0.0), (0.0, 4.0), (4.0, -4.0)])
@pytest.mark.parametrize("camera", [0.0, 4.0])
def test_a_thing_that_moves_is_found_where_it_is(push: tuple[float, float], camera: float) -> None:
    found, truth = run(thing=push, camera=camera)
    patches = found[-1]
    assert is_told(patches)
    overlap = ious(patches.boxes, truth[-1][None])[:, 0]
    assert overlap.max() > 0.45
    flow = patches.flow[int(overlap.argmax())]
    # Its own motion over the ground, whatever the camera does.
    own = np.array([(push[0] - camera) / WIDTH, push[1] / HEIGHT]) * RATE
    assert float(flow @ own) > 0.7 * float(np.linalg.norm(flow) * np.linalg.norm(own))


def test_patches_come_largest_first_and_within_the_frame() -> None:
    found, _ = run(thing=(6.0, 0.0))
    boxes = found[-1].boxes
    assert ((boxes >= 0) & (boxes <= 1)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (found[-1].strength >= 1).all()


@pytest.mark.parametrize("camera", [0.0, 2.0])
def test_where_nothing_moves_by_itself_nothing_is_found(camera: float) -> None:
    found, _ = run(thing=None, camera=camera)
    assert [len(patches.boxes) for patches in found] == [0] * 6
    assert is_told(found[-1])


@pytest.mark.parametrize("camera", [5.0, -5.0, 8.0])
def test_before_a_panning_camera_nothing_rises_inside_the_frame(camera: float) -> None:
    found, _ = run(thing=None, camera=camera)
    boxes = np.concatenate([patches.boxes for patches in found])
    assert ((boxes[:, 2] < 0.1) | (boxes[:, 0] > 0.9)).all()


@pytest.mark.parametrize("camera", [5.0, -5.0, 8.0])
def test_what_a_pan_uncovers_does_not_move_by_itself(camera: float) -> None:
    found, _ = run(thing=None, camera=camera)
    assert [len(patches.boxes) for patches in found] == [0] * 6


def test_the_first_picture_and_an_uncertain_camera_tell_nothing() -> None:
    found, _ = run(thing=(5.0, 0.0), inliers=0.1)
    assert not any(is_told(patches) for patches in found)
    assert sum(len(patches.boxes) for patches in found) == 0


def test_the_velocity_of_a_box_is_that_of_what_is_in_it() -> None:
    found, truth = run(thing=(5.0, 0.0))
    thing, ground = velocity(found[-1], truth[-1], [0.7, 0.1, 0.9, 0.3])
    assert thing == pytest.approx([5 * RATE / WIDTH, 0], abs=0.04)
    assert ground == pytest.approx([0, 0], abs=0.02)


def test_the_velocity_of_a_thing_is_its_own_whatever_the_camera_does() -> None:
    found, truth = run(thing=(5.0, 0.0), camera=2.0)
    (thing,) = velocity(found[-1], truth[-1])
    assert thing == pytest.approx([3 * RATE / WIDTH, 0], abs=0.04)


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [0.5, 0, 0.5, 1]])
def test_any_box_has_a_finite_velocity(box: list[float]) -> None:
    found, _ = run(thing=(5.0, 0.0))
    assert np.isfinite(velocity(found[-1], box)).all()


def test_no_boxes_have_no_velocities() -> None:
    found, _ = run(thing=(5.0, 0.0))
    assert found[-1].field is not None
    assert found[-1].field.velocity(np.zeros((0, 4))).shape == (0, 2)
