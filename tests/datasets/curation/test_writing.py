"""Titles, subtitles and logos are found by reading; what is filmed is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.datasets.curation.measure import ClipFigures, FiguresWork
from instancecap.datasets.curation.writing import WritingExpert
from instancecap.evidence.expert import Scene, Worker
from instancecap.io.inputs import Job
from instancecap.schema.evidence import TextRegion
from instancecap.video import Clip
from instancecap.video.decode import Picture
from tests.evidence.samples import sample_of


def ground(shift: int = 0) -> Picture:
    """A gray picture with soft detail, which moves to the left."""
    noise = np.random.default_rng(1).normal(110, 420, (270, 900, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(smooth[:, shift : shift + 480])


def letters(picture: Picture, at: tuple[int, int], text: str = "Old Airport Road") -> Picture:
    """The picture with letters of a shaded ink, which no stroke filter takes for one tone."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.putText(mask, text, at, cv2.FONT_HERSHEY_DUPLEX, 0.9, 255, 2, cv2.LINE_AA)
    shade = np.linspace(130, 255, picture.shape[1])[None, :, None]
    alpha = mask[..., None] / 255
    return (picture * (1 - alpha) + shade * alpha).astype(np.uint8)


def laid_over(pictures: list[Picture], *, camera_rests: bool = False) -> list[TextRegion]:
    """What is found in pictures a second apart."""
    expert, scene = WritingExpert(), Scene(Worker(beside=False), 1.78)
    for index, picture in enumerate(pictures):
        expert.add(sample_of(picture, t=float(index), index=index), scene)
    return expert.overlays(0.0, float(len(pictures)), camera_rests=camera_rests)


def test_a_title_over_a_moving_picture_is_found() -> None:
    (title,) = laid_over([letters(ground(60 * i), (100, 60)) for i in range(4)])
    assert title.text == "Old Airport Road"
    assert title.kind == "overlay"
    assert (title.t, title.end) == (0.0, 3.5)
    assert 0.15 < title.box[0] < title.box[2] < 0.95


@pytest.mark.parametrize(
    ("at", "text", "kind"),
    [((100, 250), "Old Airport Road", "subtitle"), ((10, 40), "NEWS", "watermark")],
)
def test_its_kind_goes_by_place_and_stay(at: tuple[int, int], text: str, kind: str) -> None:
    found = laid_over([letters(ground(60 * i), at, text) for i in range(4)])
    assert [one.kind for one in found] == [kind]


def test_what_is_filmed_or_shown_once_is_none() -> None:
    assert laid_over([letters(ground(60 * i), (190 - 60 * i, 60)) for i in range(4)]) == []
    assert laid_over([letters(ground(), (100, 60)), ground(60), ground(120)]) == []
    assert laid_over([]) == []


def test_before_a_camera_that_rests_something_must_change_behind_it() -> None:
    resting = [letters(ground(), (100, 60)) for _ in range(3)]
    assert laid_over(resting, camera_rests=True) == []
    assert laid_over([letters(ground(60 * i), (100, 60)) for i in range(3)], camera_rests=True)


def figures(path: Path) -> tuple[float, float, float]:
    """Text, subtitles and watermark of a clip."""
    job = Job(Clip.open(path), path.name)
    whole = ClipFigures.from_json(FiguresWork(threads=1)(job).evidence).whole
    assert whole is not None
    return whole.figures.text, whole.figures.subtitles, whole.figures.watermark


def test_real_logos_and_subtitles_are_told(clips_dir: Path, without_weights: None) -> None:
    assert figures(clips_dir / "web" / "aIFfzBnvUVE.80.mp4")[2] > 0.005
    assert figures(clips_dir / "web" / "vdGG2_5VM9U.2.mp4")[1] > 0.5
    assert figures(clips_dir / "everyday" / "store_3people.mp4") == (0, 0, 0)
