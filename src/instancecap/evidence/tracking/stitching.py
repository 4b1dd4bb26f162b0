"""Which tracks are pieces of one thing that was hidden, missed, or found twice for a moment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, centers, ious, touches_border
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CATEGORIES, CLASSES

Array = NDArray[np.float64]

MAX_GAP = 1.5
"""Seconds that a track is looked for after it was last seen."""

ALIKE = 0.75
"""Shared colors of the one thing of its kind before and after it was hidden for any time."""

MIN_LINE = 5
"""Finds from which the line is known that a thing goes along."""


def join_pieces(tracks: list[Track]) -> list[Track]:
    """Join tracks that are pieces of one thing: one after the other, or taking turns."""
    waiting = sorted(tracks, key=lambda track: track.times[0])
    joined: list[Track] = []
    while waiting:
        early = waiting.pop(0)
        while (index := _next_piece(early, waiting, joined)) is not None:
            early.merge(waiting.pop(index))
        joined.append(early)
    return joined


def _next_piece(early: Track, waiting: Sequence[Track], joined: Sequence[Track]) -> int | None:
    for index, late in enumerate(waiting):
        others = [track for track in (*waiting, *joined) if track is not late]
        if _is_same(early, late, others):
            return index
    return None


def _is_same(early: Track, late: Track, others: Sequence[Track]) -> bool:
    if early is late or early.times[0] > late.times[0]:
        return False
    if float(np.minimum(early.color, late.color).sum()) < 0.6 or not kinds_agree(early, late):
        return False
    if late.times[0] > early.times[-1]:
        return (
            _continues(early, late)
            or _passes_behind(early, late)
            or _is_the_only_one(early, late, others)
        )
    return _relays(early, late) or _takes_turns(early, late)


def _is_the_only_one(early: Track, late: Track, others: Sequence[Track]) -> bool:
    """True where the one thing of its kind is lost, or one of this kind is found, away from the
    frame's edge: it did not leave, or did not come."""
    ends = np.stack([early.boxes[-1], late.boxes[0]])
    sizes = areas(ends)
    likeness = float(np.minimum(early.color, late.color).sum())
    if sizes.min() < 0.2 * sizes.max() or likeness < ALIKE or touches_border(ends).all():
        return False
    least = min(len(early.times), len(late.times))
    return not any(
        len(other.times) >= least
        and other.times[0] <= late.times[0] + MAX_GAP
        and other.times[-1] >= early.times[-1] - MAX_GAP
        and kinds_agree(early, other)
        for other in others
    )


def _relays(early: Track, late: Track) -> bool:
    """True when a track takes over from another that follows the same thing for its last bit."""
    common = sorted(set(early.times) & set(late.times))
    if not common or late.times[-1] - early.times[-1] < 0.2:
        return False
    if len(common) > 0.5 * min(len(early.times), len(late.times)):
        return False
    pairs = [(early.boxes[early.times.index(t)], late.boxes[late.times.index(t)]) for t in common]
    return all(float(ious(one[None], two[None])[0, 0]) > 0.4 for one, two in pairs)


def kinds_agree(first: Track, second: Track) -> bool:
    """True when the tracks share votes on categories: a ball taken for a frisbee is one thing."""
    shares = []
    for track in (first, second):
        votes = track.class_votes
        if len(votes) != len(CLASSES):
            return True
        totals: dict[str, float] = {}
        for name, vote in zip(CLASSES, votes / max(float(votes.sum()), 1e-12), strict=True):
            totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
        shares.append(totals)
    return sum(min(shares[0][name], shares[1][name]) for name in shares[0]) >= 0.4


def _continues(early: Track, late: Track) -> bool:
    gap = late.times[0] - early.times[-1]
    if gap > 2 * MAX_GAP:
        return False
    sizes = areas(np.stack([early.boxes[-1], late.boxes[0]]))
    ratio = sizes.min() / max(sizes.max(), 1e-9)
    distance = np.linalg.norm(np.diff(centers(np.stack([early.boxes[-1], late.boxes[0]])), axis=0))
    reach = np.sqrt(sizes.mean()) * (0.7 + min(gap, 1.5))
    return bool(ratio > 0.35 and distance < reach)


def _passes_behind(early: Track, late: Track) -> bool:
    """True where one track ends and another goes on along the same line, as fast as before.

    Before a thing is hidden, and when it comes out, a part of it shows, whose box is small and
    off its middle; so the line is that of the whole track.
    """
    if (
        min(len(early.times), len(late.times)) < MIN_LINE
        or late.times[0] > early.times[-1] + MAX_GAP
    ):
        return False
    (way, place), (other_way, other_place) = (_line(track) for track in (early, late))
    speed = max(float(np.linalg.norm(way)), float(np.linalg.norm(other_way)))
    size = max(float(np.sqrt(np.median(areas(np.array(t.boxes))))) for t in (early, late))
    middle = (early.times[-1] + late.times[0]) / 2
    apart = np.linalg.norm((place + way * middle) - (other_place + other_way * middle))
    return bool(
        np.linalg.norm(way - other_way) < 0.35 * speed
        and speed * (late.times[-1] - early.times[0]) > size
        and apart < size
    )


def _line(track: Track) -> tuple[Array, Array]:
    """Velocity (2,) and place at time 0 (2,) of the straight line nearest to a track's centres."""
    slope, start = np.polyfit(np.array(track.times), centers(np.array(track.boxes)), 1)
    return slope, start


def _takes_turns(first: Track, second: Track) -> bool:
    """True for two tracks that are never seen together and hand over to each other nearby."""
    if set(first.times) & set(second.times):
        return False
    sizes = [float(np.median(areas(np.array(track.boxes)))) for track in (first, second)]
    if min(sizes) < 0.5 * max(sizes):
        return False
    merged = sorted(
        [(t, 0, box) for t, box in zip(first.times, first.boxes, strict=True)]
        + [(t, 1, box) for t, box in zip(second.times, second.boxes, strict=True)],
        key=lambda item: item[0],
    )
    size = float(np.sqrt(np.mean(sizes)))
    for (t0, owner0, box0), (t1, owner1, box1) in pairwise(merged):
        gap = float(np.linalg.norm(np.diff(centers(np.stack([box0, box1])), axis=0)))
        if owner0 != owner1 and gap > size * (1.2 + 10 * (t1 - t0)):
            return False
    return True
