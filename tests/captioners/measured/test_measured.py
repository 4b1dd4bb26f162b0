"""The measured captioner: valid, proven leaf by leaf, and silent about what is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.measured import content_selection
from instancecap.captioners.measured.content_selection import category_of
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.scene_selection import REST
from instancecap.evidence.build import measure
from instancecap.evidence.color_names import COLORS
from instancecap.language import en
from instancecap.schema.caption import TRACK_POINTS_PER_SHOT, Caption
from instancecap.schema.evidence import Evidence, FramingFacts, PlaceFacts, Shot
from instancecap.verify.check import verify
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
    bare = without_sentences(caption).leaves()
    found = {key: text for key, text in caption.leaves().items() if key not in bare}
    return {key: text for key, text in found.items() if text}


def words_in(text: str, words: Any) -> set[str]:
    return {word for word in words if re.search(rf"\b{word}\b", text)}


def assert_well_written(caption: Caption) -> None:
    for pointer, text in prose(caption).items():
        assert not re.search(r"  | ,| \.|,,|\.\.|\s$|^\s|\bnan\b|None|\binf\b|\{|\}|_", text), text
        assert not re.search(r"\ba [aeiou](?!ne)|\ban [^aeiou]", text, re.IGNORECASE), text
        assert not re.search(r"\b(?!orange)(\w+) \1\b", text), text
        if not pointer.endswith(("/position/text", "/name")):
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


def assert_uncontradicted(caption: Caption, facts: Evidence) -> None:
    findings = verify(caption, facts).findings
    assert not [one.claim for one in findings if one.claim.support == "contradicted"]


def assert_says_no_more_than(caption: Caption, facts: Evidence) -> None:
    by_id = {item.id: item for item in facts.instances}
    text = " ".join(prose(caption).values()).lower()
    allowed = {name for item in facts.instances for name, _ in item.colors}
    allowed |= {name for item in facts.instances for name in words_in(item.class_, COLORS)}
    allowed |= {name for name, _ in facts.place.colors}
    allowed |= {"black", "white"} if "black-and-white" in text else set()
    assert words_in(text, COLORS) <= allowed
    for item in caption.instances:
        measured, action = by_id[item.id], item.action.lower()
        assert set(item.colors) <= {name for name, _ in measured.colors}
        assert item.class_ in (measured.class_, category_of(measured))
        assert item.count == measured.count
        assert bool(re.search("move|closer", action)) <= measured.motion.moving
        assert bool(re.search("enter|into view", action)) <= measured.enters
        assert bool(re.search("leave|out of view", action)) <= measured.leaves
    for word, phrase in en.CAMERA_VERBS.items():
        told = phrase in caption.camera.description
        if word == "static" and told and caption.camera.motion != ["static"]:
            rests = [s.end - s.start for s in facts.camera.segments if s.motion == ["static"]]
            assert max(rests) >= REST  # told beside movements
            continue
        assert told <= (word in caption.camera.motion) <= (word in facts.camera.motion)
    counts = {item.count for item in facts.instances} | {len(facts.shots)}
    assert words_in(text, COUNTS.split("|")) <= {en.count_word(count) for count in counts}


@settings(deadline=None, max_examples=80)
@given(evidences(), st.integers(0, 6), st.booleans())
def test_a_caption_of_any_evidence_is_valid_proven_and_says_no_more(
    facts: Evidence, most: int, all_facts: bool
) -> None:
    caption = describe(facts, max_instances=most, all_facts=all_facts)
    assert len(caption.instances) <= min(most, len(facts.instances))
    assert_valid(caption)
    assert_proven(caption, facts)
    assert_sketched(caption)
    assert_well_written(caption)
    assert_says_no_more_than(caption, facts)


@settings(deadline=None, max_examples=40)
@given(evidences(), st.booleans())
def test_a_measured_caption_is_never_contradicted(facts: Evidence, all_facts: bool) -> None:
    caption = describe(facts, all_facts=all_facts)
    assert_uncontradicted(caption, facts)


@settings(deadline=None, max_examples=30)
@given(evidences())
def test_describing_changes_no_evidence_and_repeats(facts: Evidence) -> None:
    before = facts.to_json()
    assert describe(facts) == describe(facts)
    assert facts.to_json() == before


@pytest.mark.parametrize("all_facts", [False, True])
@pytest.mark.parametrize("name", EVERYDAY)
def test_a_real_clip_is_captioned_soundly(
    measured: Callable[..., Evidence], name: str, all_facts: bool
) -> None:
    facts = measured(f"everyday/{name}.mp4")
    caption = describe(facts, all_facts=all_facts)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert_sketched(caption)
    assert_well_written(caption)
    assert_says_no_more_than(caption, facts)
    assert_uncontradicted(caption, facts)
    assert len(caption.instances) <= 3
    assert [item.is_main for item in caption.instances] == [
        index == 0 for index in range(len(caption.instances))
    ]
    assert caption.global_description
    assert caption.producer.captioner == "measured"


def test_a_clip_of_several_shots_is_told_shot_by_shot(measured: Callable[..., Evidence]) -> None:
    facts = measured("cuts/bikes.mp4", 0.0, 4.0)
    caption = describe(facts, all_facts=True)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert len(caption.shots) == len(facts.shots) == 3
    edges = {(shot.start, shot.end) for shot in facts.shots}
    assert {(part.start, part.end) for part in caption.segments} <= edges
    assert caption.global_description.startswith("The clip has three shots")


def test_segments_name_the_instances_that_act_in_them() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")]
    dog = thing(times=(0.0, 1.9), moving=True, direction="left", speed=0.2, leaves=True)
    caption = describe(evidence(dog, thing("cat", id=1), shots=shots), all_facts=True)
    assert [(part.description, part.instances) for part in caption.segments] == [
        ("A dog moves to the left. The clip also shows a cat on the left of the frame.", [0, 1]),
        ("The clip shows a cat on the left of the frame.", [1]),
    ]
    assert caption.instances[0].position.leaves  # it is not there at the clip's end
    assert caption.provenance["/segments/0/description"].source == "tracker"
    dogs = [thing(), thing(id=1, moving=True, direction="left", speed=0.2)]
    assert describe(evidence(*dogs), all_facts=True).global_description == (
        "A dog moves to the left. The clip also shows another dog on the left of the frame."
    )
    assert describe(evidence(thing())).segments == []


def test_a_black_clip_is_a_caption_about_nothing(with_weights: Path) -> None:
    array = np.zeros((16, 90, 160, 3), np.uint8)
    facts = measure(Clip.from_frames(array, 8.0))
    caption = describe(facts)
    assert_valid(caption)
    assert_proven(caption, facts)
    assert (caption.instances, caption.texts, caption.segments) == ([], [], [])
    assert caption.global_description == "A mostly black scene in which no instance could be named."
    assert (caption.time_of_day, caption.camera.motion) == ("", [])
    camera = caption.camera
    assert {camera.description, camera.shot_type, camera.speed, camera.stability} == {""}


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


def test_a_long_track_is_sketched_from_its_first_to_its_last_point() -> None:
    item = thing(end=(0.6, 0.4, 0.8, 0.6), points=200, times=(0.1, 3.9))
    (told,) = describe(evidence(item), all_facts=True).instances
    assert len(told.track) == TRACK_POINTS_PER_SHOT
    assert (told.track[0], told.track[-1]) == (item.track[0], item.track[-1])


def test_a_picture_has_no_action_and_no_camera_sentence() -> None:
    still = evidence(thing("person", points=1), video=video(duration=0, frames=1),
                     camera=camera(), shots=[Shot(start=0, end=0, transition="start")])  # fmt: skip
    caption = describe(still, all_facts=True)
    assert_valid(caption)
    assert caption.instances[0].action == ""
    assert caption.camera.description == ""
    assert caption.global_description == "The picture shows a person."


def test_every_class_has_a_category() -> None:
    found = [thing(name, id=i) for i, name in enumerate(NAMES)]
    caption = describe(evidence(*found), max_instances=len(found), all_facts=True)
    others = {item.class_ for item in caption.instances if item.category in ("", "other")}
    assert others == {"object", *STREET}


@pytest.mark.parametrize(
    ("label", "sure", "expected"),
    [
        ("unknown", 0.0, ("colors", 0.8)),
        ("outdoor", 0.99, ("colors", 0.8)),
        ("outdoor", 0.6, ("place", 0.6)),
    ],
)
def test_a_sentence_is_as_sure_as_what_it_says(
    label: str, sure: float, expected: tuple[str, float]
) -> None:
    facts = evidence()
    facts.place = PlaceFacts.model_validate(
        {"label": label, "confidence": sure, "colors": [("green", 0.8)]}
    )
    known = describe(facts).provenance
    assert (known["/background"].source, known["/background"].confidence) == expected
    assert ("/place" in known) == (label == "outdoor") and "/style" not in known


@given(evidences())
@settings(max_examples=25)
def test_nothing_is_said_of_who_knows_what_is_not_known(facts: Evidence) -> None:
    caption = describe(facts)
    for pointer, one in caption.provenance.items():
        assert one.confidence > 0 or not pointer.endswith("/background")
        assert caption.leaves()[pointer] != "unknown"


def test_ids_and_provenance_follow_the_evidence() -> None:
    nowhere = thing("cat", id=7).model_copy(update={"track": []})
    caption = describe(evidence(thing("dog", id=4), nowhere), all_facts=True)
    assert [item.id for item in caption.instances] == [4, 7]
    assert caption.provenance["/instances/7/class"].source == "yolox-nano"
    assert caption.provenance["/instances/7/class"].confidence == 0.8


def test_wording_of_a_car_that_crosses() -> None:
    car = thing(
        "car", (0.0, 0.5, 0.2, 0.6), (0.79, 0.5, 0.99, 0.6), colors=[("red", 0.8)], enters=True,
        moving=True, direction="right", speed=0.4, times=(0.5, 4.0),
    )  # fmt: skip
    place = PlaceFacts(label="outdoor", confidence=0.9, colors=[("green", 0.7)])
    assert prose(describe(evidence(car, place=place), all_facts=True)) == {
        "/global_description": "Outdoors, a red car enters from the left and moves to the right.",
        "/background": "An outdoor scene, mostly green.",
        "/lighting": "A bright picture.",
        "/camera/description": "The camera stays still.",
        "/instances/0/name": "the red car",
        "/instances/0/appearance": "A red car, small in the frame.",
        "/instances/0/action": "Enters from the left and moves to the right.",
        "/instances/0/position/text": "from the left of the frame to the right",
    }


def test_what_is_not_reliable_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def gate(kind: str, confidence: float) -> bool:
        return kind in told

    monkeypatch.setattr(content_selection, "is_reliable", gate)
    facts = evidence(
        thing("dog", colors=[("brown", 0.9)], moving=True, direction="left", speed=0.2),
        thing("object", id=1),
        place=PlaceFacts(label="outdoor", confidence=0.9),
        framing=FramingFacts(shot_type="full_shot", style="real", shots=["full_shot"]),
    )
    told: set[str] = set()
    caption = describe(facts)
    assert caption.global_description == (
        "A scene in which no instance could be named. A bright picture."
    )
    assert (caption.instances, caption.camera.motion, caption.shots[0].motion) == ([], [], [])
    assert (caption.place, caption.style, caption.camera.shot_type) == ("unknown", "unknown", "")
    told = {"class", "place", "camera.static"}
    caption = describe(facts)
    assert caption.global_description == "Outdoors, the clip shows a dog."
    (dog,) = caption.instances
    assert (dog.colors, dog.action, dog.position.text) == ([], "", "")
    assert (caption.camera.motion, caption.shots[0].shot_type) == (["static"], "")
    told = {"class", "color", "moving", "direction"}
    assert describe(facts).global_description == "A brown dog moves to the left."


def test_a_group_whose_number_is_not_sure_is_told_of_and_no_instance() -> None:
    group = thing("person", (0.1, 0.2, 0.9, 0.8), count=6, confidence=0.9)
    assert [one.count for one in describe(evidence(group)).instances] == [6]
    unsure = group.model_copy(update={"count_confidence": 0.5})
    caption = describe(evidence(unsure))
    assert caption.instances == []
    assert "a group of people" in caption.global_description
    assert len(describe(evidence(unsure), all_facts=True).instances) == 1


def test_the_color_around_what_fills_the_picture_is_not_that_of_the_picture() -> None:
    nameless = {"confidence": 0.3, "category_confidence": 0.3}
    place = PlaceFacts(colors=[("black", 0.7)])
    small = thing("cup", (0.4, 0.4, 0.6, 0.6)).model_copy(update=nameless)
    filling = thing("cup", (0.0, 0.1, 0.9, 0.9)).model_copy(update=nameless)
    black = filling.model_copy(update={"colors": [("black", 0.8)]})
    told = [describe(evidence(one, place=place)).background for one in (small, filling, black)]
    assert told == ["The picture is mostly black.", "", "The picture is mostly black."]
