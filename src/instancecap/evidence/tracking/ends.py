"""Where a thing is before it is first detected and after it was lost: by what moves there, and by
following it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.world import CameraTrajectory
from instancecap.evidence.geometry import areas, pairwise_ious
from instancecap.evidence.tracking.box_trackers import start_tracker
from instancecap.evidence.tracking.follow import ABSENT, MEET, MIN_VISIBLE, Colors, Film
from instancecap.evidence.tracking.tracks import Track
from instancecap.schema.evidence import Shot

Array = NDArray[np.float64]

MAX_PICTURES = 1500
"""The latest that are kept to follow things on: some six minutes."""

MOST_FOLLOWED = 3
"""Tracks of a shot whose ends are followed, the largest over time."""

LEAST_GAP = 0.25
"""Seconds between a track's end and the shot's from which on it is followed."""

MOST_DOUBTS = 2
"""Pictures in a row on which the thing is not seen after which it is not followed further."""


COVERS = 0.3
"""Mean overlap from which a moving patch is the thing of a track."""

PATCH_SCORE = 0.5
"""Score of a thing that is only seen to move, as a share of that with which it was detected."""


def lengthen_by_motion(
    tracks: Sequence[Track], patches: Sequence[Track], world: CameraTrajectory
) -> None:
    """Let tracks begin and end with the moving patch that the thing is before it is first detected
    and after it is last: only before a camera that rests is such a patch a thing."""
    if world.moves:
        return
    for track in tracks:
        for patch in patches:
            if _coincide(track, patch):
                for end, wanted in (
                    (0, [t < track.times[0] for t in patch.times]),
                    (-1, [t > track.times[-1] for t in patch.times]),
                ):
                    track.lengthen(
                        [
                            (t, box, PATCH_SCORE)
                            for t, box, beyond in zip(patch.times, patch.boxes, wanted, strict=True)
                            if beyond
                        ],
                        end=end,
                    )


def _coincide(track: Track, patch: Track) -> bool:
    """True where a patch covers one end of a track and what it has on the way to it."""
    times = np.array(track.times)
    inside = (times >= patch.times[0]) & (times <= patch.times[-1])
    if not (inside[0] or inside[-1]):
        return False
    theirs = patch.boxes_at(times[inside])
    return float(np.mean(pairwise_ious(np.array(track.boxes)[inside], theirs))) > COVERS


def follow_ends(tracks: Sequence[Track], film: Film, shot: Shot) -> None:
    """Lengthen tracks at both ends to where the thing is no longer there, or to the shot's end.

    A tracker always has an answer: it is believed as long as the colors in its box say that the
    thing is there (see :mod:`~instancecap.evidence.tracking.follow`) and no other track has it.
    """
    times = np.array(film.times)
    prominent = sorted(tracks, key=lambda one: -float(np.sqrt(areas(np.array(one.boxes))).sum()))
    for track in prominent[:MOST_FOLLOWED]:
        others = [one for one in tracks if one is not track]
        inside = (times > shot.start - 1e-3) & (times < shot.end - 1e-3)
        first, last = track.times[0], track.times[-1]
        after = _beyond(np.flatnonzero(inside), times > last + 1e-3)
        before = _beyond(np.flatnonzero(inside)[::-1], times < first - 1e-3)
        for end, gap, indices in ((-1, shot.end - last, after), (0, first - shot.start, before)):
            if gap >= LEAST_GAP:
                _follow(track, end, film, indices, others)


def _beyond(indices: NDArray[np.int64], beyond: NDArray[np.bool_]) -> list[int]:
    """The pictures beyond a track's end, in the order in which they are gone through, after the
    last one before it; none where there is no such picture."""
    first = int(beyond[indices].argmax()) if beyond[indices].any() else 0
    return indices[first - 1 :].tolist() if first else []


def _follow(
    track: Track, end: int, film: Film, indices: Sequence[int], others: Sequence[Track]
) -> None:
    """Lengthen one end of a track through pictures, the first of which shows it."""
    found: list[tuple[float, Array, float]] = []
    doubts = 0
    for place, index in enumerate(indices):
        t, picture = film.times[index], film.picture(index)
        if not place:
            start = track.boxes_at([t])[0]
            tracker, seed = start_tracker(picture, start), Colors.of(picture, start)
            continue
        box = tracker.update(picture)
        seen = float(areas(box.clip(0, 1)[None])[0]) >= MIN_VISIBLE * float(areas(box[None])[0])
        presence = Colors.of(picture, box).presence(seed) if seen else 0.0
        doubts = doubts + 1 if presence < ABSENT else 0
        if doubts == MOST_DOUBTS or any(_has(other, t, box) for other in others):
            break
        if not doubts:
            found.append((t, box.clip(0, 1), presence))
    track.lengthen(found, end=end)


def _has(other: Track, t: float, box: Array) -> bool:
    """Whether another track is at a box at ``t`` seconds."""
    if not other.times[0] <= t <= other.times[-1]:
        return False
    return bool(pairwise_ious(box[None], other.boxes_at([t]))[0] >= MEET)
