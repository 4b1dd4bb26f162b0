"""English phrases: grammar, and that a phrase states its facts and no others."""

from __future__ import annotations

import re
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.measured import content_selection, english
from instancecap.captioners.measured.content_selection import Area, Conduct, Light, Name, Scene
from instancecap.evidence.color_names import COLORS
from instancecap.language import en
from instancecap.schema.vocabulary import Primitive
from tests.made import DIRECTIONS, NAMES

AREAS = get_args(Area)[:-1]
MOVES: list[Primitive] = sorted(content_selection.MOVES)

all_names = st.builds(
    Name,
    class_=st.sampled_from(NAMES),
    count=st.sampled_from([1, 2, 3, 12]),
    colors=st.lists(st.sampled_from(COLORS), max_size=2, unique=True).map(tuple),
    side=st.sampled_from(["", "left", "middle", "right"]),
    number=st.integers(0, 25),
)
sides = st.sampled_from(["", "left", "right", "top", "bottom"])
conducts = st.builds(
    Conduct, depth=st.sampled_from(["", "toward", "away"]), start=st.sampled_from(AREAS),
    enters=st.booleans(), entry=sides,
    direction=st.sampled_from(["", *DIRECTIONS]), leaves=st.booleans(), exit=sides,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "called", "introduced"),
    [
        (Name(class_="car", count=1), "the car", "a car"),
        (Name(class_="car", count=1, colors=("red", "white")), "the red and white car",
         "a red and white car"),
        (Name(class_="person", count=1, colors=("red",)), "the person in red", "a person in red"),
        (Name(class_="umbrella", count=1, side="left"), "the umbrella on the left",
         "an umbrella on the left"),
        (Name(class_="dog", count=1, number=1), "the first dog", "a dog"),
        (Name(class_="dog", count=1, number=2), "the second dog", "another dog"),
        (Name(class_="dog", count=1, number=21), "the 21st dog", "one more dog"),
        (Name(class_="person", count=2), "the two people", "two people"),
        (Name(class_="person", count=2, number=2), "the second two people", "two other people"),
        (Name(class_="sheep", count=12, colors=("white",)), "the group of white sheep",
         "a group of white sheep"),
    ],
)  # fmt: skip
def test_names_and_introductions(name: Name, called: str, introduced: str) -> None:
    assert english.name_phrase(name) == called
    assert english.introduce(name) == introduced


@given(all_names)
def test_every_name_holds_its_noun_and_colors(name: Name) -> None:
    noun = name.class_ if name.count == 1 else en.plural(name.class_)
    for phrase in (english.name_phrase(name), english.introduce(name)):
        assert noun in phrase and all(color in phrase for color in name.colors)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  ", phrase)


@pytest.mark.parametrize(
    ("did", "count", "text"),
    [
        (Conduct(), 1, ""),
        (Conduct(direction="right"), 1, "moves to the right"),
        (Conduct(direction="up_left"), 2, "move up and to the left"),
        (Conduct(direction="left"), 12, "moves to the left"),  # a group of people moves
        (Conduct(enters=True, entry="left", direction="right", leaves=True, exit="right"), 1,
         "enters from the left, moves to the right and leaves the frame at the right"),
        (Conduct(depth="toward"), 3, "come closer"),
        (Conduct(enters=True, leaves=True), 2, "come into view and go out of view"),
    ],
)  # fmt: skip
def test_actions(did: Conduct, count: int, text: str) -> None:
    assert english.action_phrase(did, count=count) == text


@given(conducts, st.sampled_from([1, 2, 12]))
def test_an_action_states_what_is_done_and_no_more(did: Conduct, count: int) -> None:
    text = english.action_phrase(did, count=count)
    assert bool(text) == did.acts
    assert bool(re.search(r"\benter|into view", text)) == did.enters
    assert bool(re.search(r"\bleave|out of view", text)) == did.leaves
    assert bool(re.search("move|closer", text)) == bool(did.direction or did.depth)
    if did.direction and not did.entry and not did.exit:
        found = {word for word in ("left", "right", "up", "down") if f" {word}" in text}
        assert found == set(did.direction.split("_"))


