"""The question chain as a whole: what is asked, what becomes of the answers, what it costs."""

from __future__ import annotations

import asyncio
import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, predict, prepare, write
from instancecap.captioners.measured.describe import describe
from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.base import Backend, Image, Request
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence, LightFacts, PlaceFacts
from instancecap.video import Clip
from tests.captioners.chain.answering import (
    CAR,
    DOG,
    PERSON,
    Fake,
    Trusting,
    answer_with,
    ask_about,
    boxes,
    by_schema,
    keys_of,
    listing,
    text_of,
)
from tests.made import camera, evidence, evidences, thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

THREE = listing(DOG, PERSON, CAR)


def three() -> Evidence:
    """Three things that are seen throughout, so that each gets as many pictures as the clip."""
    return evidence(
        thing("dog", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), moving=True, direction="right",
              speed=0.2, colors=[("brown", 0.6)]),
        thing("person", (0.5, 0.2, 0.7, 0.9), id=1),
        thing("car", (0.0, 0.5, 0.2, 0.7), id=2),
    )  # fmt: skip


# What it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "calls", "images"),
    [
        ({"detail": "never"}, 1, 16),
        ({"detail": "auto"}, 1, 16),
        ({"detail": "each"}, 4, 16 + 3 * 4),
        ({"mode": "paper"}, 1 + 16, 8 * (1 + 16)),
        ({"mode": "paper", "agree": "off"}, 16, 8 * 16),
        ({"mode": "single"}, 1, 16),
    ],
)
def test_calls_and_images_of_each_mode(options: Any, calls: int, images: int) -> None:
    backend = Fake(THREE)
    usage = ask_about(three(), backend, **options).usage
    assert (usage.calls, usage.images) == (len(backend.requests), backend.images)
    assert (usage.calls, usage.images) == (calls, images)


