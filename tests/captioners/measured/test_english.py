"""Words and phrases: grammar, and that a phrase says what its numbers say."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.measured import english
from instancecap.evidence.experts.appearance import COLORS
from instancecap.schema.evidence import (
    ContactKind,
    InstanceFacts,
    LightFacts,
    Period,
    PlaceFacts,
    Shot,
    Turn,
)
from instancecap.schema.vocabulary import Cell, Primitive
from tests.made import DIRECTIONS, NAMES, camera, shares, thing, things

CELLS = get_args(Cell)
SHOT = Shot(start=0, end=4, transition="start")


def test_lists_are_joined_as_in_english() -> None:
    assert english.join([]) == ""
    assert english.join(["a"]) == "a"
    assert english.join(["a", "b"]) == "a and b"
    assert english.join(["a", "b", "c"]) == "a, b and c"
    assert english.join(["a", "b"], last="or") == "a or b"


def test_small_numbers_are_words() -> None:
    assert [english.count_word(n) for n in (1, 2, 10, 11)] == ["one", "two", "ten", "11"]


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("dog", "a dog"), ("orange", "an orange"), ("umbrella", "an umbrella"), ("oven", "an oven")],
)
def test_articles_fit_the_first_sound(noun: str, expected: str) -> None:
    assert english.article(noun) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_class_has_an_article_and_a_plural(name: str) -> None:
    vowel = name[0] in "aeiou"
    assert english.article(name) == f"{'an' if vowel else 'a'} {name}"
    assert english.plural(name).strip()


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("person", "people"), ("dog", "dogs"), ("sheep", "sheep"), ("bus", "buses"),
        ("bench", "benches"), ("knife", "knives"), ("mouse", "mice"), ("skis", "skis"),
        ("wine glass", "wine glasses"), ("toothbrush", "toothbrushes"), ("horse", "horses"),
        ("giraffe", "giraffes"), ("scissors", "scissors"), ("couch", "couches"),
        ("teddy bear", "teddy bears"), ("sandwich", "sandwiches"),
    ],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert english.plural(one) == many


@given(st.text(st.sampled_from("ab  c"), max_size=12))
def test_a_sentence_begins_large_and_ends_with_one_full_stop(text: str) -> None:
    written = english.sentence(text)
    if not text.strip():
        assert written == ""
    else:
        assert written[0].isupper()
        assert written.endswith(".")
        assert "  " not in written


def test_a_person_wears_colors_and_a_car_has_them() -> None:
    red = [("red", 0.9)]
    assert english.noun_phrase(thing("person", colors=red)) == "person in red"
    assert english.noun_phrase(thing("car", colors=red)) == "red car"
    assert english.noun_phrase(thing("car", colors=red), colored=False) == "car"


def test_an_orange_is_not_called_orange_twice() -> None:
    fruit = thing("orange", colors=[("orange", 0.5)])
    assert english.introduce([fruit]) == ["an orange"]


def test_things_alike_are_told_apart_when_introduced() -> None:
    red, blue = [("red", 0.9)], [("blue", 0.9)]
    cars = [thing("car", colors=c, id=i) for i, c in enumerate([red, blue, red])]
    assert english.introduce(cars) == ["a red car", "a blue car", "another red car"]
    groups = [thing("car", count=count) for count in (2, 2, 12, 12)]
    assert english.introduce(groups[:2]) == ["two cars", "two other cars"]
    again = ["a group of at least 12 cars", "another group of at least 12 cars"]
    assert english.introduce(groups[2:]) == again


def test_a_group_is_counted() -> None:
    assert english.introduce([thing("person", count=3)]) == ["three people"]
    (many,) = english.introduce([thing("sheep", count=12, colors=[("white", 0.9)])])
    assert many == "a group of at least 12 white sheep"


@given(st.lists(things(id=0, shot=SHOT), max_size=4))
def test_every_introduction_fits_its_noun(items: list) -> None:
    phrases = english.introduce(items)
    assert len(phrases) == len(items)
    for item, phrase in zip(items, phrases, strict=True):
        noun = item.class_ if item.count == 1 else english.plural(item.class_)
        assert noun in phrase
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", phrase)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_an_action_names_the_direction_and_no_other(direction: str) -> None:
    item = thing(moving=True, direction=direction, speed=0.2)
    text = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    said = {word for word in ("left", "right", "up", "down") if re.search(rf"\b{word}\b", text)}
    assert said == set(direction.split("_"))


def test_a_turn_is_told_as_two_directions() -> None:
    turn = Turn(t=2, before="right", after="up")
    item = thing(moving=True, direction="up_right", speed=0.01, turns=[turn])
    text = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert text == "moves slowly first to the right, then up the frame"
    item.motion.turns = [turn] * 3
    text = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert text == "moves slowly up and to the right"


@pytest.mark.parametrize(
    ("seconds", "count", "text"),
    [
        (0.0, 1, "stays still"),
        (0.82, 1, "moves in place and repeats its motion about every 0.8 seconds"),
        (1.04, 1, "moves in place and repeats its motion about every second"),
        (2.0, 3, "move in place and repeat their motion about every 2 seconds"),
    ],
)
def test_a_repeated_motion_is_told_by_its_period(seconds: float, count: int, text: str) -> None:
    item = thing(count=count, period=Period(seconds=seconds, strength=0.9))
    said = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert said == text


def test_an_action_says_one_extra_fact_the_period_before_the_turns() -> None:
    turns = [Turn(t=2, before="right", after="left")]
    item = thing(moving=True, speed=0.2, turns=turns, period=Period(seconds=0.5, strength=0.9))
    text = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert text == "moves about and repeats its motion about every 0.5 seconds"


@pytest.mark.parametrize(
    ("still", "text"),
    [
        ([], "moves to the right"),
        ([(0.0, 1.5)], "first stays in place and then moves to the right"),
        ([(2.5, 4.0)], "moves to the right and then stops"),
        ([(0.1, 1.2), (2.8, 3.9)], "first stays in place, then moves to the right and then stops"),
        ([(1.2, 2.6)], "moves to the right"),
        ([(0.0, 3.7)], "moves to the right"),
    ],
)
def test_a_rest_is_told_where_it_begins_or_ends_a_move(
    still: list[tuple[float, float]], text: str
) -> None:
    item = thing(moving=True, direction="right", speed=0.2, still=still)
    said = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert said == text


def test_who_enters_does_not_rest_first_and_who_leaves_does_not_stop() -> None:
    item = thing(moving=True, direction="right", speed=0.2, still=[(0.0, 1.2), (2.8, 4.0)])
    text = english.action_phrase(item, enters=True, leaves=True, camera_rests=True)
    assert text == "comes into view, moves to the right and goes out of view"


@pytest.mark.parametrize(
    ("kind", "moving", "text"),
    [
        ("crosses", (True, True), "crosses paths with the cat"),
        ("crosses", (True, False), "passes the cat"),
        ("crosses", (False, True), "is passed by the cat"),
        ("meets", (True, True), "ends up next to the cat in the frame"),
        ("meets", (False, False), ""),
        ("overlaps", (True, True), ""),
    ],
)
def test_two_things_that_come_together_are_told_without_depth(
    kind: ContactKind, moving: tuple[bool, bool], text: str
) -> None:
    dog, cat = thing("dog", moving=moving[0]), thing("cat", moving=moving[1], id=1)
    assert english.encounter_phrase(kind, dog, cat, called="the cat") == text


@pytest.mark.parametrize("other", [thing("object", id=1), thing("cat", id=1, confidence=0.5)])
def test_nothing_is_told_of_meeting_what_has_no_sure_name(other: InstanceFacts) -> None:
    dog = thing("dog", moving=True)
    assert english.encounter_phrase("meets", dog, other, called="it") == ""


def test_things_are_called_again_so_that_they_are_told_apart() -> None:
    red, blue = [("red", 0.9)], [("blue", 0.9)]
    cars = [thing("car", colors=c, id=i) for i, c in enumerate([red, blue, red])]
    assert [english.refer(car, cars) for car in cars] == [
        "the other red car", "the blue car", "the other red car",
    ]  # fmt: skip
    assert english.refer(cars[0], [*cars, thing("car", colors=red, id=3)]) == ""
    assert english.refer(thing(count=3), [thing(count=3)]) == ""


def test_what_goes_to_and_fro_has_no_pace() -> None:
    item = thing(moving=True, speed=0.01)
    text = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    assert text == "moves about"


def test_rest_is_said_only_before_a_camera_that_rests() -> None:
    item = thing()
    rests = english.action_phrase(item, enters=False, leaves=False, camera_rests=True)
    moves = english.action_phrase(item, enters=False, leaves=False, camera_rests=False)
    assert rests == "stays still"
    assert moves == ""


def test_growth_is_said_as_growth_in_the_picture() -> None:
    phrases = [
        english.action_phrase(
            thing(scale_change=change), enters=False, leaves=False, camera_rests=False
        )
        for change in (0.3, 1.0, 3.0)
    ]
    assert phrases == ["gets smaller in the frame", "", "gets larger in the frame"]


def test_entering_and_leaving_name_their_sides() -> None:
    item = thing(start=(0.0, 0.4, 0.2, 0.6), end=(0.8, 0.4, 1.0, 0.6), moving=True,
                 direction="right", speed=0.2)  # fmt: skip
    text = english.action_phrase(item, enters=True, leaves=True, camera_rests=True)
    assert "enters from the left" in text
    assert "moves to the right" in text
    assert "leaves the frame at the right" in text


@given(things(id=0, shot=SHOT), st.booleans(), st.booleans(), st.booleans())
def test_an_action_says_no_more_than_its_numbers(
    item, enters: bool, leaves: bool, rests: bool
) -> None:  # type: ignore[no-untyped-def]
    text = english.action_phrase(item, enters=enters, leaves=leaves, camera_rests=rests)
    assert ("enter" in text or "into view" in text) == enters
    assert ("leave" in text or "out of view" in text) == leaves
    assert ("larger" in text) <= (item.motion.scale_change > 1)
    assert ("smaller" in text) <= (item.motion.scale_change < 1)
    assert ("still" in text) <= (rests and not item.motion.moving)
    assert not text.startswith((" ", ","))
    assert "  " not in text


@pytest.mark.parametrize("start", CELLS)
@pytest.mark.parametrize("end", CELLS)
def test_a_position_names_both_cells(start: Cell, end: Cell) -> None:
    text = english.position_phrase(start, end, enters=False, leaves=False, passes=[start, end])
    assert english.CELL_WORDS[start].removeprefix("the ") in text
    assert english.CELL_WORDS[end].removeprefix("the ") in text
    assert ("throughout" in text) == (start == end)


@given(st.sampled_from(CELLS), st.sampled_from(CELLS), st.booleans(), st.booleans())
def test_a_position_tells_of_entering_and_leaving(
    start: Cell, end: Cell, enters: bool, leaves: bool
) -> None:
    text = english.position_phrase(start, end, enters=enters, leaves=leaves, passes=[start, end])
    assert ("leaves the frame" in text) == leaves
    assert ("comes into view" in text) == enters
    assert "  " not in text


@pytest.mark.parametrize("word", [w for w in get_args(Primitive) if w in english.CAMERA_WORDS])
def test_every_movement_of_the_camera_has_a_sentence(word: Primitive) -> None:
    text = english.camera_sentence(camera(word, speed="slow"))
    assert text == f"The camera slowly {english.CAMERA_WORDS[word]}."


def test_every_primitive_but_three_is_a_verb() -> None:
    assert set(get_args(Primitive)) - english.CAMERA_WORDS.keys() == {
        "static", "tracking", "shaky",
    }  # fmt: skip


def test_a_camera_at_rest_stays_still() -> None:
    assert english.camera_sentence(camera("static")) == "The camera stays still."
    assert "still" not in english.camera_sentence(camera("static", stability="handheld"))
    assert "shaky" in english.camera_sentence(camera("shaky", stability="shaky"))


def test_no_camera_is_no_sentence() -> None:
    assert english.camera_sentence(camera()) == ""


def test_the_thing_that_is_followed_is_named() -> None:
    text = english.camera_sentence(camera("pan_right", "tracking"), follows="the dog")
    assert text == "The camera pans right, keeping the dog in the frame."


@given(
    st.builds(
        LightFacts,
        brightness=st.floats(0, 1),
        contrast=st.floats(0, 0.5),
        saturation=st.floats(0, 1),
        warmth=st.floats(-1, 1),
        change=st.floats(-1, 1),
    )
)
def test_light_is_a_sentence_that_agrees_with_its_numbers(light: LightFacts) -> None:
    text = english.light_sentence(light)
    assert re.fullmatch(r"[A-Z][^.]*\.", text)
    assert ("bright picture" in text) <= (light.brightness > 0.5)
    assert ("dark picture" in text) <= (light.brightness < 0.3)
    assert ("warm" in text) <= (light.warmth > 0)
    assert ("cool" in text) <= (light.warmth < 0)
    assert ("brighter" in text) <= (light.change > 0)
    assert ("darker" in text) <= (light.change < 0)
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text.lower())


@given(st.sampled_from(["indoor", "outdoor", "unknown"]), shares)
def test_the_background_names_only_what_is_known(
    label: str, colors: list[tuple[str, float]]
) -> None:
    text = english.background_sentence(PlaceFacts.model_validate(
        {"label": label, "colors": colors}))  # fmt: skip
    assert ("indoor" in text) == (label == "indoor")
    assert ("outdoor" in text) == (label == "outdoor")
    said = {name for name in COLORS if re.search(rf"\b{name}\b", text)}
    assert said <= {name for name, _ in colors}
    assert text == "" or text.endswith(".")
