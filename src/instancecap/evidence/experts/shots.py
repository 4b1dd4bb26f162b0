"""Where one shot ends and the next begins: hard cuts, dissolves and fades.

A thumbnail of every frame is kept. A step between two of them is checked against the frames around
it, so that a flash is no cut. Fades and dissolves are found on the same thumbnails: a fade passes
through an empty picture; in a dissolve each picture is a mixture of the one before and the one
after (Truong et al. 2000).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.expert import Scene
from instancecap.evidence.sample import Sample
from instancecap.evidence.thresholds import SHOTS
from instancecap.schema.evidence import Evidence, Shot
from instancecap.schema.vocabulary import Transition
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Thumbs = NDArray[np.uint8]

KEPT_SIZE = (16, 12)
"""Width and height of the thumbnails that are kept for every frame: 50 MB for an hour of film."""


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
    """Looks at every frame of a clip and tells where its shots are."""

    name = "shots"
    rate = float("inf")
    needs = ()

    def __init__(self) -> None:
        self._times: list[float] = []
        self._thumbs = _Thumbnails()
        self._numbers: list[tuple[float, float, float]] = []
        self._before: Thumbs | None = None

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at the next frame."""
        self.look(sample.t, sample.thumb)

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write the shots, and warn of what a neighboring shot left at the clip's ends."""
        evidence.shots, warnings = self.shots(end=scene.end)
        evidence.warnings += warnings

    def look(self, t: float, thumb: Picture) -> None:
        """Take in the next frame's thumbnail, BGR of ``THUMB_SIZE``."""
        small = np.asarray(
            cv2.resize(thumb, KEPT_SIZE, interpolation=cv2.INTER_AREA), np.uint8
        ).ravel()
        before = self._before if self._before is not None else small
        self._before = small
        step = float(cv2.norm(small, before, cv2.NORM_L1)) / small.size / 255
        luma, spread = cv2.meanStdDev(thumb.reshape(-1, 1))
        self._numbers.append((step, float(luma[0, 0]) / 255, float(spread[0, 0]) / 255))
        self._times.append(t)
        self._thumbs.append(small)

    def shots(self, *, end: float) -> tuple[list[Shot], list[str]]:
        """Shots from 0 to ``end`` seconds without gaps, each with the transition that begins it;
        and a warning for each end of the clip at which a neighboring shot left some frames."""
        if not self._times:
            return [], []
        times = np.array(self._times)
        thumbs = self._thumbs.all()
        step, luma, spread = np.array(self._numbers).T
        changes = _empties(step, luma, spread)
        for cut in np.flatnonzero(step >= SHOTS.cut_step).tolist():
            whole: Change = (cut, cut, "cut")
            if not any(_overlap(whole, other) for other in changes) and _is_cut(thumbs, step, cut):
                changes.append(whole)
        for dissolve in _dissolves(times, thumbs, step):
            to_nothing = spread[dissolve[1]] < SHOTS.empty_spread
            if not to_nothing and not any(_overlap(dissolve, other) for other in changes):
                changes.append(dissolve)
        return _as_shots(times, changes, end=end), _leftovers(times, changes, end=end)


def _overlap(first: Change, second: Change) -> bool:
    return first[0] <= second[1] + 1 and second[0] <= first[1] + 1


def _is_cut(thumbs: Thumbs, step: Array, cut: int) -> bool:
    """True where one picture gives way to another from one frame to the next, and stays away."""
    first = max(0, cut - SHOTS.around)
    others = np.delete(step[first : cut + SHOTS.around + 1], cut - first)
    others = np.sort(others)[:-1] if len(others) > SHOTS.around else others
    if step[cut] < SHOTS.stands_out * others.max(initial=0.0):
        return False
    before, after = (thumbs[index].astype(float) / 255 for index in (cut - 1, cut))
    different = _changed(before, after) >= SHOTS.most_changed or _alike(before, after) < SHOTS.alike
    return different and not _is_flash(thumbs, cut)


def _is_flash(thumbs: Thumbs, cut: int) -> bool:
    """True when the view before the change is back, or was there, within a few frames."""
    window = (
        thumbs[max(0, cut - SHOTS.flash_frames) : cut + 1 + SHOTS.flash_frames].astype(float) / 255
    )
    here = min(cut, SHOTS.flash_frames)
    back = np.abs(window[here + 1 :] - window[here - 1]).mean(axis=1)
    was = np.abs(window[: here - 1] - window[here]).mean(axis=1)
    return bool((back < SHOTS.same).any() or (was < SHOTS.same).any())


