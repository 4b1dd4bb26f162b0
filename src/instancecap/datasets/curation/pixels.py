"""What a set is curated by and evidence does not hold: still frames, blur, bars, logos, a hash.

Two experts look on while a clip is measured, and keep numbers by time, so that a part of the clip
can be judged as the whole is.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.expert import EVERY_FRAME, Scene
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.schema.base import Box
from instancecap.schema.evidence import Evidence
from instancecap.video.decode import Picture
from instancecap.video.sampling import Ticker

Array = NDArray[np.float64]

SAME_FRAME = 0.0004
"""Mean difference of two frames' thumbnails, 0..1, up to which the second repeats the first: a
tenth of a gray level, which is less than a codec changes where anything moves."""

LOOK_RATE = 2.0
"""Looks a second at exposure, bars and logos; every other one is at blur as well."""

BLUR_SIDE = 960
"""Longer side in pixels of the picture that blur is measured on, at most."""

BLUR_TAPS = 9
"""Pixels of the filter that a picture is blurred with to see how much sharpness it has to lose."""

DARK, BRIGHT = 16, 240
"""Gray levels: below the first nothing is seen, above the second it is burnt out."""

BAR_LEVEL, BAR_SHARE = 32, 98
"""Gray level that this percentage of a black bar's row or column stays under."""

LEAST_BAR = 0.02
"""Of the frame's side; narrower edges are left by codecs and cameras."""

LOGO_WIDTH = 208
"""Pixels of the picture's longer side that logos are looked for on."""

LOGO_EDGE, LOGO_STILL = 12.0, 3.0
"""Gray levels: the gradient of a logo's border, and by how much its pixels may change over time
(standard deviation)."""

MOVING_AROUND, STILL_AROUND = 9.0, 20.0
"""Gray levels by which the picture's other pixels must change (median), where the camera moves and
where it rests: what it sees rests then too."""

FEWEST_LOOKS = 5
"""From which a pattern that rests is told from chance."""

LOGO_SIZE = 24
"""Pixels of a logo, on that picture."""

HASH_SIDE = 32
"""Pixels of the square picture that the hash is made of."""


