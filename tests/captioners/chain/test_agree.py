"""Who is who: every real thing once, whatever the model and the detector each call it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.chain.agree import Agreed, Named, agree, likeness
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.schema.evidence import InstanceFacts, Opinion
from instancecap.verify.naming import ClassMatch
from tests.made import Box, boxes, evidences, thing

LEFT: Box = (0.05, 0.4, 0.25, 0.7)
RIGHT: Box = (0.7, 0.4, 0.95, 0.7)


def named(name: str, *seeds: tuple[float, Box], **more: Any) -> Named:
    class_ = more.pop("class_", name.split()[-1])
    boxes = tuple(Seed(t, box) for t, box in seeds)
    more.setdefault("seen", tuple(seed.t for seed in boxes))
    return Named(name, class_=class_, boxes=boxes, **more)


def matched(found: list[Agreed]) -> dict[str, tuple[str, list[int]]]:
    return {one.named.name: (one.found_by, [piece.id for piece in one.pieces]) for one in found}


def test_boxes_tell_two_alike_from_each_other() -> None:
    tracks = [thing("person", RIGHT), thing("person", LEFT, id=1)]
    found = agree([named("the boy", (1, LEFT)), named("the man", (2, RIGHT))], tracks, most=8)
    assert matched(found) == {"the boy": ("both", [1]), "the man": ("both", [0])}
    assert [one.id for one in found] == [1, 0]
    assert not any(one.seeds for one in found)


def test_a_wrong_class_of_the_detector_does_not_matter_where_boxes_agree_well() -> None:
    found = agree([named("the trophy", (1, LEFT))], [thing("person", LEFT)], most=8)
    assert matched(found) == {"the trophy": ("both", [0])}


def test_where_detectors_disagree_the_models_word_decides_whose_track_it_is() -> None:
    other = Opinion(kind="class", value="person", confidence=0.6, expert="theirs", holds=False)
    for opinions, found_by in (([], "model"), ([other], "both")):
        track = thing("bird", LEFT, opinions=opinions)
        (found,) = agree([named("the person", seen=(1.0,))], [track], most=8)
        assert found.found_by == found_by


def test_tracks_of_one_thing_are_joined() -> None:
    tracks = [
        thing("car", LEFT, times=(0, 1.5), points=12),
        thing("truck", RIGHT, id=1, times=(2.5, 4), points=12),
    ]
    (one,) = agree([named("the car", (1, LEFT), (3, RIGHT))], tracks, most=8)
    assert [piece.id for piece in one.pieces] == [0, 1] and one.id == 0


def test_a_track_that_jumps_is_split_at_the_jump() -> None:
    track = thing("person", LEFT, times=(0, 1.9), points=20)
    rest = thing("person", RIGHT, times=(2.0, 4), points=21)
    jumps = track.model_copy(update={"track": [*track.track, *rest.track]})
    found = agree([named("the boy", (1, LEFT)), named("the man", (3, RIGHT))], [jumps], most=8)
    boy, man = found
    assert (boy.pieces[0].track[-1].t, man.pieces[0].track[0].t) == (1.9, 2.0)
    assert boy.id != man.id


def test_a_track_that_leaves_the_thing_keeps_the_part_that_fits() -> None:
    track = thing("person", LEFT, times=(0, 1.9), points=20)
    rest = thing("person", RIGHT, times=(2.0, 4), points=21)
    jumps = track.model_copy(update={"track": [*track.track, *rest.track]})
    found = agree([named("the boy", (1, LEFT), (3, LEFT))], [jumps], most=8)
    (boy,) = found
    assert boy.pieces[0].track[-1].t == 1.9


def test_a_second_track_of_one_thing_is_no_second_thing() -> None:
    inner = (LEFT[0] + 0.02, LEFT[1], LEFT[2], LEFT[3] - 0.02)
    tracks = [thing("person", LEFT), thing("person", inner, id=1)]
    found = agree([named("the boy", (1, LEFT))], tracks, most=8)
    assert matched(found) == {"the boy": ("both", [0])}


def test_what_nobody_names_is_left_over_and_what_only_the_model_sees_is_followed() -> None:
    found = agree([named("the dough", (1, LEFT))], [thing("person", RIGHT)], most=8)
    (dough,) = found
    assert (dough.found_by, dough.id, [seed.t for seed in dough.seeds]) == ("model", 1, [1])


def test_a_track_that_shows_too_little_is_helped_by_the_boxes() -> None:
    short = thing("dog", LEFT, times=(0, 0.5), points=5)
    one = named("the dog", (0.2, LEFT), (3.5, RIGHT), seen=(0.2, 1.0, 2.0, 3.0, 3.5))
    (dog,) = agree([one], [short], most=8)
    assert dog.found_by == "both" and [seed.t for seed in dog.seeds][-1] == 3.5


def test_without_boxes_the_only_one_of_its_kind_is_meant() -> None:
    tracks = [thing("dog", LEFT), thing("car", RIGHT, id=1)]
    woman = named("the woman", category="human")
    found = agree([named("the puppy", category="animal"), woman], tracks, most=8)
    assert matched(found) == {"the puppy": ("both", [0]), "the woman": ("model", [])}
    two = [thing("dog", LEFT), thing("dog", RIGHT, id=1)]
    assert matched(agree([named("the dog")], two, most=8)) == {"the dog": ("model", [])}


def test_one_name_or_one_place_twice_is_one_thing() -> None:
    twice = [
        named("the dog", (1, LEFT)), named("The Dog", (2, LEFT)), named("the puppy dog", (1, LEFT)),
    ]  # fmt: skip
    (dog,) = agree(twice, [], most=8)
    assert [seed.t for seed in dog.named.boxes] == [1, 2]


def test_the_main_ones_come_first_and_the_bound_counts_agreed_ones() -> None:
    three = [named("the a", (1, LEFT)), named("the b", (1, RIGHT), is_main=True), named("the c")]
    found = agree(three, [thing("person", LEFT)], most=2)
    assert [one.named.name for one in found] == ["the b", "the a"]


def test_what_goes_together() -> None:
    man = Named("the old man", class_="man", category="human")
    fits = [ClassMatch.SAME, ClassMatch.UNKNOWN, ClassMatch.APART]
    assert [likeness(man, thing(word, LEFT)) for word in ("person", "object", "car")] == fits
    raft = Named("the reed boat", class_="raft", category="vehicle")
    assert likeness(raft, thing("boat", LEFT)) is ClassMatch.CATEGORY


times = st.integers(0, 100).map(lambda value: value / 10)


@st.composite
def anything_named(draw: st.DrawFn) -> Named:
    places = draw(st.lists(st.tuples(times, boxes()), max_size=3, unique_by=lambda one: one[0]))
    noun = draw(st.sampled_from(["dog", "person", "man", "car", "dough", ""]))
    name = draw(st.sampled_from(["the a", "the b", "the c", "the A"]))
    seen = tuple(sorted(draw(st.sets(times, max_size=4))))
    count, main = draw(st.integers(1, 3)), draw(st.booleans())
    return named(name, *sorted(places), class_=noun, seen=seen, count=count, is_main=main)


@given(st.lists(anything_named(), max_size=5), evidences(), st.integers(0, 8))
@settings(max_examples=150)
def test_every_real_thing_once(list_: list[Named], facts: Any, most: int) -> None:
    items: list[InstanceFacts] = facts.instances
    found = agree(list_, items, most=most)
    assert found == agree(list_, items, most=most)
    assert len(found) <= most
    ids = [one.id for one in found]
    names = [one.named.name.casefold() for one in found]
    assert len(set(ids)) == len(ids) and len(set(names)) == len(names)
    used: list[tuple[int, float]] = []
    for one in found:
        own = [(piece.id, point.t) for piece in one.pieces for point in piece.track]
        used += own
        starts = [piece.track[0].t for piece in one.pieces]
        assert starts == sorted(starts)
        assert one.pieces or one.seeds or not one.named.boxes
    known = {(item.id, point.t) for item in items for point in item.track}
    assert len(set(used)) == len(used), "no point of a track is used twice"
    assert set(used) <= known
