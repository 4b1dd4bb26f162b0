"""Lines of writing: where they are, what they say, and for how long each keeps its place.

A frame now and then is searched for lines by a network; each that is found is read, once, and
followed from sample to sample by its outlines.
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

SAME_PLACE, HOLDS = 0.5, 0.8
"""Overlap (IoU) of the boxes in two pictures of a line that keeps its place; share of the smaller
one that lies in the larger one where two lines were taken for one."""

EDGE = 0.006
"""Frame widths from the left or right edge within which a line may be cut off."""

SHIFT = 0.12
"""Of its height, by which the left, upper and lower ends of a line at rest may stray."""

STILL_THERE = 0.6
"""Correlation of a line's outlines with those at its place now from which it is there: on labelled
web clips 0.8 or more where it is, 0.3 at most where something else is (eight clips)."""

MOST_MISSED = 1
"""Samples in a row in which a line may not be seen, over a bright background for instance."""

MAX_ABSENCE = 5.0
"""Seconds for which a line may go unseen, and is the same when it is read again."""

ALIKE = 0.75
"""Likeness of two readings (Ratcliff and Obershelp) from which they are of the same words."""

NOTHING = np.zeros((0, 0), np.uint8)


@dataclass(slots=True)
class WrittenLine:
    """A line of writing at one place.

    Attributes:
        text: what it says; empty where that is not sure.
        t, score: when it was read, and how sure that was (0..1).
        first, last: seconds between which it keeps its place.
        patch: the picture of it, gray.
        around: gray levels (n,) of the pixels around it when it was read.
        change: mean difference in gray levels, at most, of what is around it while it stays.
    """

    text: str
    score: float
    t: float
    box: Array
    first: float
    last: float
    patch: Picture
    around: Picture
    change: float = 0.0
    missed: int = 0

    def see(self, t: float, gray: Picture) -> bool:
        """Look for the line at its place in a sample, and at what is around it; whether it is
        there."""
        # Its outlines: letters have them still when all that shows between them is another.
        here, known = _outlines(_cut(gray, self.box)), _outlines(self.patch)
        if float(cv2.matchTemplate(here, known, cv2.TM_CCOEFF_NORMED).max()) < STILL_THERE:
            return False
        self.first, self.last = min(self.first, t), max(self.last, t)
        self.note_change(gray)
        return True

    def note_change(self, gray: Picture) -> None:
        """Compare what is around the line with what was there when it was read."""
        if self.around.size:  # nothing is around what fills the frame
            change = np.abs(_around(gray, self.box) - self.around.astype(float)).mean()
            self.change = max(self.change, float(change))


@dataclass
class LineReader:
    """Reads pictures, and follows what it finds there from sample to sample.

    Attributes:
        lines: all that was found, in the order in which it was.
    """

    lines: list[WrittenLine] = field(default_factory=list)
    _late: list[WrittenLine] = field(default_factory=list)
    _before: list[tuple[float, Picture]] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """See which lines are still at their places."""
        for line in self._late:
            if line.missed <= MOST_MISSED:
                line.missed = 0 if line.see(sample.t, sample.gray) else line.missed + 1
            if sample.t - line.last > MAX_ABSENCE:  # an hour of film has many thousand of these
                line.patch = line.around = NOTHING
        self._late = [line for line in self._late if line.patch.size]
        self._before.append((sample.t, sample.gray))

    def read(self, sample: Sample, picture: Picture) -> None:
        """Read a frame; ``picture`` is the sample's, large enough to read. Call after `add`."""
        present = [line for line in self._late if line.missed <= MOST_MISSED]
        for corners in locate_lines(picture)[:MOST_LINES]:
            box = box_between(picture, corners)
            if any(_is_at(line, box) for line in present):
                continue
            found = read_line(picture, corners)
            patch = _cut(sample.gray, box)
            text = found.text if _is_sure(found, patch) else ""
            if (line := self._lost(box, text)) is not None:
                line.last, line.missed = sample.t, 0
                line.note_change(sample.gray)
                continue
            around = _around(sample.gray, box)
            line = WrittenLine(text, found.score, sample.t, box, sample.t, sample.t, patch, around)
            # Back to where it came from.
            all(line.see(t, gray) for t, gray in reversed(self._before[:-1]))
            self.lines.append(line)
            self._late.append(line)
        self._before = self._before[-1:]

    def distinct(self) -> Iterator[WrittenLine]:
        """Every wording once, as it was read best, in the order in which it was read."""
        chosen: list[WrittenLine] = []
        for line in sorted(self.lines, key=lambda one: -one.score):
            if line.text and not any(_is_alike(line.text, other.text) for other in chosen):
                chosen.append(line)
        return iter(sorted(chosen, key=lambda one: one.t))

    def _lost(self, box: Array, text: str) -> WrittenLine | None:
        """The line with this text that was at this place until a short while ago."""
        late = [line for line in self._late if _rests(line, box)]
        return next((line for line in late if text and _is_alike(line.text, text)), None)


def is_writing(line: WrittenLine) -> bool:
    """Whether what was found as a line can be read at all."""
    return bool(line.text) or (line.score >= SOME_WRITING and line.box[3] - line.box[1] < TALL)


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


def _rests(line: WrittenLine, box: Array) -> bool:
    """Whether a line has come to a box without moving: a counter's right end does, no other."""
    strays = np.abs(line.box - box)[[0, 1, 3]]
    return bool(strays.max() <= SHIFT * (line.box[3] - line.box[1]))


def _cut(gray: Picture, box: Array) -> Picture:
    height, width = gray.shape
    x0, y0, x1, y1 = (box * [width, height, width, height]).astype(int).tolist()
    return gray[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)].copy()


def _outlines(gray: Picture) -> NDArray[np.float32]:
    return np.asarray(cv2.Laplacian(gray, cv2.CV_32F, ksize=3), np.float32)


def _around(gray: Picture, box: Array) -> Picture:
    """Gray levels of the pixels around a box, within its height."""
    height, width = gray.shape
    x0, y0, x1, y1 = (box * [width, height, width, height]).astype(int).tolist()
    rim = max(2, y1 - y0)
    top, left = max(0, y0 - rim), max(0, x0 - rim)
    part = gray[top : y1 + rim, left : x1 + rim]
    outside = np.ones(part.shape, bool)
    outside[y0 - top : y1 - top, x0 - left : x1 - left] = False
    return part[outside]


def _is_alike(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False)
    return matcher.ratio() >= ALIKE