class FrameExpert:
    """Tells which frames repeat the one before; looks at every frame."""

    name = "frames"
    rate = EVERY_FRAME
    needs = ()

    def __init__(self) -> None:
        self.times, self.steps = array("d"), array("f")
        self._before: Picture | None = None

    def add(self, sample: Sample, scene: Scene) -> None:
        """Compare a frame with the one before it; the first one is new."""
        thumb, before = sample.thumb, self._before
        step = cv2.norm(thumb, before, cv2.NORM_L1) / thumb.size / 255 if before is not None else 1
        self.times.append(sample.t)
        self.steps.append(step)
        self._before = thumb

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Nothing in the evidence."""

    def still(self, start: float, end: float) -> tuple[float, float]:
        """Share of the frames of a span that repeat the one before; the longest rest, seconds."""
        times, steps = np.array(self.times), np.array(self.steps)
        inside = (times >= start) & (times < end)
        same, times = steps[inside] <= SAME_FRAME, times[inside]
        if len(same) < 2:
            return 0.0, 0.0
        same[0] = False  # the frame before it lies outside
        # A rest is from the first of its frames to the next one that is new, or the span's end.
        new = np.append(times[~same], end)
        follows = np.append(np.flatnonzero(~same), len(same))
        rests = np.diff(new)[np.diff(follows) > 1]
        return float(same[1:].mean()), float(rests.max(initial=0.0))


@dataclass
class Looks:
    """What one look after the other gave; a row each."""

    times: list[float] = field(default_factory=list)
    blur: list[float] = field(default_factory=list)
    light: list[tuple[float, float]] = field(default_factory=list)
    rows: list[NDArray[np.uint8]] = field(default_factory=list)
    columns: list[NDArray[np.uint8]] = field(default_factory=list)
    small: list[Picture] = field(default_factory=list)


class PictureExpert:
    """Looks at two frames a second closely, and keeps a tiny picture of every sample.

    Attributes:
        frames: pictures for plug-ins, BGR with a longer side of 416 pixels, evenly spread.
        patches: what moved by itself, by time; known at the end.
    """

    name = "pictures"
    rate = SAMPLE_RATE
    needs = ("motion",)

    def __init__(self, *, keep_frames: int = 0) -> None:
        """``keep_frames`` pictures are kept, at most."""
        self.hash_times, self.tiny = array("d"), list[Picture]()
        self.frames: list[tuple[float, Picture]] = []
        self.patches: dict[float, FrameDetections] = {}
        self._looks = Looks()
        self._due, self._most = Ticker(LOOK_RATE), keep_frames
        self._frame_due = Ticker(SAMPLE_RATE)

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample."""
        self.hash_times.append(sample.t)
        size = (HASH_SIDE, HASH_SIDE)
        self.tiny.append(np.asarray(cv2.resize(sample.gray, size, interpolation=cv2.INTER_AREA)))
        if self._most and self._frame_due.due(sample.t):
            self.frames.append((sample.t, sample.bgr))
            if len(self.frames) > 2 * self._most:
                self.frames = self.frames[::2]
                self._frame_due = Ticker(1 / (self.frames[1][0] - self.frames[0][0]))
        if self._due.due(sample.t):
            self._look(sample)

    def _look(self, sample: Sample) -> None:
        gray, looks = sample.gray, self._looks
        looks.times.append(sample.t)
        if len(looks.times) % 2:
            large = sample.at_most(BLUR_SIDE)
            looks.blur.append(blur(np.asarray(cv2.cvtColor(large, cv2.COLOR_BGR2GRAY), np.uint8)))
        else:
            looks.blur.append(looks.blur[-1])
        looks.light.append((float((gray < DARK).mean()), float((gray > BRIGHT).mean())))
        for profile, axis in ((looks.rows, 1), (looks.columns, 0)):
            profile.append(np.percentile(gray, BAR_SHARE, axis=axis).astype(np.uint8))
        scale = LOGO_WIDTH / max(gray.shape)
        small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        looks.small.append(np.asarray(small, np.uint8))

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Nothing in the evidence; takes over what moved by itself."""
        self.patches = {round(found.t, 3): found for found in scene.patches}

    def _inside(self, start: float, end: float) -> list[int]:
        """Places of the looks in a span; the nearest one where there is none."""
        times = np.array(self._looks.times)
        found = np.flatnonzero((times >= start) & (times < end)).tolist()
        return found or [int(np.abs(times - start).argmin())]

    def blur(self, start: float, end: float) -> float:
        """Median of :func:`blur` over the looks in a span."""
        return float(np.median([self._looks.blur[index] for index in self._inside(start, end)]))

    def light(self, start: float, end: float) -> tuple[float, float]:
        """Mean shares of the picture that are too dark, and too bright, to show anything."""
        rows = [self._looks.light[index] for index in self._inside(start, end)]
        dark, bright = np.mean(rows, axis=0).tolist()
        return dark, bright

    def content(self, start: float, end: float) -> Box:
        """The picture within black bars, in 0..1 of the frame; all of it where it has none."""
        inside = self._inside(start, end)
        ends = [
            _within_bars(np.max([profile[index] for index in inside], axis=0))
            for profile in (self._looks.columns, self._looks.rows)
        ]
        (x0, x1), (y0, y1) = ends
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else (0.0, 0.0, 1.0, 1.0)

    def logo(self, start: float, end: float, *, camera_rests: bool) -> float:
        """Share of the picture that is a still pattern before a picture that changes."""
        inside = self._inside(start, end)
        if len(inside) < FEWEST_LOOKS:
            return 0.0
        around = STILL_AROUND if camera_rests else MOVING_AROUND
        stack = np.stack([self._looks.small[index] for index in inside])
        return float(find_marks(stack, around=around).mean())


def find_marks(pictures: NDArray[np.uint8], *, around: float) -> NDArray[np.bool_]:
    """Where a picture shows a still pattern while the rest of it changes.

    Args:
        pictures: gray, (n, height, width), some time apart.
        around: gray levels by which half of the picture changes, at least.
    """
    stack = pictures.astype(np.float32)
    spread, mean = stack.std(axis=0), stack.mean(axis=0)
    if float(np.median(spread)) < around:
        return np.zeros(mean.shape, bool)
    edges = np.hypot(cv2.Sobel(mean, cv2.CV_32F, 1, 0), cv2.Sobel(mean, cv2.CV_32F, 0, 1)) / 4
    marks = ((edges > LOGO_EDGE) & (spread < LOGO_STILL)).astype(np.uint8)
    whole = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
    sizes = stats[:, cv2.CC_STAT_AREA]
    sizes[0] = 0
    return np.asarray((sizes >= LOGO_SIZE)[labels], np.bool_)


def blur(gray: Picture) -> float:
    """How little a picture changes by being blurred once more: 0 sharp, 1 without any detail.

    The perceptual blur metric of Crete et al., *The Blur Effect* (SPIE 2007).
    """
    found = []
    picture = gray.astype(np.float32)
    for axis, size in ((0, (1, BLUR_TAPS)), (1, (BLUR_TAPS, 1))):
        steps = np.abs(np.diff(picture, axis=axis))
        softer = np.abs(np.diff(cv2.blur(picture, size), axis=axis))
        total = float(steps.sum())
        lost = float(np.maximum(steps - softer, 0).sum())
        found.append(1 - lost / total if total > 0 else 1.0)
    return max(found)


def _within_bars(profile: NDArray[np.uint8]) -> tuple[float, float]:
    """Where the picture begins and ends along one side, 0..1."""
    bright = np.flatnonzero(profile > BAR_LEVEL)
    if not len(bright):
        return 0.0, 1.0
    first, last = bright[0] / len(profile), (bright[-1] + 1) / len(profile)
    return (
        round(float(first), 4) if first >= LEAST_BAR else 0.0,
        round(float(last), 4) if last <= 1 - LEAST_BAR else 1.0,
    )
