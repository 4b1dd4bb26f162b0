"""Checks of what is claimed of one instance: its name, colors, place, and movement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from instancecap.evidence.tracking.naming import HYPERNYMS
from instancecap.language import en
from instancecap.verify.claims import Claim, Kind
from instancecap.verify.lexicon import lexicon
from instancecap.verify.naming import ClassMatch, category_of, class_match, noun_of
from instancecap.verify.spans import SIGNS, TrackSpan
from instancecap.verify.thresholds import LIMITS
from instancecap.verify.verdict import Verdict, compare

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


class InstanceCheck(Protocol):
    """Holds one kind of claim against the track of the instance that it is of."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        """The verdict on the claim, as if it were not negated."""
        ...


class ClassCheck:
    """Names within a category are not argued about: a small detector mixes them up."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        noun, item = noun_of(claim.value), seen.item
        fits = class_match(noun, item.class_)
        lively = {noun.category, category_of(item.class_)} <= set(HYPERNYMS)
        return compare(
            fits >= ClassMatch.GENERAL,
            sure=fits < 0 and lively and seen.is_sure and item.confidence >= LIMITS.sure,
            believed=item.confidence >= LIMITS.believed,
            confidence=item.confidence,
            measured=f"it is {en.article(item.class_)}",
            frames=seen.frames(),
            instead=item.class_,
            fact="class",
        )


class ColorCheck:
    """A color word against the measured shares, light and shade allowed for."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        color = lexicon().colors.get(claim.value)
        shares = dict(seen.item.colors)
        if color is None or not shares:
            return Verdict()
        agreeing = sum(shares.get(name, 0.0) for name in color.basic)
        akin = sum(shares.get(name, 0.0) for name in color.akin)
        known = sum(shares.values())
        around = dict(seen.evidence.place.colors)
        own = sum(max(0.0, share - around.get(name, 0.0)) for name, share in shares.items())
        strong = any(shares.get(name, 0.0) > around.get(name, 0.0) for name in color.basic)
        return compare(
            agreeing >= LIMITS.color_share,
            sure=not akin
            and own >= LIMITS.own_share
            and known >= LIMITS.colors_known
            and seen.is_sure
            and seen.item.count == 1,
            believed=seen.item.confidence >= LIMITS.believed and strong,
            confidence=min(seen.item.confidence, max(agreeing, 0.3 if akin else known)),
            measured=f"its colors are {en.join([name for name, _ in seen.item.colors])}",
            frames=seen.frames(),
            fact="color",
        )


class PositionCheck:
    """A cell of the schema (``top-left``) or words (``left``, ``top right``) against the path."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        spot, when = claim.value, claim.when
        is_cell = "-" in spot
        boxes = seen.ends(when) if when else seen.boxes
        outside = np.zeros(len(boxes))
        too_large = False
        for axis, third in _thirds(spot):
            middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
            low, high = third / 3, (third + 1) / 3
            outside = np.maximum(outside, np.maximum(low - middle, middle - high))
            too_large |= bool(np.median(boxes[:, axis + 2] - boxes[:, axis]) > LIMITS.large)
        if when:
            away = float(np.median(outside))
            agrees = away <= LIMITS.inside or (is_cell and seen.cell(when) == spot)
        else:
            away = float(outside.min())
            agrees = bool((outside <= LIMITS.inside).mean() >= LIMITS.covered)
        far = (LIMITS.cell_margin if is_cell else LIMITS.spot_margin) + _drift(seen, when)
        item = seen.item
        return compare(
            agrees,
            sure=away > far and not too_large and seen.is_sure and item.count == 1,
            believed=item.confidence >= LIMITS.believed,
            confidence=item.confidence * (1.0 if agrees else min(1.0, 0.6 + 2 * away)),
            measured=_place_words(seen, when),
            frames=seen.frames(when),
            instead=seen.cell(when) if when else None,
            fact=f"{when}_cell" if when else "",
        )


def _place_words(seen: TrackSpan, when: str) -> str:
    cell = seen.cell(when or "start")
    words = f"it is {en.IN_CELLS[cell]} of the frame"
    if not when and seen.cell("end") != cell:
        words += f", later {en.IN_CELLS[seen.cell('end')]}"
    return words + {"start": " at first", "end": " at last"}.get(when, "")


