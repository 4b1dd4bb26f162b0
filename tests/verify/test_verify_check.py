"""Captions held against evidence: what is supported, what is contradicted, what is then done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.captioners.measured.describe import describe
from instancecap.evidence import reliability
from instancecap.schema import Caption, Evidence
from instancecap.schema import caption as c
from instancecap.schema.evidence import FramingFacts, LightFacts, Opinion, PlaceFacts, Turn
from instancecap.verify import check
from instancecap.verify.check import verify
from instancecap.verify.report import Report, apply, contradictions
from tests import strategies
from tests.made import camera, evidence, evidences, thing, video
from tests.tables import cases

DOG = thing(
    "dog", (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right", speed=0.13,
    colors=[("brown", 0.7), ("white", 0.25)],
)  # fmt: skip
STILL = thing("person", (0.6, 0.2, 0.8, 0.8), id=1, colors=[("red", 0.6), ("black", 0.3)])
SCENE = evidence(
    DOG,
    STILL,
    place=PlaceFacts(label="outdoor", confidence=0.9, colors=[("green", 0.8)]),
    light=LightFacts(brightness=0.5, time_of_day="day", confidence=0.8),
    framing=FramingFacts(shot_type="full_shot", shot_angle="eye_level", confidence=0.8),
)


@pytest.fixture(autouse=True, scope="module")
def decisive() -> Iterator[None]:
    """Every kind of fact may overrule, whatever was counted of it, but for colors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "may_overrule", lambda fact, *_, **__: fact != "color")
        yield


def say(text: str, **fields: Any) -> Caption:
    return Caption(video=None, global_description=text, **fields)


def outcome(report: Report, kind: str) -> set[str]:
    return {one.claim.support for one in report.findings if one.kind == kind}


TRUE_AND_FALSE = cases(__file__, "true_and_false")


@pytest.mark.parametrize(("kind", "right", "wrong"), TRUE_AND_FALSE)
def test_what_is_true_is_supported_and_a_lie_contradicted(
    kind: str, right: str, wrong: str
) -> None:
    assert outcome(verify(say(right), SCENE), kind) == {"supported"}
    report = verify(say(wrong), SCENE)
    assert outcome(report, kind) == {"disputed" if kind == "color" else "contradicted"}
    (first, *_) = [one for one in report.findings if one.kind == kind]
    assert first.measured
    assert first.claim.field == "/global_description"
    assert first.claim.frames or kind == "count"


@pytest.mark.parametrize(("kind", "right", "wrong"), TRUE_AND_FALSE)
def test_evidence_that_is_not_sure_contradicts_nothing(kind: str, right: str, wrong: str) -> None:
    doubtful = SCENE.model_copy(deep=True)
    for item in doubtful.instances:
        item.confidence = 0.45
    doubtful.camera.confidence = doubtful.light.confidence = 0.3
    doubtful.place.confidence = doubtful.framing.confidence = 0.3
    assert not {"contradicted", "disputed"} & outcome(verify(say(wrong), doubtful), kind)


def test_a_thing_that_was_not_followed_is_unchecked() -> None:
    report = verify(say("A boat drifts to the left. The kite flies upwards."), SCENE)
    assert {one.claim.support for one in report.findings} == {"unchecked"}
    assert report.score is None


def test_things_are_told_apart_by_color_and_place() -> None:
    two = evidence(
        thing("car", (0.1, 0.1, 0.3, 0.3), (0.1, 0.7, 0.3, 0.9), moving=True, direction="down",
              speed=0.1, colors=[("blue", 0.8)]),
        thing("car", (0.6, 0.7, 0.8, 0.9), (0.6, 0.1, 0.8, 0.3), id=1, moving=True, direction="up",
              speed=0.1, colors=[("red", 0.8)]),
    )  # fmt: skip
    right = verify(say("A blue car moves down the frame. A red car moves up the frame."), two)
    assert outcome(right, "direction") == {"supported"}
    wrong = verify(say("A blue car moves up the frame."), two)
    assert outcome(wrong, "direction") == {"contradicted"}
    by_place = verify(say("The car on the right moves down the frame."), two)
    assert outcome(by_place, "direction") == {"contradicted"}
    either = verify(say("A car moves up the frame."), two)
    assert "contradicted" not in outcome(either, "direction")


