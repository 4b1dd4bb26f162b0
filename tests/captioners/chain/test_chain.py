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
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.base import Backend, Image, Request
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence, LightFacts, PlaceFacts
from instancecap.video import Clip
from tests.captioners.chain.answering import (
    Fake,
    Trusting,
    answer_with,
    ask_about,
    by_schema,
    keys_of,
    text_of,
)
from tests.made import evidence, evidences, thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EVERYDAY = (
    "cat_walk", "flower_cc0", "football_juggle", "person_bicycle_car",
    "store_3people", "two_cars", "woman_dog", "worker",
)  # fmt: skip
MEASURED = ("position", "colors", "track", "count", "id")


def three() -> Evidence:
    """Three things that are seen throughout, so that each gets as many pictures as the clip."""
    return evidence(
        thing("dog", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), moving=True, direction="right",
              speed=0.2, colors=[("brown", 0.6)]),
        thing("person", (0.5, 0.2, 0.7, 0.9), id=1),
        thing("car", (0.0, 0.5, 0.2, 0.7), id=2),
    )  # fmt: skip


# What it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_calls_and_images_of_each_mode(count: int) -> None:
    facts = three()
    facts.instances = facts.instances[:count]
    modes = {}
    for mode in ("fused", "paper", "single"):
        backend = Fake()
        usage = ask_about(facts, backend, mode=mode).usage
        assert (usage.calls, usage.images) == (len(backend.requests), backend.images)
        modes[mode] = usage
    assert modes["fused"].calls == count + 1
    assert modes["paper"].calls == 1 + 4 * count + 3
    assert modes["single"].calls == 1
    assert modes["fused"].images == 8 * (count + 1)
    assert modes["fused"].images / modes["paper"].images <= 0.35


def test_three_instances_take_4_calls_against_16() -> None:
    assert ask_about(three()).usage.calls == 4
    assert ask_about(three(), mode="paper").usage.calls == 16


