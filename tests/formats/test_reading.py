"""What other systems really write, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import instancecap as ic
from instancecap.errors import FormatError
from instancecap.formats import caption_from

EXAMPLES = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
WOMAN = EXAMPLES["skycaptioner"]
TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))


def test_skycaptioner_as_the_model_writes_it() -> None:
    caption = caption_from(WOMAN)
    woman, mountain = caption.instances
    assert (woman.class_, woman.category, woman.subcategory) == ("woman", "human", "Woman")
    assert (woman.expression, woman.is_main) == ("", True)
    assert (mountain.category, mountain.action, mountain.is_main) == ("scenery", "", False)
    camera = caption.camera
    assert (camera.shot_type, camera.shot_angle) == ("medium_shot", "eye_level")
    assert (camera.shot_position, camera.description) == (
        "front_view",
        "the camera pans right slowly",
    )
    assert caption.warnings == ["unknown field left out: /mood"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: f"Sure!\n```json\n{text}\n```\nAnything else?", id="fences"),
        pytest.param(lambda text: str(json.loads(text)), id="a Python literal"),
        pytest.param(lambda text: text.replace("}, {", "},\n, {"), id="a comma too many"),
        pytest.param(
            lambda text: text.replace('"', "“", 1).replace('"', "”", 1), id="smart quotes"
        ),
        pytest.param(lambda text: text[:-1], id="a missing end"),
        pytest.param(lambda text: json.dumps(text), id="JSON in JSON"),
        pytest.param(lambda text: f"[{text}]", id="a list of one"),
    ],
)
def test_skycaptioner_spoilt(spoil: Any) -> None:
    caption = caption_from(spoil(json.dumps(WOMAN)))
    whole = caption_from(WOMAN)
    assert caption.instances == whole.instances
    assert caption.background == whole.background


def test_an_unterminated_caption_keeps_its_whole_sentences() -> None:
    text = json.dumps(WOMAN)
    cut = text[: text.index("and speaks")]
    caption = caption_from(cut)
    assert [one.class_ for one in caption.instances] == ["woman"]
    assert caption.instances[0].appearance == "Long hair, a dark top."
    assert caption.instances[0].action == ""
    assert any("cut off" in warning for warning in caption.warnings)


def test_instancevid_with_fields_missing_null_and_flat() -> None:
    caption = caption_from(
        {
            "Main Instance": {
                "No.0": {"Class": "car", "Appearance": None},
                "No.1": "a stray text",
                "No.2": {"Class": "dog", "Actions and Motion": ["Runs", "jumps"]},
            }
        }
    )
    assert [one.class_ for one in caption.instances] == ["car", "", "dog"]
    assert caption.instances[1].appearance == "a stray text"
    assert caption.instances[2].action == "Runs, jumps"
    place = "/Structural Description/Main Instance/No.1"
    assert caption.warnings == [f"{place}: an object was expected, its text was kept"]


def test_cosmos_as_an_upsampler_writes_it() -> None:
    caption = caption_from(EXAMPLES["cosmos3"])
    woman = caption.instances[0]
    assert (woman.class_, woman.count) == ("woman", 1)
    assert woman.appearance == (
        "A young woman with red hair walking a small dog. Freckles. A green coat."
    )
    assert woman.action == "Walks towards the camera. Upright."
    assert caption.lighting == "Soft daylight. From the left."
    assert (caption.place, caption.background) == ("outdoor", "A park. a lazy Sunday.")
    assert (caption.camera.shot_type, caption.camera.shot_angle) == ("long_shot", "low_angle")
    assert [(one.start, one.end) for one in caption.segments] == [(0.0, 2.5)]
    assert (caption.texts[0].text, caption.texts[0].t) == ("OPEN", 1.0)
    assert [(one.start, one.end, one.transition) for one in caption.shots] == [
        (0.0, 3.0, "start"),
        (3.0, 5.0, "fade"),
    ]
    assert caption.video is not None and caption.video.duration == 5.0
    assert caption.warnings == ["unknown field left out: /aesthetics/color_scheme"]


def test_a_row_of_miradata_without_a_word_is_no_caption() -> None:
    row = {"video_id": "abc", "short_caption": "", "dense_caption": "", "camera_caption": ""}
    with pytest.raises(FormatError, match="none of its six texts has a word"):
        caption_from(row, format="miradata")


def test_miradata_without_a_short_caption() -> None:
    caption = caption_from({"dense_caption": "A long walk.", "main_object_caption": "A man."})
    assert caption.global_description == "A long walk."
    assert [(one.class_, one.appearance) for one in caption.instances] == [("subject", "A man.")]


@pytest.mark.parametrize(("value", "format", "reason"), TABLES["no captions"])
def test_what_is_no_caption_is_refused(value: Any, format: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        caption_from(value, format=format)


def test_a_lone_surrogate_is_replaced() -> None:
    caption = caption_from(json.loads('{"shot_position": "", "environment": "a \\ud800 b"}'))
    assert caption.background == "a � b"
    caption.to_json().encode()


def test_any_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    path.write_text("\ufeff" + json.dumps(WOMAN), encoding="utf-8")
    caption = ic.Caption.read(path)
    assert caption.background == "Inside a car."
    plain = caption.to("instancevid")
    assert isinstance(plain, dict)
    assert plain["Structural Description"]["Background Detail"] == "Inside a car."
    path.write_text('{"foo": 1}')
    with pytest.raises(FormatError, match=r"any\.json: no caption in it; its fields: foo"):
        ic.Caption.read(path)
    path.write_bytes(b"\xff")
    with pytest.raises(FormatError, match=r"any\.json: not a valid caption: not UTF-8"):
        ic.Caption.read(path)
    with pytest.raises(FormatError, match=r"none\.json: cannot be read: No such file"):
        ic.Caption.read(tmp_path / "none.json")
    with pytest.raises(FormatError, match="cannot be read: Is a directory"):
        ic.Caption.read(tmp_path)
    ic.Caption(video=None, background="雪 und Möwe").write(tmp_path / "new" / "c.json")
    assert "雪 und Möwe" in (tmp_path / "new" / "c.json").read_text(encoding="utf-8")


def test_words_of_our_own_format_may_be_spelled_otherwise() -> None:
    document = ic.Caption(video=None, background="A yard.").model_dump(mode="json")
    document["camera"] |= {"shot_type": "Close-up", "motion": ["pan left"]}
    problems: list[str] = []
    caption = caption_from(document, problems=problems)
    assert (caption.camera.shot_type, caption.camera.motion) == ("close_up", ["pan_left"])
    assert problems == [
        "/camera/motion/0: 'pan left' is read as pan_left",
        "/camera/shot_type: 'Close-up' is read as close_up",
    ]
    document["camera"]["shot_type"] = "portrait"
    with pytest.raises(FormatError, match="/camera/shot_type"):
        caption_from(document)
