"""Writing laid over the picture is found where it is and not where it is not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import instancecap as ic
from instancecap.evidence.expert import Scene, Worker
from instancecap.evidence.experts import reading
from instancecap.evidence.experts.texts import TextExpert
from instancecap.models.ocr import _engine, locate_lines, read_line
from instancecap.schema.evidence import Evidence, TextRegion, Video
from instancecap.video.decode import Picture
from tests.evidence.samples import sample_of


def measured(pictures: list[Picture]) -> Evidence:
    """What is told of pictures a quarter of a second apart."""
    expert, end = TextExpert(), len(pictures) / 4
    scene = Scene(Worker(beside=False), 1.78, end=end)
    for index, picture in enumerate(pictures):
        expert.add(sample_of(picture, t=index / 4, index=index), scene)
    size = {"width": 416, "height": 234, "frames": len(pictures)}
    video = Video(id="a", path="", start=0, end=end, duration=end, fps=4, **size)
    evidence = Evidence(video=video)
    expert.facts(evidence, scene)
    return evidence


def overlays(pictures: list[Picture]) -> list[TextRegion]:
    return measured(pictures).overlays


def ground(shift: int) -> Picture:
    noise = np.random.default_rng(1).normal(100, 300, (234, 480, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4).clip(0, 255).astype(np.uint8)
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


def captioned(
    text: str, *, at: tuple[int, int], frames: int = 12, shift: int = 4, moves: int = 0
) -> list[Picture]:
    """BGR pictures with shaded letters on a ground that is carried along; ``moves`` are theirs."""
    shade = np.linspace(140, 255, 416)[None, :, None]
    pictures = []
    for index in range(frames):
        mask = np.zeros((234, 416), np.uint8)
        place = at[0] + moves * index, at[1]
        cv2.putText(mask, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2, cv2.LINE_AA)
        alpha = mask[..., None] / 255
        pictures.append((ground(shift * index) * (1 - alpha) + shade * alpha).astype(np.uint8))
    return pictures


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


@pytest.mark.parametrize(
    ("shift", "moves", "laid_over"),
    [(0, 0, False), (4, 0, True), (4, -4, False), (1, -1, False)],
)
def test_what_keeps_its_place_before_another_ground_is_laid_over(
    shift: int, moves: int, laid_over: bool
) -> None:
    text = "SALOON BAR AND GRILL"
    evidence = measured(captioned(text, at=(120, 120), shift=shift, moves=moves))
    assert [one.text for one in evidence.texts] == [text]
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


def test_nothing_is_around_a_line_that_fills_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = np.array([[0, 0], [416, 0], [416, 234], [0, 234]], np.float32)
    monkeypatch.setattr(reading, "locate_lines", lambda picture: [corners])
    assert overlays([ground(0)] * 8) == []


def test_threads_may_read_at_once() -> None:
    pictures = captioned("GRAND OPENING", at=(60, 120), frames=8)

    def read(picture: Picture) -> list[str]:
        return [read_line(picture, corners).text for corners in locate_lines(picture)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, pictures * 3)) == [["GRAND OPENING"]] * 24
