"""Which tracks are pieces of one thing that was hidden, missed, or found twice for a moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, centers, ious, touches_border
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CLASSES

Array = NDArray[np.float64]

MAX_GAP = 1.5
"""Seconds that a track is looked for after it was last seen."""

ALIKE = 0.75
"""Shared colors of the one thing of its kind before and after it was hidden for any time."""


def join_pieces(tracks: list[Track]) -> list[Track]:
    """Join tracks that are pieces of one thing: one after the other, or one taking over."""
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
        return _continues(early, late) or _is_the_only_one(early, late, others)
    return _relays(early, late)


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
        if len(votes) < len(CLASSES):
            return True
        totals: dict[str, float] = {}
        votes = votes / max(float(votes.sum()), 1e-12)
        for kind, vote in zip(track.classes.kinds, votes, strict=True):
            totals[kind] = totals.get(kind, 0.0) + float(vote)
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
