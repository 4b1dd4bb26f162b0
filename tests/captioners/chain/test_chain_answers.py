"""What becomes of answers, right and wrong; who says what; the captioner from Python."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, merge
from instancecap.captioners.chain.options import SingleFormat
from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.base import Backend, Request
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence, LightFacts, PlaceFacts
from tests.captioners.chain.answering import (
    DOG,
    THREE,
    Fake,
    answer_with,
    ask_about,
    boxes,
    by_schema,
    keys_of,
    listing,
    three,
)
from tests.made import evidences

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

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
        "single_format": data.draw(st.sampled_from(get_args(SingleFormat))),
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
        keys = ("name", "class", "appearance", "action", "text", "part_1", "global_description")
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


def test_a_server_that_cannot_be_asked_ends_it() -> None:
    class Gone(Backend):
        model = "gone"

        async def complete(self, requests: Any) -> Any:
            raise ServerError("nobody there")

    with pytest.raises(ServerError, match="nobody there"):
        ask_about(three(), Gone())


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


def test_words_for_the_whole_clip_are_asked_and_stay_as_measured_where_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = three()
    known.place = PlaceFacts(label="outdoor", confidence=0.95)
    known.light = LightFacts(brightness=0.5, time_of_day="day", confidence=0.6)
    monkeypatch.setattr(merge, "may_overrule", lambda kind, *_, **__: kind == "time_of_day")
    backend = Fake(listing(DOG, place="indoor", time_of_day="unknown"))
    caption = ask_about(known, backend).caption
    assert {"place", "time_of_day", "style"} <= set(keys_of(backend.requests[0]))
    assert (caption.place, caption.time_of_day, caption.style) == ("indoor", "day", "real")
    assert caption.provenance["/place"].source == "replied-1"
    nothing = ask_about(known, Fake(listing(DOG, place="unknown", time_of_day="unknown"))).caption
    assert (nothing.place, nothing.time_of_day) == ("", "day")
    assert "/place" not in nothing.provenance


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
        ({"image_side": 8}, "image_side must be at least 16 pixels"),
    ],
)
def test_options_are_checked(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ChainOptions(**wrong)
