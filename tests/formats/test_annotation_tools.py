"""Captions as tasks of Label Studio and samples of FiftyOne, corrected there and read back."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import captions

from instancecap.errors import FormatError
from instancecap.formats import caption_from, detect, lost
from instancecap.formats.annotation import FrameClock
from instancecap.formats.labelstudio import labeling_config
from instancecap.schema.caption import Caption, Video

TOOLS = ("labelstudio", "fiftyone")

RALLY = Caption.read(Path(__file__).with_name("rally.json"))


def through_json(plain: Any) -> Any:
    return json.loads(json.dumps(plain, ensure_ascii=False))


def by_person(caption: Caption) -> set[str]:
    return {at for at, one in caption.provenance.items() if one.source == "human"}


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=40)
@given(caption=captions)
def test_a_caption_that_nobody_touched_comes_back_whole(name: str, caption: Caption) -> None:
    plain = through_json(caption.to(name))
    assert detect(plain) == name
    assert caption_from(plain) == caption
    assert lost(caption, name) == []


@given(
    fps=st.floats(1, 240), start=st.floats(0, 1000), frame=st.integers(1, 10**5), t=st.floats(0, 60)
)
def test_seconds_and_frames_agree(fps: float, start: float, frame: int, t: float) -> None:
    video = Video.named("a.mp4")
    video.fps, video.start = fps, start
    clock = FrameClock(video)
    begin = clock.frame(0)
    assert clock.frame(clock.time(begin + frame)) == begin + frame
    assert abs(clock.time(clock.frame(t)) - t) <= 0.5 / fps + 1e-9
    assert clock.stretch(t, t + 1, "").end >= clock.stretch(t, t + 1, "").start


def test_every_result_fits_a_control_of_the_configuration() -> None:
    config = ElementTree.fromstring(labeling_config({"car", "person", 'a "<b>'}))
    controls = {one.get("name"): one for one in config.iter() if one.get("toName") == "video"}
    (prediction,) = RALLY.to("labelstudio")["predictions"]
    for result in prediction["result"]:
        control = controls[result["from_name"]]
        assert control.tag.casefold() == result["type"]
        offered = {one.get("value") for one in control}
        words = result["value"].get("choices", result["value"].get("timelinelabels", []))
        assert set(words) <= offered
    classes = {one.get("value") for one in controls["class"]}
    assert {"car", "person", 'a "<b>', "vehicle"} <= classes


def test_boxes_are_percent_and_frames_count_from_one() -> None:
    (prediction,) = RALLY.to("labelstudio")["predictions"]
    car, people = (one for one in prediction["result"] if one["type"] == "videorectangle")
    first, *_, last = car["value"]["sequence"]
    assert (first["frame"], last["frame"], last["enabled"]) == (1, 11, True)
    assert [last[side] for side in ("x", "y", "width", "height")] == pytest.approx([40, 40, 20, 20])
    assert car["value"]["labels"] == ["car"]
    assert people["value"]["sequence"][0]["width"] == 100, "no track: the whole frame"
    stretches = [one["value"] for one in prediction["result"] if one["type"] == "timelinelabels"]
    assert [one["ranges"][0] for one in stretches] == [
        {"start": 1, "end": 50}, {"start": 51, "end": 100}, {"start": 1, "end": 50},
    ]  # fmt: skip


def annotated_task() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The task as an annotator's copy of the prediction, and its results."""
    task = through_json(RALLY.to("labelstudio"))
    results = deepcopy(task["predictions"][0]["result"])
    older = {"result": [], "updated_at": "2026-01-01T00:00:00Z"}
    cancelled = {"result": [], "was_cancelled": True, "updated_at": "2026-01-03T00:00:00Z"}
    newer = {"result": results, "updated_at": "2026-01-02T00:00:00Z", "completed_by": 1}
    task |= {"id": 17, "annotations": [older, newer, cancelled]}
    return task, results