@given(evidences(), st.sampled_from(["fused", "paper", "single"]), st.integers(1, 9), st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_cost_is_known_before(
    facts: Evidence, mode: Any, frames: int, data: st.DataObject
) -> None:
    window = data.draw(st.sampled_from([1.0, 3.0, 8.0]))
    # Where the answers agree with the evidence nothing is asked twice.
    told = {"mode": mode, "frames": frames, "window": window, "language": "fr"}
    used = ask_about(facts, **told).usage
    expected = predict(facts, options=ChainOptions(**told))
    assert (used.calls, used.images) == (expected.calls, expected.images)
    assert expected.prompt_tokens >= 100 * expected.calls
    assert (expected.completion_tokens > 0) == (expected.calls > 0)


# Real clips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_clips(name: str, clips_dir: Path, measured: Any) -> None:
    path = f"everyday/{name}.mp4"
    facts, clip = measured(path), Clip.open(clips_dir / path)
    options = ChainOptions(image_side=256, frames=4, language="fr")
    prepared = pickle.loads(pickle.dumps(prepare(clip, facts, options=options)))
    backend = Fake()
    written = asyncio.run(write(prepared, backend, options=options, enforce=Trusting()))
    expected = predict(facts, options=options)
    assert (written.usage.calls, backend.images) == (expected.calls, expected.images)
    caption, proven = written.caption, without_sentences(describe(facts, all_facts=True))
    Caption.from_json(caption.to_json())
    unchanged(caption, proven)
    assert caption.global_description == "Said of global description."
    assert all(one.appearance == "Said of appearance." for one in caption.instances)
    assert caption.provenance.keys() >= caption.leaves().keys()
    for request in backend.requests:
        for part in request.messages[1].parts[:-1]:
            assert isinstance(part, Image), "images come first"
            assert part.t is not None
            picture = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            assert max(picture.shape[:2]) <= 256
        times = [part.t for part in request.messages[1].parts[:-1]]  # type: ignore[union-attr]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= facts.video.duration


def unchanged(caption: Caption, proven: Caption) -> None:
    """What was measured stands as it was measured."""
    assert caption.video == proven.video
    assert caption.shots == proven.shots
    assert caption.camera.motion == proven.camera.motion
    assert (caption.camera.speed, caption.camera.stability) == (
        proven.camera.speed,
        proven.camera.stability,
    )
    for one, other in zip(caption.instances, proven.instances, strict=True):
        for name in MEASURED:
            assert getattr(one, name) == getattr(other, name), name
        assert one.class_ == other.class_ or other.class_ == "object"


def test_an_array_and_a_still_picture_can_be_asked_about() -> None:
    frames = np.zeros((1, 48, 64, 3), np.uint8)
    clip = Clip.from_frames(frames, 8)
    facts = ic.measure(clip)
    backend = Fake()
    options = ChainOptions()
    prepared = prepare(clip, facts, options=options)
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
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_is_answered_the_caption_is_valid(
    facts: Evidence, mode: Any, data: st.DataObject
) -> None:
    formats = ["ours", "skycaptioner", "instancecap-captioner"]
    told = {
        "mode": mode,
        "single_format": data.draw(st.sampled_from(formats)),
        "on_contradiction": data.draw(st.sampled_from(["mark", "remove", "keep"])),
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
            keys = keys_of(request)
            return json.dumps({key: data.draw(json_values) for key in keys})
        values = {key: data.draw(lies) for key in ("appearance", "action", "text", "segment")}
        whole = answer_with(request, values | {"global_description": data.draw(lies)})
        return whole if kind == 4 else whole[: len(whole) // 2]

    written = ask_about(facts, Fake(answer), **told)
    text = written.caption.to_json()
    text.encode()
    assert Caption.from_json(text) == written.caption
    unchanged(written.caption, describe(facts, all_facts=True))
    leaves = written.caption.leaves()
    assert written.caption.provenance.keys() >= leaves.keys()
    for pointer, value in leaves.items():
        if isinstance(value, str):
            assert "\n" not in value
            assert len(value) < 2000, pointer


def test_a_question_that_fails_leaves_what_was_measured() -> None:
    def answer(request: Request) -> str | ModelError:
        return "no idea" if "background" in keys_of(request) else by_schema(request)

    facts, proven = three(), describe(three(), all_facts=True)
    caption = ask_about(facts, Fake(answer)).caption
    assert caption.lighting == proven.lighting != ""
    assert caption.provenance["/lighting"] == proven.provenance["/lighting"]
    assert caption.background == ""
    (line,) = [one for one in caption.warnings if one.startswith("the clip:")]
    assert "lighting" in line.split(" kept as measured")[0]
    assert "background" in line.split("; ")[-1]
    assert line.endswith("left empty")
    assert caption.instances[0].appearance == "Said of appearance."


def test_of_half_an_answer_the_half_is_taken() -> None:
    def answer(request: Request) -> str:
        whole = json.loads(by_schema(request))
        whole.pop("lighting", None)
        return json.dumps(whole)

    caption = ask_about(three(), Fake(answer)).caption
    assert caption.background == "Said of background."
    assert caption.provenance["/lighting"].source == "light"
    assert any("lighting kept as measured" in one for one in caption.warnings)


def test_a_server_that_cannot_be_asked_ends_it() -> None:
    class Gone(Backend):
        model = "gone"

        async def complete(self, requests: Any) -> Any:
            raise ServerError("nobody there")

    with pytest.raises(ServerError, match="nobody there"):
        ask_about(three(), Gone())


def test_a_long_text_ends_with_a_whole_sentence() -> None:
    long = " ".join(f"Spot {number} of its coat is brown." for number in range(200))
    caption = ask_about(
        three(), Fake(lambda request: answer_with(request, {"appearance": long}))
    ).caption
    assert len(caption.instances[0].appearance) <= 1500
    assert caption.instances[0].appearance.endswith(" is brown.")


# Who says what ------------------------------------------------------------------------------------


def test_who_wrote_what() -> None:
    caption = ask_about(three()).caption
    assert caption.producer.captioner == "mllm"
    assert caption.producer.mode == "fused"
    assert caption.producer.models["mllm"] == "replied-1"
    assert len(caption.producer.prompts) == 12
    assert caption.provenance["/instances/0/expression"].source == "replied-1"
    assert caption.provenance["/instances/0/expression"].support == "unchecked"
    assert caption.provenance["/instances/0/position/text"].support == "measured"
    assert "/instances/2/expression" not in caption.provenance, "a car has no face"


def test_words_that_were_measured_are_not_asked() -> None:
    known = three()
    known.place = PlaceFacts(label="outdoor", confidence=0.9)
    known.light = LightFacts(brightness=0.5, time_of_day="day", confidence=0.9)
    backend = Fake()
    caption = ask_about(known, backend).caption
    assert not {"place", "time_of_day"} & set(keys_of(backend.requests[0]))
    assert (caption.place, caption.time_of_day) == ("outdoor", "day")
    backend = Fake()
    caption = ask_about(three(), backend).caption
    assert {"place", "time_of_day", "style"} <= set(keys_of(backend.requests[0]))
    assert (caption.place, caption.style) == ("indoor", "real")
    assert caption.provenance["/place"].source == "replied-1"


def test_a_thing_found_by_its_motion_gets_its_name_from_the_model() -> None:
    backend = Fake(lambda request: answer_with(request, {"name": "Kite.", "category": "plant"}))
    caption = ask_about(evidence(thing("object", moving=True)), backend).caption
    (kite,) = caption.instances
    assert (kite.class_, kite.subcategory, kite.category) == ("Kite", "Kite", "plant")
    assert caption.provenance["/instances/0/class"].source == "replied-1"
    caption = ask_about(evidence(thing("dog")), backend).caption
    (dog,) = caption.instances
    assert (dog.class_, dog.subcategory, dog.category) == ("dog", "Kite", "animal")


def test_main_is_what_the_model_calls_main() -> None:
    def answer(request: Request) -> str:
        return answer_with(request, {"is_main": "the car" in text_of(request)})

    caption = ask_about(three(), Fake(answer)).caption
    assert [one.is_main for one in caption.instances] == [False, False, True]
    caption = ask_about(three(), Fake(lambda one: answer_with(one, {"is_main": False}))).caption
    assert [one.is_main for one in caption.instances] == [True, False, False]


# The same again -----------------------------------------------------------------------------------


def test_a_replay_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "exchanges.jsonl"
    recording = RecordingBackend(Fake(), path)
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
    captioner = ic.Mllm(backend=backend, mode="single", options=ChainOptions(frames=2))
    caption = ic.caption(path, captioner=captioner)
    assert caption.producer.mode == "single"
    assert caption.background == "Said of background."

    async def inside() -> Caption:
        return ic.caption(path, captioner=captioner, max_instances=0)

    assert asyncio.run(inside()).instances == []


def test_a_captioner_needs_somebody_to_ask() -> None:
    with pytest.raises(UsageError, match="no server to ask"):
        ic.Mllm(model="m")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode": "fast"}, "unknown mode 'fast'; allowed: fused, paper, single"),
        ({"fields": frozenset({"sky"})}, "unknown field 'sky'; allowed: global_description"),
        ({"fields": frozenset()}, "name at least one field"),
        ({"language": "klingon!"}, "no language tag"),
        ({"frames": 0}, "frames must be at least 1, got 0"),
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
