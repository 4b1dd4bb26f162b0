"""Followed things: painted cards pushed over painted ground, where all is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scene_textures import SURFACES
from instancecap.evidence.build import measure
from instancecap.evidence.geometry import ious
from instancecap.evidence.tracking.instances import box_at
from instancecap.evidence.tracking.motion_events import follows_subject
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraFacts, CameraSample, InstanceFacts, InstanceMotion
from instancecap.video import Clip, ClipReader

WIDTH, HEIGHT = 320, 180
FPS, SECONDS = 12.0, 2.5
COUNT = int(FPS * SECONDS)
GROUND = SURFACES["cells"](np.random.default_rng(1), HEIGHT, 2 * WIDTH)

Line = tuple[tuple[float, float], tuple[float, float]]
"""Centre x, y of a card at the start and at the end, 0..1 of the frame."""


@pytest.fixture(autouse=True)
def _weights(with_weights: Path) -> None:
    """The detector is there, but has no name for a painted card."""


def card(red: int, green: int, blue: int, side: int) -> np.ndarray:
    grain = SURFACES["foliage"](np.random.default_rng(3), side, side).mean(axis=2, keepdims=True)
    return (np.array([red, green, blue]) * (0.5 + grain / 400)).clip(0, 255).astype(np.uint8)


def film(*cards: tuple[Line, np.ndarray], pan: float = 0.0, count: int = COUNT) -> Clip:
    """Cards that go straight over the ground; ``pan`` pixels a frame that the picture moves."""
    frames = []
    for index in range(count):
        left = WIDTH // 2 - round(pan * (index - count / 2))
        frame = GROUND[:, left : left + WIDTH].copy()
        part = index / (count - 1)
        for (start, end), picture in cards:
            side = len(picture)
            x = round((start[0] + part * (end[0] - start[0])) * WIDTH - side / 2)
            y = round((start[1] + part * (end[1] - start[1])) * HEIGHT - side / 2)
            a, b = max(0, x), max(0, y)
            c, d = min(WIDTH, x + side), min(HEIGHT, y + side)
            if c > a and d > b:
                frame[b:d, a:c] = picture[b - y : d - y, a - x : c - x]
        frames.append(frame)
    return Clip.from_frames(np.stack(frames), FPS)


RED, BLUE = card(230, 40, 30, 48), card(40, 70, 230, 48)


@pytest.mark.parametrize(
    ("direction", "path"),
    [
        ("right", ((0.2, 0.5), (0.8, 0.5))),
        ("left", ((0.8, 0.5), (0.2, 0.5))),
        ("down", ((0.5, 0.2), (0.5, 0.8))),
        ("up", ((0.5, 0.8), (0.5, 0.2))),
        ("down_right", ((0.3, 0.2), (0.65, 0.8))),
    ],
)
def test_a_card_that_is_pushed_is_one_thing_with_its_direction(direction: str, path: Line) -> None:
    evidence = measure(film((path, RED)))
    (found,) = evidence.instances
    assert (found.motion.moving, found.motion.direction) == (True, direction)
    assert (found.enters, found.leaves) == (False, False)
    assert found.colors[0][0] == "red"
    assert evidence.camera.motion == ["static"]


def test_its_track_lies_on_it() -> None:
    start, end = (0.2, 0.5), (0.8, 0.5)
    (found,) = measure(film(((start, end), RED))).instances
    overlaps = []
    for point in found.track:
        x = start[0] + (end[0] - start[0]) * point.t / (SECONDS - 1 / FPS)
        w, h = 48 / WIDTH, 48 / HEIGHT
        true = np.array([[x - w / 2, 0.5 - h / 2, x + w / 2, 0.5 + h / 2]])
        overlaps.append(float(ious(true, np.array([point.box]))[0, 0]))
    assert np.median(overlaps) > 0.5
    assert len(found.track) > 0.4 * COUNT  # every second frame is looked at


def test_its_speed_is_in_frame_diagonals_a_second() -> None:
    (found,) = measure(film((((0.2, 0.5), (0.8, 0.5)), RED))).instances
    truth = 0.6 * WIDTH / np.hypot(WIDTH, HEIGHT) / SECONDS
    assert found.motion.speed == pytest.approx(truth, rel=0.3)


def test_two_cards_are_two_things_with_their_own_colors_and_directions() -> None:
    clip = film((((0.2, 0.3), (0.8, 0.3)), RED), (((0.8, 0.75), (0.2, 0.75)), BLUE))
    found = measure(clip).instances
    kinds = {(one.colors[0][0], one.motion.direction) for one in found}
    assert kinds == {("red", "right"), ("blue", "left")}
    assert len(found) == 2


def test_what_comes_in_enters_and_what_goes_out_leaves() -> None:
    (came,) = measure(film((((-0.5, 0.5), (0.6, 0.5)), RED))).instances
    assert (came.enters, came.leaves) == (True, False)
    (gone,) = measure(film((((0.4, 0.5), (1.5, 0.5)), RED))).instances
    assert (gone.enters, gone.leaves) == (False, True)


def test_what_stops_is_still_there() -> None:
    moving = film((((0.2, 0.5), (0.6, 0.5)), RED))
    with ClipReader(moving) as reader:
        frames = [frame.bgr()[..., ::-1].copy() for frame in reader]
    clip = Clip.from_frames(np.stack(frames + frames[-1:] * COUNT), FPS)
    (found,) = measure(clip).instances
    assert found.track[-1].t > 1.9 * SECONDS
    assert not found.leaves
    assert found.motion.still and found.motion.still[-1][1] == found.track[-1].t


def test_what_lies_still_is_not_said_to_move() -> None:
    found = measure(film((((0.5, 0.5), (0.5, 0.5)), RED))).instances
    assert not any(one.motion.moving for one in found)


def test_a_panning_camera_moves_nothing_in_the_world() -> None:
    evidence = measure(film((((0.5, 0.5), (0.5, 0.5)), RED[:2, :2]), pan=3.0))
    assert evidence.camera.motion == ["pan_left"]
    assert not any(one.motion.moving for one in evidence.instances)


def test_the_larger_thing_comes_first() -> None:
    large = card(40, 70, 230, 100)
    clip = film((((0.2, 0.2), (0.8, 0.2)), RED), (((0.8, 0.7), (0.2, 0.7)), large))
    found = measure(clip).instances
    assert found[0].track[0].box[1] > 0.4  # the large one, in the lower half
    assert [one.id for one in found] == list(range(len(found)))


def test_something_seen_for_a_blink_is_no_thing() -> None:
    blink = np.repeat(GROUND[None, :, :WIDTH], COUNT, axis=0)
    blink[10:12, 60:108, 100:148] = RED
    assert measure(Clip.from_frames(blink, FPS)).instances == []


def tracked(*points: tuple[float, float]) -> InstanceFacts:
    track = [TrackPoint(t=t, box=(x, 0.4, x + 0.2, 0.6), score=0.9) for t, x in points]
    return InstanceFacts(id=0, class_="dog", confidence=0.9, salience=0.5, track=track)


def test_a_box_between_two_samples_is_between_their_boxes() -> None:
    dog = tracked((1.0, 0.2), (2.0, 0.4))
    assert box_at(dog, 1.5) == pytest.approx([0.3, 0.4, 0.5, 0.6])
    assert box_at(dog, 2.0) == pytest.approx([0.4, 0.4, 0.6, 0.6])


def test_there_is_no_box_long_before_or_after_or_without_a_track() -> None:
    dog = tracked((1.0, 0.2), (2.0, 0.4))
    assert box_at(dog, 0.5) is None
    assert box_at(dog, 2.5) is None
    assert box_at(tracked(), 0.0) is None


@given(st.lists(st.floats(0, 0.8), min_size=1, max_size=8), st.floats(0, 8))
def test_an_interpolated_box_stays_within_the_tracks_reach(xs: list[float], t: float) -> None:
    box = box_at(tracked(*enumerate(xs)), t)
    if box is not None:
        assert min(xs) - 1e-9 <= box[0] <= max(xs) + 1e-9
        assert box[2] - box[0] == pytest.approx(0.2)


def swept(dx: float, motion: list[str]) -> CameraFacts:
    path = [
        CameraSample(t=(i + 1) / 12, dx=dx / 24, dy=0, zoom=1, roll=0, inliers=0.9)
        for i in range(24)
    ]
    return CameraFacts.model_validate({"motion": motion, "path": path})


def test_a_camera_that_turns_with_its_subject_follows_it() -> None:
    dog = tracked(*[(i / 8, 0.4) for i in range(16)])
    dog.motion = InstanceMotion(moving=True, direction="right", speed=0.3)
    assert follows_subject(swept(-0.8, ["pan_right"]), [dog], end=2.0)
    assert not follows_subject(swept(0.0, ["static"]), [dog], end=2.0)
    assert not follows_subject(swept(-0.8, ["pan_right"]), [], end=2.0)
    brief = tracked((0.0, 0.4), (0.4, 0.4))
    assert not follows_subject(swept(-0.8, ["pan_right"]), [brief], end=2.0)