def test_what_a_person_corrected_in_label_studio_is_theirs_and_the_rest_stays() -> None:
    task, results = annotated_task()
    untouched = caption_from(deepcopy(task))
    assert untouched.warnings == ["2 annotations; the latest is taken"]
    assert untouched.model_copy(update={"warnings": []}) == RALLY

    named = {(one["id"], one["from_name"]): one["value"] for one in results}
    box = named["instance-3", "box"]["sequence"][2]
    box.update(x=75.0, width=10.0)
    named["instance-3", "appearance"]["text"] = ["A rally car."]
    named["instance-3", "box"]["sequence"][-1]["enabled"] = False
    named["place", "place"]["choices"] = ["indoor"]
    named["shot-0", "timeline"]["ranges"] = [{"start": 1, "end": 60}]
    named["segment-0", "segment_description"]["text"] = ["The car arrives."]
    results[:] = [one for one in results if one["id"] != "instance-5"]
    sequence = [{"frame": 26, "enabled": True, "x": 0, "y": 0, "width": 50, "height": 50}]
    results += [
        {"id": "Zk3", "type": "videorectangle", "from_name": "box", "to_name": "video",
         "value": {"framesCount": 100, "sequence": sequence, "labels": ["dog"]}},
        {"id": "Zk3", "type": "textarea", "from_name": "name", "to_name": "video",
         "value": {"text": ["the dog"]}},
        {"id": "Zk4", "type": "timelinelabels", "from_name": "timeline", "to_name": "video",
         "value": {"ranges": [{"start": 51, "end": 100}], "timelinelabels": ["segment"]}},
        {"id": "q", "type": "rating", "from_name": "stars", "value": {"rating": 4}},
    ]  # fmt: skip
    caption = caption_from(task)

    car, dog = caption.instances
    assert (car.id, car.appearance, car.action) == (3, "A rally car.", "It drives.")
    assert car.track[:2] == RALLY.instances[0].track[:2]
    assert car.track[2].box == pytest.approx((0.75, 0.4, 0.85, 0.6))
    assert (car.position.start, car.position.end, car.position.leaves) == (
        "center-left", "center-right", True,
    )  # fmt: skip
    assert (dog.id, dog.class_, dog.name, dog.track[0].t) == (6, "dog", "the dog", 1.0)
    assert caption.place == "indoor"
    assert [(one.start, one.end) for one in caption.shots] == [(0, 2.4), (2, 4)]
    assert [one.description for one in caption.segments] == ["The car arrives.", ""]
    assert caption.segments[0].instances == [3], "who is gone acts in nothing"
    assert by_person(caption) == {
        "/place", "/shots/0/end", "/segments/0/description", "/segments/1/description",
        "/segments/1/start", "/segments/1/end", "/instances/3/appearance", "/instances/3/track",
        "/instances/3/position/end", "/instances/3/position/leaves", "/instances/6/class",
        "/instances/6/name", "/instances/6/track", "/instances/6/position/start",
        "/instances/6/position/end", "/instances/6/position/leaves",
    }  # fmt: skip
    assert caption.provenance["/instances/3/class"] == RALLY.provenance["/instances/3/class"]
    assert "/instances/5/class" not in caption.provenance
    assert "result of Label Studio left out: stars (rating)" in caption.warnings


def test_a_corrected_caption_goes_out_as_an_annotation() -> None:
    task, results = annotated_task()
    next(one for one in results if one["id"] == "place")["value"]["choices"] = ["indoor"]
    again = caption_from(task).to("labelstudio")
    assert "predictions" not in again
    assert by_person(caption_from(again)) == {"/place"}


def test_a_shot_that_was_put_between_two_others_takes_no_facts_of_theirs() -> None:
    task, results = annotated_task()
    results.append(
        {"id": "new", "type": "timelinelabels", "from_name": "timeline", "to_name": "video",
         "value": {"ranges": [{"start": 21, "end": 50}], "timelinelabels": ["fade"]}}
    )  # fmt: skip
    caption = caption_from(task)
    assert [one.motion for one in caption.shots] == [["pan_left"], [], ["static"]]
    assert caption.provenance["/shots/2/motion"].source == "camera"
    assert [one.field for one in caption.claims] == ["/instances/3/action", "/shots/2/motion"]
    assert "/shots/1/start" in by_person(caption)