def test_a_segment_is_counted_by_what_is_seen_in_it() -> None:
    three, two = (
        thing("person", id=index, times=times, count=count)
        for index, (times, count) in enumerate([((0.0, 4.0), 3), ((5.0, 9.0), 2)])
    )
    parts = [c.Segment(start=4.5, end=9.5, description="Two people stay still.")]
    long = video(duration=10.0)
    report = verify(say("", segments=parts), evidence(three, two, video=long))
    assert outcome(report, "count") == {"supported"}
    parts[0].description = "There are no dogs."
    early = thing("dog", times=(0.0, 4.0))
    report = verify(say("", segments=parts), evidence(early, video=long))
    assert outcome(report, "presence") == {"unchecked"}


def test_each_direction_of_a_turn_is_true() -> None:
    turns = [Turn(t=2, before="right", after="left")]
    path = (0.1, 0.6, 0.3, 0.8), (0.7, 0.2, 0.9, 0.4)
    turning = evidence(thing("dog", *path, moving=True, direction="right", speed=0.2, turns=turns))
    assert outcome(verify(say("The dog moves to the left."), turning), "direction") == {"supported"}
    said = "The dog moves down and to the left."
    assert outcome(verify(say(said), turning), "direction") == {"contradicted"}


@pytest.mark.parametrize(("text", "said"), [
    ("There are two dogs.", "two dogs are there"),
    ("There are two dogs.", "two dogs are 2 in number"),
    ("There is a person.", "a person is there"),
    ("Two dogs move.", "two dogs move"),
    ("Two dogs leave the frame.", "two dogs leave the frame"),
    ("The dog and the cat walk to the left.", "the dog and the cat move to the left"),
    ("The dog walks into the distance.", "the dog goes away"),
    ("The dogs walk into the distance.", "the dogs go away"),
    ("The people stand still.", "the people stay still"),
    ("The dogs are brown.", "the dogs are brown"),
    ("The women in a red hat smile.", "the women have a red hat"),
    ("The dog is on the left.", "the dog is at the left"),
])  # fmt: skip
def test_claims_are_told_in_grammatical_words(text: str, said: str) -> None:
    assert said in {one.claim.says for one in verify(say(text), SCENE).findings}


def foreign(**fields: Any) -> Caption:
    """A caption with one instance by another captioner."""
    given_fields = {"id": 7, "class_": "dog"} | fields
    return Caption(
        video=None,
        instances=[c.Instance(**given_fields)],
        producer=c.Producer(name="other"),
    )


def test_a_name_that_one_of_several_experts_gives_is_disputed_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "may_overrule", lambda fact, *_, **__: fact == "class")
    other = Opinion(kind="class", value="person", confidence=0.6, expert="theirs", holds=False)
    for opinions, support in (([], "contradicted"), ([other], "disputed")):
        seen = evidence(DOG.model_copy(update={"opinions": opinions}))
        one = c.Instance(id=0, name="the person", class_="person", track=DOG.track)
        report = verify(Caption(video=None, instances=[one]), seen)
        assert outcome(report, "class") == {support}


def test_instances_of_another_captioner_are_matched_by_class_and_place() -> None:
    position = c.Position(start="center-left", end="center-right")
    report = verify(foreign(position=position, colors=["brown"]), SCENE)
    assert "contradicted" not in {one.claim.support for one in report.findings}
    report = verify(foreign(action="It runs to the left.", colors=["green"]), SCENE)
    assert outcome(report, "direction") == {"contradicted"}
    assert outcome(report, "color") == {"disputed"}
    (wrong,) = contradictions(verify(foreign(class_="car", track=DOG.track), SCENE))
    assert (wrong.pointer, wrong.measured) == ("/instances/7/class", "it is a dog")


def test_who_comes_back_has_not_left() -> None:
    gone = "The dog leaves the frame."
    assert outcome(verify(say(gone), SCENE), "leaves") == {"contradicted"}
    assert not outcome(verify(say(f"{gone} Then it comes back."), SCENE), "leaves")