@pytest.mark.parametrize(
    ("did", "text"),
    [
        (Conduct(), ""),
        (Conduct(start="top-left"), "at the top left of the frame"),
        (Conduct(start="left"), "left of center"),
        (Conduct(start="whole"), "across much of the frame"),
        (Conduct(start="whole", stays=False), "at first across much of the frame"),
        (Conduct(start="whole", end="center-left", stays=False),
         "first across much of the frame, then on the left of the frame"),
        (Conduct(start="left", end="center-right", stays=False),
         "from left of center to the right of the frame"),
        (Conduct(start="center-right", end="left", stays=False),
         "from the right of the frame to left of center"),
        (Conduct(start="center-left", end="center-right", stays=False, leaves=True),
         "from the left of the frame to the right, then out of view"),
    ],
)  # fmt: skip
def test_positions(did: Conduct, text: str) -> None:
    assert english.position_phrase(did) == text


def test_every_area_has_a_position_of_its_own() -> None:
    ways = [
        Conduct(start=a, end=b, stays=False) for a, b in product(AREAS[:-1], AREAS[:-1]) if a != b
    ]
    texts = [english.position_phrase(Conduct(start=area)) for area in AREAS]
    texts += [english.position_phrase(did) for did in ways]
    assert len(set(texts)) == len(texts)


def test_who_does_nothing_is_located_where_it_stays() -> None:
    dog, left = Name(class_="dog", count=1), Conduct(start="center-left")
    assert english.located(dog, left) == "a dog on the left of the frame"
    assert english.located(dog, Conduct()) == "a dog"
    assert english.located(dog, Conduct(start="center-left", stays=False)) == "a dog"
    assert english.located(Name(class_="dog", count=1, side="left"), left) == "a dog on the left"


def test_what_happens_is_set_in_its_scene() -> None:
    dog, cat = ("a dog", "moves to the left"), ("a cat", "comes closer")
    say = english.events_sentence
    assert say(Scene(), [dog], []) == "A dog moves to the left."
    assert say(Scene(), [], ["a dog", "a cat"]) == "The clip shows a dog and a cat."
    assert say(Scene("outdoor", "day"), [dog, cat], ["a car on the left of the frame"]) == (
        "Outdoors by day, a dog moves to the left, while a cat comes closer. "
        "The clip also shows a car on the left of the frame."
    )
    assert english.picture_sentence(["a dog", "a cat"]) == "The picture shows a dog and a cat."


def test_shots_are_counted_where_they_are_sure() -> None:
    assert english.shots_sentence(3, ["a dog"]) == "The clip has three shots and shows a dog."
    assert english.shots_sentence(0, ["a dog"]) == "The clip shows a dog."
    assert english.shots_sentence(2, []) == "The clip has two shots."
    assert english.shots_sentence(0, []) == ""


def test_a_clip_in_which_nothing_could_be_named_says_so_in_one_line() -> None:
    def say(*stages: list[Primitive], static: bool = False, place: str = "") -> str:
        return english.unnamed_sentence(Scene(place), stages, static=static)

    nothing = "a scene in which no instance could be named."
    assert say() == f"A{nothing[1:]}"
    assert say(static=True) == f"A still camera shows {nothing}"
    assert say(["pan_right"], place="outdoor") == (
        f"Outdoors, the camera pans right over {nothing}"
    )


def test_camera_sentences() -> None:
    for word in MOVES:
        text = english.camera_sentence([[word]], static=False, speed="slow")
        assert text == f"The camera slowly {en.CAMERA_VERBS[word]}."
    stages: list[list[Primitive]] = [["zoom_in", "tilt_up"], ["pan_left"]]
    assert english.camera_sentence(stages, static=False, speed="") == (
        "The camera zooms in and tilts up, then pans left."
    )
    assert english.camera_sentence([], static=True, speed="") == "The camera stays still."
    assert english.camera_sentence([], static=False, speed="") == ""


@pytest.mark.parametrize(
    ("light", "text"),
    [
        (Light(), ""),
        (Light("dark"), "A dark picture."),
        (Light(colors="none"), "A black-and-white picture."),
        (Light("bright", "vivid", "warm"), "A bright picture with vivid colors and a warm tint."),
        (Light(tint="cool", change="darker"), "A picture with a cool tint, growing darker."),
        (Light(change="brighter"), "The picture grows brighter."),
    ],
)
def test_light(light: Light, text: str) -> None:
    assert english.light_sentence(light) == text


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (Scene(), ""),
        (Scene("indoor"), "An indoor scene."),
        (Scene("outdoor", color="green"), "An outdoor scene, mostly green."),
        (Scene(color="blue"), "The surroundings are mostly blue."),
    ],
)
def test_background(scene: Scene, text: str) -> None:
    assert english.background_sentence(scene) == text
