"""Each camera movement told from its twin, by points and by poses of a cloud whose camera is known.

A pan from a truck, a tilt from a pedestal, a zoom from a dolly, an orbit from both, and a hand that
trembles from all of them.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.scene_render import CameraPath, Move
from instancecap.evidence.camera_model import CameraPoses, PointTracks, Window
from instancecap.evidence.experts.camera_motion import CameraMotion
from instancecap.evidence.experts.camera_path import net_motion
from instancecap.evidence.experts.camera_scores import score_primitives
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.schema.evidence import CameraFacts, Shot
from tests.evidence.clouds import SIZE, CloudModel, windows

SECONDS = 3.0
AMOUNTS = {"pan": 18.0, "tilt": 10.0, "roll": 15.0, "zoom": 0.35, "move": 1.5, "arc": 20.0}
"""Degrees, log of the factor, or units in a world that begins 2.5 units away."""

TWINS = [
    "pan_left", "pan_right", "move_left", "move_right", "arc_cw", "arc_ccw", "tilt_up", "tilt_down",
    "move_up", "move_down", "zoom_in", "zoom_out", "move_in", "move_out", "roll_cw", "roll_ccw",
]  # fmt: skip
SHOTS = [Shot(start=0, end=SECONDS, transition="start")]


def motion_of(model: CloudModel) -> CameraMotion:
    motion = CameraMotion()
    for window in windows(model.path, rate=model.rate, most=model.most):
        motion.add(model.look(window), window)
    return motion


def path_of(*primitives: str, shake: float = 0.0, seed: int = 1) -> CameraPath:
    moves = tuple(Move(one, AMOUNTS[one.partition("_")[0]]) for one in primitives)
    return CameraPath(moves, duration=SECONDS, shake=shake, seed=seed, pivot=3.0)


def described(model: CloudModel) -> CameraFacts:
    motion = motion_of(model)
    facts, _ = describe_camera(
        motion.path,
        SHOTS,
        aspect=16 / 9,
        parallax=motion.parallax,
        expansions=motion.expansions,
        poses=motion.poses,
    )
    facts.scores = score_primitives(
        facts, SHOTS, aspect=16 / 9, parallax=motion.parallax, poses=motion.poses
    )
    return facts


@pytest.mark.parametrize("poses", [False, True], ids=["points", "poses"])
@pytest.mark.parametrize("primitive", TWINS)
def test_a_movement_is_told_from_its_twin(primitive: str, poses: bool) -> None:
    # Points do not know their depth: an arc is told from a pan by what height in the picture says.
    is_arc = primitive.startswith("arc")
    facts = described(CloudModel(path_of(primitive, shake=0.1), poses=poses, ground=is_arc))
    assert facts.motion == [primitive]
    if not is_arc:
        best = max(facts.scores, key=lambda one: facts.scores[one])
        assert best == primitive
        assert facts.scores[best] > 0.7


@pytest.mark.parametrize("poses", [False, True], ids=["points", "poses"])
@pytest.mark.parametrize(("shake", "stability"), [(0.0, "stable"), (0.35, "handheld")])
def test_a_camera_that_rests_is_static_however_the_hand_trembles(
    poses: bool, shake: float, stability: str
) -> None:
    facts = described(CloudModel(path_of(shake=shake), poses=poses))
    assert (facts.motion, facts.stability) == (["static"], stability)
    assert facts.scores["static"] > 0.75
    assert max(score for word, score in facts.scores.items() if word != "static") < 0.25


@pytest.mark.parametrize("poses", [False, True], ids=["points", "poses"])
def test_two_movements_at_once_are_both_told(poses: bool) -> None:
    facts = described(CloudModel(path_of("move_in", "pan_right"), poses=poses))
    assert facts.motion == ["pan_right", "move_in"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_turn_and_travel_add_up_to_the_path(seed: int) -> None:
    path = path_of("move_right", "pan_right", seed=seed)
    motion = motion_of(CloudModel(path, poses=True, seed=seed))
    turn, travel = net_motion(motion.poses, 0)
    assert turn + travel == pytest.approx(sum(one.dx for one in motion.path), abs=1e-4)
    assert min(-turn, -travel) > 0.1  # both move the picture to the left


def test_poses_find_a_zoom_behind_a_dolly_that_undoes_it() -> None:
    """The vertigo effect: the picture keeps its size, and only the scores show what happened."""
    scores = described(CloudModel(path_of("move_in", "zoom_out"), poses=True)).scores
    assert min(scores["move_in"], scores["zoom_out"]) > 0.4
    assert max(scores["move_out"], scores["zoom_in"]) < 0.1


@pytest.mark.parametrize("scale", [0.01, 1.0, 500.0])
def test_the_unit_of_a_world_does_not_matter(scale: float) -> None:
    model = CloudModel(path_of("move_right"), poses=True)
    (window,) = windows(model.path, rate=model.rate, most=24)
    seen = model.look(window)
    assert isinstance(seen, CameraPoses)
    extrinsics = seen.extrinsics.copy()
    extrinsics[:, :, 3] *= scale
    motion = CameraMotion()
    motion.add(CameraPoses(extrinsics, seen.intrinsics, seen.depth * scale), window)
    assert motion.path[-1].dx == pytest.approx(motion_of(model).path[-1].dx)


@pytest.mark.parametrize(("degrees", "lead"), [(0.0, -1.0), (3.0, -1.0), (20.0, 0.0), (-3.0, -1.0)])
def test_the_larger_of_turn_and_travel_leads_where_height_tells_nothing(
    degrees: float, lead: float
) -> None:
    """A camera that goes right, and turns right meanwhile: both move the picture to the left."""
    path = CameraPath((Move("move_right", 1.0), Move("pan_right", degrees)), duration=SECONDS)
    leads = [one.lead[0] for one in motion_of(CloudModel(path)).parallax]
    assert leads
    assert np.median(leads) == pytest.approx(lead, abs=0.2)


def test_a_pose_that_cannot_be_is_passed_over() -> None:
    model = CloudModel(path_of("pan_right"), poses=True, noise=0)
    (window,) = windows(model.path, rate=model.rate, most=24)
    seen = model.look(window)
    assert isinstance(seen, CameraPoses)
    lens = seen.intrinsics.copy()
    lens[10] *= 1e7
    motion = CameraMotion()
    motion.add(CameraPoses(seen.extrinsics, lens, seen.depth), window)
    assert [index for index, step in enumerate(motion.path) if step.inliers == 0] == [9, 10]
    facts, _ = describe_camera(motion.path, SHOTS, aspect=16 / 9, poses=motion.poses)
    assert facts.motion == ["pan_right"]


def test_points_on_instances_are_left_out() -> None:
    """A crowd walks to the right before a camera that rests; only the wall behind it counts."""
    rng = np.random.default_rng(4)
    start = rng.uniform([0, 0], SIZE, (300, 2))
    walks = start[:, 1] > SIZE[1] / 6
    steps = np.arange(12)[:, None, None] * np.array([4.0, 0.0]) * walks[None, :, None]
    points = start[None] + steps
    background = np.ones((12, SIZE[1], SIZE[0]), bool)
    background[:, int(SIZE[1] / 6) :] = False
    pictures = np.zeros((12, SIZE[1], SIZE[0], 3), np.uint8)
    tracks = PointTracks(points, np.ones((12, 300), bool))
    times = np.arange(12) / 8
    masked, unmasked = CameraMotion(), CameraMotion()
    masked.add(tracks, Window(times, pictures, background))
    unmasked.add(tracks, Window(times, pictures, np.ones_like(background)))
    assert all(step.dx == 0 and step.inliers == 1 for step in masked.path)
    assert sum(step.dx for step in unmasked.path) > 0.08


def test_too_few_points_are_no_motion() -> None:
    window = windows(path_of(), rate=8, most=24)[0]
    count = len(window.times)
    motion = CameraMotion()
    motion.add(PointTracks(np.zeros((count, 3, 2)), np.ones((count, 3), bool)), window)
    assert [step.inliers for step in motion.path] == [0.0] * (count - 1)
    assert motion.parallax == []


@pytest.mark.parametrize(
    ("points", "what"),
    [(np.zeros((5, 9, 2)), "shape"), (np.full((24, 9, 2), np.nan), "no numbers")],
)
def test_an_answer_that_does_not_fit_is_refused(points: np.ndarray, what: str) -> None:
    window = windows(path_of(), rate=8, most=24)[0]
    with pytest.raises(ValueError, match=what):
        CameraMotion().add(PointTracks(points, np.ones(points.shape[:2], bool)), window)
