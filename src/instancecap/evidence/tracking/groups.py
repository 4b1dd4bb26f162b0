"""Groups: many like things that are seen at once become one instance with a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, as_box, centers, ious
from instancecap.evidence.tracking.instances import box_at, boxes_at
from instancecap.evidence.tracking.naming import OBJECT
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.models.classes import class_list
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Direction, InstanceFacts, InstanceMotion

Array = NDArray[np.float64]

MIN_MEMBERS = 4
"""Things at once that make a group; two or three are told one by one."""

STANDS_OUT_AREA, STANDS_OUT_SALIENCE = 2.5, 2.5
"""Area and salience, over the median member's, from which a thing is no mere member."""

MIN_DENSITY = 0.7
"""Share of its samples that a salient thing is found in; what is found less often hops about."""

SAME = 0.5
"""Overlap at which two members at one time are counted as one."""

MIN_FOUND = 1 / 3
"""Share of the samples in which enough members must be found at once: things that pass one after
the other, the finds between bridged, are no group."""

MAYBE_ONE = 0.25
"""Score from which a detection may be one more that the group's box holds."""

MOST = 0.6
"""Share of the members that must do a thing before the group is said to do it."""


def group_instances(
    items: Sequence[InstanceFacts],
    *,
    min_members: int = MIN_MEMBERS,
    samples: Sequence[FrameDetections] = (),
) -> list[InstanceFacts]:
    """Merge like things of one shot that are seen at the same times and do not stand out.

    Things without a name are left alone: patches that move are no proof of a number of things.
    ``samples`` are all detections of the shot, by which the number is checked.
    """
    grouped: list[InstanceFacts] = []
    for key in dict.fromkeys((item.class_, item.phrase) for item in items):
        like = [item for item in items if (item.class_, item.phrase) == key]
        members = _members(like) if key[0] != OBJECT and len(like) >= min_members else []
        group = _merge(members, like, min_members=min_members) if members else None
        if group is None:
            grouped += like
        else:
            grouped += [item for item in like if not any(item is one for one in members)]
            group.count_confidence = round(_counted(group, samples), 3)
            grouped.append(group)
    return grouped


def _counted(group: InstanceFacts, samples: Sequence[FrameDetections]) -> float:
    """Share of the samples in which no more of the group's kind are found than it counts.

    Whoever stands out is in the group's box as well, and so is what was not found often enough to
    be followed: the number is that of what the box shows, or it is wrong.
    """
    classes = class_list(samples[0].own if samples else ())
    named = zip(classes.names, classes.categories, strict=True)
    kin = np.array([group.class_ in pair for pair in named])
    right = []
    for sample in samples:
        box = box_at(group, sample.t)
        if box is not None:
            middles = centers(sample.boxes)
            inside = ((middles >= box[:2]) & (middles <= box[2:])).all(axis=1)
            likely = sample.scores[:, kin].max(axis=1) >= MAYBE_ONE
            right.append((inside & likely).sum() <= group.count)
    return float(np.mean(right)) if right else 1.0