def _thirds(spot: str) -> Iterable[tuple[int, int]]:
    """Axis and third, 0 to 2, of each word of a place."""
    if "-" in spot:
        row, column = spot.split("-")
        yield 1, ("top", "center", "bottom").index(row)
        yield 0, ("left", "middle", "right").index(column)
        return
    for word in spot.split():
        if word in ("left", "right"):
            yield 0, 0 if word == "left" else 2
        elif word in ("top", "up", "bottom", "down"):
            yield 1, 0 if word in ("top", "up") else 2
        elif spot == "center":
            yield 0, 1


def _drift(seen: TrackSpan, when: str) -> float:
    """How far an instance that was found late, or lost early, may have been from there."""
    shot = next((s for s in seen.evidence.shots if s.start <= seen.times[0] < s.end), None)
    begin, end = (shot.start, shot.end) if shot else (0.0, seen.evidence.video.duration)
    missed = seen.times[0] - begin if when == "start" else end - seen.times[-1]
    seconds = max(float(seen.times[-1] - seen.times[0]), 0.1)
    if not when or missed < LIMITS.until_end:
        return 0.0
    return float(missed) * seen.reach / seconds * 0.5


class VisibilityCheck:
    """Whether it enters or leaves: is not visible at the start, or at the end.

    Only an instance that is first or last seen at the frame's edge came or went; one that is lost
    in the middle may be hidden, or go on as what looks like another one.
    """

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        if claim.span is not None:
            return Verdict()
        item, duration = seen.item, seen.evidence.video.duration
        entering = claim.kind == "enters"
        when = "start" if entering else "end"
        measured = item.enters if entering else item.leaves
        missing = float(seen.times[0] if entering else duration - seen.times[-1])
        at_edge = seen.gap(when) < LIMITS.edge
        gone = at_edge and not _goes_on(seen, when)
        if measured:
            certain = missing >= LIMITS.missing and gone
            words = "it comes into view" if entering else "it is last seen"
            words += f" at {missing if entering else duration - missing:.1f} s"
        else:
            certain = missing <= LIMITS.until_end and (not at_edge or missing <= 0.15)
            words = "it is there from the start" if entering else "it is still there at the end"
        verdict = compare(
            measured != claim.negated,
            sure=certain and seen.is_sure and len(seen.evidence.shots) <= 1,
            believed=item.confidence >= LIMITS.believed and (not measured or gone),
            confidence=item.confidence,
            measured=words,
            frames=seen.frames(when),
            instead=measured,
            fact=claim.kind if measured else "" if entering else "stays",
        )
        # Of the two outcomes each has its own bounds; whoever asked turns a negated one round.
        return verdict.negated() if claim.negated else verdict


def _goes_on(seen: TrackSpan, when: str) -> bool:
    """Whether another instance that may be the same is there when this one is not."""
    first, last = float(seen.times[0]), float(seen.times[-1])
    for other in seen.evidence.instances:
        if other.id == seen.item.id or not other.track:
            continue
        kinds = {category_of(other.class_), category_of(seen.item.class_)}
        begin, end = other.track[0].t, other.track[-1].t
        both = min(end, last) - max(begin, first)
        if len(kinds - {""}) > 1 or both > 0.5 * min(end - begin, last - first):
            continue
        if (when == "end" and end > last) or (when == "start" and begin < first):
            return True
    return False


