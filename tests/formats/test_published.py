"""Files as other data sets publish them: InstanceVid's position sentences, SpatialVID, MiraData."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import FormatError
from instancecap.formats import caption_from, detect, lost, to_format
from instancecap.formats.cell_sentences import parse
from instancecap.formats.instancevid import STRUCTURE
from instancecap.schema import vocabulary as v
from instancecap.schema.caption import Caption, Instance, Position

cells = st.sampled_from(get_args(v.Cell))
positions = st.builds(Position, start=cells, end=cells, leaves=st.booleans()) | st.builds(
    Position, end=cells, enters=st.just(True), leaves=st.booleans()
)
classes = st.sampled_from(["person", "traffic light", "dining table", "moves from a to b", "狗"])
instances = st.lists(st.tuples(classes, positions), max_size=3).map(
    lambda some: [
        Instance(id=n, class_=name, position=place) for n, (name, place) in enumerate(some)
    ]
)


def published(key: str = STRUCTURE[0], **position: str) -> dict[str, Any]:
    """A file as the data set has it, with one instance."""
    one = {"Class": "person", "Appearance": "A man.", "Actions and Motion": "He walks.",
           "Position": "person stays at bottom-left."} | position  # fmt: skip
    inner = {"Main Instance": {"No.0": one}, "Background Detail": "A street.",
             "Camera Movement": "The camera is static."}  # fmt: skip
    return {"Video": "a.mp4", "Global Description": "A man walks.", key: inner}


@pytest.mark.parametrize("format", ["instancevid", "instancevid-published"])
@given(instances)
def test_what_is_written_is_read_as_it_was(format: str, found: list[Instance]) -> None:
    caption = Caption(video=None, global_description="A man walks.", instances=found)
    plain = json.loads(json.dumps(to_format(caption, format)))
    problems: list[str] = []
    back = caption_from(plain, problems=problems)
    assert back.instances == found
    assert problems == []
    assert to_format(back, format) == plain


@given(classes, st.sampled_from([*get_args(v.Cell), "out of frame"]), cells, st.booleans())
def test_every_published_sentence_comes_back(name: str, start: str, end: str, leaves: bool) -> None:
    path = f"stays at {start}" if start == end else f"moves from {start} to {end}"
    sentence = f"{name} {path}{' and out of frame in the end' if leaves else ''}."
    plain = published(Class=name, Position=sentence)
    caption = caption_from(plain)
    (one,) = caption.instances
    assert one.position.text == ""
    assert one.position.enters == (start == "out of frame")
    assert (one.position.end, one.position.leaves) == (end, leaves)
    assert to_format(caption, "instancevid-published") == plain


@pytest.mark.parametrize("key", STRUCTURE[:2])
def test_both_spellings_of_the_structure(key: str) -> None:
    caption = caption_from(published(key))
    assert caption.instances[0].position == Position(start="bottom-left", end="bottom-left")
    assert caption.background == "A street."


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("dog stays at bottom-left.", "the position tells of 'dog', not of 'person'"),
        ("person moves from out of frame to None and out of frame in the end.", "in no frame"),
        ("person stays at None and out of frame in the end.", "in no frame"),
        ("person moves from top-left to top-left.", ""),
        ("person moves from bottom left to the top.", ""),
        ("On the left, beside a car.", ""),
    ],
)
def test_what_cannot_be_meant_stays_as_it_is(sentence: str, problem: str) -> None:
    problems: list[str] = []
    caption = caption_from(published(Position=sentence), problems=problems)
    assert caption.instances[0].position == Position(text=sentence)
    assert [problem in one and one.startswith("/instances/0/position: ") for one in problems] == [
        True
    ] * bool(problem)
    assert (
        to_format(caption, "instancevid")["Structural Description"]["Main Instance"]["No.0"][  # type: ignore[index]
            "Position"
        ]
        == sentence
    )


def test_a_text_is_written_in_place_of_cells_only_where_that_is_asked_for() -> None:
    place = Position(text="near the door", start="top-left", end="top-right", leaves=True)
    one = Instance(id=0, class_="dog", position=place)
    caption = Caption(video=None, instances=[one])

    def position(format: str) -> str:
        plain = to_format(caption, format)
        assert isinstance(plain, dict)
        return str(plain["Structural Description"]["Main Instance"]["No.0"]["Position"])

    assert position("instancevid") == "near the door"
    sentence = "dog moves from top-left to top-right and out of frame in the end."
    assert position("instancevid-published") == sentence
    place.enters = True
    assert position("instancevid-published").startswith("dog moves from out of frame to top-right")
    place.end = ""
    assert position("instancevid-published") == "near the door"


def test_a_sentence_is_taken_apart() -> None:
    said = parse("traffic light moves from out of frame to center-middle.")
    assert said == ("traffic light", "out of frame", "center-middle", False)
    assert parse("traffic light is at center-middle.") is None


SPATIALVID: dict[str, Any] = {
    "CamMotion": "The camera moves right.",
    "SceneDesc": "A quiet harbor with boats.",
    "OptCamMotion": "The camera moves left and tilts up.",
    "SceneSummary": "A walk along a harbor.",
    "MotionTrends": ["tilt up", "move left"],
    "SceneTags": ["harbor", "boats"],
    "ShotImmersion": "You walk along a quiet harbor.",
    "LLM": "a model",
    "CategoryTag": {
        "sceneType": {"first": "Waterfront", "second": "Harbor"},
        "lighting": "Bright",
        "timeOfDay": "Dusk/Evening",
        "weather": "Cloudy",
        "crowdDensity": "Unknown",
    },
}


def test_spatialvid() -> None:
    problems: list[str] = []
    caption = caption_from(SPATIALVID, problems=problems)
    assert detect(SPATIALVID) == caption.producer.name == "spatialvid"
    assert problems == []
    assert caption.global_description == "A walk along a harbor."
    assert caption.dense_description == "You walk along a quiet harbor."
    assert caption.background == "A quiet harbor with boats."
    assert caption.camera.description == "The camera moves left and tilts up."
    assert caption.camera.motion == ["tilt_up", "move_left"]
    assert (caption.lighting, caption.time_of_day, caption.place) == (
        "Bright, cloudy", "dawn_or_dusk", "outdoor",
    )  # fmt: skip
    assert caption.provenance["/background"].support == "unchecked"


def test_a_paragraph_that_a_format_cannot_hold_is_named() -> None:
    caption = caption_from(SPATIALVID)
    assert "/dense_description" in lost(caption, "instancevid")
    assert "/dense_description" in lost(caption, "skycaptioner")


def test_spatialvid_before_it_is_tagged_and_with_nothing_known() -> None:
    bare = {"SceneSummary": "unknown", "SceneDesc": "A road.", "CamMotion": "The camera turns."}
    caption = caption_from(bare)
    assert (caption.global_description, caption.background) == ("", "A road.")
    assert caption.camera.description == "The camera turns."
    assert (caption.lighting, caption.time_of_day, caption.place) == ("", "", "")
    urban = {**SPATIALVID, "CategoryTag": {"sceneType": {"first": "Urban"}}}
    assert caption_from(urban).place == ""


TEXTS = {"short_caption": "People look at cars.", "dense_caption": "A car show.",
         "main_object_caption": "Cars.", "background_caption": "A hall.",
         "camera_caption": "It moves.", "style_caption": "Dynamic."}  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        {"index": "8783_AJp-000114", "video_id": "AJp", "start_frame": "300", "end_frame": "600",
         "fps": "30", "start_timestep": "0:00:10", "end_timestep": "0:00:20", "": ""},
        {"clip_id": "8783_AJp-000114", "source": "youtube", "video_url": "x", "video_id": "AJp",
         "width": "1280", "height": "720", "fps": "30.0", "seconds": "10",
         "timestamp": "['0:00:10', '0:00:20']", "frame_number": "[300, 600]"},
    ],
)  # fmt: skip
def test_mirada_names_a_span_of_a_video(row: dict[str, str]) -> None:
    problems: list[str] = []
    caption = caption_from({**row, **TEXTS}, problems=problems)
    assert caption.video is not None
    assert (caption.video.id, caption.video.path) == ("8783_AJp-000114", "AJp")
    assert (caption.video.start, caption.video.end, caption.video.fps) == (10.0, 20.0, 30.0)
    assert caption.video.frames == 300
    assert [one for one in problems if "unknown field" in one] == []


def test_mirada_without_times() -> None:
    caption = caption_from({"video_id": "AJp", "fps": "", **TEXTS})
    assert caption.video is not None
    assert (caption.video.start, caption.video.end) == (0.0, 0.0)
    assert caption_from(TEXTS).video is None


def test_a_format_is_not_taken_for_another() -> None:
    assert caption_from(published(), format="instancevid-published").background == "A street."
    with pytest.raises(FormatError, match="this is instancevid, not skycaptioner"):
        caption_from(published(), format="skycaptioner")