@pytest.mark.parametrize(("verb", "kind"), [("leave", "leaves"), ("enter", "enters")])
@pytest.mark.parametrize(("right", "seconds", "does", "does_not"), [
    (1.0, 1.5, "supported", "unchecked"),  # out over the edge, and back
    (0.6, 1.5, "unchecked", "unchecked"),  # behind something
    (0.8, 0.3, "contradicted", "supported"),  # missed by the detector
])  # fmt: skip
def test_who_was_away_in_between_may_have_left(
    verb: str, kind: str, right: float, seconds: float, does: str, does_not: str
) -> None:
    dog = thing("dog", (right - 0.2, 0.4, right, 0.6))
    dog.track = [one for one in dog.track if not 2 < one.t < 2 + seconds]
    for text, expected in ((f"{verb}s", does), (f"does not {verb}", does_not)):
        report = verify(say(f"The dog {text} the frame."), evidence(dog))
        assert outcome(report, kind) == {expected}


@pytest.mark.parametrize("colors", [[("white", 0.8)], []])
def test_what_a_sentence_says_of_one_is_held_against_one(colors: list[tuple[str, float]]) -> None:
    up = thing("car", (0.6, 0.7, 0.8, 0.9), (0.6, 0.1, 0.8, 0.3), moving=True, direction="up",
               speed=0.1)  # fmt: skip
    down = thing("car", (0.1, 0.1, 0.3, 0.3), (0.1, 0.7, 0.3, 0.9), id=1, moving=True,
                 direction="down", speed=0.1, colors=colors)  # fmt: skip
    for text in ("A silver car drives down the frame.", "A silver car drives.")[: 1 + len(colors)]:
        report = verify(say(text), evidence(up, down))
        moves = [one for one in report.findings if one.kind in ("direction", "motion")]
        found = {one.measured for one in moves if one.claim.support == "supported"}
        place = "that is first at the top left of the frame"
        assert found == {f"the car {place} moves down the frame"}


def test_a_sentence_about_a_named_instance_is_matched_by_its_name() -> None:
    two = evidence(
        thing("train", (0.0, 0.3, 0.3, 0.6), (0.0, 0.1, 0.3, 0.4), moving=True, direction="up",
              speed=0.1),
        thing("train", (0.6, 0.3, 0.9, 0.6), id=1),
    )  # fmt: skip
    trains = [
        c.Instance(id=4, name="the near train", class_="train", track=two.instances[1].track),
        c.Instance(id=5, name="the far train", class_="train", track=two.instances[0].track),
    ]
    right = say("The far train moves up the frame. The near train stays still.", instances=trains)
    assert outcome(verify(right, two), "direction") == {"supported"}
    wrong = say("The near train moves up the frame.", instances=trains)
    assert outcome(verify(wrong, two), "direction") == {"contradicted"}
    unclear = say("The train moves up the frame.", instances=trains)
    assert outcome(verify(unclear, two), "direction") == {"unchecked"}


LIE = "The dog runs to the left. It has soft fur. The scene is set at night."


def lying() -> Caption:
    caption = describe(SCENE, all_facts=True)
    caption.global_description = LIE
    caption.camera.motion = ["zoom_in"]
    caption.instances[0].position.start = "bottom-right"
    caption.instances[0].colors = ["purple", "brown"]
    return caption


def test_marking_leaves_the_text_and_says_so() -> None:
    caption = lying()
    before = caption.to_json()
    marked = apply(caption, verify(caption, SCENE))
    assert caption.to_json() == before
    assert marked.global_description == LIE
    assert marked.camera.motion == ["zoom_in"]
    assert marked.provenance["/global_description"].support == "contradicted"
    assert marked.provenance["/camera/motion"].support == "contradicted"
    assert sum(one.startswith("contradicted: ") for one in marked.warnings) == 4
    assert marked.claims == verify(caption, SCENE).claims


def test_removing_takes_whole_sentences_and_puts_in_what_was_measured() -> None:
    caption = lying()
    clean = apply(caption, verify(caption, SCENE), on_contradiction="remove")
    assert clean.global_description == "It has soft fur."
    assert clean.camera.motion == ["static"]
    assert clean.instances[0].position.start == "center-left"
    assert clean.instances[0].colors == ["purple", "brown"]  # only disputed
    assert clean.provenance["/camera/motion"].source == "camera"
    assert "contradicted" not in {one.support for one in clean.claims}
    assert not contradictions(verify(clean, SCENE))
    assert "removed: /global_description: 'The dog runs to the left.'" in " ".join(clean.warnings)