class MotionCheck:
    """``moving``, ``still`` or ``in_place`` (moving, but going nowhere)."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        item, motion, rests, reach = seen.item, seen.item.motion, camera_rests(seen), seen.reach
        stirs = motion.activity > LIMITS.stirs or bool(motion.period.seconds)
        if claim.value == "moving":
            agrees = motion.moving
            sure = rests and not stirs and motion.activity < LIMITS.stirs_little
            sure = sure and reach < LIMITS.rested
        elif claim.value == "still":
            agrees = not motion.moving and (rests or reach < LIMITS.moved)
            agrees = (agrees and motion.activity <= LIMITS.stirs) or bool(motion.still)
            # What stops, or only then sets off, was still for a while.
            sure = rests and motion.moving and reach > max(LIMITS.far_moved, 0.3 * seen.size)
            sure = sure and not seen.rests()
        else:
            agrees = stirs and not motion.moving
            sure = rests and motion.moving and reach > 2 * LIMITS.far_moved
        if motion.moving:
            words = f"it moves {en.DIRECTIONS.get(motion.direction, 'about')}"
        else:
            words = "it moves in place" if stirs else "it stays still"
        return compare(
            agrees,
            sure=sure and seen.is_sure and item.count == 1,
            believed=item.confidence >= LIMITS.believed,
            confidence=item.confidence * min(1.0, 0.7 + abs(reach)),
            measured=words,
            frames=seen.frames(),
            fact="moving" if motion.moving else "still",
        )


def camera_rests(seen: TrackSpan) -> bool:
    """Whether the camera is known to keep its place, so that the frame is the world."""
    camera = seen.evidence.camera
    moves = [word for word in camera.motion if word not in ("static", "tracking")]
    return bool(camera.motion) and not moves


class DirectionCheck:
    """A direction of the schema, or ``toward`` and ``away`` from the camera."""

    def check(self, claim: Claim, seen: TrackSpan) -> Verdict:
        if claim.value in ("toward", "away"):
            return self._check_depth(claim.value, seen)
        motion = seen.item.motion
        measured = world_direction(seen)
        asked, has = set(claim.value.split("_")), set(measured.split("_")) - {""}
        against = {OPPOSITE[one] for one in asked} & has
        # What turns goes each way for a while: a sentence may name them one by one.
        turned = {one for turn in motion.turns for one in (turn.before, turn.after)}
        agrees = (bool(asked & has) and not against) or claim.value in turned
        gains = {one: seen.excursion(one)[0] for one in SIGNS}
        gained, most = min(gains[one] for one in asked), max(gains.values())
        if camera_rests(seen):
            enough = max(LIMITS.moved, 0.25 * seen.size)
            agrees |= not has and gained >= enough
            sure = gained < max(LIMITS.rested, 0.25 * most)
            sure = sure and (most > enough or most < LIMITS.rested)
            stirs = motion.activity > LIMITS.stirs_little or bool(motion.period.seconds)
            sure = sure and (most > enough or not stirs)
        else:
            travelled = max(most, motion.speed * float(np.ptp(seen.times)))
            sure = bool(against) and travelled > LIMITS.far_moved / 2
            sure = sure and gained < 2 * LIMITS.far_moved
        words = f"it moves {en.DIRECTIONS[measured]}" if measured else (
            "it moves about" if motion.moving else "it stays in place"
        )  # fmt: skip
        return compare(
            agrees,
            sure=sure and seen.is_sure and seen.item.count == 1,
            believed=seen.item.confidence >= LIMITS.believed,
            confidence=seen.item.confidence * min(1.0, 0.6 + 2 * most),
            measured=words,
            frames=seen.frames(),
        )

    @staticmethod
    def _check_depth(way: str, seen: TrackSpan) -> Verdict:
        change = seen.item.motion.scale_change
        nearer, farther = change >= LIMITS.nearer, change <= LIMITS.farther
        agrees, against = (nearer, farther) if way == "toward" else (farther, nearer)
        doubtless = change >= LIMITS.nearer**2 or change <= LIMITS.farther**2
        words = (
            "it gets larger" if nearer else "it gets smaller" if farther else "it keeps its size"
        )
        return compare(
            agrees,
            sure=against and doubtless and seen.is_sure and camera_rests(seen) and seen.whole,
            believed=seen.item.confidence >= LIMITS.trusted and seen.whole,
            confidence=seen.item.confidence,
            measured=f"{words} in the frame",
            frames=seen.frames(),
        )


def world_direction(seen: TrackSpan) -> str:
    """One of the eight directions, or empty.

    Where the motion in the world is not known but the camera goes along with the instance, the
    camera's way is the instance's: it keeps its place in the frame while the background passes.
    """
    if seen.item.motion.direction and seen.whole:
        return seen.item.motion.direction
    if camera_rests(seen) or len(seen.times) < 2:
        return ""
    steps = [s for s in seen.evidence.camera.path if seen.times[0] < s.t <= seen.times[-1]]
    passed = np.array([sum(s.dx for s in steps), sum(s.dy for s in steps)])
    shift = seen.centers[-1] - seen.centers[0]
    axis = int(np.abs(passed).argmax())
    along = abs(passed[axis]) >= 0.25 and abs(passed[1 - axis]) < 0.5 * abs(passed[axis])
    if not along or abs(shift[axis]) > 0.6 * abs(passed[axis]):
        return ""
    return (("right", "left"), ("down", "up"))[axis][int(passed[axis] > 0)]


INSTANCE_CHECKS: dict[Kind, InstanceCheck] = {
    "class": ClassCheck(),
    "presence": ClassCheck(),
    "color": ColorCheck(),
    "position": PositionCheck(),
    "enters": VisibilityCheck(),
    "leaves": VisibilityCheck(),
    "motion": MotionCheck(),
    "direction": DirectionCheck(),
}
