"""Turns, rests, repeated motion and contacts, on tracks whose truth is exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.tracking.motion_events import (
    add_events,
    find_contacts,
    find_period,
    find_rests,
    find_turns,
)
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, Shot
from tests.made import thing

TIMES = np.arange(0, 4.01, 1 / 8)
SHOT = Shot(start=0, end=4.5, transition="start")
Path = Callable[[float], tuple[float, float]]


def boxes(path: Path, times: np.ndarray = TIMES, *, size: float = 0.1, noise: float = 0.0,
          seed: int = 0) -> np.ndarray:  # fmt: skip
    """Square boxes about a path; every side trembles by ``noise`` (standard deviation)."""
    middle = np.array([path(float(t)) for t in times])
    trembling = np.random.default_rng(seed).normal(0, noise, (len(times), 4))
    return np.concatenate([middle - size / 2, middle + size / 2], axis=1) + trembling


def through(*corners: tuple[float, float]) -> Path:
    """A path at even pace through corners, over four seconds."""
    steps = np.linspace(0, 4, len(corners))
    xs, ys = zip(*corners, strict=True)
    return lambda t: (float(np.interp(t, steps, xs)), float(np.interp(t, steps, ys)))


def followed(path: Path, *, id: int, size: float = 0.1, count: int = 1,
             noise: float = 0.0, moving: bool = True) -> InstanceFacts:  # fmt: skip
    track = [
        TrackPoint(t=float(t), box=tuple(box.clip(0, 1)), score=0.8)
        for t, box in zip(TIMES, boxes(path, size=size, noise=noise, seed=id), strict=True)
    ]
    return thing(id=id, count=count, moving=moving).model_copy(update={"track": track})


@pytest.mark.parametrize("noise", [0.0, 0.004])
@pytest.mark.parametrize(
    ("corners", "turns"),
    [
        ([(0.1, 0.5), (0.7, 0.5)], []),
        ([(0.1, 0.5), (0.5, 0.5), (0.5, 0.1)], [("right", "up", 2.0)]),
        ([(0.2, 0.3), (0.7, 0.3), (0.2, 0.3)], [("right", "left", 2.0)]),
        ([(0.8, 0.2), (0.8, 0.6), (0.2, 0.6)], [("down", "left", 2.0)]),
        (
            [(0.1, 0.3), (0.5, 0.3), (0.5, 0.7), (0.1, 0.7)],
            [("right", "down", 4 / 3), ("down", "left", 8 / 3)],
        ),
        ([(0.1, 0.5), (0.4, 0.5), (0.7, 0.7)], []),  # bends by 34 degrees
        ([(0.5, 0.5), (0.53, 0.5), (0.5, 0.5)], []),  # sways
    ],
)
def test_turns(corners: Sequence[tuple[float, float]], turns: list, noise: float) -> None:
    found = find_turns(TIMES, boxes(through(*corners), noise=noise))
    assert [(turn.before, turn.after) for turn in found] == [turn[:2] for turn in turns]
    for turn, (_, _, t) in zip(found, turns, strict=True):
        assert turn.t == pytest.approx(t, abs=0.3)


@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_rests_between_two_walks(noise: float) -> None:
    stops = through((0.1, 0.5), (0.5, 0.5), (0.5, 0.5), (0.5, 0.5), (0.9, 0.5))
    ((start, end),) = find_rests(TIMES, boxes(stops, noise=noise))
    assert (start, end) == (pytest.approx(1.0, abs=0.3), pytest.approx(3.0, abs=0.3))


@pytest.mark.parametrize("distance", [0.08, 0.2, 0.8])
def test_what_creeps_or_goes_does_not_rest(distance: float) -> None:
    assert find_rests(TIMES, boxes(through((0.1, 0.5), (0.1 + distance, 0.5)))) == []


def test_what_grows_does_not_rest() -> None:
    box = np.array([0.5 - 0.05, 0.5 - 0.05, 0.55, 0.55])
    growth = np.array([-1, -1, 1, 1]) * 0.05 * TIMES[:, None]
    assert find_rests(TIMES, box + growth) == []


def test_a_gap_ends_a_rest() -> None:
    times = np.concatenate([np.arange(0, 1.51, 0.25), np.arange(6, 7.51, 0.25)])
    rests = find_rests(times, boxes(lambda t: (0.5, 0.5), times))
    assert rests == [(0.0, 1.5), (6.0, 7.5)]


@given(st.floats(0.5, 1.3), st.floats(0, 6), st.floats(0.03, 0.2), st.sampled_from([0.0, 0.005]))
def test_the_period_of_a_bounce(seconds: float, phase: float, height: float, noise: float) -> None:
    def bounce(t: float) -> tuple[float, float]:
        return 0.2 + 0.1 * t, 0.5 + height * np.sin(2 * np.pi * t / seconds + phase)

    period = find_period(TIMES, boxes(bounce, noise=noise))
    assert period.seconds == pytest.approx(seconds, rel=0.12)
    assert period.strength > 0.6


def test_a_repeated_change_of_size_has_a_period() -> None:
    growth = 0.04 * np.sin(2 * np.pi * TIMES)[:, None] * np.array([-1, -1, 1, 1])
    assert find_period(TIMES, boxes(lambda t: (0.5, 0.5)) + growth).seconds == pytest.approx(1, 0.1)


def test_two_cycles_are_no_repeated_motion() -> None:
    swing = boxes(lambda t: (0.5 + 0.1 * np.sin(np.pi * t), 0.5))
    assert find_period(TIMES, swing).seconds == 0


def test_a_tremble_is_no_repeated_motion() -> None:
    assert find_period(TIMES, boxes(lambda t: (0.5 + 0.003 * np.sin(6 * t), 0.5))).seconds == 0


def test_straight_ways_noise_and_wandering_have_no_period() -> None:
    assert find_period(TIMES, boxes(through((0.1, 0.1), (0.9, 0.5)))).seconds == 0
    false = 0
    for seed in range(200):
        chance = np.random.default_rng(seed)
        still = boxes(lambda t: (0.5, 0.5))
        noise = chance.normal(0, 0.03, (len(TIMES), 2))
        false += find_period(TIMES, still + np.tile(noise, 2)).seconds > 0
        false += find_period(TIMES, still + np.tile(noise.cumsum(axis=0), 2)).seconds > 0
    assert false <= 4


@pytest.mark.parametrize("camera_rests", [True, False])
def test_paths_are_told_before_a_resting_camera_only(camera_rests: bool) -> None:
    there_and_back = followed(through((0.2, 0.5), (0.7, 0.5), (0.2, 0.5)), id=0)
    resting = followed(lambda t: (0.5, 0.5), id=1, moving=False)
    add_events([there_and_back, resting], [SHOT] if camera_rests else [], aspect=1.0)
    assert len(there_and_back.motion.turns) == int(camera_rests)
    assert resting.motion.still == ([(0.0, 4.0)] if camera_rests else [])


def test_a_group_has_no_path_of_its_own() -> None:
    group = followed(lambda t: (0.5, 0.5), id=0, count=6)
    add_events([group], [SHOT])
    assert group.motion.still == []


LEFT, RIGHT = (0.1, 0.5), (0.9, 0.5)


@pytest.mark.parametrize("noise", [0.0, 0.004])
@pytest.mark.parametrize(
    ("one", "two", "kind"),
    [
        (through(LEFT, RIGHT), through(RIGHT, LEFT), "crosses"),
        (through(LEFT, RIGHT), through((0.5, 0.52), (0.5, 0.52)), "crosses"),
        (through(LEFT, (0.45, 0.5), LEFT), through((0.5, 0.5), (0.5, 0.5)), "overlaps"),
        (through(LEFT, (0.45, 0.5), (0.45, 0.5)), through((0.5, 0.5), (0.5, 0.5)), "meets"),
        (through(LEFT, RIGHT), through((0.1, 0.8), (0.9, 0.8)), None),  # side by side
        (through(LEFT, RIGHT), through((0.12, 0.5), (0.92, 0.5)), None),  # never apart
        (through(LEFT, (0.3, 0.5)), through(RIGHT, (0.6, 0.5)), None),  # only comes nearer
    ],
)
def test_contacts(one: Path, two: Path, kind: str | None, noise: float) -> None:
    items = [followed(one, id=3, noise=noise), followed(two, id=5, noise=noise)]
    found = find_contacts(items)
    assert [contact.kind for contact in found] == ([kind] if kind else [])
    for contact in found:
        assert (contact.first, contact.second) == (3, 5)
        assert 0 < contact.start < contact.end <= 4


@given(st.floats(0.08, 0.2), st.floats(0.08, 0.2), st.booleans())
def test_a_crossing_is_in_the_middle_whatever_the_sizes(a: float, b: float, swap: bool) -> None:
    items = [
        followed(through(LEFT, RIGHT), id=0, size=a), followed(through(RIGHT, LEFT), id=1, size=b)
    ]  # fmt: skip
    (contact,) = find_contacts(items[::-1] if swap else items)
    assert contact.kind == "crosses"
    assert (contact.start + contact.end) / 2 == pytest.approx(2, abs=0.2)


def test_groups_touch_nobody() -> None:
    items = [followed(through(LEFT, RIGHT), id=0, count=5), followed(through(RIGHT, LEFT), id=1)]
    assert find_contacts(items) == []
