"""A clip that is sent by its URL: which questions have it, and what is shown where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, prepare
from instancecap.captioners.chain.pictures import sketch
from instancecap.mllm.base import Image, Request, Video
from instancecap.schema.evidence import Shot
from instancecap.video import Clip
from tests.captioners.chain.answering import DOG, Fake, finish, listing, text_of
from tests.conftest import MakeVideo
from tests.made import evidence, thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAME = "everyday/woman_dog.mp4"
BY_URL = ChainOptions(input="video", frames=2, image_side=64, language="fr")


def media(request: Request) -> list[type]:
    return [
        type(part) for one in request.messages for part in one.parts if not isinstance(part, str)
    ]


def test_the_clip_goes_by_url_and_instances_as_images(clips_dir: Path, measured: Any) -> None:
    facts, clip = measured(NAME), Clip.open(clips_dir / NAME)
    options = replace(BY_URL, detail="each")
    backend = Fake(listing(DOG, {"name": "the woman", "class": "woman", "category": "human"}))
    written = finish(prepare(clip, facts, options=options), backend, options)
    first, *rest = backend.requests
    assert first.messages[1].parts[0] == Video((clips_dir / NAME).absolute().as_uri())
    assert media(first) == [Video]
    assert 0 < len(rest) <= len(written.caption.instances)
    assert all(set(media(request)) == {Image} for request in rest)
    assert f"{facts.video.duration:.1f} seconds" in text_of(first)
    assert written.caption.background == "Said of background."
    assert written.caption.provenance["/background"].frames == []
    assert not written.caption.warnings


@pytest.mark.parametrize(("mode", "expected"), [("fused", 1), ("paper", 5), ("single", 1)])
def test_every_mode_can_show_it(mode: Any, expected: int) -> None:
    facts = evidence(thing("dog"), thing("car", id=1))
    options = ChainOptions(input="video", mode=mode, language="fr")
    backend = Fake()
    finish(sketch(facts, options=options, clip=Clip.open("a.mp4")), backend, options)
    assert [media(request) for request in backend.requests] == [[Video]] * expected


def test_windows_are_shown_in_frames() -> None:
    facts = evidence(thing("dog"))
    facts.shots = [
        Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")
    ]  # fmt: skip
    backend = Fake()
    finish(sketch(facts, options=BY_URL, clip=Clip.open("a.mp4")), backend, BY_URL)
    assert [set(media(request)) for request in backend.requests] == [{Video}, {Image}, {Image}]


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
        written = finish(prepare(clip, ic.measure(clip), options=BY_URL), backend, BY_URL)
        assert set(media(backend.requests[0])) == {Image}
        (warning,) = [one for one in written.caption.warnings if "URL" in one]
        assert warning.startswith("the clip: frames were shown")
