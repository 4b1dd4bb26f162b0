"""Tracks that a person changes: joined, parted, thinned, and what they say of a position."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import TRACK_POINTS_PER_SHOT, Caption, Position
from instancecap.schema.tracks import cell_of
from instancecap.schema.vocabulary import Cell
from instancecap.video.sampling import pick_evenly

NEAR = 2.0
"""Usual steps of a track within which two sightings are one: it was not out of sight between."""


def thin_track(track: list[TrackPoint], caption: Caption) -> list[TrackPoint]:
    """At most as many points, evenly chosen, as a caption keeps."""
    most = TRACK_POINTS_PER_SHOT * max(1, len(caption.shots))
    return [track[index] for index in pick_evenly(len(track), most)]


def joined(track: list[TrackPoint], more: list[TrackPoint]) -> list[TrackPoint]:
    """The points of a track, and those of another that lie where it has none near."""
    if not track:
        return more
    near = usual_step(track)
    added = [one for one in more if all(abs(one.t - point.t) > near for point in track)]
    return sorted([*track, *added], key=lambda point: point.t)


def usual_step(track: list[TrackPoint]) -> float:
    """Seconds from point to point, 0 where there are no two."""
    return median([b.t - a.t for a, b in pairwise(track)] or [0.0])


def between(a: TrackPoint, b: TrackPoint, t: float) -> TrackPoint:
    """Where a thing is between two sightings."""
    share = (t - a.t) / (b.t - a.t)
    # Both products keep the order of the corners, also where they are rounded.
    x0, y0, x1, y1 = ((1 - share) * p + share * q for p, q in zip(a.box, b.box, strict=True))
    return TrackPoint(t=t, box=(x0, y0, x1, y1), score=min(a.score, b.score))


def spans_of(track: list[TrackPoint], *, gap: float) -> list[tuple[float, float]]:
    """Seconds, start and end, of runs of points that lie no more than ``gap`` seconds apart."""
    spans: list[tuple[float, float]] = []
    for point in track:
        near = spans and point.t - spans[-1][1] <= gap
        spans[-1:] = [(spans[-1][0], point.t)] if near else [*spans[-1:], (point.t, point.t)]
    return spans


def cell_at(point: TrackPoint) -> Cell:
    x0, y0, x1, y1 = point.box
    return cell_of((x0 + x1) / 2, (y0 + y1) / 2)


def position_along(track: list[TrackPoint], caption: Caption) -> Position:
    """Where a thing begins and ends that is seen along a track and nowhere else."""
    last = caption.video.duration if caption.video else 0.0
    usual = usual_step(track) if len(track) > 1 else last
    return Position(
        start=cell_at(track[0]),
        end=cell_at(track[-1]),
        enters=track[0].t > usual,
        leaves=track[-1].t < last - usual,
    )