def test_a_project_of_somebody_else_is_read_too() -> None:
    track = {"framesCount": 50, "duration": 2.0, "labels": ["Man"], "sequence": [
        {"frame": 1, "enabled": True, "x": 10, "y": 10, "width": 20, "height": 30, "rotation": 0},
        {"frame": 26, "enabled": False, "x": 60, "y": 10, "width": 20, "height": 30}]}  # fmt: skip
    region = {"id": "a1", "from_name": "b", "to_name": "v", "type": "videorectangle"}
    task = {
        "id": 4,
        "data": {"video_url": "/data/local-files/?d=clips%2Fman.mp4"},
        "annotations": [{"result": [{**region, "value": track}, "nonsense", {"type": 3}]}],
    }
    caption = caption_from(through_json(task))
    (man,) = caption.instances
    assert caption.video is not None
    assert (caption.video.path, caption.video.fps, caption.video.frames) == (
        "clips/man.mp4", 25.0, 50,
    )  # fmt: skip
    assert (man.class_, [point.t for point in man.track]) == ("Man", [0.0, 1.0])
    assert (man.position.start, man.position.end, man.position.leaves) == (
        "top-left", "top-right", True,
    )  # fmt: skip
    assert {one.source for one in caption.provenance.values()} == {"human"}
    guess = {"predictions": [{**task["annotations"][0], "model_version": "m1"}]}  # type: ignore[index]
    guessed = caption_from({"data": task["data"], **guess})
    assert {one.source for one in guessed.provenance.values()} == {"m1"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"data": {"video": "a.mp4"}, "annotations": []}, "no annotation and no prediction"),
        ({"media_type": "video", "samples": [{"filepath": "a.mp4", "frames": {}}]}, "no label"),
        ({"filepath": "a.mp4", "frames": {}, "caption_json": "{"}, "caption_json is not valid"),
    ],
)
def test_what_is_not_annotated_is_refused(value: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        caption_from(value)


def test_fiftyone_gets_declared_fields_and_a_box_at_every_frame() -> None:
    dataset = RALLY.to("fiftyone")
    assert isinstance(dataset, dict)
    (sample,) = dataset["samples"]
    own = {"filepath", "tags", "metadata", "frames"}
    assert set(sample) - own <= set(dataset["sample_fields"])
    assert [one["support"] for one in sample["shots"]["detections"]] == [[1, 50], [51, 100]]
    boxes = {frame: one["detections"]["detections"] for frame, one in sample["frames"].items()}
    assert list(boxes) == [str(frame) for frame in range(1, 12)]
    assert boxes["1"][0]["confidence"] == 0.74
    assert boxes["2"][0]["interpolated"] is True
    assert boxes["11"][0]["bounding_box"] == pytest.approx([0.4, 0.4, 0.2, 0.2])


def test_what_a_person_corrected_in_fiftyone_is_theirs_and_the_rest_stays() -> None:
    dataset: Any = through_json(RALLY.to("fiftyone"))
    sample = dataset["samples"][0]
    sample["frames"]["3"]["detections"]["detections"][0]["bounding_box"] = [0.5, 0.5, 0.1, 0.1]
    sample["instances"]["detections"][0]["action"] = "Races."
    del sample["instances"]["detections"][1]
    sample["camera_motion"] = ["static"]
    sample["lighting"] = "Bright sun."
    sample["segments"]["detections"].append(
        {"_cls": "TemporalDetection", "label": "segment", "support": [51, 75], "description": "Go."}
    )
    caption = caption_from(dataset)
    (car,) = caption.instances
    assert [point.t for point in car.track] == [0.0, pytest.approx(0.08), 0.2, 0.4]
    assert car.action == "Races."
    assert (caption.camera.motion, caption.lighting) == (["static"], "Bright sun.")
    assert (caption.segments[1].start, caption.segments[1].end) == (2.0, 3.0)
    assert by_person(caption) == {
        "/instances/3/action", "/instances/3/track", "/camera/motion", "/lighting",
        "/segments/1/start", "/segments/1/end", "/segments/1/description",
    }  # fmt: skip
    assert [one.field for one in caption.claims] == ["/shots/1/motion"]


def test_a_foreign_sample_of_fiftyone_is_read_and_thinned() -> None:
    frames = {
        str(frame): {"detections": {"_cls": "Detections", "detections": [
            {"_cls": "Detection", "label": "cat", "bounding_box": [frame / 200, 0.2, 0.1, 0.1],
             "index": 1},
            {"_cls": "Detection", "label": "dog", "bounding_box": [0, 0, 1, 1]}]}}
        for frame in range(1, 101)
    }  # fmt: skip
    metadata = {"_cls": "VideoMetadata", "frame_rate": 10.0, "duration": 10.0}
    caption = caption_from({"filepath": "/d/cat.mp4", "metadata": metadata, "frames": frames})
    (cat,) = caption.instances
    assert (cat.class_, len(cat.track)) == ("cat", 16)
    assert (cat.track[0].t, cat.track[-1].t) == (0.0, pytest.approx(9.9))
    assert caption.warnings == ["detections without an index are left out"]
    assert {one.source for one in caption.provenance.values()} == {"fiftyone"}


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of everything within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*place, key))
        found += places(one, (*place, key)) if isinstance(one, dict | list) else []
    return found


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=200)
@given(data=st.data())
def test_no_misshapen_document_does_more_than_fail(name: str, data: st.DataObject) -> None:
    document = through_json(RALLY.to(name))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(document)))
        owner = document
        for step in way:
            owner = owner[step]
        junk = [None, True, -7, 1e300, float("inf"), float("nan"), "", "x", [], {}, [[]], {"a": 1}]
        owner[last] = data.draw(st.sampled_from(junk))
    try:
        caption = caption_from(document, format=name)
    except FormatError as error:
        assert "\n" not in str(error)
    else:
        assert Caption.from_json(caption.to_json()) == caption
