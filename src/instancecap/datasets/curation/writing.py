"""Writing that is laid over a clip: titles, subtitles, logos, told from what is filmed by reading.

Evidence tells of lines whose strokes stand out in every sample. Here a frame a second is read
whatever its strokes are, which costs more, and a line that keeps its place on the screen while the
picture behind it changes is laid over it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.texts import SAME_PLACE, kind_of, read_sure
from instancecap.evidence.geometry import as_box, ious
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Evidence, TextRegion
from instancecap.video.decode import Picture

Array = NDArray[np.float64]

READ_RATE = 1.0
"""Frames a second that are read; a line is believed where two in a row show it."""

READ_SIDE = 640
"""Longer side in pixels of what is read, at most."""

SHIFT = 0.5
"""Of its height, by which a line's left, upper and lower ends may stray."""

SMALL_SIDE = 208
"""Longer side in pixels of the picture in which it is seen what changes."""

CHANGES = 9.0
"""Mean difference in gray levels around a line from which the picture behind it has changed."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One frame: the boxes (n, 4) of its lines, what they say, and a small gray picture."""

    t: float
    boxes: Array
    texts: list[str]
    small: Picture


@dataclass(slots=True)
class _Stay:
    """A line that keeps its place, from the first to the last look at it."""

    box: Array
    text: str
    looks: list[_Look] = field(default_factory=list)

    def has_change_behind(self) -> bool:
        """Whether the picture around it is another one in any two looks in a row."""
        return any(
            _change_around(self.box, one.small, other.small) >= CHANGES
            for one, other in zip(self.looks, self.looks[1:], strict=False)
        )


class WritingExpert:
    """Reads a frame a second."""

    name = "writing"
    rate = READ_RATE
    needs = ()

    def __init__(self) -> None:
        self._looks: list[_Look] = []

    def add(self, sample: Sample, scene: Scene) -> None:
        """Read a sample, where evidence is read too: one reader does one picture at a time."""
        scene.worker.run(partial(self._look, sample.t, sample.at_most(READ_SIDE)))

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Nothing in the evidence."""

    def _look(self, t: float, picture: Picture) -> None:
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        scale = min(1.0, SMALL_SIDE / max(gray.shape))
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        lines = read_sure(picture)
        boxes = np.array([line.box for line in lines]).reshape(-1, 4)
        texts = [line.text for line in lines]
        self._looks.append(_Look(t, boxes, texts, np.asarray(small, np.uint8)))

    def overlays(self, start: float, end: float, *, camera_rests: bool) -> list[TextRegion]:
        """What is laid over a span, seconds of the clip.

        Args:
            camera_rests: what is filmed keeps its place too, so that writing counts only where
                something changes behind it.
        """
        found, margin = [], 0.5 / READ_RATE
        for stay in self._stays(start, end):
            if camera_rests and not stay.has_change_behind():
                continue
            first = max(start, stay.looks[0].t - margin)
            last = min(end, stay.looks[-1].t + margin)
            region = TextRegion(
                t=round(first, 3),
                end=round(last, 3),
                box=as_box(stay.box),
                score=1.0,
                text=stay.text,
            )
            kind = kind_of(region, duration=end - start)
            found.append(region.model_copy(update={"kind": kind}))
        return found

    def _stays(self, start: float, end: float) -> list[_Stay]:
        """Lines that two looks in a row, or more, show at the place where they were first seen."""
        done: list[_Stay] = []
        running: list[_Stay] = []
        for look in self._looks:
            if not start <= look.t < end:
                continue
            places = np.array([stay.box for stay in running]).reshape(-1, 4)
            same = ious(look.boxes, places) >= SAME_PLACE
            same &= _rests(look.boxes, places, look.small.shape)
            seen = [running[index] for index in np.flatnonzero(same.any(axis=0))]
            for stay in seen:
                stay.looks.append(look)
            fresh = np.flatnonzero(~same.any(axis=1))
            new = [_Stay(look.boxes[index], look.texts[index], [look]) for index in fresh]
            running = [*seen, *new]
            done += new
        return [stay for stay in done if len(stay.looks) > 1]


def _rests(boxes: Array, places: Array, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether each box (n, 4) has stayed where each place (m, 4) is: (n, m). The right end of a
    counter moves, the rest of a line does not.
    """
    height, width = shape
    strays = np.abs(boxes[:, None] - places[None])[..., [0, 1, 3]] * [width, height, height]
    most = SHIFT * (places[:, 3] - places[:, 1]) * height
    return np.asarray(strays.max(axis=2, initial=0.0) <= most)


def _change_around(box: Array, one: Picture, other: Picture) -> float:
    """Mean difference of two pictures around a box, a box's height wide; gray levels."""
    height, width = one.shape
    x0, y0, x1, y1 = (box * [width, height, width, height]).astype(int)
    rim = max(2, y1 - y0)
    around = np.zeros(one.shape, bool)
    around[max(0, y0 - rim) : y1 + rim, max(0, x0 - rim) : x1 + rim] = True
    around[y0:y1, x0:x1] = False
    return float(cv2.absdiff(one, other)[around].mean()) if around.any() else 0.0
