"""Writing: where it is laid over the picture, and what it says there and on what is filmed.

Lines of letters are looked for in every sample by their strokes, which costs little; where a line
keeps its place, a frame is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import cv2
import numpy as np

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.light import LIGHT_RATE
from instancecap.evidence.geometry import as_box, coverage
from instancecap.evidence.sample import Sample
from instancecap.models.ocr import ReadLine, read_lines
from instancecap.schema.base import Text
from instancecap.schema.evidence import Evidence, TextKind, TextRegion
from instancecap.video.decode import Picture
from instancecap.video.sampling import Ticker

Bounds = tuple[int, int, int, int]

STROKE = 9
"""Widest stroke in pixels of a sampled picture, whose longer side has 416."""

STROKE_CONTRAST = 60
"""Gray levels by which strokes stand out from what is around them."""

LINE_HEIGHTS = (5, 44)
"""Heights of a line of text in pixels of a sampled picture."""

WHITE = 190
"""Gray level from which strokes pass for white paint."""

WORD_GAP = 13
"""Widest gap within a line, pixels of a sampled picture."""

LETTERS = 4
"""Groups of strokes side by side that make a line: fewer may be a window, a sign or a ball."""

TURNS = 10
"""Borders between ink and ground that a typical row of a line crosses."""

INK_SPREAD = 20.0
"""Standard deviation, in gray levels, of the ink: light falls unevenly on things, not on letters
that are laid over the picture."""

STAYS = 1.2
"""Seconds for which a line must keep its place: nobody reads faster, and branches sway sooner."""

SAME_PLACE = 0.6
"""Overlap (IoU) of a line's boxes in two samples; counters change their digits' width."""

SHIFT = 1.5
"""Pixels of a sampled picture by which a line's left, upper and lower ends may stray, mostly."""

MAX_GAP = 0.8
"""Seconds for which a line may go unnoticed, over a bright background for instance."""


READ_RATE, MOST_READ = 0.5, 3
"""Frames a second that may be read, and how many of a clip are."""

READ_SIDE = 960
"""Longer side in pixels of what is read; larger frames are scaled down to it."""

SURE_TEXT, LEAST_LETTERS = 0.75, 2
"""Confidence and letters or digits from which a line that was read is believed."""

WHOLE_CLIP, SMALL = 0.8, 0.33
"""Share of the clip for which a watermark stays, and its longest line in frame widths."""

SUBTITLE_TOP, SUBTITLE_CENTER = 0.66, 0.12
"""Where subtitles begin, in frame heights, and how far from the middle, in frame widths."""


@dataclass(slots=True)
class _Line:
    """A line of text that keeps its place."""

    box: Bounds
    first: float
    last: float
    hits: int = 1
    boxes: list[Bounds] = field(default_factory=list)
    read: bool = False


class TextExpert:
    """Finds lines of letters and keeps those that stay at their place on the screen."""

    name = "texts"
    rate = LIGHT_RATE
    needs = ()

    def __init__(self) -> None:
        self._open: list[_Line] = []
        self._done: list[_Line] = []
        self._size = (1, 1)
        self._times: list[float] = []
        self._reading = Ticker(READ_RATE)
        self._read: list[tuple[float, ReadLine]] = []
        self._frames_read = 0

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample, and read it where something is written that nobody has read."""
        picture = sample.at_most(READ_SIDE) if self._reading.due(sample.t) else None
        scene.worker.run(partial(self.look, sample, picture))

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write where writing lies over the picture, and every text once."""
        evidence.overlays = [
            self._with_text(overlay, duration=scene.end) for overlay in self.overlays()
        ]
        seen: set[str] = set()
        for t, line in self._read:
            key = line.text.casefold()
            if key not in seen:
                seen.add(key)
                evidence.texts.append(Text(text=line.text, t=round(t, 3), box=as_box(line.box)))

    def _with_text(self, overlay: TextRegion, *, duration: float) -> TextRegion:
        """The overlay with what was read there, and what it is."""
        place = np.array(overlay.box)
        texts = [
            (line.score, line.text)
            for t, line in self._read
            if overlay.t - 0.5 <= t <= overlay.end + 0.5
            and coverage(place[None], line.box[None])[0, 0] > 0.5
        ]
        kind = kind_of(overlay, duration=duration)
        return overlay.model_copy(update={"text": max(texts, default=(0, ""))[1], "kind": kind})

    def look(self, sample: Sample, picture: Picture | None = None) -> None:
        """Find lines in a sample; ``picture`` is the same frame, large enough to read."""
        self._find(sample)
        unread = [line for line in self._open if not line.read and line.hits >= 2]
        if picture is None or not unread or self._frames_read >= MOST_READ:
            return
        self._frames_read += 1
        for line in unread:
            line.read = True
        self._read += [(sample.t, line) for line in read_sure(picture)]

    def _find(self, sample: Sample) -> None:
        self._size = sample.size
        self._times.append(sample.t)
        for box in find_lines(sample.gray):
            known = max(self._open, key=lambda line: _overlap(line.box, box), default=None)
            if known is None or _overlap(known.box, box) < SAME_PLACE:
                self._open.append(_Line(box, sample.t, sample.t, boxes=[box]))
            elif known.last < sample.t:
                known.box, known.last, known.hits = box, sample.t, known.hits + 1
                known.boxes.append(box)
        ended = [line for line in self._open if sample.t - line.last > MAX_GAP]
        self._done += [line for line in ended if line.last - line.first >= STAYS]
        self._open = [line for line in self._open if sample.t - line.last <= MAX_GAP]

    def overlays(self) -> list[TextRegion]:
        """The lines that stayed, in the order in which they were first seen."""
        width, height = self._size
        found = []
        for line in [*self._done, *self._open]:
            seen = sum(line.first <= t <= line.last for t in self._times)
            share = line.hits / max(seen, 1)
            if line.last - line.first < STAYS or line.hits < 3 or share < 0.6:
                continue
            middle = np.median(np.array(line.boxes), axis=0)
            # The right end of a counter moves, the rest of a line does not.
            strays = np.abs(np.array(line.boxes) - middle)[:, [0, 1, 3]].max(axis=1)
            if (strays <= SHIFT).mean() < 0.6:
                continue
            x0, y0, x1, y1 = middle.tolist()
            box = (x0 / width, y0 / height, min(1.0, x1 / width), min(1.0, y1 / height))
            found.append(TextRegion(t=line.first, end=line.last, box=box, score=round(share, 3)))
        return sorted(found, key=lambda region: (region.t, region.box))


