"""Writing laid over the picture is found where it is and not where it is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import instancecap as ic
from instancecap.evidence.expert import Scene, Worker
from instancecap.evidence.experts.texts import TextExpert
from instancecap.models.ocr import _engine, locate_lines, read_line
from instancecap.schema.evidence import CameraSample, Evidence, Shot, TextRegion, Video
from instancecap.video.decode import Picture
from tests.evidence.samples import sample_of


def measured(pictures: list[Picture], *, dx: float = 0.0, cuts: tuple[float, ...] = ()) -> Evidence:
    """What is told of pictures a quarter of a second apart, ``dx`` frame widths from each other."""
    expert, end = TextExpert(), len(pictures) / 4
    scene = Scene(Worker(beside=False), 1.78, end=end)
    for index, picture in enumerate(pictures):
        expert.add(sample_of(picture, t=index / 4, index=index), scene)
    size = {"width": 416, "height": 234, "frames": len(pictures)}
    video = Video(id="a", path="", start=0, end=end, duration=end, fps=4, **size)
    evidence = Evidence(video=video)
    steps = [index / 4 for index in range(1, len(pictures))]
    evidence.camera.path = [
        CameraSample(t=t, dx=dx, dy=0, zoom=1, roll=0, inliers=1) for t in steps
    ]
    starts = (0.0, *cuts)
    evidence.shots = [
        Shot(start=start, end=stop, transition="cut" if start else "start")
        for start, stop in zip(starts, (*cuts, end), strict=True)
    ]
    expert.facts(evidence, scene)
    return evidence


def overlays(pictures: list[Picture], *, dx: float = 0.0) -> list[TextRegion]:
    return measured(pictures, dx=dx).overlays


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
    return ic.measure(path).overlays


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
    evidence = measured(captioned(text, at=at))
    assert [one.text for one in evidence.texts] == [text]
    assert {(one.text, one.kind) for one in evidence.overlays} == {(text, kind)}
    assert [(one.t, one.end) for one in evidence.overlays] == [(0.0, 2.75)]


def shaded(text: str) -> list[Picture]:
    """Pictures of letters whose tone varies as that of painted ones does."""
    (picture,) = captioned(text, at=(60, 120), frames=1)
    light = np.linspace(0.35, 1.0, picture.shape[1])[None, :, None]
    return [(picture * light).astype(np.uint8)] * 12


@pytest.mark.parametrize(
    ("dx", "cuts", "laid_over"), [(0.0, (), False), (0.01, (), True), (0.0, (1.5,), True)]
)
def test_what_keeps_its_place_before_another_ground_is_laid_over(
    dx: float, cuts: tuple[float, ...], laid_over: bool
) -> None:
    evidence = measured(shaded("SALOON BAR AND GRILL"), dx=dx, cuts=cuts)
    assert [one.text for one in evidence.texts] == ["SALOON BAR AND GRILL"]
    assert bool(evidence.overlays) is laid_over


def test_a_line_that_comes_back_is_the_same() -> None:
    shown, hidden = captioned("MY CHANNEL", at=(6, 30), frames=8), [ground(0)] * 6
    (found,) = overlays([*shown, *hidden, *shown, *shown])
    assert (found.t, found.text, found.kind) == (0.0, "MY CHANNEL", "watermark")
    assert found.end == pytest.approx(7.25)


def test_words_that_the_edge_cuts_off_are_not_quoted() -> None:
    evidence = measured(captioned("LONDON TO PARIS", at=(314, 120)))
    assert evidence.texts == []
    assert {one.text for one in evidence.overlays} <= {""}


def test_two_readings_of_the_same_words_are_one_text() -> None:
    first, second = (captioned("GRAND OPENING", at=at, frames=8) for at in ((20, 60), (120, 180)))
    assert [one.text for one in measured([*first, *second, *second]).texts] == ["GRAND OPENING"]


def test_reading_is_silent_and_needs_no_network(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("no network"))
    _engine.cache_clear()
    picture = np.zeros((120, 200, 3), np.uint8)
    assert locate_lines(picture) == []
    corners = np.array([[10, 10], [90, 10], [90, 40], [10, 40]], np.float32)
    assert read_line(picture, corners).score < 0.5
    assert capfd.readouterr() == ("", "")
