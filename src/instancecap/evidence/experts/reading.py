"""Lines of writing: where they are, what they say, and for how long each keeps its place.

A frame now and then is searched for lines by a network; each that is found is read, once, and
followed from sample to sample by its picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import coverage, ious
from instancecap.evidence.sample import Sample
from instancecap.models.ocr import ReadLine, box_between, locate_lines, read_line
from instancecap.video.decode import Picture

Array = NDArray[np.float64]

SURE_TEXT, LEAST_LETTERS = 0.9, 2
"""Confidence and letters or digits from which a line that was read is believed."""

SOME_WRITING, TALL = 0.5, 0.3
"""Confidence from which a line is writing whatever it says, unless it is as high as that share of
the frame."""

MOST_LINES = 16
"""Lines of a picture that are read, the largest: nobody quotes more of a page."""

STROKE = 9
"""Widest stroke in pixels of a sampled picture, whose longer side has 416."""

INK_CONTRAST, INK_SPREAD = 40, 20.0
"""Gray levels by which ink stands out from its ground, and up to which its tone varies (standard
deviation) where it is laid over the picture: light falls unevenly on things."""

LEAST_RIDGE = 20
"""Pixels down the middle of a line's strokes without which nothing can be said of their tone."""

SAME_PLACE, HOLDS = 0.5, 0.8
"""Overlap (IoU) of the boxes in two pictures of a line that keeps its place; share of the smaller
one that lies in the larger one where two lines were taken for one."""

EDGE = 0.006
"""Frame widths from the left or right edge within which a line may be cut off."""

STILL_THERE = 0.6
"""Correlation of a line's gray picture with what is at its place now from which it is there."""

MOST_MISSED = 1
"""Samples in a row in which a line may not be seen, over a bright background for instance."""

MAX_ABSENCE = 5.0
"""Seconds for which a line may go unseen, and is the same when it is read again."""

ALIKE = 0.75
"""Likeness of two readings (Ratcliff and Obershelp) from which they are of the same words."""


@dataclass(slots=True)
class WrittenLine:
    """A line of writing at one place.

    Attributes:
        text: what it says; empty where that is not sure.
        t, score: when it was read, and how sure that was (0..1).
        first, last: seconds between which it keeps its place.
        patch: the picture of it, gray.
    """

    text: str
    score: float
    t: float
    box: Array
    first: float
    last: float
    patch: Picture
    missed: int = 0


@dataclass
class LineReader:
    """Reads pictures, and follows what it finds there from sample to sample.

    Attributes:
        lines: all that was found, in the order in which it was.
    """

    lines: list[WrittenLine] = field(default_factory=list)
    _before: list[tuple[float, Picture]] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """See which lines are still at their places."""
        for line in self._present():
            if _is_there(line, sample.gray):
                line.last, line.missed = sample.t, 0
            else:
                line.missed += 1
        self._before.append((sample.t, sample.gray))

    def read(self, sample: Sample, picture: Picture) -> None:
        """Read a frame; ``picture`` is the sample's, large enough to read. Call after `add`."""
        present = self._present()
        for corners in locate_lines(picture)[:MOST_LINES]:
            box = box_between(picture, corners)
            if any(_is_at(line, box) for line in present):
                continue
            found = read_line(picture, corners)
            patch = _cut(sample.gray, box)
            text = found.text if _is_sure(found, patch) else ""
            if (line := self._lost(box, text, sample.t)) is not None:
                line.box, line.patch, line.last, line.missed = box, patch, sample.t, 0
                continue
            line = WrittenLine(text, found.score, sample.t, box, sample.t, sample.t, patch)
            for t, gray in reversed(self._before[:-1]):
                if not _is_there(line, gray):
                    break
                line.first = t
            self.lines.append(line)
        self._before = self._before[-1:]

    def distinct(self) -> Iterator[WrittenLine]:
        """Every wording once, as it was read best, in the order in which it was read."""
        chosen: list[WrittenLine] = []
        for line in sorted(self.lines, key=lambda one: -one.score):
            if line.text and not any(_is_alike(line.text, other.text) for other in chosen):
                chosen.append(line)
        return iter(sorted(chosen, key=lambda one: one.t))

    def _lost(self, box: Array, text: str, t: float) -> WrittenLine | None:
        """The line with this text that was at this place until a short while before ``t``."""
        late = [line for line in self.lines if t - line.last <= MAX_ABSENCE and _is_at(line, box)]
        return next((line for line in late if _is_alike(line.text, text)), None)

    def _present(self) -> list[WrittenLine]:
        return [line for line in self.lines if line.missed <= MOST_MISSED]


def is_writing(line: WrittenLine) -> bool:
    """Whether what was found as a line can be read at all."""
    return bool(line.text) or (line.score >= SOME_WRITING and line.box[3] - line.box[1] < TALL)


def has_flat_ink(line: WrittenLine) -> bool:
    """Whether the strokes of a line all have one tone, brighter or darker than their ground."""
    # Above and below its letters a line shows its ground.
    ground = float(np.median(line.patch[[0, -1]]))
    dark, bright = np.percentile(line.patch, (5, 95))
    tone = line.patch if bright - ground >= ground - dark else 255 - line.patch
    ink = cv2.morphologyEx(tone, cv2.MORPH_TOPHAT, np.ones((STROKE, STROKE), np.uint8))
    # Down the middle of the strokes: their borders are blurred.
    ridge = (ink > INK_CONTRAST) & (tone == cv2.dilate(tone, np.ones((3, 3), np.uint8)))
    return bool(ridge.sum() >= LEAST_RIDGE and float(tone[ridge].std()) < INK_SPREAD)


def _is_sure(found: ReadLine, patch: Picture) -> bool:
    """Whether a line was read well enough, and is not cut off by the frame's left or right edge."""
    letters = sum(map(str.isalnum, found.text))
    return found.score >= SURE_TEXT and letters >= LEAST_LETTERS and not _is_cut(found.box, patch)


def _is_cut(box: Array, patch: Picture) -> bool:
    """Whether letters reach the frame's left or right edge: there its columns are as varied as the
    line is."""
    edges = [patch[:, :2]] * bool(box[0] < EDGE) + [patch[:, -2:]] * bool(box[2] > 1 - EDGE)
    return any(float(columns.std()) > 0.5 * float(patch.std()) for columns in edges)


def _is_at(line: WrittenLine, box: Array) -> bool:
    """Whether a box is where a line is, or holds it or a part of it."""
    one, other = line.box[None], box[None]
    inside = max(coverage(one, other)[0, 0], coverage(other, one)[0, 0])
    return bool(ious(one, other)[0, 0] >= SAME_PLACE or inside >= HOLDS)


def _cut(gray: Picture, box: Array) -> Picture:
    height, width = gray.shape
    x0, y0, x1, y1 = (box * [width, height, width, height]).astype(int).tolist()
    return gray[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)].copy()


def _is_there(line: WrittenLine, gray: Picture) -> bool:
    here = _cut(gray, line.box)
    return float(cv2.matchTemplate(here, line.patch, cv2.TM_CCOEFF_NORMED).max()) >= STILL_THERE


def _is_alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False)
    return matcher.ratio() >= ALIKE
