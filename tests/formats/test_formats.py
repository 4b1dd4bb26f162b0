"""Every format there and back: what it holds comes back, what it does not is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from instancecap.errors import FormatError, UsageError
from instancecap.formats import (
    FORMATS,
    answer_model,
    caption_from,
    detect,
    lost,
    to_format,
)
from instancecap.formats.phrases import (
    camera_sentence,
    camera_words,
    filming_sentences,
    position_phrase,
)
from instancecap.schema.caption import (
    Camera,
    Caption,
    Instance,
    Position,
    Segment,
    Shot,
    Video,
)
from instancecap.schema.parts import Text
from tests.strategies import cameras, captions

FOREIGN = [name for name in FORMATS if name != "instancecap"]


def bare(caption: Caption) -> dict[str, Any]:
    """The caption without who wrote it and what happened on the way."""
    written = caption.model_dump(mode="json")
    return {
        key: value
        for key, value in written.items()
        if key not in ("producer", "provenance", "claims", "warnings", "schema")
    }


def position(given: Position) -> Position:
    """Held as text."""
    return Position(text=position_phrase(given))


def camera(given: Camera, *, framed: bool) -> Camera:
    """Held as text; the framing in words of its own, or in a last sentence."""
    text = filming_sentences(given) if framed else camera_sentence(given)
    words = () if framed else ("shot_type", "shot_angle", "shot_position")
    kept = {name: getattr(given, name) for name in words}
    return Camera.model_validate({**camera_words(text), **kept})


def in_instancevid(full: Caption) -> Caption:
    name = (full.video.path or full.video.id) if full.video else ""
    return Caption(
        video=Video.named(name) if name else None,
        global_description=full.global_description,
        instances=[
            Instance(
                id=number,
                class_=one.class_,
                appearance=one.appearance,
                action=one.action,
                position=position(one.position),
            )
            for number, one in enumerate(full.instances[:3])
        ],
        background=full.background,
        camera=camera(full.camera, framed=True),
    )


def in_skycaptioner(full: Caption) -> Caption:
    kept = []
    for number, one in enumerate(full.instances):
        repeated = one.class_ == one.category.replace("_", " ")
        kind = one.subcategory or ("" if repeated else one.class_)
        plain = re.fullmatch(r"[A-Z][a-z]+(?:[ -][A-Za-z][a-z]+)*", kind)
        kept.append(
            Instance(
                id=number,
                class_=kind.casefold() if plain else kind or one.category.replace("_", " "),
                category=one.category,
                subcategory=kind,
                is_main=one.is_main,
                appearance=one.appearance,
                action=one.action,
                expression=one.expression,
                position=position(one.position),
            )
        )
    filmed = camera(full.camera, framed=False)
    if filmed.shot_angle == "overhead":
        filmed.shot_angle = "high_angle"
    return Caption(
        video=None,
        instances=kept,
        background=full.background,
        lighting=full.lighting,
        camera=filmed,
    )


def to_ms(seconds: float) -> float:
    return round(seconds * 1000) / 1000


def in_cosmos3(full: Caption) -> Caption:
    filmed = camera(full.camera, framed=False)
    for name in ("shot_type", "shot_angle", "shot_position"):
        if getattr(filmed, name) == "other":
            setattr(filmed, name, "")
    short = [one for one in full.instances if len(one.class_.split()) <= 3]
    assert len(short) == len(full.instances)
    return Caption(
        video=measured(full.video),
        global_description=full.global_description,
        instances=[
            Instance(
                id=number,
                class_=re.sub(r"^(?:an?|the) ", "", one.class_, flags=re.IGNORECASE),
                count=one.count,
                appearance=one.appearance,
                action=one.action,
                expression=one.expression,
                position=position(one.position),
            )
            for number, one in enumerate(full.instances)
        ],
        background=full.background,
        place=full.place,
        lighting=full.lighting,
        time_of_day=full.time_of_day,
        style="" if full.style == "unknown" else full.style,
        camera=filmed,
        shots=shots(full),
        texts=[Text(text=one.text, t=to_ms(one.t), box=(0, 0, 1, 1)) for one in full.texts],
        segments=[
            Segment(start=to_ms(one.start), end=to_ms(one.end), description=one.description)
            for one in full.segments
        ],
    )


def shots(full: Caption) -> list[Shot]:
    """From one transition to the next."""
    changes = [one for one in full.shots if one.transition != "start"]
    if not changes:
        return []
    video = measured(full.video)
    starts = [0.0, *(to_ms(one.start) for one in changes), video.duration if video else 0.0]
    kinds = ["start", *(one.transition for one in changes)]
    rows = zip(starts[:-1], starts[1:], kinds, strict=True)
    return [Shot.model_validate({"start": a, "end": b, "transition": kind}) for a, b, kind in rows]


def measured(video: Video | None) -> Video | None:
    if video is None:
        return None
    kept = Video.named("")
    kept.width, kept.height = video.width, video.height
    kept.fps = max(1, round(video.fps)) if video.fps else 0
    kept.duration = kept.end = max(1, round(video.duration)) if video.duration else 0
    return kept if any((kept.width, kept.height, kept.fps, kept.duration)) else None


def in_miradata(full: Caption) -> Caption:
    plain: Any = FORMATS["miradata"].write(full)
    main = plain["main_object_caption"]
    subject = Instance(id=0, class_="subject", is_main=True, appearance=main)
    return Caption(
        video=None,
        global_description=full.global_description,
        instances=[subject] if main else [],
        background=full.background,
        style="" if full.style == "unknown" else full.style,
        camera=camera(full.camera, framed=True),
    )


HELD: dict[str, Callable[[Caption], Caption]] = {
    "instancecap": lambda full: full,
    "instancevid": in_instancevid,
    "skycaptioner": in_skycaptioner,
    "cosmos3": in_cosmos3,
    "miradata": in_miradata,
}


def through_json(plain: Any) -> Any:
    return json.loads(json.dumps(plain, ensure_ascii=False))


@pytest.mark.parametrize("name", list(HELD))
@settings(max_examples=25)
@given(full=captions)
def test_what_a_format_holds_comes_back(name: str, full: Caption) -> None:
    plain = through_json(full.to(name))
    back = caption_from(plain, format=name)
    assert bare(back) == bare(HELD[name](full))
    again = through_json(back.to(name))
    assert bare(caption_from(again, format=name)) == bare(back), "the second round changes nothing"
    if name == "miradata":  # it says what no other column does
        plain["dense_caption"] = again["dense_caption"]
    assert again == plain


@settings(max_examples=25)
@given(full=captions)
def test_a_text_comes_back_as_one_line(full: Caption) -> None:
    try:
        line = full.to("text")
    except FormatError as error:
        assert "says nothing" in str(error)
        return
    assert isinstance(line, str) and line.strip() and len(line.splitlines()) == 1
    back = caption_from(line, format="text")
    assert back.global_description == line
    assert back.to("text") == line


@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=25)
@given(full=captions)
def test_a_plain_object_is_recognised(name: str, full: Caption) -> None:
    if name != "text":
        assert detect(through_json(full.to(name))) == name


def test_everything_that_is_lost_is_named() -> None:
    people = [Instance(id=7 + n, class_="person", is_main=n == 0, count=2) for n in range(5)]
    full = Caption(video=None, instances=people, lighting="Dim.", warnings=["blurred"])
    assert lost(full, "instancevid") == [
        "/instances/7/is_main",
        *(f"/instances/{number}/count" for number in (7, 8, 9)),
        "/instances/10",
        "/instances/11",
        "/lighting",
        "/warnings",
    ]
    assert lost(full, "instancecap") == []
    with pytest.raises(UsageError, match="format sora: choose one of instancecap, instancevid"):
        lost(full, "sora")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"start": "top-left", "end": "top-right"},
            "from the top left of the frame to the top right",
        ),
        ({"start": "top-left", "end": "top-left"}, "at the top left of the frame throughout"),
        ({"start": "top-left", "leaves": True}, "first at the top left of the frame, then leaves"),
        ({"enters": True}, "enters"),
        ({"text": "by the door", "start": "top-left"}, "by the door"),
        ({}, ""),
    ],
)
def test_cells_without_a_text_are_put_into_words(given: dict[str, Any], text: str) -> None:
    assert position_phrase(Position.model_validate(given)) == text


@given(given=cameras)
def test_movement_without_a_description_is_put_into_words(given: Camera) -> None:
    text = camera_sentence(given.model_copy(update={"description": ""}))
    assert bool(text) == bool(given.motion or given.stability)
    assert camera_words(text) == {"description": text}, "our own prose is not read back"


@pytest.mark.parametrize(
    ("text", "motion"),
    [
        ("pan_left", ["pan_left"]),
        ("Pan right, zoom in", ["pan_right", "zoom_in"]),
        ("static shot", ["static"]),
        ("Dolly in and tilt up", ["move_in", "tilt_up"]),
        ("static, pan left", []),
        ("The camera pans right", []),
        ("", []),
    ],
)
def test_a_list_of_movements_is_read_and_a_sentence_kept(text: str, motion: list[str]) -> None:
    camera = Camera.model_validate(camera_words(text))
    assert (camera.motion, camera.description) == (motion, text)


@pytest.mark.parametrize("name", ["instancevid", "skycaptioner", "cosmos3", "miradata"])
@settings(max_examples=25)
@given(full=captions)
def test_an_answer_is_asked_for_in_the_form_that_is_written(name: str, full: Caption) -> None:
    model = answer_model(name)
    plain = through_json(full.to(name))
    assert set(plain) <= set(model.model_json_schema()["properties"])
    answer = model.model_validate_json(json.dumps(plain))
    assert bare(caption_from(answer.model_dump(), format=name)) == bare(caption_from(plain))


def test_an_answer_is_read_field_by_field() -> None:
    model = answer_model("skycaptioner")
    odd: Any = {
        "Subjects": {"type": "Human", "appearance": None, "action": 3, "is_main_subject": "yes"},
        "shot_type": "Medium Close-Up",
        "lighting": ["dim", "warm"],
    }
    answer: Any = model.model_validate(odd)
    (subject,) = answer.subjects
    assert (subject.TYPES.type, subject.appearance, subject.action) == ("Human", "", "3")
    assert (answer.shot_type, answer.lighting) == ("medium_shot", "dim, warm")
    assert "environment" not in answer.model_fields_set
    with pytest.raises(UsageError, match="format text: no language model is asked for it"):
        answer_model("text")


def test_who_says_so_is_kept() -> None:
    full = Caption(video=None, background="A yard.", instances=[Instance(id=3, class_="dog")])
    back = caption_from(to_format(full, "instancevid"))
    assert back.producer.name == "instancevid"
    assert set(back.provenance) == set(back.leaves()) == {"/background", "/instances/0/class"}
    assert {one.support for one in back.provenance.values()} == {"unchecked"}