def read_sure(picture: Picture) -> list[ReadLine]:
    """The lines of writing in a BGR picture that are believed."""
    return [
        line
        for line in read_lines(picture)
        if line.score >= SURE_TEXT and sum(map(str.isalnum, line.text)) >= LEAST_LETTERS
    ]


def kind_of(overlay: TextRegion, *, duration: float) -> TextKind:
    """What writing that is laid over a clip of ``duration`` seconds is, by its place and stay."""
    x0, top, x1, _ = overlay.box
    if top >= SUBTITLE_TOP and abs((x0 + x1) / 2 - 0.5) <= SUBTITLE_CENTER:
        return "subtitle"
    stays = overlay.end - overlay.t >= WHOLE_CLIP * duration
    return "watermark" if stays and x1 - x0 <= SMALL else "overlay"


def find_lines(gray: Picture) -> list[Bounds]:
    """Boxes (x0, y0, x1, y1 in pixels) of what looks like a line of letters."""
    patch = np.ones((STROKE, STROKE), np.uint8)
    found: list[Bounds] = []
    bright = cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, patch) > STROKE_CONTRAST
    dark = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, patch) > STROKE_CONTRAST
    # White letters are looked for by themselves too, lest their ground's detail run into them.
    for strokes, tones in ((bright, gray), (bright & (gray > WHITE), gray), (dark, 255 - gray)):
        ink = strokes.astype(np.uint8)
        # Letters of a line are nearer to each other than to those of the next line.
        joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, WORD_GAP), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_16U)
        widths, heights = stats[:, 2], stats[:, 3]
        fits = (heights >= LINE_HEIGHTS[0]) & (heights <= LINE_HEIGHTS[1]) & (widths >= 3 * heights)
        for x, y, w, h, _ in stats[1:][fits[1:]].tolist():
            part = slice(y, y + h), slice(x, x + w)
            box = (x, y, x + w, y + h)
            if _is_writing(ink[part], tones[part]) and not any(
                _overlap(box, other) >= SAME_PLACE for other in found
            ):
                found.append(box)
    return found


def _is_writing(ink: Picture, tone: Picture) -> bool:
    """Many strokes side by side, of one height and one tone; ``tone`` is brightest in strokes."""
    if not 0.15 < ink.mean() < 0.65:
        return False
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    letters = stats[1:][stats[1:, 3] >= 0.45 * ink.shape[0]]
    if count - 1 < LETTERS or len(letters) < LETTERS:
        return False
    # Letters fill the line from end to end, and none of them is the line.
    if letters[:, 2].sum() < 0.5 * ink.shape[1] or letters[:, 2].max() > 0.5 * ink.shape[1]:
        return False
    turns = np.abs(np.diff(ink.astype(np.int8), axis=1)).sum(axis=1)
    if np.median(turns) < TURNS:
        return False
    # Down the middle of the strokes: their borders are blurred.
    ridge = (ink > 0) & (tone == cv2.dilate(tone, np.ones((3, 3), np.uint8)))
    return bool(tone[ridge].std() < INK_SPREAD)


def _overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return both / (sum(areas) - both)
