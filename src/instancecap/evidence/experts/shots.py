"""Where one shot ends and the next begins: hard cuts, dissolves and fades.

Hard cuts come from PySceneDetect's adaptive detector, fed with a thumbnail of every frame, and
are checked against the frames around them, so that a flash is no cut. Fades and dissolves are
found on the same thumbnails: a fade passes through an empty picture; in a dissolve each picture
is a mixture of the one before and the one after (Truong et al. 2000).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.detectors import AdaptiveDetector

from instancecap.evidence.sample import THUMB_SIZE
from instancecap.schema.evidence import Shot
from instancecap.schema.vocabulary import Transition
from instancecap.video.decode import Frame

Array = NDArray[np.float64]
Thumbs = NDArray[np.uint8]

KEPT_SIZE = (16, 12)
"""Width and height of the thumbnails that are kept for every frame: 50 MB for an hour of film."""

FLASH_FRAMES = 4
"""A change that is undone within so many frames is a flash."""

SAME = 0.06
"""Mean absolute difference (0..1) of two thumbnails of the same view."""

EMPTY_SPREAD = 0.03
EMPTY_LUMA = (0.08, 0.94)
"""A picture is empty, black or white, when its luma hardly varies and lies outside these."""

JUMP = 0.06
"""Change of a thumbnail (mean absolute difference, 0..1) from one frame to the next that is a
cut to or from an empty picture; what takes longer is a fade."""

MIN_STEP = 0.003
"""Change from frame to frame above which something is going on in a dissolve."""

DISSOLVE_SECONDS = (0.2, 2.5)
MIN_DISSOLVE_FRAMES = 4
MIN_DISSOLVE_CHANGE = 0.06
MAX_OFF_LINE = 0.18
"""Distance of a dissolve's pictures from the line between its ends, over the ends' distance."""

MIN_SHOT = 0.12
"""Seconds under which a stretch is part of a transition, not a shot."""

Change = tuple[int, int, Transition]
"""First and last frame of a transition, and its kind; a cut's are the new shot's first frame."""


class _Thumbnails:
    """Thumbnails in large blocks: as many small ones they would keep a long film's freed frames
    from being given back."""

    BLOCK = 2048

    def __init__(self) -> None:
        self._blocks: list[Thumbs] = []
        self._count = 0

    def append(self, thumb: Thumbs) -> None:
        if self._count % self.BLOCK == 0:
            self._blocks.append(np.zeros((self.BLOCK, thumb.size), np.uint8))
        self._blocks[-1][self._count % self.BLOCK] = thumb
        self._count += 1

    def all(self) -> Thumbs:
        """All thumbnails in order, (frames, pixels)."""
        return np.concatenate(self._blocks)[: self._count]


class ShotExpert:
    """Looks at every frame of a clip and says where its shots are."""

    def __init__(self) -> None:
        self._detector = AdaptiveDetector(
            adaptive_threshold=3.0, min_scene_len=2, min_content_val=12.0
        )
        self._times: list[float] = []
        self._thumbs = _Thumbnails()
        self._numbers: list[tuple[float, float, float]] = []
        self._cuts: set[int] = set()
        self._before: Thumbs | None = None

    def add(self, frame: Frame) -> None:
        """Look at the next frame."""
        thumb = frame.bgr(THUMB_SIZE)
        self._cuts.update(self._detector.process_frame(frame.index, thumb))
        small = np.asarray(
            cv2.resize(thumb, KEPT_SIZE, interpolation=cv2.INTER_AREA), np.uint8
        ).ravel()
        before = self._before if self._before is not None else small
        self._before = small
        step = float(cv2.norm(small, before, cv2.NORM_L1)) / small.size / 255
        luma, spread = cv2.meanStdDev(thumb.reshape(-1, 1))
        self._numbers.append((step, float(luma[0, 0]) / 255, float(spread[0, 0]) / 255))
        self._times.append(frame.t)
        self._thumbs.append(small)

    def shots(self, *, end: float) -> list[Shot]:
        """Shots from 0 to ``end`` seconds without gaps, each with the transition that begins it."""
        if not self._times:
            return []
        times = np.array(self._times)
        thumbs = self._thumbs.all()
        step, luma, spread = np.array(self._numbers).T
        changes = _empties(step, luma, spread)
        for dissolve in _dissolves(times, thumbs, step):
            to_nothing = spread[dissolve[1]] < EMPTY_SPREAD
            if not to_nothing and not any(_overlap(dissolve, other) for other in changes):
                changes.append(dissolve)
        for cut in sorted(self._cuts):
            whole: Change = (cut, cut, "cut")
            free = not any(_overlap(whole, other) for other in changes)
            if cut < len(times) and free and not _is_flash(thumbs, cut):
                changes.append(whole)
        return _as_shots(times, changes, end=end)


def _overlap(first: Change, second: Change) -> bool:
    return first[0] <= second[1] + 1 and second[0] <= first[1] + 1


def _is_flash(thumbs: Thumbs, cut: int) -> bool:
    """True when the view before the change is back, or was there, within a few frames."""
    window = thumbs[max(0, cut - FLASH_FRAMES) : cut + 1 + FLASH_FRAMES].astype(float) / 255
    here = min(cut, FLASH_FRAMES)
    back = np.abs(window[here + 1 :] - window[here - 1]).mean(axis=1)
    was = np.abs(window[: here - 1] - window[here]).mean(axis=1)
    return bool((back < SAME).any() or (was < SAME).any())


def _empties(step: Array, luma: Array, spread: Array) -> list[Change]:
    """Transitions into and out of black or white pictures.

    A fade to black and up again is one transition. A cut to black begins a shot of its own, and
    so does what comes after it.
    """
    empty = (spread < EMPTY_SPREAD) & ((luma < EMPTY_LUMA[0]) | (luma > EMPTY_LUMA[1]))
    last_frame = len(step) - 1
    found: list[Change] = []
    for first, last in _stretches(empty):
        if last - first < 1 and step[first] > JUMP:
            continue  # a single empty frame is a flash
        fades_in = last < last_frame and step[last + 1] < JUMP
        fades_out = first > 0 and step[first] < JUMP
        start, end = first, last + 1
        while fades_out and start > 1 and step[start - 1] > MIN_STEP and step[start - 1] < JUMP:
            start -= 1
        while fades_in and end < last_frame and MIN_STEP < step[end + 1] < JUMP:
            end += 1
        if last == last_frame:
            continue  # fading out, or cut to black, at the clip's end begins no shot
        if luma[first] > 0.5 and min(spread[start], spread[min(end, last_frame)]) < EMPTY_SPREAD:
            continue  # white walls and skies are pictures; only a dip to white is none
        if first > 0 and not fades_out:
            found.append((first, first, "cut"))
            start = first + 1
        found.append((start, end, "fade") if fades_in else (last + 1, last + 1, "cut"))
    return found


def _dissolves(times: Array, thumbs: Thumbs, step: Array) -> list[Change]:
    """Stretches in which every picture lies on the straight line between their two ends."""
    if len(times) < 2 * MIN_DISSOLVE_FRAMES:
        return []
    interval = float(np.median(np.diff(times)))
    found: list[Change] = []
    for first, last in _stretches(step > MIN_STEP):
        begin = max(0, first - 1)
        frames, seconds = last - begin, (last - begin) * interval
        if frames < MIN_DISSOLVE_FRAMES or not (
            DISSOLVE_SECONDS[0] <= seconds <= DISSOLVE_SECONDS[1]
        ):
            continue
        pictures = thumbs[begin : last + 1].astype(float) / 255
        change = pictures[-1] - pictures[0]
        size = float(np.abs(change).mean())
        if size < MIN_DISSOLVE_CHANGE or float(step[first : last + 1].max()) > 0.5 * size:
            continue
        between = pictures - pictures[0]
        along = between @ change / float(change @ change)
        off = float(np.abs(between - along[:, None] * change).mean()) / size
        if off < MAX_OFF_LINE and bool(np.all(np.diff(along) > -0.02)):
            found.append((begin, last, "dissolve"))
    return found


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _as_shots(times: Array, changes: list[Change], *, end: float) -> list[Shot]:
    """Shots between the changes; a gradual one lies in the middle of its transition."""
    shots: list[Shot] = []
    begin: float = 0.0
    kind: Transition = "start"
    for first, last, how in sorted(changes):
        t = round(float(times[first] + times[last]) / 2, 3)
        if t - begin < MIN_SHOT / 3 or (shots and t - begin < MIN_SHOT):
            continue
        shots.append(Shot(start=begin, end=t, transition=kind))
        begin, kind = t, how
    shots.append(Shot(start=begin, end=round(max(end, begin), 3), transition=kind))
    return shots
