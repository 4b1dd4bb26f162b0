"""Expressions are asked for where a face can be read, and told with the times that show them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given

from instancecap.captioners.chain import ChainOptions, prepare
from instancecap.captioners.chain.faces import READABLE, SIDE, VIEWS, cut_face, face_views
from instancecap.captioners.chain.pictures import sketch
from instancecap.mllm.base import Image, Request
from instancecap.schema.caption import Caption, ExpressionSpan
from instancecap.schema.evidence import Evidence, Face
from instancecap.video import Clip
from tests.captioners.chain.answering import (
    DOG,
    PERSON,
    Fake,
    answer_with,
    ask_about,
    finish,
    keys_of,
    listing,
    text_of,
)
from tests.conftest import MakeVideo
from tests.made import Box, boxes, evidence, thing

TIMES = (0.5, 1.5, 2.5, 3.5)
FACE = (0.55, 0.25, 0.65, 0.45)


def scene(*, height: float = 0.2, owner: int | None = 1) -> Evidence:
    """A dog and a person; the face of one of them, so high, is seen four times."""
    x0, y0, x1, _ = FACE
    return evidence(
        thing("dog", (0.1, 0.4, 0.3, 0.6)),
        thing("person", (0.5, 0.2, 0.7, 0.9), id=1),
        faces=[Face(t=t, box=(x0, y0, x1, y0 + height), score=0.9, instance=owner) for t in TIMES],
        models={"faces": "yunet"},
    )


def looks(*shown: tuple[int, str, str]) -> dict[str, Any]:
    found = [{"picture": n, "shows": shows, "intensity": level} for n, shows, level in shown]
    return {"faces": found, "expression": "The person smiles, ever more broadly."}


def asked(facts: Evidence, *entries: dict[str, Any], **options: Any) -> tuple[Caption, Request]:
    backend = Fake(listing(*entries))
    caption = ask_about(facts, backend, detail="never", **options).caption
    return caption, backend.requests[0]


def test_without_a_readable_face_nothing_more_is_asked_or_shown() -> None:
    _, plain = asked(evidence(*scene().instances), DOG, PERSON)
    small = READABLE / 360 - 0.005
    for facts in (scene(height=small), scene(height=0.34), scene(owner=None)):
        _, same = asked(facts, DOG, PERSON)
        assert same == plain
    assert "close-ups" not in text_of(plain)


def test_a_face_is_shown_from_near_and_read_over_time() -> None:
    told = looks((17, "a smile", "slight"), (18, "a smile", "slight"), (19, "a smile", "strong"))
    caption, request = asked(scene(), DOG, PERSON | told)
    shown = [one for part in request.messages for one in part.parts if isinstance(one, Image)]
    assert len(shown) == 16 + VIEWS
    assert "pictures 17 to 19: the face in the center of the frame at 0.5 s" in text_of(request)
    assert request.schema is not None
    keys = list(request.schema["properties"]["instances"]["items"]["properties"])
    assert keys.index("faces") + 1 == keys.index("expression")
    person = caption.instances[1]
    assert person.expression == "The person smiles, ever more broadly."
    assert person.expression_spans == [
        ExpressionSpan(start=0.5, end=2.5, shows="a smile", intensity="slight"),
        ExpressionSpan(start=3.5, end=3.5, shows="a smile", intensity="strong"),
    ]
    assert caption.provenance["/instances/1/expression"].frames == [0.5, 2.5, 3.5]
    assert "expression_spans" not in json.loads(caption.to_json())["instances"][0]
    checked = [one for one in caption.claims if one.says == "the person has a face in view"]
    assert [one.support for one in checked] == ["supported"] * 3
    assert checked[0].frames == list(TIMES)
    # That there is a face does not prove what it shows.
    assert caption.provenance["/instances/1/expression"].support == "unchecked"


@pytest.mark.parametrize(
    "told",
    [
        looks((17, "", "unknown"), (18, "unknown", "unknown")),
        looks((3, "a smile", "clear"), (99, "a smile", "clear")),
        looks(),
    ],
)
def test_what_no_close_up_shows_is_not_told(told: dict[str, Any]) -> None:
    caption, _ = asked(scene(), DOG, PERSON | told | {"expression": ""})
    assert caption.instances[1].expression_spans == []
    assert caption.instances[1].expression == ""
    assert not any("expression" in one for one in caption.warnings)


def test_a_face_that_was_measured_to_be_somebody_elses_does_not_count() -> None:
    caption, _ = asked(scene(), DOG | looks((17, "a smile", "clear")), PERSON)
    assert caption.instances[0].expression_spans == []


def test_what_is_rewritten_or_a_persons_own_has_no_spans_of_others() -> None:
    told = looks((17, "a smile", "slight"))
    first, _ = asked(scene(), DOG, PERSON | told)
    again: dict[str, Any] = {"fields": frozenset({"expression"}), "previous": first}
    plain = PERSON | {"expression": "The person frowns."}
    rewritten, _ = asked(scene(), DOG, plain, **again)
    assert rewritten.instances[1].expression == "The person frowns."
    assert rewritten.instances[1].expression_spans == []
    person = first.model_copy(deep=True)
    person.instances[1].expression, person.instances[1].expression_spans = "Mine.", []
    entry = person.provenance["/instances/1/expression"]
    person.provenance["/instances/1/expression"] = entry.model_copy(update={"source": "human"})
    kept, _ = asked(scene(), DOG, PERSON | told, **again | {"previous": person})
    assert kept.instances[1].expression == "Mine."
    assert kept.instances[1].expression_spans == []


def test_an_expression_without_a_face_is_disputed() -> None:
    facts = scene()
    facts.faces = []
    caption, _ = asked(facts, DOG | {"expression": ""}, PERSON | {"expression": "She smiles."})
    (claim,) = [one for one in caption.claims if one.says.endswith("a face in view")]
    assert (claim.field, claim.support) == ("/instances/1/expression", "disputed")
    facts.models = {}  # nobody looked for faces
    caption, _ = asked(facts, DOG | {"expression": ""}, PERSON | {"expression": "She smiles."})
    assert not [one for one in caption.claims if one.says.endswith("a face in view")]


def test_beside_a_clip_by_its_url_the_question_on_the_person_shows_the_face(
    tmp_path: Path,
) -> None:
    options = ChainOptions(input="video")
    facts = scene()
    clip = Clip(path="https://clips.example/a.mp4")
    ready = sketch(facts, options=options, clip=clip)
    shown = looks((5, "a smile", "slight"), (7, "a grin", "strong"))

    def answer(request: Request) -> str:
        on_one = "target_ok" in keys_of(request)
        known = {"target_ok": "single", **shown} if on_one else {"expression": ""}
        return answer_with(request, {"instances": [DOG, PERSON], **known})

    backend = Fake(answer)
    caption = finish(ready, backend, options).caption
    first, *others = backend.requests
    assert first.has_video and "close-ups of faces" not in text_of(first)
    (on_person,) = [one for one in others if "close-ups of faces" in text_of(one)]
    assert "pictures 5 to 7: the face" in text_of(on_person)
    person = caption.instances[1]
    assert person.expression == shown["expression"]
    assert [(one.start, one.shows) for one in person.expression_spans] == [
        (0.5, "a smile"), (3.5, "a grin"),
    ]  # fmt: skip


def test_other_modes_and_fields_show_no_faces() -> None:
    for options in ({"fields": frozenset({"background"})}, {"mode": "paper"}, {"mode": "single"}):
        backend = Fake(listing(DOG, PERSON))
        ask_about(scene(), backend, **options)
        assert not any("close-ups of faces" in text_of(one) for one in backend.requests)


def test_the_close_ups_are_cut_from_the_frames(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = Clip.open(make_video(tmp_path / "a.mp4", frames=32))
    ready = prepare(clip, scene(), options=ChainOptions())
    assert [view.owner for view in ready.faces] == [1] * VIEWS
    for view in ready.faces:
        picture = cv2.imdecode(np.frombuffer(view.image.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None and max(picture.shape) == SIDE
    assert [view.image.t for view in ready.faces] == pytest.approx([0.5, 2.5, 3.5], abs=0.05)


def test_the_largest_faces_are_shown() -> None:
    people = [thing("person", id=id) for id in range(4)]
    faces = [
        Face(t=1.0, box=(0.1, 0.1, 0.2, 0.24 + id / 40), score=0.9, instance=id) for id in range(4)
    ]
    assert [view.owner for view in face_views(evidence(*people, faces=faces))] == [2, 3]


@given(box=boxes())
def test_any_face_can_be_cut(box: Box) -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    near = cut_face(picture, box)
    assert max(near.shape[:2]) == SIDE and min(near.shape[:2]) >= 1
