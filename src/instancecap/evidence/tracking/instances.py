"""From tracks to instances: which are things, when they enter and leave, how salient they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.appearance import named_shares
from instancecap.evidence.experts.world import (
    CameraTrajectory,
    track_motion,
    trust_patch,
)
from instancecap.evidence.geometry import (
    areas,
    as_box,
    centers,
    pairwise_coverage,
    pairwise_ious,
    touched_sides,
    touches_border,
)
from instancecap.evidence.thresholds import NAMING, NamingThresholds
from instancecap.evidence.tracking.naming import (
    OBJECT,
    Naming,
    is_lively,
    kind_of,
    name_class,
    phrase_of,
)
from instancecap.evidence.tracking.salience import salience_of
from instancecap.evidence.tracking.tracks import Track
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, InstanceMotion, Shot

Array = NDArray[np.float64]

SURE_OF_PART = 0.8
"""Confidence from which a thing within another one's box is believed to be there of its own."""

NESTED, MOST_NESTED = 0.88, 0.6
"""Share of a box that lies in another one, and their areas' ratio, of a part and its whole."""

MUCH_SURER = 0.2
"""By how much the confidence of one of two nested instances of a class must be higher to be the
one that is kept: else it is the larger one."""

MEETS = 0.3
"""Overlap from which one track goes on where another one ends."""

HOLD = 0.1
"""Seconds for which a track is held before its first point and after its last."""

MIN_OBJECT_SECONDS, MIN_OBJECT_DENSITY = 0.8, 0.6
"""Seconds for which something without a name must move, and share of the samples between in which
it must be seen to."""

MIN_OBJECT_SPEED = 0.03
"""Frame diagonals a second under which a thing without a name is not said to come or go."""

MIN_OBJECT_AREA = 0.002
"""Share of the frame under which a moving patch without a name is not worth a word."""

HELD_SCORE = 0.5
"""Share of its score that a box has in which a thing was followed to, or stopped moving."""


@dataclass(frozen=True, slots=True)
class Named:
    """A track that the detector names."""

    track: Track
    naming: Naming


def name_tracks(
    tracks: Sequence[Track],
    *,
    shot: Shot,
    world: CameraTrajectory,
    samples: int,
    fit: NamingThresholds = NAMING,
) -> list[Named]:
    """The tracks that can be named; the others leave their motion to be told alone.

    ``samples``: how many samples of the shot were searched; ``fit``: of the detector's scores.
    """
    named = []
    for track in tracks:
        if len(track.named_scores) < _enough(shot):
            continue
        motion = track_motion(track, world)
        naming = name_class(track, motion, samples=samples, fit=fit)
        if naming.confidence >= NAMING.name:
            named.append(Named(track, naming))
        elif motion.moving and _is_something(track, samples):
            named.append(Named(track, Naming(OBJECT, NAMING.clear, NAMING.clear)))
    return named


def _is_something(track: Track, samples: int) -> bool:
    """True for what is detected again and again, whatever it is called."""
    density = len(track.named_scores) / max(samples, 1)
    return density >= NAMING.steady and float(track.named_scores.max(axis=1).mean()) >= NAMING.seen


def named_instances(
    named: Sequence[Named], *, shot: Shot, end: float, world: CameraTrajectory, tight: bool = True
) -> list[InstanceFacts]:
    """Instances of named tracks.

    ``tight`` says whether the detector's boxes are good enough to tell growth, entering and
    leaving by.
    """
    found = []
    for one in named:
        motion = track_motion(one.track, world)
        item = _facts(one.track, one.naming, motion, shot=shot, end=end)
        if not tight:
            item.motion.scale_change, item.enters, item.leaves = 1.0, False, False
        found.append(item)
    found = _without_doubles(found)
    return [item for item in found if not _is_part(item, found)]


def _enough(shot: Shot) -> int:
    """Detections that an instance needs to be believed in."""
    seconds = shot.end - shot.start
    return 1 if seconds < 0.4 else 2 if seconds < 1.5 else 3 if seconds < 3 else 4


