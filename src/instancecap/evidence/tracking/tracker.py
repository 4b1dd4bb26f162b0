"""Linking the boxes found in single samples into tracks of one thing each.

Linking happens after the pass, shot by shot, on numbers alone. A track is carried from sample to
sample by the camera's own motion and by its velocity in the world; boxes are given to tracks by
an optimal assignment over overlap, class and colour, sure boxes first and unsure ones second, as
in ByteTrack (Zhang et al. 2021). Tracks that end are kept alive for a while, and pieces of one
thing that was hidden are joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.geometry import (
    areas,
    centers,
    coverage,
    ious,
    move_boxes,
)
from instancecap.evidence.tracking.stitching import MAX_GAP, join_pieces
from instancecap.evidence.tracking.tracks import FrameDetections, Scores, Track

Array = NDArray[np.float64]

SURE = 0.35
UNSURE = 0.12
"""Scores from which a box may start a track, and may continue one."""

MIN_CLOSENESS = 0.12
"""Overlap with where it is expected, or nearness, without which a box is not the track's."""

MIN_SIMILARITY = 0.35
"""Least similarity (0..1) at which a box may continue a track."""

KNOWN = 2
"""Boxes from which a track's velocity in the world is known."""

MATCH_WEIGHTS = (0.55, 0.25, 0.20)
"""Weights of overlap, colour and class in the similarity of a box to a track."""


def link(
    samples: Sequence[FrameDetections], *, sure: float = SURE, unsure: float = UNSURE
) -> list[Track]:
    """Tracks over the samples of one shot, in order of their first sample."""
    tracks: list[Track] = []
    last_t = samples[0].t if samples else 0.0
    for found in samples:
        elapsed = found.t - last_t
        last_t = found.t
        alive = [track for track in tracks if found.t - track.times[-1] <= MAX_GAP]
        for track in alive:
            _predict(track, found, elapsed)
        best = found.scores.max(axis=1) if len(found.boxes) else np.zeros(0)
        taken: set[int] = set()
        for wanted in (best >= sure, (best >= unsure) & (best < sure)):
            free = [t for t in alive if t.times[-1] < found.t]
            for track, index in _assign(free, found, np.flatnonzero(wanted)):
                track.take(found, index, elapsed=found.t - track.times[-1])
                taken.add(index)
        for index in np.flatnonzero(best >= sure).tolist():
            if index not in taken and not _is_echo(found, index, taken):
                track = Track()
                track.take(found, index, elapsed=0.0)
                tracks.append(track)
                taken.add(index)
    return join_pieces(tracks)


def _predict(track: Track, found: FrameDetections, elapsed: float) -> None:
    """Carry the track's box by the camera's motion and its own velocity, which slows in hiding."""
    carried = move_boxes(track.predicted[None], found.carry, found.size)[0]
    hidden = found.t - track.times[-1]
    drive = track.velocity * elapsed * (0.5 ** (hidden / 0.5))
    track.predicted = carried + drive


def _is_echo(found: FrameDetections, index: int, taken: set[int]) -> bool:
    """A box of the same class almost inside one that is taken is a second find of it."""
    others = [i for i in taken if found.scores[i].argmax() == found.scores[index].argmax()]
    if not others:
        return False
    inside = coverage(found.boxes[index][None], found.boxes[others])[0]
    return bool((inside > 0.85).any())


def _assign(
    tracks: Sequence[Track], found: FrameDetections, candidates: NDArray[np.int64]
) -> list[tuple[Track, int]]:
    if not tracks or not len(candidates):
        return []
    similarity = _similarity(tracks, found, candidates)
    rows, columns = linear_sum_assignment(-similarity)
    return [
        (tracks[row], int(candidates[column]))
        for row, column in zip(rows, columns, strict=True)
        if similarity[row, column] >= MIN_SIMILARITY
    ]


def _similarity(
    tracks: Sequence[Track], found: FrameDetections, candidates: NDArray[np.int64]
) -> Array:
    """Similarity of every track to every candidate box; 0 where they cannot be one thing."""
    predicted = np.stack([track.predicted for track in tracks])
    boxes = found.boxes[candidates]
    # Whom the camera follows stays in the frame: until its own velocity is known, either may be.
    last = np.stack([track.boxes[-1] for track in tracks])
    young = np.array([len(track.times) < KNOWN for track in tracks])
    overlap = np.maximum(ious(predicted, boxes), young[:, None] * ious(last, boxes))
    near = _nearness(predicted, boxes, np.array([found.t - t.times[-1] for t in tracks]))
    color = np.minimum(
        np.stack([track.color for track in tracks])[:, None], found.colors[candidates][None]
    ).sum(axis=2)
    votes = np.stack([_direction(track.class_votes) for track in tracks])
    kind = votes @ np.stack([_direction(row) for row in found.scores[candidates]]).T
    space, paint, noun = MATCH_WEIGHTS
    mixed = space * np.maximum(overlap, near) + paint * color + noun * kind
    return np.asarray(np.where(np.maximum(overlap, near) > MIN_CLOSENESS, mixed, 0.0))


def _direction(scores: Array | Scores) -> Array:
    values = scores.astype(float)
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-9))


def _nearness(predicted: Array, boxes: Array, hidden: Array) -> Array:
    """Overlap-like nearness (0..0.6) for small or hidden things that miss their predicted box."""
    size = np.sqrt(np.maximum(areas(predicted), 1e-6))
    reach = size * (0.5 + 1.5 * np.minimum(hidden, 1.0))
    gap = np.linalg.norm(centers(predicted)[:, None] - centers(boxes)[None], axis=2)
    shape = np.sqrt(np.maximum(areas(boxes), 1e-9))[None] / size[:, None]
    alike = np.minimum(shape, 1 / shape)
    return np.asarray(0.6 * np.maximum(0.0, 1 - gap / reach[:, None]) * alike)
