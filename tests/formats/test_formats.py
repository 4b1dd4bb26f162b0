"""Every format there and back: what it holds comes back, what it does not is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from instancecap.errors import FormatError, UsageError
from instancecap.formats import (
    FORMATS,
    answer_model,
    answer_text,
    caption_from,
    lost,
    to_format,
)
from instancecap.formats.cosmos3 import aspect_ratio
from instancecap.formats.phrases import (
    camera_words,
    instance_sentences,
)
from instancecap.language import en
from instancecap.mllm.schemas import answer_schema
from instancecap.schema.caption import (
    Camera,
    Caption,
    Instance,
    Position,
    Segment,
    Shot,
    Video,
)
from instancecap.schema.pointer import instance_of
from tests.strategies import cameras, captions

TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))
FOREIGN = [name for name in FORMATS if name != "instancecap"]


def bare(caption: Caption) -> dict[str, Any]:
    """The caption without who wrote it and what happened on the way."""
    written = caption.model_dump(mode="json")
    return {
        key: value
        for key, value in written.items()
        if key not in ("producer", "provenance", "claims", "warnings", "schema")
    }


KEPT = {
    "instancevid": "global_description background instances/*/class instances/*/appearance "
    "instances/*/action instances/*/position/text",
    "skycaptioner": "background lighting instances/*/category instances/*/appearance "
    "instances/*/action instances/*/expression instances/*/position/text camera/description "
    "camera/shot_type camera/shot_position",
    "cosmos3": "global_description background lighting place time_of_day texts/*/text "
    "instances/*/appearance instances/*/action instances/*/expression instances/*/position/text "
    "camera/description segments/*/description",
    "miradata": "global_description background",
}
"""Leaves that come back exactly as they were."""


def through_json(plain: Any) -> Any:
    return json.loads(json.dumps(plain, ensure_ascii=False))


@pytest.mark.parametrize("name", KEPT)
@settings(max_examples=25)
@given(full=captions)
def test_what_a_format_holds_comes_back(name: str, full: Caption) -> None:
    plain = through_json(full.to(name))
    back = caption_from(plain, format=name)
    ours, theirs = full.leaves(), back.leaves()
    places = {one.id: index for index, one in enumerate(full.instances)}
    for pointer, value in ours.items():
        id = instance_of(pointer)
        there = pointer.replace(f"/{id}/", f"/{places[id]}/", 1) if id is not None else pointer
        if value == "unknown":  # says that nothing is known, as an empty text does
            assert theirs.get(there, "") == "", pointer
        elif re.sub(r"/\d+/", "/*/", pointer)[1:] in KEPT[name].split() and not dropped(
            name, there
        ):
            assert theirs.get(there) == value, pointer
    again = through_json(back.to(name))
    assert bare(caption_from(again, format=name)) == bare(back), "the second round changes nothing"
    if name == "miradata":  # it says what no other column does
        plain["dense_caption"] = again["dense_caption"]
    assert again == plain
    assert set(lost(back, name)) <= {"/producer", "/provenance", "/camera/shot_angle"}


def dropped(name: str, pointer: str) -> bool:
    """Of more than three instances InstanceVid keeps three."""
    return name == "instancevid" and re.match(r"/instances/[3-9]", pointer) is not None


def test_cosmos_is_not_told_what_is_not_known() -> None:
    steady = Camera(stability="stable", description="The picture is steady.")
    for time, context in (("day", "day"), ("", "")):
        caption = Caption(video=None, place="unknown", style="unknown", camera=steady)
        written = caption.model_copy(update={"time_of_day": time}).to("cosmos3")
        assert (written["context"], written["style_medium"]) == (context, "")
        assert written["cinematography"]["camera_motion"] == ""
        assert "/place" not in lost(caption, "cosmos3")


@pytest.mark.parametrize(
    ("size", "ratio"), [((720, 480), "4,3"), ((854, 480), "16,9"), ((540, 960), "9,16")]
)
def test_every_cosmos_caption_has_one_of_its_ratios(size: tuple[int, int], ratio: str) -> None:
    video = Video.named("a.mp4")
    video.width, video.height = size
    assert aspect_ratio(*size) == Caption(video=video).to("cosmos3")["aspect_ratio"] == ratio


def test_numbers_and_words_of_each_format() -> None:
    video = Video.named("a.mp4")
    video.width, video.height, video.duration, video.fps = 640, 360, 5.2, 23.98
    full = Caption(
        video=video,
        instances=[Instance(id=3, class_="The Big Dog", category="animal", count=2, is_main=True)],
        style="animation",
        camera=Camera(shot_type="long_shot", shot_angle="overhead", shot_position="back_view"),
        shots=[
            Shot(start=0, end=1.5, transition="start"),
            Shot(start=1.5, end=5.2, transition="fade"),
        ],
        segments=[Segment(start=0, end=61.5, description="It runs.", instances=[3])],
    )
    cosmos = caption_from(full.to("cosmos3"))
    assert cosmos.video is not None
    assert (cosmos.video.width, cosmos.video.duration, cosmos.video.fps) == (640, 5, 24)
    assert (cosmos.instances[0].class_, cosmos.instances[0].count) == ("Big Dog", 2)
    assert (cosmos.style, cosmos.camera) == ("animation", full.camera)
    assert [(one.start, one.end, one.transition) for one in cosmos.shots] == [
        (0, 1.5, "start"),
        (1.5, 5, "fade"),
    ]
    assert cosmos.segments[0].end == 61.5
    sky = caption_from(full.to("skycaptioner"))
    assert (sky.instances[0].class_, sky.instances[0].subcategory) == ("the big dog", "The Big Dog")
    assert (sky.camera.shot_angle, sky.instances[0].is_main) == ("high_angle", True)
    vid = caption_from(full.to("instancevid"))
    assert vid.video is not None and vid.video.path == "a.mp4"
    assert vid.camera.description == "It is a long shot from overhead, seen from behind."
    mira = caption_from(full.to("miradata"))
    assert (mira.style, mira.instances[0].appearance) == ("animation", "The Big Dog.")


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


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"appearance": "A boat, far away.", "action": "Moves to the left."},
            "A boat, far away, moves to the left.",
        ),
        (
            {"appearance": "A boy in teal.", "position": {"text": "on the right of the frame"}},
            "A boy in teal is seen on the right of the frame.",
        ),
        (
            {"appearance": "The cat.", "action": "Walking.", "position": {"text": "Near a wall."}},
            "The cat is walking. The cat is seen near a wall.",
        ),
        ({"name": "the second cat", "action": "Leaves."}, "The second cat leaves."),
        ({"class": "dog", "count": 2, "action": "Move away."}, "Two dogs move away."),
        (
            {"appearance": "A boy wearing glasses.", "action": "Runs and jumps."},
            "A boy wearing glasses. The cat runs and jumps.",
        ),
        ({"appearance": "A man walks his dogs.", "action": "He waves."}, None),
        ({"appearance": "A tall man.", "action": "Hands in his pockets."}, None),
        ({"appearance": "A dog.", "action": "Cars pass behind it."}, None),
        ({"appearance": "一只猫。", "action": "走向镜头。"}, None),
    ],
)
def test_an_instance_is_told_in_whole_sentences(fields: dict[str, Any], text: str | None) -> None:
    one = Instance.model_validate({"id": 0, "class": "cat", **fields})
    as_it_is = " ".join(filter(None, (one.appearance, one.action)))
    assert instance_sentences(one) == (as_it_is if text is None else text)
    line = Caption(video=None, instances=[one]).to("text")
    assert isinstance(line, str) and line.rstrip(".") == instance_sentences(one).rstrip(".")


@pytest.mark.parametrize(
    ("name", "appearance", "told"),
    [
        ("the second car", "A car, far away.", "The second car, far away, is seen on the left."),
        ("the person on the right", "A person.", "The person on the right is seen on the left."),
        ("the car", "A car, far away.", "A car, far away, is seen on the left."),
        ("the red carriage", "A car, far away.", "A car, far away, is seen on the left."),
    ],
)
def test_one_of_several_is_told_by_its_own_name(name: str, appearance: str, told: str) -> None:
    position = Position(text="on the left")
    one = Instance(id=0, name=name, class_="car", appearance=appearance, position=position)
    assert instance_sentences(one) == told


def test_what_the_global_description_says_is_not_said_again() -> None:
    cat = Instance(
        id=0, class_="cat", appearance="The cat.", action="Runs off.", expression="Calm."
    )
    caption = Caption(video=None, global_description="By day, a cat runs off.", instances=[cat])
    assert caption.to("text") == "By day, a cat runs off. Calm."
    light = "A picture with vivid colors."
    caption = Caption(
        video=None,
        global_description=f"A still camera shows a yard. {light}",
        background="A yard.",
        lighting=f"{light} Dim light.",
    )
    told = f"A still camera shows a yard. {light} It is dim light."
    assert caption.to("text") == told.replace("It is dim", "There is dim")


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


@pytest.mark.parametrize(("given", "text"), TABLES["positions"])
def test_cells_without_a_text_are_put_into_words(given: dict[str, Any], text: str) -> None:
    assert en.position(Position.model_validate(given)) == text


@given(given=cameras)
def test_movement_without_a_description_is_put_into_words(given: Camera) -> None:
    text = en.camera_sentence(given)
    assert bool(text) == bool(given.motion or given.stability in ("handheld", "shaky"))
    assert camera_words(text) == {"description": text}, "our own prose is not read back"


@pytest.mark.parametrize(("text", "motion"), TABLES["movements"])
def test_a_list_of_movements_is_read_and_a_sentence_kept(text: str, motion: list[str]) -> None:
    camera = Camera.model_validate(camera_words(text))
    assert (camera.motion, camera.description) == (motion, text)


@pytest.mark.parametrize("name", ["instancevid", "skycaptioner", "cosmos3", "miradata"])
@settings(max_examples=25)
@given(full=captions)
def test_an_answer_is_asked_for_in_the_form_that_is_written(name: str, full: Caption) -> None:
    model = answer_model(name)
    plain = through_json(full.model_copy(update={"video": None}).to(name))
    plain.pop("Video", None)  # no model is asked for a path
    assert set(plain) <= set(model.model_json_schema()["properties"])
    answer = model.model_validate_json(json.dumps(plain))
    assert bare(caption_from(answer.model_dump(), format=name)) == bare(caption_from(plain))


@pytest.mark.parametrize("name", ["instancecap", "instancevid", "skycaptioner"])
@settings(max_examples=25)
@given(full=captions)
def test_an_answer_to_learn_fits_its_schema(name: str, full: Caption) -> None:
    told = json.loads(answer_text(full, name))
    jsonschema.validate(told, answer_schema(answer_model(name)))
    assert not told.get("Video"), "a path is nothing that a model can see"


@settings(max_examples=25)
@given(full=captions)
def test_what_a_captioner_learns_is_read_back(full: Caption) -> None:
    read = caption_from(answer_model("instancecap").model_validate_json(
        answer_text(full, "instancecap")
    ).model_dump(), format="instancecap")  # fmt: skip
    for ours, theirs in zip(full.instances, read.instances, strict=True):
        kept = {"id", "track", "position", "subcategory", "expression_spans"}
        assert ours.model_dump(exclude=kept) == theirs.model_dump(exclude=kept)
        assert en.position(ours.position) == theirs.position.text
    assert (full.global_description, full.background) == (
        read.global_description, read.background
    )  # fmt: skip
    assert (full.place or "unknown", full.style or "unknown") == (read.place, read.style)
    assert full.camera.motion == read.camera.motion
    assert full.camera.shot_position == read.camera.shot_position


def test_words_left_open_are_empty_when_read() -> None:
    told = json.loads(
        answer_text(Caption(video=None, instances=[Instance(id=4, class_="x")]), "instancecap")
    )
    assert told["time_of_day"] == told["camera"]["shot_type"] == "unknown"
    read = caption_from(told)
    assert (read.time_of_day, read.camera.shot_type, read.instances[0].id) == ("", "", 0)
    assert read.warnings == []


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


def test_a_segment_of_nobody_is_told_in_one_line() -> None:
    value = json.loads(Caption(video=None, instances=[Instance(id=3, class_="dog")]).to_json())
    value["segments"] = [{"start": 0, "end": 1, "description": "It runs.", "instances": [1]}]
    with pytest.raises(FormatError, match=r"segments name instances \[1\], there are \[3\]"):
        caption_from(value)
