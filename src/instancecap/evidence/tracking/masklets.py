"""Things followed by their masks: what a video segmenter is asked, and what it answers.

A clip is gone through in windows of a few seconds that overlap, so that memory does not grow with
its length. Within a window each thing is followed from the boxes given for it, both ways in time;
into the next one it is taken by boxes of its own there, or by its mask where both overlap, and so
it is taken back by one window if it is there before its first box. Nothing is followed over a cut:
windows end there.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.color_names import name_pixels
from instancecap.evidence.experts.appearance import TORSO, box_colors
from instancecap.evidence.geometry import areas, touches_border
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.models.classes import class_of
from instancecap.schema.evidence import MaskRle, Shot
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Key = TypeVar("Key", bound=Hashable)

WINDOW, OVERLAP = 32, 4
"""Pictures of a window, and how many of them it shares with the one before."""

SAME = 0.5
"""Mean overlap of masks, over the pictures that two windows share, from which they are of one
thing."""

CUT_OFF = 0.5
"""What a box is worth to be followed from that touches the frame's edge, against one that does
not."""

NEAR = 1 / 16
"""Seconds within which a time is a picture's: half of what lies between two samples."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Where a thing is in one picture.

    Attributes:
        mask: bool (height, width), of the picture or smaller.
        score: probability that the thing is there.
    """

    mask: Mask
    score: float


class VideoTracker(Protocol):
    """Follows things by their masks. ``side``: longer side of the pictures it wants, in pixels."""

    name: str
    side: int

    def track(
        self, pictures: Sequence[Picture], prompts: Sequence[Mapping[int, Array]]
    ) -> Iterator[dict[int, Segment]]:
        """Follow things through some BGR pictures, both ways in time from their boxes.

        Args:
            pictures: of one shot and size, in order of time.
            prompts: for each thing its box (4,), 0..1, on one or more of the pictures, by index.

        Yields:
            For each thing, in the order given, where it is, by picture; a picture on which it is
            not to be seen is left out.
        """


@runtime_checkable
class ConceptTracker(VideoTracker, Protocol):
    """Finds and follows at once all that a phrase is true of."""

    def find(
        self, pictures: Sequence[Picture], phrases: Sequence[str]
    ) -> list[tuple[str, dict[int, Segment]]]:
        """As :meth:`VideoTracker.track`, each thing with the phrase that it was found by."""


@dataclass(frozen=True, slots=True)
class Found:
    """A :class:`Segment` as it is kept: ``box`` (4,) around the mask in 0..1 of the frame."""

    box: Array
    mask: MaskRle
    score: float


Masklet = dict[float, Found]
"""One thing by time, seconds from the clip's start."""


# Masks -------------------------------------------------------------------------------------------


def encode_mask(mask: Mask, *, t: float, size: tuple[int, int]) -> MaskRle:
    """A mask scaled to ``size`` (height, width) as COCO compressed run-lengths."""
    height, width = size
    full = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    code = coco_mask.encode(np.asfortranarray(full))
    return MaskRle(t=round(t, 3), size=(height, width), counts=code["counts"].decode("ascii"))