@given(evidences(), st.integers(1, 9), st.sampled_from([1.0, 3.0, 8.0]), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_cost_is_known_before(facts: Evidence, frames: int, window: float, off: bool) -> None:
    told: dict[str, Any] = {"frames": frames, "window": window, "language": "fr"}
    told |= {"mode": "paper", "agree": "off"} if off else {"detail": "never"}
    used = ask_about(facts, Fake(THREE), **told).usage
    expected = predict(facts, options=ChainOptions(**told))
    assert (used.calls, used.images) == (expected.calls, expected.images)
    assert expected.prompt_tokens >= 100 * expected.calls
    assert (expected.completion_tokens > 0) == (expected.calls > 0)


# Agreed instances ---------------------------------------------------------------------------------

BALLS = {
    "the red ball": (220, 20, 20),
    "the green ball": (20, 200, 40),
    "the blue ball": (20, 40, 230),
}


def balls(frame: int) -> dict[str, tuple[float, float, float, float]]:
    left = 0.05 + 0.02 * frame
    return {
        "the red ball": (left, 0.1, left + 0.15, 0.35),
        "the green ball": (0.4, 0.4, 0.55, 0.65),
        "the blue ball": (0.8 - 0.02 * frame, 0.7, 0.95 - 0.02 * frame, 0.95),
    }


def three_balls(count: int = 24, size: tuple[int, int] = (180, 320)) -> Clip:
    height, width = size
    ground = np.random.default_rng(0).integers(100, 150, (*size, 3), np.uint8)
    frames = []
    for index in range(count):
        frame = ground.copy()
        for name, (x0, y0, x1, y1) in balls(index).items():
            center = round((x0 + x1) / 2 * width), round((y0 + y1) / 2 * height)
            cv2.circle(frame, center, round((y1 - y0) / 2 * height), BALLS[name], cv2.FILLED)
        frames.append(frame)
    return Clip.from_frames(np.stack(frames), 12)


@pytest.mark.usefixtures("without_weights")
def test_what_the_detector_does_not_find_is_tracked_from_the_models_boxes() -> None:
    clip, facts = three_balls(), evidence()
    facts.video = facts.video.model_copy(update={"duration": 2.0, "width": 320, "height": 180})
    facts.shots[0].end = 2.0
    facts.camera.path = [one for one in camera("static").path if one.t < 2.0]
    options = ChainOptions(detail="never")
    prepared = prepare(clip, facts, options=options)
    times = [image.t or 0.0 for image in prepared.frames or prepared.images]  # type: ignore[union-attr]
    listed = []
    for name in BALLS:
        shown = [(n, balls(round(12 * times[n - 1]))[name]) for n in (3, len(times) - 2)]
        listed.append({"name": name, "class": "ball", "boxes": boxes(*shown)})
    backend = Fake(listing(*listed))
    caption = asyncio.run(write(prepared, backend, options=options, enforce=Trusting())).caption
    assert len(backend.requests) == 1
    assert [one.name for one in caption.instances] == list(BALLS)
    for one in caption.instances:
        assert caption.provenance[f"/instances/{one.id}"].source == "model"
        assert len(one.track) >= 10
        for point in one.track:
            true = balls(round(12 * point.t))[one.name]
            middle = [(a + b) / 2 for a, b in ((true[0], true[2]), (true[1], true[3]))]
            found = [(point.box[0] + point.box[2]) / 2, (point.box[1] + point.box[3]) / 2]
            assert np.abs(np.subtract(middle, found)).max() < 0.06, (one.name, point)
    assert caption.instances[0].position.start == "top-left"


def test_measured_tracks_get_the_models_names_and_what_nobody_names_goes() -> None:
    caption = ask_about(three(), Fake(listing(CAR, DOG))).caption
    assert [(one.id, one.name, one.class_) for one in caption.instances] == [
        (0, "the brown dog", "dog"), (2, "the car", "car"),
    ]  # fmt: skip
    assert caption.provenance["/instances/0"].source == "both"
    assert caption.provenance["/instances/0/name"].source == "replied-1"
    assert caption.instances[0].track, "as it was measured"
    assert caption.instances[0].is_main and not caption.instances[1].is_main


def test_the_models_word_stands_where_the_detectors_kind_does_not_go_with_it() -> None:
    place = {"pictures": [1], "boxes": boxes((1, (0.1, 0.4, 0.3, 0.6)))}
    fox = {"name": "the pine cone", "class": "pine cone", "category": "plant", **place}
    caption = ask_about(evidence(thing("dog", (0.1, 0.4, 0.3, 0.6))), Fake(listing(fox))).caption
    (one,) = caption.instances
    assert (one.class_, one.category, one.subcategory) == ("pine cone", "plant", "pine cone")
    puppy = {"name": "the puppy", "class": "puppy", "category": "animal"}
    caption = ask_about(evidence(thing("dog")), Fake(listing(puppy))).caption
    assert (caption.instances[0].class_, caption.instances[0].subcategory) == ("dog", "puppy")


def test_a_model_that_sees_no_instance_has_none_and_one_that_fails_leaves_the_measured() -> None:
    assert ask_about(three(), Fake(listing())).caption.instances == []
    lost = ask_about(three(), Fake(lambda _: ModelError("timed out")))
    assert [one.id for one in lost.caption.instances] == [0, 1, 2]
    assert lost.missing and lost.reasons and "timed out" in lost.reasons[0]


def test_facts_are_keys_not_prose() -> None:
    place = boxes((1, (0.1, 0.4, 0.3, 0.6)))
    told = DOG | {"boxes": place, "enters": True, "count": 3, "colors": ["brown", "no color"],
                  "position": "At the left."}  # fmt: skip
    caption = ask_about(three(), Fake(listing(told, camera_motion=["static", "pan_left"]))).caption
    dog = caption.instances[0]
    assert (dog.count, dog.colors, dog.position.enters) == (3, ["brown"], True)
    assert dog.position.text == "At the left." and dog.position.end == "center-right"
    assert caption.camera.motion == ["pan_left"] == caption.shots[0].motion


def test_writing_in_the_picture() -> None:
    read = [{"picture": 2, "box": [100, 800, 400, 900], "text": "LIVE"},
            {"picture": 99, "box": [0, 0, 1, 1], "text": "nowhere"}]  # fmt: skip
    (text,) = ask_about(three(), Fake(listing(texts=read))).caption.texts
    assert (text.text, text.box) == ("LIVE", (0.1, 0.8, 0.4, 0.9))


# One by one ---------------------------------------------------------------------------------------


def test_an_instance_of_its_own_refines_looks_and_never_motion() -> None:
    def answer(request: Request) -> str:
        own = {"appearance": "Its collar is red.", "target_ok": "single", "action": "It sits."}
        return answer_with(request, own) if "target_ok" in keys_of(request) else THREE(request)  # type: ignore[return-value]

    backend = Fake(answer)
    caption = ask_about(three(), backend, detail="each").caption
    dog = caption.instances[0]
    assert (dog.appearance, dog.action) == ("Its collar is red.", "Said of action.")
    asked = backend.requests[1]
    assert keys_of(asked)[0] == "target_ok"
    assert "the brown dog" in text_of(asked) and "- the car" in text_of(asked)


@pytest.mark.parametrize("ok", ["mixed", "part", "not_a_thing", "several"])
def test_a_target_that_is_none_changes_nothing(ok: str) -> None:
    def answer(request: Request) -> str:
        own = {"appearance": "Something else.", "target_ok": ok}
        return answer_with(request, own) if "target_ok" in keys_of(request) else THREE(request)  # type: ignore[return-value]

    caption = ask_about(three(), Fake(answer), detail="each").caption
    assert caption.instances[0].appearance == "Said of appearance."


def test_auto_asks_only_where_the_whole_view_shows_little() -> None:
    tiny = evidence(thing("dog", (0.1, 0.4, 0.15, 0.45)), thing("person", id=1))
    backend = Fake(listing(DOG, PERSON))
    ask_about(tiny, backend)
    assert len(backend.requests) == 2 and "the brown dog" in text_of(backend.requests[1])
    silent = Fake(listing(DOG, PERSON | {"appearance": ""}))
    ask_about(three(), silent)
    assert len(silent.requests) == 2 and "alone: the person" in text_of(silent.requests[1])


# Other models' formats ----------------------------------------------------------------------------

SKY = {
    "subjects": [
        {"TYPES": {"type": "Animal", "sub_type": "Dog"}, "appearance": "Brown.",
         "action": "Runs.", "expression": "", "position": "", "is_main_subject": True},
        {"TYPES": {"type": "Food", "sub_type": "Bone"}, "appearance": "White.", "action": "",
         "expression": "", "position": "", "is_main_subject": False},
    ],
    "environment": "A park.", "lighting": "Soft.", "camera_motion": "It pans.",
    "shot_type": "Full Shot", "shot_angle": "eye level", "shot_position": "Front view",
}  # fmt: skip
VID = {
    "Global Description": "A dog runs.",
    "Structural Description": {
        "Main Instance": {"No.0": {"Class": "dog", "Appearance": "Brown.",
                                   "Actions and Motion": "Runs.", "Position": ""}},
        "Background Detail": "A park.", "Camera Movement": "It pans.",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told", "found"),
    [("skycaptioner", SKY, {"dog": "both", "bone": "model"}),
     ("instancecap-captioner", VID, {"dog": "both"})],
)  # fmt: skip
def test_trained_captioners_are_agreed_with_afterwards(
    name: str, told: Any, found: dict[str, str]
) -> None:
    backend = Fake(lambda _: json.dumps(told))
    caption = ask_about(three(), backend, mode="single", single_format=name).caption
    assert caption.producer.mode == f"single:{name}"
    assert (caption.background, caption.camera.description) == ("A park.", "It pans.")
    assert {
        one.class_: caption.provenance[f"/instances/{one.id}"].source for one in caption.instances
    } == found
    dog = caption.instances[0]
    assert (dog.name, dog.appearance, dog.action) == ("the dog", "Brown.", "Runs.")
    (request,) = backend.requests
    assert len(request.messages) == 1, "no system prompt"
    assert not any(isinstance(p, Image) and p.t is not None for p in request.messages[0].parts)


def test_prose_of_instancecap_captioner_is_taken_whole() -> None:
    told = {"mode": "single", "single_format": "instancecap-captioner"}
    caption = ask_about(three(), Fake(lambda _: "A dog runs in a park."), **told).caption
    assert caption.global_description == "A dog runs in a park."


def test_the_paper_in_turns() -> None:
    backend = Fake(listing(DOG, text="Told."))
    caption = ask_about(three(), backend, mode="paper").caption
    assert [one.name for one in caption.instances] == ["the brown dog"]
    assert (caption.instances[0].appearance, caption.background) == ("Told.", "Told.")
    assert backend.requests[0].schema is not None and "text" not in keys_of(backend.requests[0])
    last = backend.requests[-1]
    assert [one.role for one in last.messages] == ["system", "user", "assistant", "user"]
    measured = ask_about(three(), Fake(), mode="paper", agree="off").caption
    assert [one.class_ for one in measured.instances] == ["dog", "person", "car"]
    assert measured.provenance["/instances/1"].source == "detector"


# Real clips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two_cars", "woman_dog", "store_3people"])
def test_everyday_clips(name: str, clips_dir: Path, measured: Any) -> None:
    path = f"everyday/{name}.mp4"
    facts, clip = measured(path), Clip.open(clips_dir / path)
    options = ChainOptions(image_side=256, frames=4, language="fr", detail="each")
    prepared = pickle.loads(pickle.dumps(prepare(clip, facts, options=options)))
    items = facts.instances[:2]
    listed = []
    for number, item in enumerate(items):
        shown = [
            n
            for n, one in enumerate(prepared.images, 1)
            if item.track[0].t <= one.t <= item.track[-1].t
        ]  # type: ignore[union-attr]
        from instancecap.evidence.tracking.instances import box_at

        box = box_at(item, prepared.images[shown[0] - 1].t or 0.0)  # type: ignore[union-attr]
        assert box is not None
        place = boxes((shown[0], tuple(box.tolist())))  # type: ignore[arg-type]
        listed.append({"name": f"the one {number}", "class": item.class_, "boxes": place,
                       "pictures": shown})  # fmt: skip
    backend = Fake(listing(*listed))
    written = asyncio.run(write(prepared, backend, options=options, enforce=Trusting()))
    caption = written.caption
    Caption.from_json(caption.to_json())
    assert {one.id for one in caption.instances} == {item.id for item in items}
    assert caption.provenance.keys() >= caption.leaves().keys()
    assert len(backend.requests) == 1 + len(items)
    for request in backend.requests:
        images = [part for part in request.messages[1].parts if isinstance(part, Image)]
        for part in images:
            picture = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None and max(picture.shape[:2]) <= 256
        times = [part.t or 0.0 for part in images]
        assert all(0 <= t <= facts.video.duration for t in times)
    last = [part.t for part in backend.requests[0].messages[1].parts if isinstance(part, Image)][-1]
    assert last is not None and last > facts.video.duration - 0.3, "the end is the easiest to lose"


def test_an_array_and_a_still_picture_can_be_asked_about() -> None:
    clip = Clip.from_frames(np.zeros((1, 48, 64, 3), np.uint8), 8)
    backend, options = Fake(), ChainOptions()
    prepared = prepare(clip, ic.measure(clip), options=options)
    written = asyncio.run(write(prepared, backend, options=options, enforce=Trusting()))
    assert backend.images == 1
    assert "a single picture" in text_of(backend.requests[0])
    assert written.caption.background == "Said of background."


# Whatever is answered -----------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
LIES = (
    "Five blue cats leave the frame at the top at night.",
    "The camera zooms out quickly while the car drives to the left indoors.",
    "Line one.\nLine two.\r\n\u2028\x00\x1b[31m",
    "many words in a long row of words that goes on, " * 300,
    "\ud800 half a letter",
    "   ",
    "-- . --",
)


@given(facts=evidences(), mode=st.sampled_from(["fused", "paper", "single"]), data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_answered_the_caption_is_valid(
    facts: Evidence, mode: Any, data: st.DataObject
) -> None:
    told = {
        "mode": mode,
        "single_format": data.draw(st.sampled_from(["skycaptioner", "instancecap-captioner"])),
        "on_contradiction": data.draw(st.sampled_from(["mark", "remove", "keep"])),
        "detail": data.draw(st.sampled_from(["auto", "each"])),
        "attempts": 2,
        "frames": 2,
    }
    lies = st.sampled_from(LIES)

    def answer(request: Request) -> str | ModelError:
        kind = data.draw(st.integers(0, 5))
        if kind == 0:
            return ModelError("timed out")
        if kind == 1:
            return data.draw(st.text(max_size=60))
        if kind == 2:
            return json.dumps(data.draw(json_values))
        if kind == 3:
            return json.dumps({key: data.draw(json_values) for key in keys_of(request)})
        keys = ("name", "class", "appearance", "action", "text", "segment", "global_description")
        listed = [DOG, {"name": data.draw(lies), "boxes": boxes((1, (0.1, 0.1, 0.4, 0.9)))}, {}]
        whole = answer_with(request, {key: data.draw(lies) for key in keys} | {"instances": listed})
        return whole if kind == 4 else whole[: len(whole) // 2]

    written = ask_about(facts, Fake(answer), **told)
    text = written.caption.to_json()
    text.encode()
    assert Caption.from_json(text) == written.caption
    assert len(written.caption.instances) <= 8
    leaves = written.caption.leaves()
    assert written.caption.provenance.keys() >= leaves.keys()
    for pointer, value in leaves.items():
        if isinstance(value, str):
            assert "\n" not in value
            assert len(value) < 2000, pointer


def test_of_half_an_answer_the_half_is_taken() -> None:
    def answer(request: Request) -> str:
        whole = json.loads(THREE(request))  # type: ignore[arg-type]
        whole.pop("lighting", None)
        return json.dumps(whole)

    written = ask_about(three(), Fake(answer))
    caption, proven = written.caption, describe(three())
    assert caption.background == "Said of background."
    assert caption.lighting == proven.lighting != ""
    assert caption.provenance["/lighting"].source == "light"
    assert any("lighting kept as measured" in one for one in caption.warnings)
    assert written.missing == ("/lighting",)


def test_a_server_that_cannot_be_asked_ends_it() -> None:
    class Gone(Backend):
        model = "gone"

        async def complete(self, requests: Any) -> Any:
            raise ServerError("nobody there")

    with pytest.raises(ServerError, match="nobody there"):
        ask_about(three(), Gone())


def test_a_long_text_ends_with_a_whole_sentence() -> None:
    long = " ".join(f"Spot {number} of its coat is brown." for number in range(200))
    caption = ask_about(three(), Fake(listing(DOG, appearance=long))).caption
    assert len(caption.instances[0].appearance) <= 1500
    assert caption.instances[0].appearance.endswith(" is brown.")


# Who says what ------------------------------------------------------------------------------------


def test_who_wrote_what() -> None:
    caption = ask_about(three(), Fake(THREE)).caption
    assert caption.producer.captioner == "mllm"
    assert caption.producer.mode == "fused"
    assert caption.producer.models["mllm"] == "replied-1"
    assert len(caption.producer.prompts) == 12
    assert caption.provenance["/instances/0/expression"].source == "replied-1"
    assert caption.provenance["/instances/0/expression"].support == "unchecked"
    assert caption.provenance["/instances/0/position/start"].support in ("measured", "supported")


def test_words_that_were_measured_surely_are_not_asked() -> None:
    known = three()
    known.place = PlaceFacts(label="outdoor", confidence=0.95)
    known.light = LightFacts(brightness=0.5, time_of_day="day", confidence=0.6)
    backend = Fake(THREE)
    caption = ask_about(known, backend).caption
    assert not {"place", "time_of_day"} & set(keys_of(backend.requests[0]))
    assert (caption.place, caption.time_of_day) == ("outdoor", "day")
    backend = Fake(THREE)
    caption = ask_about(three(), backend).caption
    assert {"place", "time_of_day", "style"} <= set(keys_of(backend.requests[0]))
    assert (caption.place, caption.style) == ("indoor", "real")
    assert caption.provenance["/place"].source == "replied-1"


def test_a_replay_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "exchanges.jsonl"
    recording = RecordingBackend(Fake(THREE), path)
    first = ask_about(three(), recording)
    asyncio.run(recording.close())
    again = [ask_about(three(), ReplayBackend(path)) for _ in range(2)]
    assert {one.caption.to_json() for one in again} == {first.caption.to_json()}
    assert again[0].usage == first.usage


# In Python ----------------------------------------------------------------------------------------


def test_a_captioner_for_python(make_video: Any, tmp_path: Path, without_weights: None) -> None:
    path = make_video(tmp_path / "clip.mp4", frames=24)
    backend = Fake(lambda request: '{"colour": "vermilion-47"}'
                   if "colour" in keys_of(request) else by_schema(request))  # fmt: skip
    captioner = ic.Mllm(backend=backend, options=ChainOptions(frames=2))
    caption = ic.caption(path, captioner=captioner)
    assert caption.producer.mode == "fused"
    assert caption.background == "Said of background."

    async def inside() -> Caption:
        return ic.caption(path, captioner=captioner, max_instances=0)

    assert asyncio.run(inside()).instances == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode": "fast"}, "unknown mode 'fast'; allowed: fused, paper, single"),
        ({"detail": "all"}, "unknown detail 'all'; allowed: auto, each, never"),
        ({"agree": "off"}, "agree=off is for mode paper"),
        ({"fields": frozenset({"sky"})}, "unknown field 'sky'; allowed: global_description"),
        ({"fields": frozenset()}, "name at least one field"),
        ({"language": "klingon!"}, "no language tag"),
        ({"frames": -1}, "frames must be at least 0, got -1"),
        ({"window": 0.1}, "window must be at least 0.5 seconds, got 0.1"),
        ({"visual_prompt": "glow"}, "unknown visual prompt 'glow'"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"image_side": 8}, "image_side must be at least 16 pixels"),
        ({"max_instances": -1}, "max_instances must be at least 0"),
    ],
)
def test_options_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ChainOptions(**wrong)
