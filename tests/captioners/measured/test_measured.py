"""The measured captioner: valid, proven leaf by leaf, and silent about what is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.measured import english
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.evidence.build import measure
from instancecap.evidence.experts.appearance import COLORS
from instancecap.schema.caption import TRACK_POINTS_PER_SHOT, Caption
from instancecap.schema.evidence import Evidence, Face, FramingFacts, LightFacts, PlaceFacts, Shot
from instancecap.video import Clip
from tests.made import NAMES, camera, evidence, evidences, thing, video

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "schema" / "caption.v1.schema.json").read_text())
)
EVERYDAY = [
    "cat_walk", "flower_cc0", "football_juggle", "person_bicycle_car", "store_3people",
    "two_cars", "woman_dog", "worker",
]  # fmt: skip
STREET = ("traffic light", "fire hydrant", "stop sign", "parking meter")
COUNTS = "two|three|four|five|six|seven|eight|nine|ten"


def prose(caption: Caption) -> dict[str, str]:
    """Every text that a person would read, by its pointer."""
    found = {"/global_description": caption.global_description}
    found |= {"/background": caption.background, "/lighting": caption.lighting}
    found |= {"/camera/description": caption.camera.description}
    for item in caption.instances:
        at = f"/instances/{item.id}"
        found |= {f"{at}/appearance": item.appearance, f"{at}/action": item.action}
        found |= {f"{at}/position/text": item.position.text}
    for index, segment in enumerate(caption.segments):
        found[f"/segments/{index}/description"] = segment.description
    return {key: text for key, text in found.items() if text}


def words_in(text: str, words: Any) -> set[str]:
    return {word for word in words if re.search(rf"\b{word}\b", text)}


def assert_well_written(caption: Caption) -> None:
    for pointer, text in prose(caption).items():
        assert not re.search(r"  | ,| \.|,,|\.\.|\s$|^\s|\bnan\b|None|\binf\b|\{|\}|_", text), text
        assert not re.search(r"\ba [aeiou](?!ne)|\ban [^aeiou]", text, re.IGNORECASE), text
        assert not re.search(r"\b(?!orange)(\w+) \1\b", text), text
        if not pointer.endswith("/position/text"):
            assert text[0].isupper() or text[0].isdigit(), text
            assert text.endswith("."), text


def assert_proven(caption: Caption, facts: Evidence) -> None:
    leaves = caption.leaves()
    assert caption.provenance.keys() == leaves.keys()
    for pointer, entry in caption.provenance.items():
        assert entry.source, pointer
        assert entry.support == "measured"
        assert entry.frames, pointer
        assert all(0 <= t <= facts.video.duration + 1e-3 for t in entry.frames)


def assert_valid(caption: Caption) -> None:
    SCHEMA.validate(json.loads(caption.to_json()))
    assert Caption.from_json(caption.to_json()) == caption


def assert_sketched(caption: Caption) -> None:
    for item in caption.instances:
        assert item.track
        for shot in caption.shots:
            inside = [p for p in item.track if shot.start <= p.t < shot.end]
            assert len(inside) <= TRACK_POINTS_PER_SHOT


def allowed_colors(facts: Evidence) -> Iterator[str]:
    for item in facts.instances:
        yield from (name for name, _ in item.colors)
        yield from words_in(item.class_, COLORS)  # an orange is a thing, too
    yield from (name for name, _ in facts.place.colors)


def assert_says_no_more_than(caption: Caption, facts: Evidence) -> None:
    by_id = {item.id: item for item in facts.instances}
    text = " ".join(prose(caption).values())
    assert words_in(text.lower(), COLORS) <= set(allowed_colors(facts))
    for item in caption.instances:
        measured = by_id[item.id]
        own = {name for name, _ in measured.colors} | words_in(item.class_, COLORS)
        assert words_in(item.appearance.lower(), COLORS) <= own
        assert item.class_ == measured.class_
        assert item.count == measured.count
        moves = re.search(r"moves (?:slowly |quickly )?(.*?)(?:,| and [a-z]+s |\.|$)", item.action,
                          re.IGNORECASE)  # fmt: skip
        if moves and "in place" not in moves.group():
            said = words_in(moves.group(1), ("left", "right", "up", "down"))
            ways = {way for turn in measured.motion.turns for way in (turn.before, turn.after)}
            direction = set(filter(None, measured.motion.direction.split("_")))
            assert said == direction or (said and said <= ways)
        assert bool(moves) <= (measured.motion.moving or "in place" in item.action)
        assert ("enters" in item.action.lower()) <= measured.enters
        assert ("leaves" in item.action.lower()) <= measured.leaves
    assert_camera_says_no_more(caption, facts)
    counts = {item.count for item in facts.instances} | {len(facts.shots)}
    allowed = {english.count_word(count) for count in counts}
    assert words_in(text.lower(), COUNTS.split("|")) <= allowed
    seconds = [round(item.motion.period.seconds, 1) for item in facts.instances]
    figures = set(re.findall(r"\d+(?:\.\d+)?", text))
    assert figures <= {f"{number:g}" for number in (*counts, *seconds)}


def assert_camera_says_no_more(caption: Caption, facts: Evidence) -> None:
    for word, phrase in english.CAMERA_WORDS.items():
        assert (phrase in caption.camera.description) == (word in facts.camera.motion)
    assert ("still" in caption.camera.description) <= (facts.camera.motion == ["static"])


@settings(deadline=None, max_examples=80)
@given(evidences(), st.integers(0, 6))
def test_a_caption_of_any_evidence_is_valid_proven_and_says_no_more(
    facts: Evidence, most: int
) -> None:
    caption = describe(facts, max_instances=most)
    assert len(caption.instances) == min(most, len(facts.instances))
    assert_valid(caption)
    assert_proven(caption, facts)
    assert_sketched(caption)
    assert_well_written(caption)
    assert_says_no_more_than(caption, facts)


@settings(deadline=None, max_examples=30)
@given(evidences())
def test_describing_changes_no_evidence_and_repeats(facts: Evidence) -> None:
    before = facts.to_json()
    assert describe(facts) == describe(facts)
    assert facts.to_json() == before


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_real_clip_is_captioned_soundly(measured: Callable[..., Evidence], name: str) -> None:
    facts = measured(f"everyday/{name}.mp4")
    caption = describe(facts)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert_sketched(caption)
    assert_well_written(caption)
    assert_says_no_more_than(caption, facts)
    assert len(caption.instances) <= 3
    assert [item.is_main for item in caption.instances] == [
        index == 0 for index in range(len(caption.instances))
    ]
    assert caption.global_description
    assert caption.camera.description
    assert caption.producer.captioner == "measured"
    assert caption.producer.models["detector"] == "yolox-nano"


def test_what_happens_in_the_worker_clip_is_told(measured: Callable[..., Evidence]) -> None:
    caption = describe(measured("everyday/worker.mp4"))
    assert re.match(r"A person in .*orange.* moves", caption.global_description)
    assert caption.instances[0].category == "human"
    assert caption.camera.motion == ["static"]


def test_a_clip_of_several_shots_is_told_shot_by_shot(measured: Callable[..., Evidence]) -> None:
    facts = measured("cuts/bikes.mp4", 0.0, 4.0)
    caption = describe(facts)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert len(caption.shots) == len(facts.shots) == 3
    assert caption.segments
    edges = {(shot.start, shot.end) for shot in facts.shots}
    assert {(part.start, part.end) for part in caption.segments} <= edges
    assert caption.global_description.startswith("The clip has three shots")


def test_one_shot_needs_no_segments() -> None:
    assert describe(evidence(thing())).segments == []


def test_a_thing_that_is_cut_away_is_not_said_to_leave() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")]
    cut_off = thing(times=(0.0, 1.9), leaves=True)
    caption = describe(evidence(cut_off, shots=shots))
    assert caption.instances[0].position.leaves  # it is not there at the clip's end
    assert "leaves" not in caption.instances[0].action
    assert "leaves" not in caption.global_description


def test_a_black_clip_is_a_caption_about_nothing(with_weights: Path) -> None:
    array = np.zeros((16, 90, 160, 3), np.uint8)
    facts = measure(Clip.from_frames(array, 8.0))
    caption = describe(facts)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert (caption.instances, caption.texts, caption.segments) == ([], [], [])
    assert caption.global_description == ""
    assert (caption.time_of_day, caption.camera.motion) == ("", [])
    assert caption.camera.description == ""
    assert caption.camera.shot_type == ""


def test_a_black_clip_has_no_speed_and_no_stability(with_weights: Path) -> None:
    array = np.zeros((16, 90, 160, 3), np.uint8)
    caption = describe(measure(Clip.from_frames(array, 8.0)))
    assert (caption.camera.speed, caption.camera.stability) == ("", "")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_measured_is_nothing_said(language: str) -> None:
    bare = Evidence(video=video())
    caption = describe(bare, language=language)
    assert_valid(caption)
    assert prose(caption) == {}
    assert caption.leaves().keys() <= {"/place", "/style"}


@settings(deadline=None, max_examples=30)
@given(evidences())
def test_without_sentences_only_what_is_the_same_in_any_language_is_left(facts: Evidence) -> None:
    caption = describe(facts)
    before = caption.model_copy(deep=True)
    bare = without_sentences(caption)
    assert caption == before
    assert_valid(bare)
    assert_proven(bare, facts)
    assert prose(bare) == {}
    assert bare == without_sentences(describe(facts, language="zh"))


@pytest.mark.parametrize("most", [0, 1, 2, 3, 99])
def test_at_most_so_many_instances(most: int) -> None:
    found = [thing(name, id=i) for i, name in enumerate(["dog", "cat", "car"])]
    caption = describe(evidence(*found), max_instances=most)
    assert [item.class_ for item in caption.instances] == ["dog", "cat", "car"][:most]
    assert ("car" in caption.global_description) == (most >= 3)


def test_a_long_track_is_sketched_from_its_first_to_its_last_point() -> None:
    item = thing(end=(0.6, 0.4, 0.8, 0.6), points=200, times=(0.1, 3.9))
    (told,) = describe(evidence(item)).instances
    assert len(told.track) == TRACK_POINTS_PER_SHOT
    assert (told.track[0], told.track[-1]) == (item.track[0], item.track[-1])


def test_a_picture_has_no_action_and_no_camera_sentence() -> None:
    still = evidence(thing("person", points=1), video=video(duration=0, frames=1),
                     camera=camera(), shots=[Shot(start=0, end=0, transition="start")])  # fmt: skip
    caption = describe(still)
    assert_valid(caption)
    assert caption.instances[0].action == ""
    assert caption.camera.description == ""
    assert caption.global_description == "The picture shows a person."


@pytest.mark.parametrize("name", NAMES)
def test_every_class_has_a_category(name: str) -> None:
    (item,) = describe(evidence(thing(name))).instances
    assert item.category
    assert item.category != "other" or name in {"object", *STREET}


def test_an_instance_without_a_track_is_described_without_a_place() -> None:
    nowhere = thing().model_copy(update={"track": []})
    (item,) = describe(evidence(nowhere)).instances
    assert (item.class_, item.position.start) == ("dog", "")


def test_ids_and_provenance_follow_the_evidence() -> None:
    caption = describe(evidence(thing("dog", id=4), thing("cat", id=7)))
    assert [item.id for item in caption.instances] == [4, 7]
    assert caption.provenance["/instances/7/class"].source == "yolox-nano"
    assert caption.provenance["/instances/7/class"].confidence == 0.8


def test_what_happens_in_a_shot_is_known_by_the_tracker() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")]
    caption = describe(evidence(thing(times=(0, 1.9)), shots=shots))
    assert caption.provenance["/camera/description"].source == "camera"
    assert caption.provenance["/segments/0/description"].source == "tracker"


def test_faces_are_kept_out_of_the_words() -> None:
    face = Face(t=1, box=(0.4, 0.4, 0.5, 0.5), score=0.9)
    person = thing("person", colors=[("blue", 0.9)])
    with_face, without = (evidence(person, faces=faces) for faces in ([face], []))
    assert describe(with_face) == describe(without)


def test_wording_of_a_car_that_crosses() -> None:
    car = thing(
        "car", (0.0, 0.5, 0.2, 0.6), (0.79, 0.5, 0.99, 0.6), colors=[("red", 0.8)], enters=True,
        moving=True, direction="right", speed=0.4, times=(0.5, 4.0),
    )  # fmt: skip
    caption = describe(evidence(
        car, place=PlaceFacts(label="outdoor", confidence=0.9, colors=[("gray", 0.7)])
    ))  # fmt: skip
    assert prose(caption) == {
        "/global_description": "A red car enters from the left and moves quickly to the right.",
        "/background": "An outdoor scene, mostly gray.",
        "/lighting": "A picture of medium brightness.",
        "/camera/description": "The camera stays still.",
        "/instances/0/appearance": "A red car, small in the frame.",
        "/instances/0/action": "Enters from the left and moves quickly to the right.",
        "/instances/0/position/text": (
            "comes into view on the left of the frame, then goes to the right"
        ),
    }


def test_wording_of_a_person_and_a_dog_before_a_moving_camera() -> None:
    person = thing("person", (0.3, 0.2, 0.5, 0.9), colors=[("blue", 0.5), ("white", 0.4)])
    dog = thing(
        "dog", (0.6, 0.6, 0.8, 0.9), (0.6, 0.6, 0.8, 0.9), id=1, colors=[("brown", 0.45)],
        moving=True, speed=0.02, direction="left", scale_change=2.5,
    )  # fmt: skip
    caption = describe(evidence(
        person, dog, camera=camera("pan_left", "zoom_in", speed="slow", stability="handheld"),
        light=LightFacts(brightness=0.7, contrast=0.3, saturation=0.6, warmth=0.2, change=0.3),
        framing=FramingFacts(shot_type="full_shot", shots=["full_shot"]),
    ))  # fmt: skip
    assert prose(caption) == {
        "/global_description": (
            "A person in blue and white is in the center of the frame, while a mostly brown dog "
            "moves slowly to the left and gets larger in the frame."
        ),
        "/lighting": (
            "A bright picture with high contrast, vivid colors and a warm tint, growing brighter."
        ),
        "/camera/description": (
            "The camera slowly pans left and zooms in; the picture is slightly unsteady."
        ),
        "/instances/0/appearance": "A person in blue and white, of medium size in the frame.",
        "/instances/0/position/text": "in the center of the frame throughout",
        "/instances/1/appearance": "A mostly brown dog, of medium size in the frame.",
        "/instances/1/action": "Moves slowly to the left and gets larger in the frame.",
        "/instances/1/position/text": "at the bottom right of the frame throughout",
    }


def test_wording_of_two_shots_at_night() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="fade")]
    boat = thing("boat", (0.4, 0.4, 0.6, 0.5), times=(0.0, 1.9), leaves=True)
    person = thing("person", (0.1, 0.3, 0.9, 1.0), id=1, times=(2.0, 3.9), enters=True,
                  activity=0.8)  # fmt: skip
    caption = describe(evidence(
        boat, person, shots=shots, light=LightFacts(brightness=0.1, contrast=0.08, warmth=-0.2),
        place=PlaceFacts(label="indoor", confidence=0.8, colors=[("black", 0.6), ("blue", 0.3)]),
    ))  # fmt: skip
    assert prose(caption) == {
        "/global_description": "The clip has two shots and shows a boat and a person.",
        "/background": "An indoor scene, mostly black with some blue.",
        "/lighting": "A dark picture with low contrast, muted colors and a cool tint.",
        "/camera/description": "The camera stays still.",
        "/instances/0/appearance": "A boat, small in the frame.",
        "/instances/0/action": "Stays still.",
        "/instances/0/position/text": "in the center of the frame throughout",
        "/instances/1/appearance": "A person, filling most of the frame.",
        "/instances/1/action": "Moves in place.",
        "/instances/1/position/text": "in the center of the frame throughout",
        "/segments/0/description": "A boat stays still.",
        "/segments/1/description": "A person moves in place.",
    }


def test_the_verb_of_a_group_is_plural() -> None:
    group = thing("person", count=3, activity=0.8)
    text = describe(evidence(group)).global_description
    assert text == "Three people move in place."
