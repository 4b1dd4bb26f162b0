"""Words for a camera's path, on paths written by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.evidence.experts.camera_words import describe_camera, shot_motion
from instancecap.evidence.experts.parallax import Expansion, Parallax
from instancecap.schema.evidence import CameraFacts, CameraSample, Shot

RATE = 12.0
WIDE = 16 / 9


def steps(
    seconds: float,
    *,
    dx: float = 0.0,
    dy: float = 0.0,
    zoom: float = 0.0,
    roll: float = 0.0,
    start: float = 0.0,
    tremble: float = 0.0,
    inliers: float = 0.9,
) -> list[CameraSample]:
    """A steady path; the movements are per second: frame sizes, log zoom, degrees.

    ``tremble`` is the spread (frame sizes) of the hand around the path.
    """
    rng = np.random.default_rng(5)
    count = round(seconds * RATE)
    hand = np.diff(rng.normal(0, 1, (count + 1, 2)) * tremble, axis=0)
    return [
        CameraSample(
            t=start + (i + 1) / RATE,
            dx=dx / RATE + hand[i, 0],
            dy=dy / RATE + hand[i, 1],
            zoom=float(np.exp(zoom / RATE)),
            roll=roll / RATE,
            inliers=inliers,
        )
        for i in range(count)
    ]


def shots_of(*edges: float) -> list[Shot]:
    return [Shot(start=a, end=b, transition="cut" if a else "start") for a, b in pairwise(edges)]


def words(path: list[CameraSample], *, aspect: float = WIDE) -> list[str]:
    end = path[-1].t
    return list(shot_motion(path, start=0, end=end, aspect=aspect).motion)


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("pan_left", {"dx": 0.15}),
        ("pan_right", {"dx": -0.15}),
        ("tilt_up", {"dy": 0.15}),
        ("tilt_down", {"dy": -0.15}),
        ("zoom_in", {"zoom": 0.3}),
        ("zoom_out", {"zoom": -0.3}),
        ("roll_cw", {"roll": -20}),
        ("roll_ccw", {"roll": 20}),
    ],
)
@pytest.mark.parametrize("aspect", [WIDE, 1.0, 9 / 16])
def test_every_steady_movement_has_its_word(
    word: str, path: dict[str, float], aspect: float
) -> None:
    assert words(steps(2, **path), aspect=aspect) == [word]


def test_a_camera_on_a_stand_is_static_and_stable() -> None:
    facts, per_shot = describe_camera(steps(2), shots_of(0, 2), aspect=WIDE)
    assert (facts.motion, facts.stability, facts.speed) == (["static"], "stable", "")
    assert per_shot == [["static"]]
    assert [segment.motion for segment in facts.segments] == [["static"]]


def test_two_movements_at_once_are_both_said() -> None:
    assert set(words(steps(2, dx=0.15, dy=0.15))) == {"pan_left", "tilt_up"}


def test_a_trace_of_drift_beside_a_pan_is_not_said() -> None:
    assert words(steps(2, dx=-0.3, dy=0.02, roll=0.5)) == ["pan_right"]


def test_a_tilt_that_follows_a_wide_pan_is_said() -> None:
    pan, tilt = steps(2, dx=0.6), steps(1.5, dy=-0.4, start=2)
    assert set(words([*pan, *tilt])) == {"pan_left", "tilt_down"}
    drift = steps(1.5, dy=-0.06, start=2)
    assert words([*pan, *drift]) == ["pan_left"]


def test_trembling_hands_are_no_movement() -> None:
    path = steps(3, tremble=0.004)
    facts, _ = describe_camera(path, shots_of(0, 3), aspect=WIDE)
    assert facts.motion == ["static"]
    assert facts.stability == "handheld"


def test_strong_shaking_is_said_in_place_of_rest() -> None:
    facts, _ = describe_camera(steps(3, tremble=0.04), shots_of(0, 3), aspect=WIDE)
    assert facts.stability == "shaky"
    assert "shaky" in facts.motion
    assert "static" not in facts.motion


def test_a_pan_by_hand_is_still_a_pan() -> None:
    assert words(steps(3, dx=-0.12, tremble=0.004)) == ["pan_right"]


def test_faster_pans_are_called_faster() -> None:
    speeds = [
        describe_camera(steps(2, dx=rate), shots_of(0, 2), aspect=WIDE)[0].speed
        for rate in (0.04, 0.15, 0.9)
    ]
    assert speeds == ["slow", "moderate", "fast"]


def test_movements_one_after_the_other_become_segments() -> None:
    path = steps(2, dx=-0.2) + steps(2, zoom=0.4, start=2)
    facts, _ = describe_camera(path, shots_of(0, 4), aspect=WIDE)
    assert set(facts.motion) == {"pan_right", "zoom_in"}
    assert facts.segments[0].motion == ["pan_right"]
    assert facts.segments[-1].motion == ["zoom_in"]
    assert facts.segments[0].end == pytest.approx(2, abs=0.7)
    assert facts.segments[-1].start == pytest.approx(2, abs=0.7)


def test_there_and_back_is_both_directions_in_order() -> None:
    path = steps(2, dx=-0.2) + steps(2, dx=0.2, start=2)
    facts, _ = describe_camera(path, shots_of(0, 4), aspect=WIDE)
    assert set(facts.motion) == {"pan_left", "pan_right"}
    assert [s.motion for s in facts.segments if s.motion != ["static"]] == [
        ["pan_right"],
        ["pan_left"],
    ]


def test_the_leap_across_a_cut_is_no_movement() -> None:
    path = steps(2) + steps(2, start=2)
    path[24] = path[24].model_copy(update={"dx": 0.6, "zoom": 1.4})
    facts, per_shot = describe_camera(path, shots_of(0, 2, 4), aspect=WIDE)
    assert facts.motion == ["static"]
    assert per_shot == [["static"], ["static"]]


def test_each_shot_has_its_own_movement() -> None:
    path = steps(2, dx=-0.2) + steps(2, start=2) + steps(2, zoom=0.3, start=4)
    facts, per_shot = describe_camera(path, shots_of(0, 2, 4, 6), aspect=WIDE)
    assert per_shot == [["pan_right"], ["static"], ["zoom_in"]]
    assert set(facts.motion) == {"pan_right", "zoom_in"}


def stretches(
    *axis: float, proven: bool = True, lead: float = 0.0, seconds: float = 2.0
) -> list[Parallax]:
    """What parallax shows over a path, half a second at a time."""
    x, y, z = axis
    starts = np.arange(0, seconds, 0.5).tolist()
    return [Parallax(t, t + 0.5, proven, (x, y, z), (lead, 0.0)) for t in starts]


def travel_words(path: list[CameraSample], parallax: list[Parallax]) -> list[str]:
    motion = shot_motion(path, start=0, end=path[-1].t, aspect=WIDE, parallax=parallax)
    assert [word for word in motion.motion if word not in motion.segments[0].motion] == []
    return list(motion.motion)


@pytest.mark.parametrize(
    ("path", "axis", "lead", "word"),
    [
        ({"dx": -0.15}, (1, 0, 0), -0.4, "move_right"),
        ({"dx": 0.15}, (1, 0, 0), 0.4, "move_left"),
        ({"dx": 0.15}, (-1, 0, 0), 0.4, "move_left"),
        ({"dy": 0.15}, (0, 1, 0), 0.0, "move_up"),
        ({"dy": -0.15}, (0, 1, 0), 0.0, "move_down"),
        ({"zoom": 0.3}, (0, 0, 1), 0.0, "move_in"),
        ({"zoom": -0.3}, (0, 0, 1), 0.0, "move_out"),
        ({"dx": -0.15}, (1, 0, 0), 0.7, "arc_cw"),
        ({"dx": 0.15}, (1, 0, 0), -0.7, "arc_ccw"),
    ],
)
def test_proven_parallax_makes_a_turn_a_travel_or_an_arc(
    path: dict[str, float], axis: tuple[float, float, float], lead: float, word: str
) -> None:
    assert travel_words(steps(2, **path), stretches(*axis, lead=lead)) == [word]


def test_parallax_that_is_not_proven_or_not_of_the_direction_changes_no_word() -> None:
    path = steps(2, dx=-0.15)
    assert travel_words(path, stretches(1, 0, 0, lead=-0.4, proven=False)) == ["pan_right"]
    assert travel_words(path, stretches(0, 1, 0, lead=-0.4)) == ["pan_right"]
    assert travel_words(path, stretches(1, 0, 0, lead=-0.4, seconds=0.5)) == ["pan_right"]
    assert travel_words(path, stretches(1, 0, 0, lead=0.0)) == ["pan_right"]


def test_parallax_alone_moves_no_camera() -> None:
    assert travel_words(steps(2), stretches(1, 0, 0, lead=0.5)) == ["static"]


def test_a_tilt_beside_a_travel_forward_is_a_tilt() -> None:
    path = steps(2, dy=-0.15, zoom=0.15)
    assert travel_words(path, stretches(0, 1, 0)) == ["tilt_down", "zoom_in"]
    assert travel_words(path, stretches(0, 0, 1)) == ["tilt_down", "move_in"]


def test_a_pan_and_then_a_travel_show_in_the_segments() -> None:
    path = steps(2, dx=-0.2) + steps(2, zoom=0.4, start=2)
    later = [Parallax(t, t + 0.5, True, (0.0, 0.0, 1.0), (0.0, 0.0)) for t in (2.0, 2.5, 3.0, 3.5)]
    facts, _ = describe_camera(path, shots_of(0, 4), aspect=WIDE, parallax=later)
    assert facts.motion == ["pan_right", "move_in"]
    assert facts.segments[0].motion == ["pan_right"]
    assert facts.segments[-1].motion == ["move_in"]


def test_a_steady_zoom_beside_a_wider_pan_is_said() -> None:
    assert words(steps(2, dx=-0.15, zoom=0.17)) == ["pan_right", "zoom_in"]


def test_no_path_is_nothing_said() -> None:
    facts, per_shot = describe_camera([], shots_of(0, 1), aspect=WIDE)
    assert (facts.motion, facts.speed, facts.stability, facts.segments) == ([], "", "", [])
    assert per_shot == [[]]


def test_a_path_on_which_nothing_could_be_followed_names_no_movement() -> None:
    facts, _ = describe_camera(steps(1, inliers=0.0), shots_of(0, 1), aspect=WIDE)
    assert facts.motion == []
    assert facts.confidence == 0


def test_a_path_on_which_nothing_could_be_followed_has_no_speed_and_no_stability() -> None:
    facts, _ = describe_camera(steps(1, inliers=0.0), shots_of(0, 1), aspect=WIDE)
    assert (facts.speed, facts.stability) == ("", "")


def test_steps_that_nothing_supports_are_not_believed() -> None:
    path = steps(2)
    path[5] = path[5].model_copy(update={"dx": 0.9, "inliers": 0.0})
    assert words(path) == ["static"]


motion_steps = st.lists(
    st.tuples(
        st.floats(-0.2, 0.2),
        st.floats(-0.2, 0.2),
        st.floats(0.8, 1.25),
        st.floats(-10, 10),
        st.floats(0, 1),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(motion_steps, st.sampled_from([0.1, 1.0, WIDE, 8.0]), st.integers(1, 3))
def test_any_path_gives_facts_of_the_schema(
    rows: list[tuple[float, ...]], aspect: float, count: int
) -> None:
    names = ("dx", "dy", "zoom", "roll", "inliers")
    path = [
        CameraSample(t=(i + 1) / RATE, **dict(zip(names, row, strict=True)))
        for i, row in enumerate(rows)
    ]
    end = (len(path) + 1) / RATE
    shots = shots_of(*np.linspace(0, end, count + 1).round(3).tolist())
    facts, per_shot = describe_camera(path, shots, aspect=aspect)
    assert CameraFacts.model_validate_json(facts.model_dump_json()) == facts
    assert len(per_shot) == len(shots)
    times = [t for segment in facts.segments for t in (segment.start, segment.end)]
    assert times == sorted(times)
    assert all(0 <= t <= end + 1e-3 for t in times)


@settings(deadline=None, max_examples=40)
@given(motion_steps.filter(lambda rows: len(rows) > 12))
def test_mirroring_a_path_mirrors_its_words(rows: list[tuple[float, ...]]) -> None:
    def path(sign: int) -> list[CameraSample]:
        return [
            CameraSample(t=(i + 1) / RATE, dx=sign * dx, dy=dy, zoom=zoom, roll=sign * roll,
                         inliers=0.9)
            for i, (dx, dy, zoom, roll, _) in enumerate(rows)
        ]  # fmt: skip

    mirrored = {"pan_left": "pan_right", "roll_cw": "roll_ccw"}
    mirrored |= {value: key for key, value in mirrored.items()}
    assert {mirrored.get(word, word) for word in words(path(1))} == set(words(path(-1)))


@pytest.mark.parametrize(
    ("off", "along", "focus", "word"),
    [
        (0.7, 0.5, (0.5, 0.4), "move_in"),
        (0.1, 0.5, (0.5, 0.4), "zoom_in"),
        (0.7, 0.0, (0.5, 0.4), "zoom_in"),
        (0.7, 0.5, (1.4, 0.4), "zoom_in"),
    ],
)
def test_a_zoom_is_a_travel_where_many_points_leave_it_along_rays_from_a_focus_in_the_picture(
    off: float, along: float, focus: tuple[float, float], word: str
) -> None:
    path = steps(2, zoom=0.3)
    expansions = [Expansion(step.t, off, along, focus) for step in path]
    motion = shot_motion(path, start=0, end=path[-1].t, aspect=WIDE, expansions=expansions)
    assert motion.motion == [word]


def test_a_short_turn_is_less_sure_than_a_long_one_and_a_zoom_is_surest() -> None:
    paths = steps(2, dx=0.03), steps(2, dx=0.3), steps(2, zoom=0.6)
    short, long, zoom = (
        shot_motion(path, start=0, end=2, aspect=WIDE).confidence for path in paths
    )
    assert short < 0.7 < long < zoom


def test_rest_is_less_sure_the_more_the_picture_drifts() -> None:
    still, drifts = (
        shot_motion(steps(2, dx=dx), start=0, end=2, aspect=WIDE) for dx in (0.0, 0.012)
    )
    assert still.motion == drifts.motion == ["static"]
    assert drifts.confidence < still.confidence