def test_keeping_adds_claims_only() -> None:
    caption = lying()
    kept = apply(caption, verify(caption, SCENE), on_contradiction="keep")
    assert kept.claims
    assert kept.model_copy(update={"claims": caption.claims}) == caption


@pytest.mark.parametrize("how", ["mark", "remove"])
def test_what_a_person_wrote_is_not_touched(how: Any) -> None:
    caption = lying()
    mine = c.Provenance(source="human", confidence=1, support="unchecked")
    caption.provenance |= {"/global_description": mine, "/camera/motion": mine}
    done = apply(caption, verify(caption, SCENE), on_contradiction=how)
    assert done.global_description == LIE
    assert done.camera.motion == ["zoom_in"]
    assert done.provenance["/global_description"] == mine
    assert any(one.startswith("contradicted: /camera/motion") for one in done.warnings)


def test_contradictions_are_worded_for_a_question() -> None:
    found = contradictions(verify(lying(), SCENE))
    by_pointer = {one.pointer: one for one in found}
    camera_said = by_pointer["/camera/motion"]
    assert camera_said.said == "the camera zooms in"
    assert camera_said.measured == "the camera stays still"
    assert camera_said.frames
    sentences = [one.said for one in found if one.pointer == "/global_description"]
    assert sentences == ["The dog runs to the left.", "The scene is set at night."]


def test_a_moving_camera_is_told_by_its_path() -> None:
    panning = SCENE.model_copy(deep=True)
    panning.camera = camera("pan_right")
    for step in panning.camera.path:
        step.dx = -0.02
    assert outcome(verify(say("The camera pans right."), panning), "camera") == {"supported"}
    for lie in ("The camera pans left.", "The camera stays still.", "The camera zooms in."):
        assert outcome(verify(say(lie), panning), "camera") == {"contradicted"}, lie


def test_what_a_person_invents_is_not_supported() -> None:
    """What evidence does not measure is unchecked, and so is the sentence as a whole."""
    caption = describe(SCENE, all_facts=True)
    field = "/instances/1/appearance"
    caption.instances[1].appearance = "A person in a yellow vest stands on the right."
    caption.provenance[field] = c.Provenance(source="typed", confidence=1, support="unchecked")
    report = verify(caption, SCENE)
    found = {one.kind: one.claim.support for one in report.findings if one.claim.field == field}
    assert found == {"presence": "supported", "position": "supported", "attribute": "unchecked"}
    assert apply(caption, report).provenance[field].support == "unchecked"


@given(evidences())
@settings(max_examples=60)
def test_the_measured_caption_is_never_contradicted(facts: Evidence) -> None:
    report = verify(describe(facts, all_facts=True), facts)
    assert not [
        (one.claim.field, one.claim.says, one.measured, one.sentence)
        for one in report.findings
        # The generated path of the camera does not show the movements of its segments.
        if one.claim.support == "contradicted" and not one.claim.field.startswith("/shots/")
    ]


@given(strategies.captions, evidences(), st.sampled_from(["mark", "remove", "keep"]))
@settings(max_examples=60)
def test_any_caption_can_be_checked(caption: Caption, facts: Evidence, how: Any) -> None:
    report = verify(caption, facts)
    changed = apply(caption, report, on_contradiction=how)
    assert Caption.from_json(changed.to_json()) == changed
    counted = sum(sum(row.values()) for row in report.counts.values())
    assert counted == len(report.findings)


def test_a_kind_that_is_not_right_often_enough_only_disputes() -> None:
    caption = lying()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "may_overrule", lambda fact, *_, **__: fact == "time_of_day")
        report = verify(caption, SCENE)
    assert {one.kind for one in contradictions(report)} == {"time_of_day"}
    assert {one.kind for one in contradictions(report, support="disputed")} == {
        "direction", "camera", "position", "color",
    }  # fmt: skip
    clean = apply(caption, report, on_contradiction="remove")
    assert clean.global_description == "The dog runs to the left. It has soft fur."
    assert clean.camera.motion == ["zoom_in"]
    assert {one.support for one in clean.claims} >= {"disputed"}


def test_what_was_never_counted_overrules_nothing() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "may_overrule", reliability.may_overrule)
        assert outcome(verify(say("The dog runs to the left."), SCENE), "direction") == {"disputed"}
