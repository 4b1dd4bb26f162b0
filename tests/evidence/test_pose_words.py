"""Body words by geometry, on bodies whose pose is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.pose_words import Skeleton, carry_back, pose_words
from instancecap.schema.evidence import CameraSample
from tests.evidence import skeletons as s

POSES = {
    "standing": s.resting(s.STANDING),
    "sitting": s.resting(s.SEATED),
    "sitting in front": s.resting(s.SEATED_IN_FRONT),
    "lying": s.resting(s.LYING),
    "walking": s.walk(),
    "arms_raised": s.resting(s.BOTH_ARMS),
    "arm_raised": s.resting(s.ONE_ARM),
}
ALSO = {"arms_raised": {"standing"}, "arm_raised": {"standing"}}


def words(bodies: Sequence[Skeleton]) -> set[str]:
    return {one.word for one in pose_words(bodies)}


def expected(pose: str) -> set[str]:
    return {pose.removesuffix(" in front")} | ALSO.get(pose, set())


@pytest.mark.parametrize("pose", POSES)
def test_each_pose_has_its_word(pose: str) -> None:
    spans = pose_words(POSES[pose])
    assert {one.word for one in spans} == expected(pose)
    assert all(one.confidence == pytest.approx(0.9) for one in spans)
    assert all((one.start, one.end) == (0.0, 2.0) for one in spans)


@given(
    pose=st.sampled_from(sorted(POSES)),
    scale=st.floats(0.2, 5),
    mirrored=st.booleans(),
    shift=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    shake=st.integers(0, 2**31),
)
def test_size_side_and_place_do_not_matter(
    pose: str, scale: float, mirrored: bool, shift: tuple[float, float], shake: int
) -> None:
    noise = np.random.default_rng(shake)
    factor = np.array([-scale if mirrored else scale, scale])
    moved = []
    for one in POSES[pose]:
        joints = one.joints + noise.uniform(-0.001, 0.001, (17, 2))
        scores = one.scores
        if mirrored:  # what was the left arm is the right one
            order = [0, *(i for a in range(1, 17, 2) for i in (a + 1, a))]
            joints, scores = joints[order], scores[order]
        moved.append(replace(one, joints=joints * factor + np.array(shift), scores=scores))
    assert words(moved) == expected(pose)


@given(
    pose=st.sampled_from(sorted(POSES)),
    roll=st.floats(-20, 20),
    zoom=st.floats(0.97, 1.03),
    pan=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)),
)
def test_what_the_camera_does_is_taken_away(
    pose: str, roll: float, zoom: float, pan: tuple[float, float]
) -> None:
    aspect, center = 1.6, np.array([0.8, 0.5])
    path, bodies = list[CameraSample](), []
    for one in POSES[pose]:
        points = one.joints
        for step in path:
            points = s.turned(center + step.zoom * (points - center), step.roll, about=center)
            points = points + np.array([step.dx * aspect, step.dy])
        back = carry_back(points, path, aspect=aspect)
        assert back == pytest.approx(one.joints, abs=1e-6)
        bodies.append(replace(one, joints=back))
        path.append(CameraSample(t=one.t, dx=pan[0], dy=pan[1], zoom=zoom, roll=roll, inliers=1))
    assert words(bodies) == expected(pose)


@pytest.mark.parametrize(
    ("pose", "hidden"),
    [
        ("standing", (15, 16)),  # who is cut off at the knee may as well kneel
        ("standing", (13, 14)),
        ("sitting", (13, 14)),
        ("sitting in front", (15, 16)),
        ("lying", (11, 12)),
        ("walking", (5, 6)),
        ("walking", (15, 16)),
    ],
)
def test_hidden_joints_say_nothing(pose: str, hidden: tuple[int, int]) -> None:
    bodies = []
    for one in POSES[pose]:
        scores = one.scores.copy()
        scores[list(hidden)] = 0.1
        bodies.append(replace(one, scores=scores))
    assert words(bodies) == set()


def test_a_hidden_arm_leaves_open_whether_one_or_both_are_raised() -> None:
    bodies = []
    for one in POSES["arm_raised"]:
        scores = one.scores.copy()
        scores[10] = 0.1
        bodies.append(replace(one, scores=scores))
    assert words(bodies) == {"standing"}


@pytest.mark.parametrize(
    ("name", "bodies", "never"),
    [
        ("squats", s.resting(s.body(thighs=(95, 95), shins=(-50, -50))), {"sitting", "standing"}),
        ("bends over", s.resting(s.body(trunk=75)), {"lying", "standing"}),
        ("steps in one place", [s.seen(s.gait(i / 4.4), i / 4) for i in range(9)], {"walking"}),
        ("rides", [replace(one, joints=one.joints + np.array([one.t / 3, 0.0]))
                   for one in s.resting(s.STANDING)], {"walking"}),
        ("runs", s.walk(speed=4.5), {"walking"}),
        ("lies with arms stretched", [
            replace(one, joints=s.turned(one.joints, 88, about=np.array([0.8, 0.5])))
            for one in s.resting(s.BOTH_ARMS)
        ], {"arms_raised"}),
    ],
)  # fmt: skip
def test_what_looks_alike_is_not_told(name: str, bodies: list[Skeleton], never: set[str]) -> None:
    assert not words(bodies) & never


def test_who_comes_toward_the_camera_walks() -> None:
    bodies = []
    for i in range(9):
        t = i / 4
        joints = s.gait(t / 1.1)
        joints[:, 0] *= 0.2  # the swing of the legs points at the camera
        bodies.append(s.seen(joints, t, scale=0.3 * np.exp(0.15 * t)))
    assert words(bodies) == {"walking"}


def test_a_moment_is_no_stretch_and_a_change_is_told_in_order() -> None:
    assert pose_words(s.resting(s.SEATED, seconds=0.25)) == []
    sits = s.resting(s.SEATED)
    stands = [replace(one, t=one.t + 2.5) for one in s.resting(s.STANDING)]
    assert [(one.word, one.start, one.end) for one in pose_words([*sits, *stands])] == [
        ("sitting", 0.0, 2.0), ("standing", 2.5, 4.5),
    ]  # fmt: skip


def test_walking_ends_where_the_body_rests() -> None:
    going = s.walk()
    rests = [
        replace(going[-1], joints=s.STANDING * 0.3 + np.array([1.1, 0.5]), t=2.0 + i / 4)
        for i in range(1, 9)
    ]
    spans = {one.word: one for one in pose_words([*going, *rests])}
    assert set(spans) == {"walking", "standing"}
    assert spans["standing"].end == 4.0 and spans["walking"].start == 0.0
