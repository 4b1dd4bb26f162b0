"""Titles, subtitles and logos in the figures of a clip."""

from __future__ import annotations

from pathlib import Path

from instancecap.datasets.curation.measure import ClipFigures, FiguresWork
from instancecap.io.inputs import Job
from instancecap.video import Clip


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
