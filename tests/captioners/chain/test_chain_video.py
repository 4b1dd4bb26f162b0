"""A clip that is sent by its URL: which questions have it, and what is shown where it cannot be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, Written, predict, prepare, write
from instancecap.captioners.chain.pictures import Prepared, sketch
from instancecap.mllm.base import Image, Request, Video
from instancecap.schema.evidence import Shot
from instancecap.video import Clip
from tests.captioners.chain.answering import Fake, Trusting, answer_with, text_of
from tests.conftest import MakeVideo
from tests.made import evidence, thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAME = "everyday/woman_dog.mp4"
BY_URL = ChainOptions(input="video", frames=2, image_side=64, language="fr")


def ask(prepared: Prepared, backend: Fake, options: ChainOptions) -> Written:
    return asyncio.run(write(prepared, backend, options=options, enforce=Trusting()))


def media(request: Request) -> list[type]:
    return [
        type(part) for one in request.messages for part in one.parts if not isinstance(part, str)
    ]


def test_the_clip_goes_by_url_and_instances_as_images(clips_dir: Path, measured: Any) -> None:
    facts, clip = measured(NAME), Clip.open(clips_dir / NAME)
    backend = Fake()
    written = ask(prepare(clip, facts, options=BY_URL), backend, BY_URL)
    first, *rest = backend.requests
    assert first.messages[1].parts[0] == Video((clips_dir / NAME).absolute().as_uri())
    assert media(first) == [Video]
    assert len(rest) == len(written.caption.instances) > 0
    assert all(set(media(request)) == {Image} for request in rest)
    assert "frames" not in text_of(first).partition("Describe")[0].partition("Above")[2]
    assert f"{facts.video.duration:.1f} seconds" in text_of(first)
    assert written.caption.background == "Said of background."
    assert written.caption.provenance["/background"].frames == []
    assert not written.caption.warnings
    expected = predict(facts, options=BY_URL, clip=clip)
    assert (written.usage.calls, written.usage.images) == (expected.calls, expected.images)


@pytest.mark.parametrize("mode", ["fused", "paper", "single"])
def test_every_mode_can_show_it(mode: Any) -> None:
    facts = evidence(thing("dog"), thing("car", id=1))
    options = ChainOptions(input="video", mode=mode, language="fr")
    backend = Fake()
    ask(sketch(facts, options=options, clip=Clip.open("a.mp4")), backend, options)
    shown = [media(request) for request in backend.requests]
    expected = {"fused": (1, 2), "paper": (4, 8), "single": (1, 0)}[mode]
    assert (shown.count([Video]), sum(set(one) == {Image} for one in shown)) == expected


def test_windows_are_shown_in_frames() -> None:
    facts = evidence(thing("dog"))
    facts.shots = [
        Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")
    ]  # fmt: skip
    backend = Fake()
    ask(sketch(facts, options=BY_URL, clip=Clip.open("a.mp4")), backend, BY_URL)
    kinds = [set(media(request)) for request in backend.requests]
    assert kinds == [{Image}, {Image}, {Video}, {Image}]


def test_a_contradicted_answer_is_asked_again_on_the_clip() -> None:
    facts = evidence(thing("dog"))
    options = ChainOptions(input="video")
    backend = Fake(lambda one: answer_with(one, {"camera_description": "The camera pans left."}))
    ask(sketch(facts, options=options, clip=Clip.open("a.mp4")), backend, options)
    assert media(backend.requests[0]) == media(backend.requests[-1]) == [Video]
    assert len(backend.requests) == 3


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/clips/a b#é.mp4", "file:///clips/a%20b%23%C3%A9.mp4"),
        ("https://example.org/a.mp4?x=1", "https://example.org/a.mp4?x=1"),
        ("http://example.org/a.mp4", "http://example.org/a.mp4"),
        ("s3://bucket/a.mp4", None),
        ("clips.tar/a.mp4", None),
    ],
)
def test_urls(path: str, url: str | None) -> None:
    fetched = "" if path.startswith("/") else "/copies/a.mp4"
    prepared = sketch(evidence(), options=BY_URL, clip=Clip(path=path, local=fetched))
    assert (prepared.images == (Video(url),)) if url else Image in map(type, prepared.images)


@pytest.mark.usefixtures("without_weights")
def test_what_is_no_whole_file_is_shown_in_frames(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4")
    frames = np.zeros((8, 48, 64, 3), np.uint8)
    for clip in (
        Clip.open(path, start=0.25), Clip.open(path, end=0.5), Clip.from_frames(frames, 8)
    ):  # fmt: skip
        backend = Fake()
        written = ask(prepare(clip, ic.measure(clip), options=BY_URL), backend, BY_URL)
        assert set(media(backend.requests[0])) == {Image}
        (warning,) = [one for one in written.caption.warnings if "URL" in one]
        assert warning.startswith("the clip: frames were shown")


@pytest.mark.usefixtures("without_weights")
def test_a_still_is_a_picture(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = Clip.open(make_video(tmp_path / "a.mp4", frames=1))
    backend = Fake()
    written = ask(prepare(clip, ic.measure(clip), options=BY_URL), backend, BY_URL)
    assert media(backend.requests[0]) == [Image]
    assert not [one for one in written.caption.warnings if "URL" in one]
