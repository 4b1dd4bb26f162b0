"""What a model says is held against the evidence, and asked again; captions rewritten in parts."""

from __future__ import annotations

from typing import Any

import pytest

from instancecap.mllm.base import Request
from instancecap.schema.caption import Provenance
from instancecap.schema.evidence import Evidence
from instancecap.verify import check
from tests.captioners.chain.answering import (
    DOG,
    Fake,
    answer_with,
    ask_about,
    keys_of,
    listing,
    text_of,
)
from tests.made import evidence, thing

LIE, TRUTH = "The brown dog runs to the left.", "The brown dog runs to the right."


@pytest.fixture(autouse=True)
def decisive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured may overrule the model, whatever its precision is."""
    monkeypatch.setattr(check, "may_overrule", lambda fact, *_, **__: True)


def runner() -> Evidence:
    """A dog that surely runs to the right before a resting camera."""
    return evidence(
        thing(
            "dog", (0.05, 0.4, 0.25, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right",
            speed=0.25, frame_dx=0.65, confidence=0.9, colors=[("brown", 0.7)],
        )
    )  # fmt: skip


def is_again(request: Request) -> bool:
    return "verdict" in keys_of(request)


def liar(verdict: str) -> Fake:
    """Says the wrong direction; the right one when it is asked again, if it admits it."""

    def answer(request: Request) -> str:
        if is_again(request):
            return answer_with(request, {"verdict": verdict, "action": TRUTH})
        return answer_with(request, {"instances": [DOG], "action": LIE, "text": LIE})

    return Fake(answer)


def test_a_contradicted_sentence_is_asked_again_with_a_way_to_say_no() -> None:
    backend = liar("corrected")
    written = ask_about(runner(), backend)
    assert written.caption.instances[0].action == TRUTH
    assert written.caption.provenance["/instances/0/action"].support == "supported"
    (again,) = filter(is_again, backend.requests)
    assert keys_of(again) == ["verdict", "action"]
    assert LIE in text_of(again) and "You wrote of the brown dog" in text_of(again)
    assert "right" in text_of(again).split("disagrees:")[1] and '"kept"' in text_of(again)
    assert 0 < again.images <= 6
    assert written.usage.calls == 2


def test_what_the_model_stands_by_is_disputed_and_decided_by_nobody() -> None:
    backend = liar("kept")
    caption = ask_about(runner(), backend, on_contradiction="remove").caption
    assert len([one for one in backend.requests if is_again(one)]) == 1
    assert caption.instances[0].action == LIE
    found = {claim.support for claim in caption.claims if claim.field == "/instances/0/action"}
    assert "disputed" in found and "contradicted" not in found


def test_without_a_verdict_it_is_marked_removed_or_kept() -> None:
    marked = ask_about(runner(), liar("hm")).caption
    assert any(line.startswith("contradicted: /instances/0/action") for line in marked.warnings)
    assert marked.provenance["/instances/0/action"].support == "contradicted"
    removed = ask_about(runner(), liar("hm"), on_contradiction="remove").caption
    assert LIE not in removed.instances[0].action
    kept = ask_about(runner(), liar("hm"), on_contradiction="keep").caption
    assert kept.instances[0].action == LIE


def test_a_kind_that_is_not_right_often_enough_is_not_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "may_overrule", lambda fact, *_, **__: False)
    backend = liar("corrected")
    caption = ask_about(runner(), backend).caption
    assert len(backend.requests) == 1
    assert caption.instances[0].action == LIE
    assert any(claim.support == "disputed" for claim in caption.claims)


def test_only_english_is_checked() -> None:
    backend = liar("corrected")
    caption = ask_about(runner(), backend, language="de").caption
    assert not list(filter(is_again, backend.requests))
    assert caption.provenance["/instances/0/action"].support == "unchecked"
    assert all('BCP-47 tag "de"' in text_of(one) for one in backend.requests)


# Rewritten in parts -------------------------------------------------------------------------------


def first() -> Any:
    return ask_about(runner(), Fake(listing(DOG))).caption


def other(request: Request) -> str:
    """Other words than the usual ones."""
    listed = [{"name": "the brown dog"}, {"name": "the unknown"}]
    return answer_with(request, {"instances": listed}).replace("Said of", "Told of")


def test_only_the_named_fields_are_rewritten() -> None:
    before, backend = first(), Fake(other)
    fields = frozenset({"background", "camera"})
    after = ask_about(runner(), backend, previous=before, fields=fields).caption
    (request,) = backend.requests
    assert {"background", "camera_description"} <= set(keys_of(request))
    assert not {"lighting", "global_description", "instances"} & set(keys_of(request))
    assert after.background == "Told of background."
    assert after.camera.description == "Told of camera description."
    changed = {
        pointer for pointer, value in after.leaves().items() if before.leaves()[pointer] != value
    }
    assert changed == {"/background", "/camera/description"}
    assert after.instances == before.instances


def test_an_instances_field_takes_one_call_under_the_agreed_names() -> None:
    before, backend = first(), Fake(other)
    after = ask_about(runner(), backend, previous=before, fields=frozenset({"action"})).caption
    (request,) = backend.requests
    assert keys_of(request) == ["instances"]
    assert "- the brown dog" in text_of(request) and "boxes" not in text_of(request)
    assert [one.action for one in after.instances] == ["Told of action."]
    assert after.instances[0].appearance == "Said of appearance."


def test_what_a_person_wrote_stays() -> None:
    before = first()
    person = Provenance(source="human", confidence=1.0, support="supported")
    before.background = "A park in spring."
    before.instances[0].action = LIE
    before.provenance |= {"/background": person, "/instances/0/action": person, "/camera": person}
    after = ask_about(runner(), Fake(other), previous=before, on_contradiction="remove").caption
    assert (after.background, after.instances[0].action) == ("A park in spring.", LIE)
    assert after.provenance["/background"] == person
    assert after.camera == before.camera
    assert after.lighting == "Told of lighting."
    told = {"previous": before, "overwrite_human": True}
    after = ask_about(runner(), Fake(other), **told).caption
    assert after.background == "Told of background."
    assert after.provenance["/background"].source == "replied-1"


def test_marks_of_other_fields_stay_and_those_of_rewritten_ones_go() -> None:
    before = ask_about(runner(), liar("hm")).caption
    mark = next(line for line in before.warnings if "/action" in line)
    told = {"previous": before, "fields": frozenset({"background"})}
    assert mark in ask_about(runner(), Fake(other), **told).caption.warnings
    told["fields"] = frozenset({"action"})
    assert mark not in ask_about(runner(), Fake(other), **told).caption.warnings


def test_rewriting_what_fails_keeps_what_was_there() -> None:
    before, fields = first(), frozenset({"background", "action"})
    after = ask_about(runner(), Fake(lambda _: ""), previous=before, fields=fields).caption
    assert (after.background, after.instances) == (before.background, before.instances)
    assert after.provenance["/background"] == before.provenance["/background"]
    assert any("background kept as it was" in line for line in after.warnings)
    assert any(line.startswith("the brown dog: ") for line in after.warnings)
