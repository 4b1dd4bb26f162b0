"""Models trained on cinematography: asked in their own words, read in ours, merged with others."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.chain import ChainOptions
from instancecap.captioners.chain.merge import AT_ODDS
from instancecap.captioners.chain.shot_experts import (
    EXPERTS,
    MotionSentence,
    ShotLabels,
    read_labels,
    read_motion,
)
from instancecap.captioners.teachers import Answer, combine
from instancecap.errors import ModelError
from instancecap.schema import vocabulary as v
from instancecap.schema.caption import Caption, Teacher
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Primitive
from tests.captioners.chain.answering import DOG, Fake, ask_about, listing
from tests.made import camera, evidence, thing

WORDS: dict[str, frozenset[Any]] = {
    "/camera/shot_type": frozenset(get_args(v.ShotType)),
    "/camera/shot_angle": frozenset(get_args(v.ShotAngle)),
    "/camera/shot_position": frozenset(get_args(v.ShotPosition)),
    "/camera/motion": frozenset(get_args(v.Primitive)),
}
FACTS = evidence(thing("dog", confidence=0.95), camera=camera("pan_left"))

RESTS = evidence(thing("dog", confidence=0.95), camera=camera("static"))


def asked(
    text: str | ModelError, format: str, facts: Evidence = FACTS, **told: Any
) -> tuple[Caption, Fake]:
    backend = Fake(lambda _: text)
    told |= {"mode": "single", "single_format": format}
    return ask_about(facts, backend, **told).caption, backend


LABELS = {
    "shot_size": "Medium Close-Up", "shot_framing": "Over the shoulder",
    "camera_angle": "Low angle", "camera_movement": "Pan left, Boom up, Arc",
}  # fmt: skip
IN_LINES = "<answer>" + "\n".join(f"{k.replace('_', ' ')}: {x}" for k, x in LABELS.items())


@pytest.mark.parametrize(
    "text", [json.dumps(LABELS), IN_LINES + "</answer>"], ids=["object", "lines"]
)
def test_shotvl_is_asked_once_in_its_labels(text: str) -> None:
    caption, backend = asked(text, "shotvl")
    shot = caption.camera
    assert (shot.shot_type, shot.shot_angle) == ("medium_shot", "low_angle")
    assert shot.shot_position == "over_the_shoulder"
    assert shot.motion == ["pan_left", "move_up"]
    assert caption.producer.mode == "single:shotvl"
    told = caption.provenance["/camera/shot_type"]
    assert (told.source, told.support) == ("replied-1", "unchecked")
    question = backend.requests[0].messages
    assert len(question) == 1, "no system prompt"
    assert "Medium Close Up" in str(question[0].parts[-1])


def test_what_is_not_about_the_camera_stays_as_it_was_measured() -> None:
    caption, _ = asked(json.dumps(LABELS), "shotvl")
    assert [one.class_ for one in caption.instances] == ["dog"]
    written = {key for key, told in caption.provenance.items() if told.source == "replied-1"}
    assert {key.split("/")[1] for key in written} <= {"camera", "shots"}


def test_cam_motion_is_asked_for_a_sentence() -> None:
    told = "The camera pans left smoothly, then tilts up. It never zooms in."
    caption, backend = asked(told, "cam-motion")
    assert caption.camera.motion == ["pan_left", "tilt_up"]
    assert caption.camera.description == told
    assert len(backend.requests) == 1
    as_object, _ = asked(json.dumps({"camera_motion": told}), "cam-motion")
    assert as_object.camera.motion == ["pan_left", "tilt_up"]


@pytest.mark.parametrize(
    ("told", "moves"),
    [
        ("The camera trucks right while panning left.", ["move_right", "pan_left"]),
        ("The camera pedestals up, then arcs counterclockwise around her.", ["move_up", "arc_ccw"]),
        ("The camera is static.", ["static"]),
        ("The camera does not pan left.", []),
        ("Two trucks stand on the left.", []),
    ],
)
def test_sentences_are_read_as_verify_reads_them(told: str, moves: list[str]) -> None:
    assert read_motion(MotionSentence(camera_motion=told))["/camera/motion"] == moves


@pytest.mark.parametrize("format", EXPERTS)
def test_without_an_answer_the_measured_words_stay(format: str) -> None:
    caption, _ = asked(ModelError("gone"), format)
    assert caption.camera.motion == ["pan_left"]
    assert any("the camera" in line and "gone" in line for line in caption.warnings)


def test_what_is_asked_later_has_the_claims_of_what_is_asked_at_once() -> None:
    text = json.dumps(LABELS)
    at_once, _ = asked(text, "shotvl", RESTS)
    unanswered, _ = asked(ModelError("gone"), "shotvl", RESTS)
    later, _ = asked(text, "shotvl", RESTS, previous=unanswered)
    assert later.leaves() == at_once.leaves()
    assert sorted(later.claims, key=str) == sorted(at_once.claims, key=str)
    assert later.provenance == at_once.provenance
    (told,) = (one for one in later.claims if one.says == "the camera pans left"
               and one.field == "/shots/0/motion")  # fmt: skip
    assert told.support == "disputed"


def test_what_was_measured_of_another_movement_goes() -> None:
    text = json.dumps({"camera_movement": "Pan left"})
    caption, _ = asked(text, "shotvl", RESTS)
    assert caption.camera.motion == ["pan_left"]
    assert (caption.camera.description, caption.camera.stability) == ("", "stable")
    assert "/camera/description" not in caption.provenance
    assert not [one for one in caption.claims if one.field == "/camera/description"]
    assert not [line for line in caption.warnings if line.startswith(AT_ODDS)]
    same, _ = asked(text, "shotvl")
    assert same.camera.description == "The camera pans left."
    moving = evidence(camera=camera("pan_left", speed="fast"))
    rests, _ = asked(json.dumps({"camera_movement": "Static"}), "shotvl", moving)
    assert rests.camera.model_dump(exclude_defaults=True) == {
        "motion": ["static"], "stability": "stable",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "told", "is_at_odds"),
    [
        ("static", "The camera pans left.", True),
        ("pan_right", "The camera stays still.", True),
        ("pan_right", "The camera pans left.", True),
        ("pan_right", "The camera pans right, then left.", False),
        ("pan_right", "The camera is static, then pans right.", False),
        ("pan_right", "The camera never pans left.", False),
        ("pan_right", "The camera swings past the door, comes to rest and stays still.", False),
        (
            "pan_right",
            "It turns slightly left, then smoothly right, so that the reeds come in.",
            False,
        ),
        ("pan_right", "The camera is steady and zooms in.", False),
        ("pan_right", "", False),
    ],
)
def test_a_description_that_says_otherwise_than_the_motion_is_warned_of(
    measured: Primitive, told: str, is_at_odds: bool
) -> None:
    answer = listing(DOG, camera_motion=[measured], camera_description=told)
    caption = ask_about(evidence(camera=camera(measured)), Fake(answer)).caption
    assert caption.camera.motion == [measured]
    lines = [line for line in caption.warnings if line.startswith(AT_ODDS)]
    line = f"at odds: /camera/description: {told!r}; /camera/motion: {measured}"
    assert lines == [line] * is_at_odds


def test_a_measured_way_that_is_nearly_always_right_overrules() -> None:
    caption, _ = asked(json.dumps({"camera_movement": "Pan right"}), "shotvl")
    assert caption.camera.motion == ["pan_left"]


label_texts = st.text(max_size=30) | st.sampled_from(
    ["Wide", "extreme-wide shot", "Aerial", "Static, Push in", "Dolly zoom", "Arc", "n/a", "static"]
)


@given(st.builds(ShotLabels, **dict.fromkeys(ShotLabels.model_fields, label_texts)))
def test_labels_only_become_words_of_the_schema(labels: ShotLabels) -> None:
    values = read_labels(labels)
    assert values.keys() == WORDS.keys()
    for pointer, value in values.items():
        said = value if isinstance(value, list) else [value] * bool(value)
        assert set(said) <= WORDS[pointer]


@given(st.text(max_size=80))
def test_any_sentence_can_be_read(text: str) -> None:
    moves = read_motion(MotionSentence(camera_motion=text))["/camera/motion"]
    assert set(moves) <= WORDS["/camera/motion"]


def test_every_label_has_a_word_of_the_schema() -> None:
    for key, words in {
        "shot_size": "wide", "shot_framing": "over the shoulder", "camera_angle": "aerial",
        "camera_movement": "trucking left",
    }.items():  # fmt: skip
        values = read_labels(ShotLabels(**{key: words}))
        assert any(values.values())


def test_only_the_camera_is_asked_for() -> None:
    options = ChainOptions(mode="single", single_format="shotvl")
    assert options.keys == {
        "camera_motion", "camera_description", "shot_type", "shot_angle", "shot_position",
    }  # fmt: skip
    assert "appearance" in ChainOptions(mode="single").keys


# As a teacher -------------------------------------------------------------------------------------


def teacher(name: str, caption: Caption) -> Answer:
    return Answer(Teacher(name=name, model="replied-1", calls=1), caption)


@pytest.mark.parametrize("first", [True, False])
def test_as_a_teacher_it_gives_the_camera_and_never_the_instances(first: bool) -> None:
    silent = dict.fromkeys(("shot_type", "shot_angle", "shot_position"), "unknown")
    general = ask_about(FACTS, Fake(listing(DOG, camera_motion=[], **silent))).caption
    expert, _ = asked(json.dumps(LABELS), "shotvl")
    answers = [teacher("general", general), teacher("shots", expert)]
    caption = combine(answers if first else answers[::-1], FACTS, max_instances=8)
    assert [one.name for one in caption.instances] == ["the brown dog"]
    assert (caption.camera.shot_type, caption.camera.shot_angle) == ("medium_shot", "low_angle")
    won = next(one for one in caption.teachers if one.name == "shots").won
    assert set(won) >= {"/camera/shot_type", "/camera/shot_angle"}
    assert all(field.startswith("/camera/") for field in won)


def test_two_shot_experts_alone_keep_the_measured_instances() -> None:
    labels, _ = asked(json.dumps(LABELS), "shotvl")
    sentence, _ = asked("The camera pans left.", "cam-motion")
    caption = combine(
        [teacher("labels", labels), teacher("sentence", sentence)], FACTS, max_instances=8
    )
    assert [one.class_ for one in caption.instances] == ["dog"]
    assert caption.camera.description == "The camera pans left."
    for one in caption.teachers:
        assert all(field.startswith("/camera/") for field in (*one.won, *one.lost))


def test_of_several_teachers_too_what_is_measured_follows_the_motion_that_won() -> None:
    silent = listing(DOG, camera_motion=[], camera_description="")
    general = ask_about(RESTS, Fake(silent)).caption
    assert general.camera.description == "The camera stays still."
    expert, _ = asked(json.dumps({"camera_movement": "Pan left"}), "shotvl", RESTS)
    caption = combine([teacher("shots", expert), teacher("all", general)], RESTS, max_instances=8)
    assert (caption.camera.motion, caption.camera.description) == (["pan_left"], "")
    assert {one.field for one in caption.claims} >= {"/camera/motion", "/shots/0/motion"}
    assert "/camera/description" not in {one.field for one in caption.claims}
    silent = listing(DOG, camera_motion=[], camera_description="The camera is static.")
    rests = ask_about(RESTS, Fake(silent)).caption
    caption = combine([teacher("shots", expert), teacher("all", rests)], RESTS, max_instances=8)
    assert caption.warnings == [
        "at odds: /camera/description: 'The camera is static.'; /camera/motion: pan_left"
    ]
