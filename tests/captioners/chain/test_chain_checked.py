"""What a model says is held against the evidence, and asked again; captions rewritten in parts."""

from __future__ import annotations

from typing import Any

import pytest

from instancecap.captioners.chain import ChainOptions
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.measured.describe import describe
from instancecap.errors import ModelError
from instancecap.mllm.base import Request
from instancecap.schema.caption import Caption, Provenance
from instancecap.schema.evidence import Evidence
from instancecap.verify import check
from tests.captioners.chain.answering import (
    Fake,
    answer_with,
    ask_about,
    by_schema,
    keys_of,
    text_of,
)
from tests.made import evidence, thing

LIE, TRUTH = "The dog runs to the left.", "The dog runs to the right."


@pytest.fixture(autouse=True)
def decisive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured may overrule the model, whatever its precision is."""
    monkeypatch.setattr(check, "may_overrule", lambda fact, confidence: True)


def runner() -> Evidence:
    """A dog that surely runs to the right before a resting camera."""
    return evidence(
        thing(
            "dog", (0.05, 0.4, 0.25, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right",
            speed=0.25, frame_dx=0.65, confidence=0.9, colors=[("brown", 0.7)],
        )
    )  # fmt: skip


def is_again(request: Request) -> bool:
    return "Look once more" in text_of(request)


def liar(*, admits: bool) -> Fake:
    """Says the wrong direction, and the right one when it is asked again if it ``admits``."""

    def answer(request: Request) -> str:
        action = TRUTH if admits and is_again(request) else LIE
        return answer_with(request, {"action": action, "text": action})

    return Fake(answer)


def test_a_contradicted_sentence_is_asked_again_with_the_evidence() -> None:
    backend = liar(admits=True)
    written = ask_about(runner(), backend)
    assert written.caption.instances[0].action == TRUTH
    assert written.caption.provenance["/instances/0/action"].support == "supported"
    (again,) = filter(is_again, backend.requests)
    assert keys_of(again) == ["action"]
    assert LIE in text_of(again)
    assert "right" in text_of(again).split("speaks against it:")[1]
    assert "the dog. All around it has been blurred" in text_of(again)
    assert again.images == 8, "it is to look again, and servers still have the pictures"
    assert written.usage.calls == 3
    assert "instance" not in " ".join(written.caption.warnings)


@pytest.mark.parametrize("mode", ["fused", "paper", "single"])
def test_it_is_asked_again_once(mode: Any) -> None:
    backend = liar(admits=False)
    caption = ask_about(runner(), backend, mode=mode).caption
    asked = [key for one in backend.requests if is_again(one) for key in keys_of(one)]
    assert "action" in asked
    assert len(set(asked)) == len(asked)
    assert caption.instances[0].action == LIE
    assert caption.provenance["/instances/0/action"].support == "contradicted"


def test_what_stays_contradicted_is_marked_removed_or_kept() -> None:
    proven = describe(runner())
    marked = ask_about(runner(), liar(admits=False)).caption
    assert any("left" in line for line in marked.warnings)
    removed = ask_about(runner(), liar(admits=False), on_contradiction="remove").caption
    assert removed.instances[0].action == proven.instances[0].action != ""
    assert removed.provenance["/instances/0/action"].source == "tracker"
    assert not any(claim.support == "contradicted" for claim in removed.claims)
    kept = ask_about(runner(), liar(admits=False), on_contradiction="keep").caption
    assert kept.instances[0].action == LIE
    assert any(claim.support == "contradicted" for claim in kept.claims)


def test_a_second_answer_that_fails_leaves_the_first() -> None:
    def answer(request: Request) -> str | ModelError:
        if is_again(request):
            return ModelError("timed out")
        return answer_with(request, {"action": LIE})

    assert ask_about(runner(), Fake(answer)).caption.instances[0].action == LIE


def test_only_english_is_checked() -> None:
    backend = liar(admits=False)
    caption = ask_about(runner(), backend, language="de").caption
    assert not list(filter(is_again, backend.requests))
    assert caption.provenance["/instances/0/action"].support == "unchecked"
    assert all('BCP-47 tag "de"' in text_of(one) for one in backend.requests)
    assert "BCP-47" not in text_of(ask_and_keep(runner()).requests[0])


def ask_and_keep(facts: Evidence, **options: Any) -> Fake:
    backend = Fake()
    ask_about(facts, backend, **options)
    return backend


# Rewritten in parts -------------------------------------------------------------------------------


def other(request: Request) -> str:
    """Other words than the usual ones."""
    return by_schema(request).replace("Said of", "Told of")


def test_only_the_named_fields_are_rewritten() -> None:
    before = ask_about(runner()).caption
    backend = Fake(other)
    fields = frozenset({"background", "camera"})
    after = ask_about(runner(), backend, previous=before, fields=fields).caption
    (request,) = backend.requests
    assert {"background", "camera_description"} <= set(keys_of(request))
    assert not {"lighting", "global_description", "appearance"} & set(keys_of(request))
    assert after.background == "Told of background."
    assert after.camera.description == "Told of camera description."
    new = {
        pointer for pointer, value in after.leaves().items() if before.leaves()[pointer] != value
    }
    assert new == {"/background", "/camera/description"}
    for one in (before, after):
        one.background = one.camera.description = ""
        one.producer = after.producer
        for pointer in ("/background", "/camera/description"):
            one.provenance.pop(pointer)
    left = [before.model_dump(), after.model_dump()]
    for one in left:
        one["claims"] = [c for c in one["claims"] if not c["field"].startswith(("/back", "/cam"))]
        one["provenance"] = {
            key: value
            for key, value in one["provenance"].items()
            if not key.startswith("/camera/s")
        }
    assert left[0] == left[1]


def test_an_instances_field_takes_one_call_an_instance() -> None:
    before = ask_about(runner()).caption
    backend = Fake(other)
    after = ask_about(runner(), backend, previous=before, fields=frozenset({"action"})).caption
    (request,) = backend.requests
    assert keys_of(request) == ["seen", "changes", "action"]
    assert after.instances[0].action == "Told of action."
    assert after.instances[0].appearance == "Said of appearance."
    assert "Said of global description." in text_of(request), "what the clip is about is told"


def test_what_a_person_wrote_stays() -> None:
    before = ask_about(runner()).caption
    person = Provenance(source="human", confidence=1.0, support="supported")
    before.background = "A park in spring."
    before.instances[0].action = LIE
    before.provenance |= {"/background": person, "/instances/0/action": person}
    backend = Fake(other)
    after = ask_about(runner(), backend, previous=before, on_contradiction="remove").caption
    assert (after.background, after.instances[0].action) == ("A park in spring.", LIE)
    assert after.provenance["/background"] == person
    assert after.lighting == "Told of lighting."
    assert not any({"background", "action"} & set(keys_of(one)) for one in backend.requests)
    told = {"previous": before, "overwrite_human": True}
    after = ask_about(runner(), Fake(other), **told).caption
    assert after.background == "Told of background."
    assert after.provenance["/background"].source == "replied-1"


def test_what_a_person_wrote_as_a_whole_stays() -> None:
    before = ask_about(runner()).caption
    before.provenance["/camera"] = Provenance(source="human", confidence=1.0, support="supported")
    after = ask_about(runner(), Fake(other), previous=before).caption
    assert after.camera == before.camera
    assert after.instances[0].action == "Told of action."


def test_marks_of_other_fields_stay_and_those_of_rewritten_ones_go() -> None:
    before = ask_about(runner(), liar(admits=False)).caption
    (mark,) = [line for line in before.warnings if line.startswith("contradicted: ")]
    told = {"previous": before, "fields": frozenset({"background"})}
    assert mark in ask_about(runner(), Fake(other), **told).caption.warnings
    told["fields"] = frozenset({"action"})
    assert mark not in ask_about(runner(), Fake(other), **told).caption.warnings


def test_rewriting_what_fails_keeps_what_was_there() -> None:
    before = ask_about(runner()).caption
    silent = Fake(lambda _: "")
    after = ask_about(runner(), silent, previous=before, fields=frozenset({"background"})).caption
    assert after.background == before.background
    assert after.provenance["/background"] == before.provenance["/background"]
    assert any("background kept as it was" in line for line in after.warnings)


def test_nothing_is_asked_where_nothing_is_open() -> None:
    backend = Fake()
    fields = frozenset({"segments"})
    before = describe(runner())
    after = ask_about(runner(), backend, previous=before, fields=fields).caption
    assert not backend.requests
    assert after.leaves() == before.leaves()


def test_instances_are_those_of_the_caption_that_is_rewritten() -> None:
    facts = evidence(thing("dog"), thing("cat", id=1), thing("car", id=2))
    before = describe(facts, max_instances=3)
    before.instances = before.instances[1:2]
    before = Caption.model_validate(before.model_dump())
    ready = sketch(facts, options=ChainOptions(), previous=before)
    assert [subject.item.id for subject in ready.subjects] == [1]
