"""Where a thing is before it is first detected and after it was lost: by what moves there, and by
following it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.world import CameraTrajectory
from instancecap.evidence.geometry import areas, pairwise_ious
from instancecap.evidence.tracking.box_trackers import StartTracker, start_tracker
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.follow import ABSENT, MEET, MIN_VISIBLE, Colors
from instancecap.evidence.tracking.stitching import kinds_agree
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
                first, last = track.times[0], track.times[-1]
                found = list(zip(patch.times, patch.boxes, strict=True))
                track.lengthen([(t, box) for t, box in found if not first <= t <= last])


def _coincide(track: Track, patch: Track) -> bool:
    """True where a patch covers one end of a track and what it has on the way to it."""
    times = np.array(track.times)
    inside = (times >= patch.times[0]) & (times <= patch.times[-1])
    if not (inside[0] or inside[-1]):
        return False
    theirs = patch.boxes_at(times[inside])
    return float(np.mean(pairwise_ious(np.array(track.boxes)[inside], theirs))) > COVERS


def follow_ends(
    tracks: Sequence[Track], film: Film, shot: Shot, *, start: StartTracker = start_tracker
) -> list[Track]:
    """The tracks, the most prominent ones followed at both ends to where the thing is no longer
    there, or to the shot's end.

    A tracker always has an answer: it is believed as long as the colors in its box say that the
    thing is there (see :mod:`~instancecap.evidence.tracking.follow`). Where it comes to another
    track of the same kind that begins after this one's end, both are one.
    """
    kept = list(tracks)
    for track in sorted(tracks, key=_prominence, reverse=True)[:MOST_FOLLOWED]:
        for end in (-1, 0):
            while any(one is track for one in kept):
                others = [one for one in kept if one is not track]
                met = _follow(track, end, film, shot, others, start)
                if met is None or not _goes_on(track, met, end):
                    break
                track.merge(met)
                kept = [one for one in kept if one is not met]
    return kept


def _prominence(track: Track) -> float:
    return float((np.sqrt(areas(np.array(track.boxes))) * track.best).sum())


def _goes_on(track: Track, other: Track, end: int) -> bool:
    """Whether another track is all beyond one end of a track, and of a thing of its kind."""
    beyond = other.times[0] > track.times[-1] if end else other.times[-1] < track.times[0]
    return beyond and kinds_agree(track, other)


def _beyond(indices: NDArray[np.int64], beyond: NDArray[np.bool_]) -> list[int]:
    """The pictures beyond a track's end, in the order in which they are gone through, after the
    last one before it; none where there is no such picture."""
    first = int(beyond[indices].argmax()) if beyond[indices].any() else 0
    return indices[first - 1 :].tolist() if first else []


def _follow(
    track: Track,
    end: int,
    film: Film,
    shot: Shot,
    others: Sequence[Track],
    start: StartTracker,
) -> Track | None:
    """Lengthen one end of a track; the other track that it comes to, if any."""
    times = np.array(film.times)
    inside = np.flatnonzero((times > shot.start - 1e-3) & (times < shot.end - 1e-3))
    if end:
        indices, gap = _beyond(inside, times > track.times[-1] + 1e-3), shot.end - track.times[-1]
    else:
        indices, gap = (
            _beyond(inside[::-1], times < track.times[0] - 1e-3),
            track.times[0] - shot.start,
        )
    if gap < LEAST_GAP or not indices:
        return None
    picture = film.picture(indices[0])
    box = track.boxes_at([film.times[indices[0]]])[0]
    tracker, seed = start(picture, box), Colors.of(picture, box)
    found: list[tuple[float, Array]] = []
    doubts, met = 0, None
    for index in indices[1:]:
        t, picture = film.times[index], film.picture(index)
        box = tracker.update(picture)
        seen = float(areas(box.clip(0, 1)[None])[0]) >= MIN_VISIBLE * float(areas(box[None])[0])
        gone = not seen or Colors.of(picture, box).presence(seed) < ABSENT
        doubts = doubts + 1 if gone else 0
        met = next((other for other in others if _has(other, t, box)), None)
        if doubts == MOST_DOUBTS or met is not None:
            break
        if not doubts:
            found.append((t, box.clip(0, 1)))
    track.lengthen(found)
    return met


def _has(other: Track, t: float, box: Array) -> bool:
    """Whether another track is at a box at ``t`` seconds."""
    if not other.times[0] <= t <= other.times[-1]:
        return False
    return bool(pairwise_ious(box[None], other.boxes_at([t]))[0] >= MEET)
