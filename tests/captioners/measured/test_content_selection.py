"""What is stated, whatever the language: reliable facts only, and no fact that is made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.measured import content_selection as content
from instancecap.captioners.measured.conduct import (
    Conduct,
    area_of,
    conduct_in_clip,
    conduct_of,
    faces_camera,
)
from instancecap.captioners.measured.content_selection import Name, is_any
from instancecap.evidence import reliability
from instancecap.evidence.reliability import Tally
from instancecap.schema.evidence import CameraFacts, CameraSample, Face, InstanceFacts, Shot
from instancecap.schema.vocabulary import Primitive
from tests.made import Box, evidence, evidences, shares, thing, things
from tests.tables import cases

SHOT = Shot(start=0, end=4, transition="start")
LEFT, MIDDLE, RIGHT = ((x, 0.4, x + 0.2, 0.6) for x in (0.05, 0.4, 0.75))


def names(*items: InstanceFacts) -> list[Name]:
    return content.name_instances(items, is_any)


def test_a_kind_of_fact_is_reliable_by_the_lower_bound_of_its_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    none = Tally()
    figures = {
        "often": (none, none, none, Tally(97, 100)),
        "rarely": (none, none, none, Tally(60, 100)),
        "few": (none, none, none, Tally(2, 2)),
        "sure": (Tally(5, 30), none, none, Tally(30, 30)),
    }
    monkeypatch.setattr(reliability, "tallies", lambda *_: figures)
    gate = content.is_reliable
    assert [kind for kind in (*figures, "unheard of") if gate(kind, 0.9)] == ["often", "sure"]
    assert not gate("sure", 0.1)
    assert [gate("class", sure) for sure in (0.85, 0.7, 0.3)] == [True, False, False]


def test_what_is_sure_of_its_category_alone_is_called_by_it() -> None:
    def called(name: str, class_: float, category: float) -> list[str]:
        item = thing(name).model_copy(
            update={"confidence": class_, "category_confidence": category}
        )
        gate = content.is_reliable
        return [one.class_ for one in content.select_instances(evidence(item), most=3, gate=gate)]

    assert called("dog", 0.9, 0.95) == ["dog"]
    assert called("dog", 0.8, 0.95) == called("dog", 0.5, 0.72) == ["animal"]
    assert called("truck", 0.8, 0.95) == ["truck"]
    assert called("truck", 0.6, 0.8) == ["vehicle"]
    assert (called("person", 0.9, 0.9), called("person", 0.72, 0.72)) == (["person"], [])
    assert called("bowl", 0.8, 0.8) == []
    assert called("dog", 0.4, 0.6) == called("bowl", 0.6, 0.6) == []


@given(evidences(), st.integers(0, 5))
def test_instances_are_named_and_none_may_be_another(facts, most: int) -> None:  # type: ignore[no-untyped-def]
    chosen = content.select_instances(facts, most=most, gate=lambda kind, confidence: True)
    assert len(chosen) <= most
    assert all(item.class_ != "object" for item in chosen)
    pairs = [(a, b) for i, a in enumerate(chosen) for b in chosen[i + 1 :]]
    assert not any(content.may_be_same(a, b) for a, b in pairs)
    everything = content.select_instances(facts, most=most, gate=is_any)
    assert everything == facts.instances[:most]


def test_who_comes_later_may_be_the_one_who_was_there_before() -> None:
    before, after = thing(times=(0, 1.9)), thing(id=1, times=(2, 4))
    assert content.may_be_same(before, after)
    assert not content.may_be_same(before, thing(id=1, times=(1.5, 4)))
    assert not content.may_be_same(before, thing("cat", id=1, times=(2, 4)))
    assert content.may_be_same(before, thing("animal", id=1, times=(2, 4)))
    assert not content.may_be_same(before, thing("vehicle", id=1, times=(2, 4)))
    gone = thing(id=1, points=2, times=(0.55, 1.45))  # in a gap of the other's track
    seldom = thing(points=3, times=(0, 2))
    assert content.may_be_same(seldom, gone)


@given(shares)
def test_colors_are_those_that_were_seen(colors: list[tuple[str, float]]) -> None:
    told = content.select_colors(thing(colors=colors), is_any)
    assert list(told) == [name for name, share in colors if share >= content.CLEAR_COLOR][:2]
    assert content.select_colors(thing(colors=colors), lambda kind, confidence: False) == ()


@given(st.lists(things(id=0, shot=SHOT), max_size=6))
def test_names_differ(items: list[InstanceFacts]) -> None:
    found = names(*items)
    assert [(name.class_, name.count) for name in found] == [(i.class_, i.count) for i in items]
    keys = [(n.class_, n.count > 1, n.colors, n.side, n.number) for n in found]
    assert len(set(keys)) == len(keys)


def test_names_tell_like_instances_apart_by_color_then_side_then_number() -> None:
    red, blue = [("red", 0.9)], [("blue", 0.9)]
    by_color = names(thing("car", LEFT, colors=red), thing("car", RIGHT, colors=blue))
    assert [name.colors for name in by_color] == [("red",), ("blue",)]
    assert {name.side for name in by_color} == {""}
    by_side = names(thing("car", RIGHT), thing("car", LEFT, colors=red), thing("car", MIDDLE))
    assert [name.side for name in by_side] == ["right", "left", "middle"]
    beside = names(thing("car", MIDDLE), thing("car", RIGHT))
    assert [(name.side, name.number) for name in beside] == [("", 1), ("", 2)]
    crossing = names(thing("car", LEFT, RIGHT), thing("car", RIGHT, LEFT))
    assert [(name.side, name.number) for name in crossing] == [("", 1), ("", 2)]
    first, *others = names(
        *(
            thing("car", LEFT if at % 2 else RIGHT, RIGHT, colors=look)
            for at, look in enumerate((red, blue, blue))
        )
    )
    assert (first.side, first.number) == ("", 0)
    assert [name.number for name in others] == [1, 2]
    (alone,) = names(thing("orange", colors=[("orange", 0.9)]))
    assert alone == Name(class_="orange", count=1)


@pytest.mark.parametrize(("box", "area"), cases(__file__, "an_area_is_where_a_viewer_would_say"))
def test_an_area_is_where_a_viewer_would_say(box: Box, area: str) -> None:
    assert area_of(box) == area


@pytest.mark.parametrize(("end", "areas"), cases(__file__, "a_way_is_stated_where_it_is_long"))
def test_a_way_is_stated_where_it_is_long(end: Box, areas: tuple[str, str, bool]) -> None:
    did = conduct_of(thing(start=LEFT, end=end), is_any)
    assert (did.start, did.end, did.stays) == areas


def test_where_the_end_is_not_reliable_the_start_is_stated() -> None:
    item = thing(start=LEFT, end=RIGHT)
    did = conduct_of(item, lambda kind, confidence: kind == "start_cell")
    assert (did.start, did.end, did.stays) == ("center-left", "", False)


def test_who_comes_back_has_not_stayed() -> None:
    there, back = thing(start=LEFT, end=RIGHT, times=(0, 2)), thing(start=RIGHT, end=LEFT)
    item = there.model_copy(update={"track": [*there.track, *back.track[17:]]})
    assert not conduct_of(item, is_any).stays


@pytest.mark.parametrize(
    ("speed", "scale", "direction", "depth"),
    [(0.2, 1.0, "left", ""), (0.02, 1.0, "", ""), (0.2, 3.0, "", "toward"), (0.2, 0.3, "", "away")],
)
def test_who_comes_closer_does_not_move_sideways(
    speed: float, scale: float, direction: str, depth: str
) -> None:
    item = thing(moving=True, direction="left", speed=speed, scale_change=scale)
    did = conduct_of(item, is_any)
    assert (did.direction, did.depth) == (direction, depth)


@pytest.mark.parametrize(
    ("shift", "direction"),
    [((-0.2, 0.05), "left"), ((0.2, 0.0), ""), ((-0.01, 0.0), ""), ((-0.05, 0.2), "")],
)
def test_a_direction_is_that_in_the_frame_as_well(
    shift: tuple[float, float], direction: str
) -> None:
    dx, dy = shift
    item = thing(moving=True, direction="left", speed=0.2, frame_dx=dx, frame_dy=dy)
    assert conduct_of(item, is_any).direction == direction
    assert not conduct_of(item, lambda kind, confidence: kind != "direction").direction


@pytest.mark.parametrize(
    ("motion", "step", "direction"),
    [("static", 0.0, "left"), ("pan_left", 0.01, "left"), ("pan_left", 0.4, "")],
)
def test_before_a_moving_camera_a_direction_is_one_beyond_its_own_path(
    motion: Primitive, step: float, direction: str
) -> None:
    item = thing(moving=True, direction="left", speed=0.2, frame_dx=-0.2)
    path = [CameraSample(t=t, dx=step, dy=0, zoom=1, roll=0, inliers=1) for t in (1, 2, 3, 4)]
    camera = CameraFacts(motion=[motion], path=path)
    assert conduct_of(item, is_any, camera=camera).direction == direction


def test_who_grows_while_the_camera_zooms_does_not_come_closer() -> None:
    item = thing(moving=True, direction="left", speed=0.2, scale_change=3.0)
    camera = CameraFacts(motion=["zoom_in"])
    assert conduct_of(item, is_any).depth == "toward"
    assert not conduct_of(item, is_any, camera=camera).depth


@given(things(id=0, shot=SHOT))
def test_conduct_is_no_more_than_was_measured(item: InstanceFacts) -> None:
    did = conduct_of(item, is_any)
    assert (did.enters, did.leaves) == (item.enters, item.leaves)
    assert did.direction in ("", item.motion.direction)
    assert bool(did.direction or did.depth) <= item.motion.moving
    assert bool(did.entry) <= did.enters and bool(did.exit) <= did.leaves
    assert not conduct_of(item, lambda kind, confidence: False).acts


def test_a_side_is_named_where_one_alone_is_touched() -> None:
    did = conduct_of(thing(start=LEFT, end=(0, 0, 1, 1), leaves=True), is_any)
    assert (did.leaves, did.exit) == (True, "")
    item = thing(start=(0, 0.4, 0.2, 0.6), end=(0.8, 0.4, 1, 0.6), enters=True, leaves=True)
    did = conduct_of(item, is_any)
    assert (did.entry, did.exit) == ("left", "right")


def test_who_is_cut_away_does_not_leave_and_who_is_in_two_shots_does_nothing() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")]
    cut_off = thing(times=(0.0, 1.9), leaves=True)
    assert not conduct_in_clip(cut_off, evidence(cut_off, shots=shots), is_any).leaves
    both = thing(start=LEFT, end=RIGHT)
    assert conduct_in_clip(both, evidence(both, shots=shots), is_any) == Conduct()


def test_a_size_is_stated_where_it_stands_out_or_is_a_plain_share_of_the_height() -> None:
    boxes = [(0, 0, 0.1, 0.1), (0, 0, 0.3, 0.24), (0, 0, 0.9, 0.41), (0, 0, 0.9, 0.9)]
    sizes = [content.size_of(thing(start=box)) for box in boxes]
    assert sizes == ["small", "", "large", "filling"]
    heights = [content.size_of(thing(start=(0.3, 0, 0.5, h))) for h in (0.33, 0.5, 0.7, 0.95)]
    assert heights == ["third", "half", "most", "tall"]
    assert content.size_of(thing(start=(0, 0, 0.2, 0.3), end=(0, 0, 0.2, 0.7))) == ""
    many = thing(start=boxes[2]).model_copy(update={"count": 5})
    assert content.size_of(many) == content.size_of(thing().model_copy(update={"track": []})) == ""


def test_who_looks_into_the_camera_most_of_the_time_faces_it() -> None:
    def face(t: float, nose: float) -> Face:
        marks = [(0.44, 0.2), (0.52, 0.2), (nose, 0.25), (0.45, 0.3), (0.51, 0.3)]
        return Face(t=t, box=(0.4, 0.1, 0.56, 0.35), score=0.9, landmarks=marks, instance=0)

    person = thing("person")
    times = [i / 2 for i in range(8)]
    assert faces_camera(person, [face(t, 0.48) for t in times])
    assert not faces_camera(person, [face(t, 0.54) for t in times])
    assert not faces_camera(person, [face(t, 0.48) for t in times[:3]])
    group = person.model_copy(update={"count": 5})
    assert not faces_camera(group, [face(t, 0.48) for t in times])


def test_a_number_is_among_those_of_the_same_look() -> None:
    plain = thing("car", (0.1, 0.1, 0.2, 0.2), times=(0, 1))
    white = thing("car", (0.6, 0.6, 0.9, 0.9), id=1, times=(2, 4), colors=[("white", 0.9)])
    again = thing("car", (0.2, 0.6, 0.5, 0.9), id=2, times=(2, 4), colors=[("white", 0.9)])
    assert [(one.colors, one.number) for one in names(plain, white)] == [((), 1), (("white",), 0)]
    numbers = [(one.colors, one.number) for one in names(plain, white, again)]
    assert numbers == [((), 1), (("white",), 1), (("white",), 2)]


def test_what_was_asked_for_is_told_apart_by_its_phrases() -> None:
    early, late = (0.0, 1.0), (2.0, 4.0)
    red = thing("person", times=early, phrase="man in red", colors=[("teal", 0.6)])
    blue = thing("person", times=late, phrase="man in blue", id=1)
    assert not content.may_be_same(red, blue)
    assert content.may_be_same(red, thing("person", times=late, id=1))
    assert [(one.phrase, one.colors) for one in names(red, blue)] == [
        ("man in red", ()),
        ("man in blue", ()),
    ]
    worker = thing("person", phrase="worker", colors=[("teal", 0.6)])
    assert names(worker) == [Name(class_="person", count=1, colors=("teal",), phrase="worker")]
    forklift = thing("forklift", category="vehicle", colors=[("teal", 0.6)])
    assert names(forklift) == [
        Name(class_="forklift", count=1, colors=("teal",), phrase="forklift")
    ]
