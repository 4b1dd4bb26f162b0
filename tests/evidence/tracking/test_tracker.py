"""Linking of boxes made by hand: who is who over time, and that no two things become one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.tracking.tracker import link
from instancecap.evidence.tracking.tracks import FrameDetections, Track
from instancecap.models.coco import CLASSES

RATE = 8.0
SIZE = (416, 234)
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

Thing = tuple[float, float, str, str, float]
"""Centre x and y, class, colour, score of a box of one tenth by one fifth of the frame."""


def finds(index: int, *things: Thing, shift: tuple[float, float] = (0.0, 0.0)) -> FrameDetections:
    """One sample; ``shift`` is how far the camera moved the picture since the one before."""
    boxes = np.array([[x - 0.05, y - 0.1, x + 0.05, y + 0.1] for x, y, *_ in things])
    scores = np.zeros((len(things), len(CLASSES)))
    colors = np.zeros((len(things), len(COLORS)))
    for row, (_, _, name, color, score) in enumerate(things):
        scores[row, CLASSES.index(name)] = score
        colors[row, COLORS.index(color)] = 1
    carry = IDENTITY.copy()
    carry[:, 2] = shift[0] * SIZE[0], shift[1] * SIZE[1]
    return FrameDetections(
        index=index, t=index / RATE, boxes=boxes.reshape(-1, 4), scores=scores, colors=colors,
        carry=carry, size=SIZE,
    )  # fmt: skip


def person(x: float, y: float = 0.5, color: str = "red", score: float = 0.8) -> Thing:
    return x, y, "person", color, score


def color_of(track: Track) -> str:
    return COLORS[int(track.color.argmax())]


def middles(track: Track) -> list[float]:
    return [float((box[0] + box[2]) / 2) for box in track.boxes]


def test_nothing_found_is_no_track() -> None:
    assert link([]) == []
    assert link([finds(i) for i in range(5)]) == []


def test_one_thing_that_walks_is_one_track() -> None:
    (track,) = link([finds(i, person(0.1 + 0.03 * i)) for i in range(20)])
    assert middles(track) == pytest.approx([0.1 + 0.03 * i for i in range(20)])


def test_two_things_that_stand_apart_are_two_tracks() -> None:
    tracks = link([finds(i, person(0.2), person(0.7)) for i in range(10)])
    assert sorted(np.mean(middles(track)) for track in tracks) == pytest.approx([0.2, 0.7])


@pytest.mark.parametrize("order", [1, -1])
def test_two_things_that_cross_keep_who_they_are(order: int) -> None:
    samples = [
        finds(i, *[person(0.1 + 0.04 * i), person(0.9 - 0.04 * i, color="blue")][::order])
        for i in range(21)
    ]
    tracks = {color_of(track): track for track in link(samples)}
    assert set(tracks) == {"red", "blue"}
    assert middles(tracks["red"]) == pytest.approx([0.1 + 0.04 * i for i in range(21)])
    assert middles(tracks["blue"]) == pytest.approx([0.9 - 0.04 * i for i in range(21)])


def test_things_alike_that_pass_each_other_go_on_in_their_direction() -> None:
    samples = [
        finds(i, person(0.1 + 0.04 * i, 0.45), person(0.9 - 0.04 * i, 0.55)) for i in range(21)
    ]
    tracks = link(samples)
    ends = sorted((middles(track)[0], middles(track)[-1]) for track in tracks)
    assert ends == [pytest.approx((0.1, 0.9)), pytest.approx((0.9, 0.1))]


@pytest.mark.parametrize("gap", [2, 6, 10])
def test_a_thing_hidden_for_a_moment_is_still_one(gap: int) -> None:
    hidden = range(8, 8 + gap)
    samples = [finds(i) if i in hidden else finds(i, person(0.2 + 0.01 * i)) for i in range(30)]
    (track,) = link(samples)
    assert len(track.times) == 30 - gap


def test_a_thing_that_walks_behind_a_post_comes_out_as_itself() -> None:
    hidden = range(8, 13)
    samples = [finds(i) if i in hidden else finds(i, person(0.1 + 0.03 * i)) for i in range(25)]
    assert len(link(samples)) == 1


@pytest.mark.parametrize(("x", "tracks"), [(0.3, 1), (0.045, 2)])
def test_the_one_of_its_kind_is_another_only_if_it_left_and_came(x: float, tracks: int) -> None:
    samples = [finds(i, *([person(x)] if i < 8 or i >= 60 else [])) for i in range(70)]
    assert len(link(samples)) == tracks


def test_somebody_in_other_colors_who_comes_later_is_somebody_else() -> None:
    samples = [finds(i, person(0.3, color="red")) for i in range(8)]
    samples += [finds(i) for i in range(8, 22)]
    samples += [finds(i, person(0.3, color="green")) for i in range(22, 32)]
    assert sorted(color_of(track) for track in link(samples)) == ["green", "red"]


def test_an_unsure_box_goes_on_with_a_track_but_begins_none() -> None:
    assert link([finds(i, person(0.5, score=0.2)) for i in range(10)]) == []
    scores = [0.8, 0.8, 0.2, 0.2, 0.2, 0.8]
    (track,) = link([finds(i, person(0.5, score=score)) for i, score in enumerate(scores)])
    assert len(track.times) == 6


def test_the_cameras_motion_is_carried_along() -> None:
    """The picture jumps by more than a box's width: only the camera's step explains it."""
    xs = [0.15, 0.3, 0.45, 0.6, 0.75]
    moved = [finds(i, person(x), shift=(0.15 if i else 0.0, 0.0)) for i, x in enumerate(xs)]
    (track,) = link(moved)
    assert middles(track) == pytest.approx(xs)


def test_whom_the_camera_follows_from_the_start_is_one() -> None:
    """A rider stays in the frame while trees and people behind are carried through it."""
    samples = [
        finds(
            i,
            person(0.5),
            *([person(0.95 - 0.2 * i, 0.4)] if i < 5 else []),
            shift=(-0.2 if i else 0.0, 0.0),
        )
        for i in range(10)
    ]
    longest = max(link(samples), key=lambda track: len(track.times))
    assert middles(longest) == pytest.approx([0.5] * 10)


def test_a_box_of_the_same_kind_inside_another_is_an_echo() -> None:
    samples = []
    for i in range(10):
        both = finds(i, person(0.5), person(0.5))
        both.boxes[1] = [0.47, 0.42, 0.53, 0.5]
        both.scores[1] *= 0.6
        samples.append(both)
    assert len(link(samples)) == 1


def test_a_rider_on_a_bicycle_is_two_things() -> None:
    samples = [finds(i, person(0.5, 0.45), (0.5, 0.6, "bicycle", "black", 0.7)) for i in range(12)]
    kinds = sorted(CLASSES[int(track.class_votes.argmax())] for track in link(samples))
    assert kinds == ["bicycle", "person"]


crowds = st.lists(
    st.lists(
        st.tuples(
            st.floats(0.05, 0.95),
            st.floats(0.1, 0.9),
            st.sampled_from(["person", "car", "dog"]),
            st.sampled_from(["red", "blue"]),
            st.floats(0.1, 1.0),
        ),
        max_size=4,
    ),
    min_size=1,
    max_size=14,
)


@settings(deadline=None, max_examples=80)
@given(crowds)
def test_every_box_goes_to_one_track_at_most_and_tracks_go_on_in_time(
    crowd: list[list[Thing]],
) -> None:
    samples = [finds(i, *things) for i, things in enumerate(crowd)]
    tracks = link(samples)
    taken = [(t, *box) for track in tracks for t, box in zip(track.times, track.boxes, strict=True)]
    offered = [(one.t, *box) for one in samples for box in one.boxes]
    for track in tracks:
        assert all(a < b for a, b in pairwise(track.times))  # never two boxes at once
        assert len(track.times) == len(track.boxes) == len(track.scores) == len(track.colors)
    for entry in set(taken):
        assert taken.count(entry) <= offered.count(entry)


@settings(deadline=None, max_examples=40)
@given(crowds)
def test_linking_the_same_boxes_again_gives_the_same_tracks(crowd: list[list[Thing]]) -> None:
    samples = [finds(i, *things) for i, things in enumerate(crowd)]
    first, second = link(samples), link(samples)
    assert [track.times for track in first] == [track.times for track in second]
    assert [middles(track) for track in first] == [middles(track) for track in second]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.08, 0.3), min_size=2, max_size=4), st.integers(3, 20))
def test_things_side_by_side_are_counted(gaps: list[float], length: int) -> None:
    places = np.cumsum([0.12, *gaps])
    things = [person(float(x), y) for x, y in zip(places, [0.2, 0.8] * 3, strict=False)]
    tracks = link([finds(i, *things) for i in range(length)])
    assert len(tracks) == len(things)


def test_the_one_thing_of_its_kind_that_is_lost_and_found_far_off_is_one() -> None:
    jump = [finds(i, person(0.2 if i < 8 else 0.8)) for i in range(16) if i not in (7, 8)]
    (track,) = link(jump)
    assert middles(track)[0] < 0.3 < 0.7 < middles(track)[-1]
    others = [finds(i, person(0.2 if i < 8 else 0.8), person(0.5, 0.8)) for i in range(16)]
    assert len(link([s for s in others if s.index not in (7, 8)])) == 3


def test_a_thing_that_passes_behind_a_post_stays_one() -> None:
    """Half hidden it shows a part only, so that it seems to stop and to start far off."""
    samples = []
    for index in range(24):
        box = np.array([0.03 * index, 0.4, 0.03 * index + 0.2, 0.7])
        left = np.clip(box[[0, 2]], None, 0.4)
        right = np.clip(box[[0, 2]], 0.55, None)
        seen = [part for part in (left, right) if part[1] - part[0] > 0.02]
        whole = max(seen, key=lambda part: part[1] - part[0], default=None)
        sample = finds(index, *([person(0.5)] if whole is not None else []))
        if whole is not None:
            sample.boxes[0] = [whole[0], 0.4, whole[1], 0.7]
        samples.append(sample)
    (track,) = link(samples)
    assert middles(track)[0] < 0.2 < 0.7 < middles(track)[-1]
