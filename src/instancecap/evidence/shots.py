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

FLASH_FRAMES = 4
"""A change that is undone within so many frames is a flash."""

SAME = 0.06
"""Mean absolute difference (0..1) of two thumbnails of the same view."""

EMPTY_SPREAD = 0.03
"""Standard deviation (0..1) of luma under which a picture is empty: black, white, one colour."""

DISSOLVE_SECONDS = (0.2, 2.0)
MIN_DISSOLVE_CHANGE = 0.08
MIN_SHOT = 0.12
"""Seconds under which a stretch is part of a transition, not a shot."""


class ShotExpert:
    """Looks at every frame of a clip and says where its shots are."""

    def __init__(self) -> None:
        self._detector = AdaptiveDetector(
            adaptive_threshold=3.0, min_scene_len=2, min_content_val=12.0
        )
        self._times: list[float] = []
        self._thumbs: list[NDArray[np.uint8]] = []
        self._cuts: set[int] = set()

    def add(self, frame: Frame) -> None:
        """Look at the next frame."""
        thumb = frame.bgr(THUMB_SIZE)
        self._cuts.update(self._detector.process_frame(frame.index, thumb))
        self._times.append(frame.t)
        self._thumbs.append(thumb[::2, ::2].copy())

    def shots(self, *, end: float) -> list[Shot]:
        """Shots from 0 to ``end`` seconds without gaps, each with the transition that begins it."""
        if not self._times:
            return []
        times = np.array(self._times)
        thumbs = np.stack(self._thumbs).reshape(len(times), -1).astype(float) / 255
        changes: dict[int, Transition] = {}
        for first, last, kind in _fades(times, self._lumas()) + _dissolves(times, thumbs):
            if all(abs(first - index) > 2 and not first <= index <= last for index in changes):
                changes[last if kind == "fade" else (first + last) // 2] = kind
                self._cuts -= set(range(first - 1, last + 2))
        for cut in self._cuts:
            if cut < len(times) and not _is_flash(thumbs, cut):
                changes[cut] = "cut"
        return _as_shots(times, changes, end=end)

    def _lumas(self) -> Array:
        return np.array(
            [(float(g.mean()) / 255, float(g.std()) / 255) for g in map(_gray, self._thumbs)]
        )


def _gray(thumb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(thumb, cv2.COLOR_BGR2GRAY), np.uint8)


def _is_flash(thumbs: Array, cut: int) -> bool:
    before = thumbs[cut - 1]
    after = thumbs[cut + 1 : cut + 1 + FLASH_FRAMES]
    return any(float(np.abs(later - before).mean()) < SAME for later in after) or any(
        float(np.abs(thumbs[cut] - earlier).mean()) < SAME
        for earlier in thumbs[max(0, cut - FLASH_FRAMES) : cut - 1]
    )


def _fades(times: Array, lumas: Array) -> list[tuple[int, int, Transition]]:
    """Stretches of empty picture with a gradual change on at least one side."""
    empty = lumas[:, 1] < EMPTY_SPREAD
    found: list[tuple[int, int, Transition]] = []
    for first, last in _stretches(empty):
        if first == 0 or last == len(times) - 1:
            continue
        before, after = lumas[max(0, first - 3) : first, 1], lumas[last + 1 : last + 4, 1]
        if max(after) < 4 * EMPTY_SPREAD or max(before) < 4 * EMPTY_SPREAD:
            found.append((first, last + 1, "fade"))
    return found


def _dissolves(times: Array, thumbs: Array) -> list[tuple[int, int, Transition]]:
    """Stretches in which every picture lies on the straight line between their two ends."""
    if len(times) < 8:
        return []
    step = np.abs(np.diff(thumbs, axis=0)).mean(axis=1)
    interval = float(np.median(np.diff(times)))
    found: list[tuple[int, int, Transition]] = []
    active = step > 0.004
    for first, last in _stretches(active):
        seconds = (last + 1 - first) * interval
        if not DISSOLVE_SECONDS[0] <= seconds <= DISSOLVE_SECONDS[1]:
            continue
        change = thumbs[last + 1] - thumbs[first]
        if float(np.abs(change).mean()) < MIN_DISSOLVE_CHANGE:
            continue
        between = thumbs[first : last + 2] - thumbs[first]
        along = between @ change / float(change @ change)
        off = float(np.abs(between - along[:, None] * change).mean() / np.abs(change).mean())
        if off < 0.12 and np.all(np.diff(along) > -0.02):
            found.append((first, last + 1, "dissolve"))
    return found


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _as_shots(times: Array, changes: dict[int, Transition], *, end: float) -> list[Shot]:
    shots: list[Shot] = []
    begin, kind = 0.0, "start"
    for index in sorted(changes):
        t = round(float(times[index]), 3)
        if t - begin < MIN_SHOT and shots:
            continue
        if t - begin >= MIN_SHOT / 3:
            shots.append(Shot(start=begin, end=t, transition=kind))
            begin, kind = t, changes[index]
    shots.append(Shot(start=begin, end=round(max(end, begin), 3), transition=kind))
    return shots