def mask_ious(first: Sequence[MaskRle], second: Sequence[MaskRle]) -> Array:
    """Intersection over union of every pair of masks of one size; (n, m)."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    codes = [[_code(one) for one in some] for some in (first, second)]
    return np.asarray(coco_mask.iou(*codes, [0] * len(second)), float)


def box_of(mask: MaskRle) -> Array:
    """The box (4,) around a mask, 0..1; all 0 around an empty one."""
    height, width = mask.size
    left, top, across, down = coco_mask.toBbox(_code(mask))
    return np.array([left, top, left + across, top + down]) / [width, height, width, height]


def _code(mask: MaskRle) -> dict[str, object]:
    return {"size": list(mask.size), "counts": mask.counts.encode()}


# Windows -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Window:
    """Pictures of one shot that follow one another.

    Attributes:
        times: seconds from the clip's start, rising.
        overlap: how many of the first ones are the last ones of the window before.
    """

    times: list[float] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    overlap: int = 0

    def index(self, t: float) -> int | None:
        """The picture at ``t`` seconds, if there is one."""
        nearest = int(np.abs(np.array(self.times) - t).argmin())
        return nearest if abs(self.times[nearest] - t) <= NEAR else None


def shot_at(shots: Sequence[Shot], t: float) -> int:
    """The number of the shot that ``t`` seconds lie in."""
    return sum(shot.start <= t + 1e-3 for shot in shots[1:])


def windows(frames: Iterable[tuple[float, Picture]], shots: Sequence[Shot]) -> Iterator[Window]:
    """The windows of frames, each with its time, that come in order."""
    window, shot = Window(), 0
    for t, picture in frames:
        now = shot_at(shots, t)
        full = len(window.times) == WINDOW
        if full or now != shot:
            if len(window.times) > window.overlap:
                yield window
            kept = OVERLAP if full and now == shot else 0
            last = len(window.times) - kept
            window = Window(window.times[last:], window.pictures[last:], kept)
            shot = now
        window.times.append(t)
        window.pictures.append(picture)
    if len(window.times) > window.overlap:
        yield window


def track_seeds(
    frames: Iterable[tuple[float, Picture]],
    seeds: Mapping[Key, Sequence[Seed]],
    *,
    shots: Sequence[Shot],
    size: tuple[int, int],
    tracker: VideoTracker,
    best_only: bool = True,
) -> dict[Key, Masklet]:
    """Follow things from boxes of them.

    Args:
        frames: time and BGR picture of each frame, in order.
        seeds: boxes of each thing; nothing is followed in a shot without one.
        size: height and width of the masks.
        best_only: follow from the best box of a window alone, as is right for a detector's many;
            otherwise from all of them.
    """
    found: dict[Key, Masklet] = {key: {} for key in seeds}

    def follow(window: Window, prompts: Mapping[Key, Mapping[int, Array]]) -> None:
        answers = tracker.track(window.pictures, list(prompts.values())) if prompts else ()
        for key, segments in zip(prompts, answers, strict=True):
            # What another window said of the pictures that both have stays.
            found[key] = _kept(segments, window, size) | found[key]

    before = Window()
    for window in windows(frames, shots):
        new = {key for key, masklet in found.items() if not masklet}
        follow(window, _prompts(seeds, found, window, best_only=best_only))
        first = len(before.times) - window.overlap
        earlier = {key: found[key].get(window.times[0]) for key in new if window.overlap}
        follow(before, {key: {first: one.box} for key, one in earlier.items() if one is not None})
        before = window
    return found


def _prompts(
    seeds: Mapping[Key, Sequence[Seed]],
    found: Mapping[Key, Masklet],
    window: Window,
    *,
    best_only: bool,
) -> dict[Key, dict[int, Array]]:
    """The boxes that things are followed from in a window, by picture."""
    prompts = {}
    for key, given in seeds.items():
        here = [(at, seed) for seed in given if (at := window.index(seed.t)) is not None]
        if here and best_only:
            here = [max(here, key=lambda one: _worth(one[1]))]
        own = {at: np.array(seed.box) for at, seed in here}
        if prompt := own or _carried(found[key], window):
            prompts[key] = prompt
    return prompts


def _worth(seed: Seed) -> tuple[float, float]:
    """How good a box is to follow a thing from: sure, whole, large."""
    box = np.array([seed.box])
    return seed.score * (CUT_OFF if touches_border(box)[0] else 1.0), float(areas(box)[0])


def _carried(known: Masklet, window: Window) -> dict[int, Array]:
    """The latest box that is known of a thing on the pictures shared with the window before."""
    shared = [index for index in range(window.overlap) if window.times[index] in known]
    return {index: known[window.times[index]].box for index in shared[-1:]}


def _kept(segments: Mapping[int, Segment], window: Window, size: tuple[int, int]) -> Masklet:
    found = {}
    for index, segment in sorted(segments.items()):
        if segment.mask.any():
            mask = encode_mask(segment.mask, t=window.times[index], size=size)
            found[window.times[index]] = Found(box_of(mask), mask, segment.score)
    return found


# Concepts ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Concept:
    """A thing that was found by a phrase.

    Attributes:
        colors: their shares, where it is surest in each window.
    """

    phrase: str
    masklet: Masklet
    colors: list[Array] = field(default_factory=list)


def find_concepts(
    frames: Iterable[tuple[float, Picture]],
    phrases: Sequence[str],
    *,
    shots: Sequence[Shot],
    size: tuple[int, int],
    tracker: ConceptTracker,
) -> list[Concept]:
    """All that phrases are true of, followed from window to window by the overlap of masks."""
    found: list[Concept] = []
    for window in windows(frames, shots):
        new = [
            _concept(phrase, _kept(segments, window, size), window)
            for phrase, segments in tracker.find(window.pictures, phrases)
        ]
        shared = window.times[: window.overlap]
        matrix = np.array([[_likeness(a, b, shared) for b in new] for a in found])
        taken = set()
        if matrix.size:
            for row, column in zip(*linear_sum_assignment(-matrix), strict=True):
                if matrix[row, column] >= SAME:
                    found[row].masklet = new[column].masklet | found[row].masklet
                    found[row].colors += new[column].colors
                    taken.add(column)
        found += [one for index, one in enumerate(new) if index not in taken and one.masklet]
    return found


def _concept(phrase: str, masklet: Masklet, window: Window) -> Concept:
    if not masklet:
        return Concept(phrase, masklet)
    surest = max(masklet, key=lambda t: masklet[t].score)
    names = name_pixels(window.pictures[window.times.index(surest)])
    part = TORSO if class_of(phrase) == "person" else None
    return Concept(phrase, masklet, [box_colors(names, masklet[surest].box, part=part)])


def _likeness(one: Concept, other: Concept, times: Sequence[float]) -> float:
    """Mean overlap of two things at the times at which either is seen; 0 under other phrases."""
    seen = [t for t in times if t in one.masklet or t in other.masklet]
    if one.phrase != other.phrase or not seen:
        return 0.0
    both = [t for t in seen if t in one.masklet and t in other.masklet]
    pairs = [([one.masklet[t].mask], [other.masklet[t].mask]) for t in both]
    return sum(float(mask_ious(*pair)[0, 0]) for pair in pairs) / len(seen)


def decode_mask(mask: MaskRle, *, size: tuple[int, ...]) -> Mask:
    """A mask out of its run-lengths, scaled to ``size`` (height, width)."""
    code = {"size": list(mask.size), "counts": mask.counts.encode("ascii")}
    with warnings.catch_warnings():
        # pycocotools hands numpy 2 an array in the way of numpy 1.
        warnings.simplefilter("ignore", DeprecationWarning)
        full = np.asarray(coco_mask.decode(code)) > 0
    if full.shape == size:
        return full
    rows = np.arange(size[0]) * full.shape[0] // size[0]
    columns = np.arange(size[1]) * full.shape[1] // size[1]
    return np.asarray(full[rows[:, None], columns])