def _empties(step: Array, luma: Array, spread: Array) -> list[Change]:
    """Transitions into and out of black or white pictures.

    A fade to black and up again is one transition. A cut to black begins a shot of its own, and
    so does what comes after it.
    """
    empty = (spread < SHOTS.empty_spread) & (
        (luma < SHOTS.empty_luma[0]) | (luma > SHOTS.empty_luma[1])
    )
    last_frame = len(step) - 1
    found: list[Change] = []
    for first, last in _stretches(empty):
        if last - first < 1 and step[first] > SHOTS.jump:
            continue  # a single empty frame is a flash
        fades_in = last < last_frame and step[last + 1] < SHOTS.jump
        fades_out = first > 0 and step[first] < SHOTS.jump
        start, end = first, last + 1
        while (
            fades_out
            and start > 1
            and step[start - 1] > SHOTS.min_step
            and step[start - 1] < SHOTS.jump
        ):
            start -= 1
        while fades_in and end < last_frame and SHOTS.min_step < step[end + 1] < SHOTS.jump:
            end += 1
        if last == last_frame:
            continue  # fading out, or cut to black, at the clip's end begins no shot
        if (
            luma[first] > 0.5
            and min(spread[start], spread[min(end, last_frame)]) < SHOTS.empty_spread
        ):
            continue  # white walls and skies are pictures; only a dip to white is none
        if first > 0 and not fades_out:
            found.append((first, first, "cut"))
            start = first + 1
        found.append((start, end, "fade") if fades_in else (last + 1, last + 1, "cut"))
    return found


def _alike(one: Array, other: Array) -> float:
    """Correlation of the luma of two thumbnails."""
    tones = [picture.reshape(-1, 3).mean(axis=1) for picture in (one, other)]
    first, second = (tone - tone.mean() for tone in tones)
    return float(first @ second / max(np.linalg.norm(first) * np.linalg.norm(second), 1e-9))


def _changed(one: Array, other: Array) -> float:
    """Share of the pixels that differ clearly between two thumbnails."""
    return float((np.abs(one - other).reshape(-1, 3).mean(axis=1) > SHOTS.changed).mean())


def _dissolves(times: Array, thumbs: Thumbs, step: Array) -> list[Change]:
    """Stretches in which every picture lies on the straight line between their two ends.

    Windows of several lengths are tried; of those that overlap the one with most change is kept.
    """
    if len(times) < 2 * SHOTS.min_dissolve_frames:
        return []
    interval = max(float(np.median(np.diff(times))), 1e-3)
    found: list[tuple[float, Change]] = []
    for seconds in SHOTS.dissolve_seconds:
        length = max(SHOTS.min_dissolve_frames, round(seconds / interval))
        for first in range(0, len(times) - length, max(1, length // 4)):
            change = _blend(thumbs, step, first, first + length)
            if change > 0:
                found.append((change, (first, first + length, "dissolve")))
    kept: list[Change] = []
    for _, dissolve in sorted(found, key=lambda pair: -pair[0]):
        if not any(_overlap(dissolve, other) for other in kept):
            kept.append(dissolve)
    return sorted(kept)


def _blend(thumbs: Thumbs, step: Array, first: int, last: int) -> float:
    """How much changes from ``first`` to ``last`` where the one blends into the other; else 0."""
    steps = step[first + 1 : last + 1]
    pair = thumbs[[first, last]].astype(float) / 255
    change = pair[1] - pair[0]
    size = float(np.abs(change).mean())
    straight = size >= SHOTS.straight * float(steps.sum())
    if (
        size < SHOTS.min_dissolve_change
        or not straight
        or float(steps.max()) > SHOTS.largest_step * size
    ):
        return 0.0
    beside = max(3, (last - first) // 2)
    outside = [step[max(1, first - beside) : first], step[last + 1 : last + 1 + beside]]
    rates = [float(part.mean()) for part in outside if len(part) >= 3]
    inside = float(steps.mean())
    if not rates or inside < SHOTS.faster * min(rates) or inside < SHOTS.not_slower * max(rates):
        return 0.0
    # The light may change too: brightness alone makes no other picture.
    changed = _changed(*(picture - picture.mean() for picture in pair))
    if _alike(pair[0], pair[1]) > SHOTS.same_scene or changed < SHOTS.dissolved:
        return 0.0
    between = thumbs[first : last + 1].astype(float) / 255 - pair[0]
    along = between @ change / float(change @ change)
    off = float(np.abs(between - along[:, None] * change).mean()) / size
    return size if off < SHOTS.max_off_line and bool(np.all(np.diff(along) > -0.04)) else 0.0


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True."""
    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _leftovers(times: Array, changes: list[Change], *, end: float) -> list[str]:
    """A line for each end of the clip at which a few frames belong to a neighboring shot."""
    if end < SHOTS.long_enough:
        return []
    cuts = [float(times[first]) for first, _, kind in changes if kind == "cut"]
    first = max((t for t in cuts if t <= SHOTS.leftover), default=0.0)
    last = min((t for t in cuts if t >= end - SHOTS.leftover), default=end)
    ends = (("first", first), ("last", end - last))
    return [f"the {word} {gone:.2f} s belong to another shot" for word, gone in ends if gone > 0]


def _as_shots(times: Array, changes: list[Change], *, end: float) -> list[Shot]:
    """Shots between the changes; a gradual one lies in the middle of its transition."""
    shots: list[Shot] = []
    begin: float = 0.0
    kind: Transition = "start"
    for first, last, how in sorted(changes):
        t = round(float(times[first] + times[last]) / 2, 3)
        if t - begin < SHOTS.min_shot / 3 or (shots and t - begin < SHOTS.min_shot):
            continue
        shots.append(Shot(start=begin, end=t, transition=kind))
        begin, kind = t, how
    shots.append(Shot(start=begin, end=round(max(end, begin), 3), transition=kind))
    return shots
