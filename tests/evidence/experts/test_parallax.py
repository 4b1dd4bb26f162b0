"""Travel told from turning: on points computed by hand, and on a small world with depth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scene_render import Move
from benchmarks.scenes import film
from instancecap.evidence.experts.camera import CameraExpert
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.evidence.experts.parallax import Parallax, ParallaxExpert, measure
from instancecap.schema.evidence import CameraFacts, Shot
from tests.evidence.samples import sample_of

SIZE = (416, 234)
LENS = 400.0


def seen(
    points: np.ndarray, *, shift: tuple[float, float, float] = (0, 0, 0), yaw: float = 0,
    pitch: float = 0, roll: float = 0, zoom: float = 1,
) -> np.ndarray:  # fmt: skip
    """Pixels (n, 2) of points in space (n, 3) after the camera travelled and then turned."""
    x, y, z = (points - np.array(shift)).T
    a, b, c = np.radians([yaw, pitch, roll])
    x, z = x * np.cos(a) - z * np.sin(a), x * np.sin(a) + z * np.cos(a)
    y, z = y * np.cos(b) - z * np.sin(b), y * np.sin(b) + z * np.cos(b)
    x, y = x * np.cos(c) - y * np.sin(c), x * np.sin(c) + y * np.cos(c)
    flat = np.stack([x / z, y / z], 1) * LENS * zoom
    return np.asarray(flat + np.array(SIZE) / 2)


def world(*, seed: int = 1, near: float = 3.0, far: float = 15.0) -> np.ndarray:
    """150 points all over the picture, the lower the nearer, with some disorder."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform([10, 10], np.array(SIZE) - 10, (150, 2))
    height = pixels[:, 1] / SIZE[1]
    depth = 1 / (1 / far + (1 / near - 1 / far) * (height + rng.uniform(0, 1, 150)) / 2)
    flat = (pixels - np.array(SIZE) / 2) / LENS
    return np.column_stack([flat * depth[:, None], depth])


def judged(points: np.ndarray, *, noise: float = 0.2, **move: object) -> Parallax:
    rng = np.random.default_rng(9)
    before = seen(points) + rng.normal(0, noise, (len(points), 2))
    after = seen(points, **move) + rng.normal(0, noise, (len(points), 2))  # type: ignore[arg-type]
    return measure(before, after, SIZE, start=0.0, end=0.5)


@pytest.mark.parametrize(
    ("shift", "component"),
    [((0.5, 0, 0), 0), ((-0.5, 0, 0), 0), ((0, 0.5, 0), 1), ((0, -0.5, 0), 1), ((0, 0, 1.0), 2)],
)
def test_travel_before_depth_is_proven_and_has_its_axis(
    shift: tuple[float, float, float], component: int
) -> None:
    found = judged(world(), shift=shift)
    assert found.proven
    assert abs(found.axis[component]) > 0.6
    assert np.linalg.norm(found.axis) == pytest.approx(1)


def test_near_things_lead_a_travel_and_move_against_an_arc() -> None:
    travel = judged(world(), shift=(0.5, 0, 0))
    arc = judged(world(), shift=(0.5, 0, 0), yaw=-6)
    assert travel.lead[0] < -0.4
    assert arc.lead[0] < -0.4
    assert travel.proven
    assert arc.proven


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-6, 6), st.floats(-4, 4), st.floats(-8, 8), st.floats(0.85, 1.2), st.integers(0, 99)
)
def test_no_turn_roll_or_zoom_passes_for_travel(
    yaw: float, pitch: float, roll: float, zoom: float, seed: int
) -> None:
    found = judged(world(seed=seed), yaw=yaw, pitch=pitch, roll=roll, zoom=zoom)
    assert not found.proven


def test_travel_before_a_flat_wall_cannot_be_told_from_a_turn() -> None:
    wall = world()
    wall = wall / wall[:, 2:] * 6.0
    assert not judged(wall, shift=(0.5, 0, 0)).proven


def test_motion_without_order_is_no_travel() -> None:
    rng = np.random.default_rng(2)
    before = seen(world())
    after = before + [20, 0] + rng.normal(0, 4, before.shape)
    assert not measure(before, after, SIZE, start=0, end=1).proven


def test_points_that_do_not_move_prove_nothing() -> None:
    before = seen(world())
    found = measure(before, before.copy(), SIZE, start=0, end=1)
    assert not found.proven
    assert np.isfinite([*found.axis, *found.lead]).all()


def test_too_few_points_say_nothing() -> None:
    expert = ParallaxExpert()
    gray = np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.uint8)
    expert.begin(0.0, gray, np.zeros((5, 2), np.float32))
    expert.add(0.1, gray, np.array([[1, 0, 9.0], [0, 1, 0]]))
    assert expert.found == []
    assert expert.needs_points(1.0)
    assert not expert.needs_points(0.1)


def filmed(world_name: str, *moves: Move, shake: float = 0.0) -> CameraFacts:
    shot = film(f"parallax-{world_name}", world_name, *moves, seconds=1.5, shake=shake, fps=6.0)
    camera = CameraExpert()
    for index, frame in enumerate(shot.frames):
        picture = np.ascontiguousarray(frame[..., ::-1])
        camera.look(sample_of(picture, t=index / 6, index=index))
    shots = [Shot(start=0, end=len(shot.frames) / 6, transition="start")]
    facts, _ = describe_camera(
        [step.facts() for step in camera.steps], shots, aspect=16 / 9, parallax=camera.parallax()
    )
    return facts


@pytest.mark.parametrize(("move", "amount"), [("move_right", 1.9)])
def test_a_camera_that_travels_through_a_street_is_said_to_move(move: str, amount: float) -> None:
    assert filmed("street", Move(move, amount)).motion == [move]


@pytest.mark.parametrize(("move", "amount"), [("pan_right", 16), ("zoom_in", 0.4)])
def test_a_camera_that_turns_or_zooms_in_a_street_is_not_said_to_move(
    move: str, amount: float
) -> None:
    assert filmed("street", Move(move, amount), shake=0.1).motion == [move]
