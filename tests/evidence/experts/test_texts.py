"""Writing laid over the picture is found where it is and not where it is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.evidence.expert import Scene, Worker
from instancecap.evidence.experts.texts import TextExpert
from instancecap.evidence.sample import Sample
from instancecap.models.ocr import _engine, read_lines
from instancecap.schema.evidence import Evidence, TextRegion, Video
from instancecap.video import Clip, ClipReader
from instancecap.video.decode import Picture
from instancecap.video.sampling import Ticker
from tests.evidence.samples import sample_of


def overlays(pictures: list[Picture]) -> list[TextRegion]:
    expert = TextExpert()
    for index, picture in enumerate(pictures):
        expert.look(sample_of(picture, t=index / 4, index=index))
    return expert.overlays()


def ground(shift: int) -> Picture:
    noise = np.random.default_rng(1).integers(60, 140, (234, 480, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.ascontiguousarray(smooth[:, shift : shift + 416])


def with_text(shift: int, x: int = 90) -> Picture:
    picture = ground(shift)
    cv2.putText(picture, "The next morning", (x, 200), cv2.FONT_HERSHEY_DUPLEX, 0.7,
                (255, 255, 255), 1, cv2.LINE_AA)  # fmt: skip
    return picture


def test_a_caption_over_a_moving_background_is_found() -> None:
    found = overlays([with_text(4 * i) for i in range(8)])
    assert found
    x0, y0, x1, y1 = found[0].box
    assert 0.15 < x0 < x1 < 0.85
    assert 0.7 < y0 < y1 < 0.95


def test_what_moves_with_the_scene_or_flashes_by_is_no_overlay() -> None:
    assert overlays([with_text(4 * i, x=20 + 15 * i) for i in range(8)]) == []
    assert overlays([with_text(0) if i in (3, 4) else ground(0) for i in range(8)]) == []


def test_no_writing_no_overlay() -> None:
    assert overlays([ground(4 * i) for i in range(8)]) == []
    assert overlays([]) == []


def clip_overlays(path: Path) -> list[TextRegion]:
    expert, due = TextExpert(), Ticker(4.0)
    with ClipReader(Clip.open(path)) as reader:
        for frame in reader:
            if due.due(frame.t):
                expert.look(Sample(frame, index=0, aspect=reader.info.aspect))
    return expert.overlays()


@pytest.mark.parametrize("name", ["worker", "store_3people", "woman_dog", "person_bicycle_car"])
def test_clips_without_writing_have_none(clips_dir: Path, name: str) -> None:
    assert clip_overlays(clips_dir / "everyday" / f"{name}.mp4") == []


def test_a_counter_in_the_corner_is_found(clips_dir: Path) -> None:
    found = clip_overlays(clips_dir / "cuts" / "counter.mp4")
    assert found
    assert all(region.box[0] > 0.5 and region.box[1] > 0.5 for region in found)


def captioned(text: str, *, at: tuple[int, int], frames: int = 12) -> list[np.ndarray]:
    """BGR pictures of a noisy ground with white letters laid over it."""
    ground = np.random.default_rng(3).integers(40, 90, (234, 416, 3)).astype(np.uint8)
    ground = cv2.GaussianBlur(ground, (0, 0), 4)
    cv2.putText(ground, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2, cv2.LINE_AA)
    return [ground] * frames


@pytest.mark.parametrize(
    ("text", "at", "kind"),
    [("HELLO WORLD", (130, 210), "subtitle"), ("MY CHANNEL", (6, 30), "watermark")],
)
def test_writing_over_the_picture_is_read_once_and_told_apart(
    text: str, at: tuple[int, int], kind: str
) -> None:
    expert = TextExpert()
    for index, picture in enumerate(captioned(text, at=at)):
        expert.look(sample_of(picture, t=index / 4, index=index), picture)
    size = {"width": 416, "height": 234, "frames": 72}
    video = Video(id="a", path="", start=0, end=3, duration=3, fps=24, **size)
    evidence = Evidence(video=video)
    expert.facts(evidence, Scene(Worker(beside=False), 1.78, end=3.0))
    assert [one.text for one in evidence.texts] == [text]
    assert {(one.text, one.kind) for one in evidence.overlays} == {(text, kind)}


def test_reading_is_silent_and_needs_no_network(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("no network"))
    _engine.cache_clear()
    assert read_lines(np.zeros((120, 200, 3), np.uint8)) == []
    assert capfd.readouterr() == ("", "")