def _without_doubles(items: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """Leave out tracks that follow a thing which a surer track of its kind follows already.

    Where such a track begins earlier or ends later, the surer one is lengthened by it.
    """
    kept: list[InstanceFacts] = []
    for item in sorted(items, key=lambda one: -one.confidence * len(one.track)):
        double = next((index for index, other in enumerate(kept) if _is_double(item, other)), None)
        if double is None:
            kept.append(item)
        else:
            kept[double] = lengthened(kept[double], item)
    return kept


def _is_double(item: InstanceFacts, other: InstanceFacts) -> bool:
    if kind_of(item) != kind_of(other):
        return False
    own, theirs = _together(item, other)
    if len(own) <= 0.5 * len(item.track):
        return False
    if not {point.t for point in item.track} & {point.t for point in other.track}:
        # Two things would be found in one picture at some time; one that hops about never is.
        sizes = np.median(areas(own)), np.median(areas(theirs))
        return bool(min(sizes) > 0.35 * max(sizes))
    return float(np.mean(pairwise_ious(own, theirs))) > 0.45


def lengthened(item: InstanceFacts, double: InstanceFacts) -> InstanceFacts:
    """The instance with what its double has before its first and after its last box, and with the
    phrase that its double was found by."""
    first, last = item.track[0], item.track[-1]
    before = [point for point in double.track if point.t < first.t]
    after = [point for point in double.track if point.t > last.t]
    track, enters, leaves = item.track, item.enters, item.leaves
    if before and _meets(before[-1], first):
        track, enters = [*before, *track], double.enters
    if after and _meets(last, after[0]):
        track, leaves = [*track, *after], double.leaves
    phrase = item.phrase or (double.phrase if double.class_ == item.class_ else "")
    return item.model_copy(
        update={"track": track, "enters": enters, "leaves": leaves, "phrase": phrase}
    )


def _meets(one: TrackPoint, other: TrackPoint) -> bool:
    return float(pairwise_ious(np.array([one.box]), np.array([other.box]))[0]) > MEETS


def _is_part(item: InstanceFacts, others: Sequence[InstanceFacts]) -> bool:
    """A helmet is not a ball, a chest or a hand no second person: what never leaves the box of
    something of its own kind is a part of it, and so is a small other thing that the detector is
    not sure of. What lies around something of its kind that is much surer is no second one."""
    for other in others:
        if other is item:
            continue
        kindred = _kindred(item, other)
        much_surer = other.category_confidence > item.category_confidence + MUCH_SURER
        if kindred and much_surer and _nested(other, item):
            return True
        if not is_lively(other):
            continue
        if kindred:
            if _nested(item, other) and (
                item.category_confidence <= other.category_confidence + MUCH_SURER
            ):
                return True
            continue
        part, whole = _together(item, other)
        if len(part) < 0.7 * len(item.track) or item.confidence > SURE_OF_PART:
            continue
        if float(np.mean(pairwise_coverage(part, whole))) <= NESTED:
            continue
        share = float(np.mean(areas(part) / np.maximum(areas(whole), 1e-9)))
        if share < 0.3 if is_lively(item) else not _goes_its_own_way(part, whole):
            return True
    return False


def _kindred(one: InstanceFacts, other: InstanceFacts) -> bool:
    """Whether two instances may be one that is called by two names: animals often are."""
    kinds = {kind_of(item) for item in (one, other)}
    return one.class_ == other.class_ or (
        len(kinds) == 1 and ("animal" in kinds or bool(kinds & {one.class_, other.class_}))
    )


def _nested(item: InstanceFacts, other: InstanceFacts) -> bool:
    """True where most boxes of an instance lie in those of a larger one."""
    part, whole = _together(item, other)
    if len(part) < 0.7 * len(item.track):
        return False
    inside = float(np.mean(pairwise_coverage(part, whole)))
    share = float(np.mean(areas(part) / np.maximum(areas(whole), 1e-9)))
    return inside > NESTED and share < MOST_NESTED


def _goes_its_own_way(part: Array, whole: Array) -> bool:
    """True for a ball before a player: it moves by more than its own size within the other box."""
    path = centers(part) - centers(whole)
    return bool((np.ptp(path, axis=0) > 1.5 * np.median(part[:, 2:] - part[:, :2], axis=0)).any())


def _together(item: InstanceFacts, other: InstanceFacts) -> tuple[Array, Array]:
    """Boxes (n, 4) of both at the times at which the first was found and the second is tracked."""
    times = np.array([point.t for point in item.track])
    theirs = boxes_at(other, times)
    both = ~np.isnan(theirs[:, 0])
    return np.array([point.box for point in item.track])[both], theirs[both]


def moving_instances(
    tracks: Sequence[Track],
    named: Sequence[InstanceFacts],
    *,
    shot: Shot,
    end: float,
    world: CameraTrajectory,
) -> list[InstanceFacts]:
    """Compact things that no detector named but that move on their own for long enough.

    Before a camera that moves there are none: near and far parts of the scene move differently
    too, and on labelled clips hardly one patch in twenty was a thing.
    """
    found: list[InstanceFacts] = []
    if world.moves:
        return found
    needed = min(MIN_OBJECT_SECONDS, 0.5 * (shot.end - shot.start))
    for track in tracks:
        seconds = track.times[-1] - track.times[0]
        if seconds < needed or len(track.times) < 4 or _is_known(track, named):
            continue
        motion = trust_patch(track, track_motion(track, world), world)
        density = len(track.times) / max(1.0, _samples_between(world, track))
        area = float(areas(np.array(track.boxes)).mean())
        if not motion.moving or density < MIN_OBJECT_DENSITY or area < MIN_OBJECT_AREA:
            continue
        track, moving = _held(track, world, shot), Naming(OBJECT, 0.5 * density, 0.5 * density)
        found.append(_facts(track, moving, motion, shot=shot, end=end))
    return found


def _held(track: Track, world: CameraTrajectory, shot: Shot) -> Track:
    """The track of a thing that stops before a resting camera, with the box in which it stopped.

    What is not seen to move any more, and has not reached the frame's edge, stands where it is;
    so it did before it began to move.
    """
    before = [t for t in world.times if shot.start - 1e-3 <= t < track.times[0]]
    after = [t for t in world.times if track.times[-1] < t < shot.end]
    for times, end in ((before, 0), (after, -1)):
        if times and not touches_border(track.boxes[end][None])[0]:
            box, scores, colors = track.boxes[end], track.scores[end], track.colors[end]
            track.merge(
                Track(
                    times=list(times),
                    boxes=[box] * len(times),
                    scores=[scores * HELD_SCORE] * len(times),
                    colors=[colors] * len(times),
                )
            )
    return track


def _samples_between(world: CameraTrajectory, track: Track) -> int:
    return int(((world.times >= track.times[0]) & (world.times <= track.times[-1])).sum())


def _is_known(track: Track, named: Sequence[InstanceFacts]) -> bool:
    """True when the moving patch mostly lies in, or around, a thing that has a name already."""
    times, boxes = np.array(track.times), np.array(track.boxes)
    known = np.zeros(len(times), bool)
    for other in named:
        theirs = boxes_at(other, times)
        seen = ~np.isnan(theirs[:, 0])
        if seen.any():
            one, two = boxes[seen], theirs[seen]
            inside, around = pairwise_coverage(one, two), pairwise_coverage(two, one)
            known[seen] |= (inside > 0.5) | (around > 0.5) | (pairwise_ious(one, two) > 0.25)
    return bool(known.mean() > 0.5)


def boxes_at(instance: InstanceFacts, times: Array) -> Array:
    """The instance's boxes at ``times`` (n,) seconds, interpolated; NaN while it is not tracked."""
    track = instance.track
    if not track or times[0] > track[-1].t + HOLD or times[-1] < track[0].t - HOLD:
        return np.full((len(times), 4), np.nan)
    known = np.array([point.t for point in track])
    boxes = np.array([point.box for point in track])
    found = np.stack([np.interp(times, known, boxes[:, side]) for side in range(4)], axis=1)
    found[(times < known[0] - HOLD) | (times > known[-1] + HOLD)] = np.nan
    return found


def box_at(instance: InstanceFacts, t: float) -> Array | None:
    """The instance's box at ``t`` seconds, interpolated; None while it is not tracked."""
    box: Array = boxes_at(instance, np.array([t]))[0]
    return None if np.isnan(box[0]) else box


def _facts(
    track: Track,
    naming: Naming,
    motion: InstanceMotion,
    *,
    shot: Shot,
    end: float,
) -> InstanceFacts:
    name, confidence, category_confidence = naming
    known = 1.0 if name != OBJECT else 0.6
    # What is known by its motion alone may be there before it stirs and after it rests: only at
    # the frame's edge, and at some speed, does it come and go.
    seen_to_go = name != OBJECT or motion.speed > MIN_OBJECT_SPEED
    boxes = np.array(track.boxes)
    best = track.best
    best[best == 0] = HELD_SCORE * best[best > 0].mean()
    points = [
        TrackPoint(t=round(t, 3), box=as_box(box), score=round(min(1.0, float(score)), 3))
        for t, box, score in zip(track.times, boxes, best, strict=True)
    ]
    return InstanceFacts(
        id=0,
        class_=name,
        category=track.classes.own_category(name),
        phrase=phrase_of(track, name),
        confidence=round(min(confidence, 0.99), 3),
        category_confidence=round(min(category_confidence, 0.99), 3),
        salience=salience_of(track.times, boxes, motion, category_confidence, end=end, known=known),
        source="",
        colors=named_shares(track.color),
        track=points,
        enters=(seen_to_go and _is_absent(track, shot.start, first=True)) or shot.start > 0.05,
        leaves=(seen_to_go and _is_absent(track, shot.end, first=False)) or shot.end < end - 0.05,
        motion=motion,
    )


def _is_absent(track: Track, edge: float, *, first: bool) -> bool:
    """True when the thing is not in the picture at the ``edge`` (seconds) of its shot.

    A detector that misses a thing for a moment must not make it leave, and a track that ends away
    from the frame's border is lost, not gone.
    """
    times = np.array(track.times)
    gap = float(times[0] - edge if first else edge - times[-1])
    usual = float(np.diff(times).max()) if len(times) > 1 else 0.2
    box = track.boxes[0 if first else -1]
    ahead = box + (track.velocity * min(gap, 0.5) if not first else 0)
    sides = np.asarray(touched_sides(np.stack([box, ahead])).any(axis=0), bool)
    # Who is cut off by the frame's lower edge all the time does not leave by it.
    if not first and touched_sides(np.array(track.boxes))[:, 3].mean() > 0.5:
        sides[3] = False
    return bool(sides.any()) and gap > max(0.3, 1.2 * usual)