def _members(like: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """Those that neither their size nor their salience sets apart from the median one."""
    sizes = np.array([np.median(areas(_boxes(item))) for item in like])
    salience = np.array([item.salience for item in like])
    times = _times(like)
    clear = np.array([_density(item, times) >= MIN_DENSITY for item in like])
    large = sizes > STANDS_OUT_AREA * np.median(sizes)
    striking = clear & (salience > STANDS_OUT_SALIENCE * np.median(salience))
    return [item for item, out in zip(like, large | striking, strict=True) if not out]


def _merge(
    members: Sequence[InstanceFacts], like: Sequence[InstanceFacts], *, min_members: int
) -> InstanceFacts | None:
    """One instance for all members; None where too few of them are seen at once."""
    times = _times(members)
    placed = np.stack([boxes_at(item, times) for item in members])
    count = int(np.median([_count(boxes) for boxes in placed.transpose(1, 0, 2)]))
    found = np.searchsorted(times, [point.t for item in members for point in item.track])
    often = float((np.bincount(found, minlength=len(times)) >= min_members).mean())
    if count < min_members or often < MIN_FOUND:
        return None
    weights = np.array([len(item.track) for item in members], float)
    outstanding = [item.salience for item in like if not any(item is one for one in members)]
    # The side of an area grows with the root of the number; what stands out still comes first.
    salience = float(np.median([item.salience for item in members])) * count**0.5
    salience = min([salience, 1.0, *([0.95 * max(outstanding)] if outstanding else [])])
    sure = float(np.average([item.confidence for item in members], weights=weights))
    return InstanceFacts(
        id=0,
        class_=members[0].class_,
        category=members[0].category,
        phrase=members[0].phrase,
        confidence=round(sure, 3),
        salience=round(salience, 4),
        count=count,
        source=members[0].source,
        colors=_colors(members),
        track=_track(members, times, placed, sure),
        enters=all(item.enters for item in members),
        leaves=all(item.leaves for item in members),
        motion=_motion([item.motion for item in members]),
        opinions=[one for item in members for one in item.opinions if not one.holds],
    )


def _times(items: Sequence[InstanceFacts]) -> Array:
    return np.unique([point.t for item in items for point in item.track])


def _boxes(item: InstanceFacts) -> Array:
    return np.array([point.box for point in item.track])


def _density(item: InstanceFacts, times: Array) -> float:
    """Share of the samples between an item's ends at which it was found."""
    first, last = item.track[0].t, item.track[-1].t
    return len(item.track) / max(1, int(((times >= first) & (times <= last)).sum()))


def _count(boxes: Array) -> int:
    """Members that are seen at one time (n, 4), those that coincide counted once.

    A member is there from its first find to its last: the finds that were missed are bridged.
    """
    boxes = boxes[~np.isnan(boxes[:, 0])]
    doubles = np.triu(ious(boxes, boxes) > SAME, k=1).any(axis=0)
    return int((~doubles).sum())


def _track(
    members: Sequence[InstanceFacts], times: Array, placed: Array, sure: float
) -> list[TrackPoint]:
    """The box around all members at every time; the score is the mean of those found then."""
    low, high = np.nanmin(placed[:, :, :2], axis=0), np.nanmax(placed[:, :, 2:], axis=0)
    scores: dict[float, list[float]] = {}
    for item in members:
        for point in item.track:
            scores.setdefault(point.t, []).append(point.score)
    return [
        TrackPoint(
            t=float(t), box=as_box(box), score=round(float(np.mean(scores.get(t, [sure]))), 3)
        )
        for t, box in zip(times, np.concatenate([low, high], axis=1), strict=True)
    ]


def _colors(members: Sequence[InstanceFacts]) -> list[tuple[str, float]]:
    """Colours with the share of them that three quarters of the members have at least."""
    found = [dict(item.colors) for item in members]
    names = {name for colors in found for name in colors}
    shares = {n: float(np.quantile([c.get(n, 0.0) for c in found], 0.25)) for n in names}
    kept = [(name, round(share, 3)) for name, share in shares.items() if share > 0]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))


def _motion(motions: Sequence[InstanceMotion]) -> InstanceMotion:
    """What most members do; the rest of the numbers are medians."""
    going = [motion for motion in motions if motion.moving]
    moving = len(going) >= MOST * len(motions)
    said: list[Direction] = [motion.direction for motion in going if motion.direction]
    often = Counter(said).most_common(1)
    agreed = moving and bool(often) and often[0][1] >= MOST * len(motions)
    return InstanceMotion(
        moving=moving,
        direction=often[0][0] if agreed else "",
        speed=round(float(np.median([m.speed for m in going])), 4) if moving else 0.0,
        scale_change=round(float(np.median([m.scale_change for m in motions])), 3),
        activity=round(float(np.median([m.activity for m in motions])), 3),
        frame_dx=round(float(np.median([m.frame_dx for m in motions])), 4),
        frame_dy=round(float(np.median([m.frame_dy for m in motions])), 4),
    )
