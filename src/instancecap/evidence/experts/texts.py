"""Writing: what it says, and what of it is laid over the picture.

A few frames of a clip are read. A line that keeps its place while the picture around it changes is
laid over it; where nothing changes, a sign that is filmed looks the same, and neither is told.
"""

from __future__ import annotations

from functools import partial

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.light import LIGHT_RATE
from instancecap.evidence.experts.reading import LineReader, WrittenLine, is_writing
from instancecap.evidence.geometry import as_box
from instancecap.evidence.sample import Sample
from instancecap.schema.base import Text
from instancecap.schema.evidence import Evidence, TextKind, TextRegion
from instancecap.video.decode import Picture

FIRST_GAP, LAST_GAP = 2.0, 4.0
"""Seconds between the first two frames that are read, and between all after them."""

STAYS = 1.2
"""Seconds for which what is laid over the picture keeps its place: nobody reads faster."""

READ_SIDE = 960
"""Longer side in pixels of what is read; larger frames are scaled down to it."""

CHANGES = 6.0
"""Mean difference in gray levels from which what is around a line has changed. Of the labelled web
clips, what is laid over moving pictures has 6.4 or more, and what lies on still ones 3 at most."""

WHOLE_CLIP, SMALL = 0.8, 0.33
"""Share of the clip for which a watermark stays, and its longest line in frame widths."""

SUBTITLE_TOP, SUBTITLE_CENTER = 0.66, 0.12
"""Where subtitles begin, in frame heights, and how far from the middle, in frame widths."""


class TextExpert:
    """Reads what is written, and keeps what stays at its place on the screen."""

    name = "texts"
    rate = LIGHT_RATE
    needs = ()

    def __init__(self) -> None:
        self._reader = LineReader()
        self._due, self._gap = 0.0, FIRST_GAP

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample, and read it if it is due."""
        picture = None
        if sample.t >= self._due:
            picture = sample.at_most(READ_SIDE)
            self._due, self._gap = sample.t + self._gap - 0.5 / LIGHT_RATE, LAST_GAP
        scene.worker.run(partial(self.look, sample, picture))

    def look(self, sample: Sample, picture: Picture | None = None) -> None:
        """Follow lines into a sample; ``picture`` is the same frame to read, where it is due."""
        self._reader.add(sample)
        if picture is not None:
            self._reader.read(sample, picture)

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write where writing lies over the picture, and every text once."""
        evidence.texts = [
            Text(text=line.text, t=round(line.t, 3), box=as_box(line.box))
            for line in self._reader.distinct()
        ]
        evidence.overlays = [
            _region(line, duration=scene.end)
            for line in sorted(self._reader.lines, key=lambda one: (one.first, *one.box))
            if line.last - line.first >= STAYS and line.change >= CHANGES and is_writing(line)
        ]


def _region(line: WrittenLine, *, duration: float) -> TextRegion:
    """Where a line is laid over a clip of so many seconds, and what it is."""
    stays = line.last - line.first >= WHOLE_CLIP * duration
    x0, top, x1, _ = line.box
    kind: TextKind = "overlay"
    if top >= SUBTITLE_TOP and abs((x0 + x1) / 2 - 0.5) <= SUBTITLE_CENTER:
        kind = "subtitle"
    elif stays and x1 - x0 <= SMALL:
        kind = "watermark"
    return TextRegion(
        t=line.first, end=line.last, box=as_box(line.box), text=line.text, kind=kind,
        score=min(1.0, max(0.0, line.score)),
    )  # fmt: skip
