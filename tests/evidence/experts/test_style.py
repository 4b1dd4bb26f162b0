"""Style: what programs paint, what is drawn, and what a camera saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instancecap.evidence.experts.style import StyleExpert
from instancecap.evidence.sample import Sample
from instancecap.video import Clip, ClipReader
from instancecap.video.decode import Picture
from tests.evidence.samples import sample_of


def style_of(*pictures: Picture) -> str:
    expert = StyleExpert()
    for index, picture in enumerate(pictures):
        expert.look(sample_of(picture, t=index / 4, index=index))
    return expert.style()


def bars() -> Picture:
    colors = [(0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0), (255, 0, 255)]
    return np.repeat(np.repeat(np.array([colors], np.uint8), 60, axis=1), 234, axis=0)


def first_frame(path: Path) -> Picture:
    with ClipReader(Clip.open(path)) as reader:
        return Sample(next(iter(reader)), index=0, aspect=reader.info.aspect).bgr


def test_color_bars_are_graphics() -> None:
    assert style_of(*[bars()] * 3) == "graphics"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_picture_has_no_style(level: int) -> None:
    assert style_of(np.full((234, 416, 3), level, np.uint8)) == "unknown"


def test_nothing_seen_has_no_style() -> None:
    assert style_of() == "unknown"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("everyday/woman_dog.mp4", "unknown"),
        ("web/h4RJ0Kv8n_Y.75.mp4", "unknown"),  # a game
        ("cuts/counter.mp4", "graphics"),
        ("odd/testsrc2_vp9.webm", "graphics"),
        ("odd/gradient.gif", "graphics"),
    ],
)
def test_clips_have_the_style_that_they_show(clips_dir: Path, name: str, expected: str) -> None:
    assert style_of(first_frame(clips_dir / name)) == expected


def test_moving_line_drawings_are_animation(clips_dir: Path) -> None:
    pictures = []
    with ClipReader(Clip.open(clips_dir / "odd" / "pigs.gif")) as reader:
        for index, frame in enumerate(reader):
            if index % 3 == 0:
                pictures.append(Sample(frame, index=0, aspect=reader.info.aspect).bgr)
    assert style_of(*pictures) == "animation"
