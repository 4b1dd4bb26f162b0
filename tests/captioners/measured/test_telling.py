"""What is told, whatever the language: limits, and that no fact is made up."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.measured.telling import (
    MOVES,
    Size,
    action_of,
    camera_stages,
    edge_of,
    light_of,
    look_of,
    main_colors,
    pace_of,
    place_colors,
    size_of,
)
from instancecap.schema.evidence import (
    CameraSegment,
    InstanceFacts,
    LightFacts,
    PlaceFacts,
    Shot,
)
from tests.made import camera, shares, thing, things

SHOT = Shot(start=0, end=4, transition="start")


@given(shares)
def test_colors_that_are_said_are_colors_that_were_seen(colors: list[tuple[str, float]]) -> None:
    said = main_colors(thing(colors=colors))
    assert len(said) <= 2
    assert set(said) <= {name for name, _ in colors}
    assert len(set(said)) == len(said)


def test_a_clear_color_is_said_and_a_trace_is_not() -> None:
    assert main_colors(thing(colors=[("red", 0.8), ("black", 0.13)])) == ["red"]
    assert main_colors(thing(colors=[("red", 0.5), ("blue", 0.4)])) == ["red", "blue"]
    assert main_colors(thing(colors=[("red", 0.2), ("blue", 0.2)])) == []
    assert main_colors(thing()) == []


def test_mostly_is_said_of_one_color_that_is_not_all_and_never_of_clothes() -> None:
    some, all_ = [("red", 0.45)], [("red", 0.9)]
    assert look_of(thing("car", colors=some)).mostly
    assert not look_of(thing("car", colors=all_)).mostly
    assert not look_of(thing("person", colors=some)).mostly
    assert not look_of(thing("dog", colors=[("red", 0.5), ("blue", 0.4)])).mostly
    assert look_of(thing("orange", colors=[("orange", 0.5)])).colors == ()


def test_speed_is_told_at_both_ends_only() -> None:
    assert [pace_of(speed) for speed in (0.0, 0.02, 0.15, 0.9)] == ["", "slow", "", "fast"]


@pytest.mark.parametrize(
    ("box", "side"),
    [
        ((0.0, 0.4, 0.2, 0.6), "left"),
        ((0.8, 0.4, 1.0, 0.6), "right"),
        ((0.4, 0.01, 0.6, 0.3), "top"),
        ((0.4, 0.7, 0.6, 1.0), "bottom"),
        ((0.4, 0.4, 0.6, 0.6), ""),
    ],
)
def test_the_edge_of_a_box_is_the_side_it_touches(
    box: tuple[float, float, float, float], side: str
) -> None:
    assert edge_of(box) == side


def test_every_size_has_its_areas() -> None:
    sizes = [size_of(area) for area in (0.001, 0.02, 0.1, 0.3, 0.8)]
    assert tuple(sizes) == get_args(Size)
    assert size_of(1.0) == "filling"


@given(things(id=0, shot=SHOT), st.booleans(), st.booleans(), st.booleans())
def test_an_action_is_no_more_than_its_numbers(
    item: InstanceFacts, enters: bool, leaves: bool, rests: bool
) -> None:
    did = action_of(item, enters=enters, leaves=leaves, camera_rests=rests)
    assert (did.enters, did.leaves, did.moves) == (enters, leaves, item.motion.moving)
    assert not (did.moves and did.rests)
    assert not (did.enters and did.rests_first)
    assert not (did.leaves and did.stops)
    assert bool(did.rests) <= rests
    assert bool(did.pace) <= bool(did.ways) <= did.moves
    known = {
        item.motion.direction,
        *(way for t in item.motion.turns for way in (t.before, t.after)),
    }
    assert set(did.ways) <= known
    assert len(did.ways) <= 3


def test_moves_one_after_the_other_are_stages_and_moves_at_once_are_one() -> None:
    facts = camera("pan_left", "zoom_in")
    assert camera_stages(facts) == [["pan_left", "zoom_in"]]
    facts.segments = [
        CameraSegment(start=0, end=2, motion=["zoom_in"]),
        CameraSegment(start=2, end=4, motion=["pan_left"]),
    ]
    assert camera_stages(facts) == [["zoom_in"], ["pan_left"]]
    assert camera_stages(camera("static")) == camera_stages(camera("shaky")) == []
    assert {"static", "tracking", "shaky"}.isdisjoint(MOVES)


def test_light_in_between_is_not_told() -> None:
    middle = light_of(LightFacts(brightness=0.4, contrast=0.2, saturation=0.3))
    assert {middle.level, middle.contrast, middle.colors, middle.tint, middle.change} == {""}


def test_a_color_that_is_half_of_a_place_is_most_of_it() -> None:
    mixed = PlaceFacts(colors=[("green", 0.4), ("gray", 0.3), ("red", 0.1)])
    assert place_colors(mixed) == (["green", "gray"], False)
    assert place_colors(PlaceFacts(colors=[("green", 0.6)])) == (["green"], True)
    assert place_colors(PlaceFacts()) == ([], False)
