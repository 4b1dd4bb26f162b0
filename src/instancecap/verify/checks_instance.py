"""Checks of what is claimed of one instance: its name, colors, place, and movement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from instancecap.evidence.tracking.naming import HYPERNYMS
from instancecap.language import en
from instancecap.verify.claims import Claim, Kind, Verdict, outcome
from instancecap.verify.lexicon import lexicon
from instancecap.verify.naming import ClassMatch, category_of, held_match, item_match, noun_of
from instancecap.verify.spans import SIGNS, TrackSpan
from instancecap.verify.thresholds import LIMITS
from instancecap.video.sampling import pick_evenly

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}


def _judge(
    seen: TrackSpan, agrees: bool, measured: str, fact: str = "", instead: Any = None,
    *, sure: bool, believed: bool = True, factor: float = 1.0, when: str = "",
) -> Verdict:  # fmt: skip
    """``sure`` of what the track shows; ``factor`` of the instance's confidence."""
    support = outcome(
        agrees,
        sure=sure and seen.is_sure,
        believed=believed and seen.item.confidence >= LIMITS.believed,
    )
    confidence = seen.item.confidence * min(1.0, factor)
    return Verdict(support, confidence, measured, seen.frames(when), instead, fact)


def check_class(claim: Claim, seen: TrackSpan) -> Verdict:
    """Names within a category are not argued about: a small detector mixes them up. Where experts
    disagree, a name that one of them gives is disputed at most."""
    noun, item = noun_of(claim.value), seen.item
    fits = held_match(noun, item)
    lively = {noun.category, category_of(item.class_)} <= set(HYPERNYMS)
    sure = fits is ClassMatch.APART and lively and item.confidence >= LIMITS.sure
    words = f"it is {en.article(item.class_)}"
    fact = "class" if item_match(noun, item) is fits else ""
    return _judge(seen, fits >= ClassMatch.GENERAL, words, fact, item.class_, sure=sure)


def check_color(claim: Claim, seen: TrackSpan) -> Verdict:
    """A color word against the measured shares, light and shade allowed for."""
    color, shares = lexicon().colors.get(claim.value), dict(seen.item.colors)
    if color is None or not shares:
        return Verdict()
    agreeing = sum(shares.get(name, 0.0) for name in color.basic)
    akin = sum(shares.get(name, 0.0) for name in color.akin)
    around = dict(seen.evidence.place.colors)
    own = sum(max(0.0, share - around.get(name, 0.0)) for name, share in shares.items())
    known = sum(shares.values()) >= LIMITS.colors_known and own >= LIMITS.own_share
    return _judge(
        seen, agreeing >= LIMITS.color_share, f"its colors are {en.join(list(shares))}", "color",
        sure=not akin and known and seen.item.count == 1,
        believed=any(shares.get(name, 0.0) > around.get(name, 0.0) for name in color.basic),
    )  # fmt: skip


def check_position(claim: Claim, seen: TrackSpan) -> Verdict:
    """A cell of the schema (``top-left``) or words (``left``, ``top right``) against the path."""
    spot, when = claim.value, claim.when
    is_cell = "-" in spot
    boxes = seen.ends(when) if when else seen.boxes
    outside = np.zeros(len(boxes))
    too_large = False
    for axis, third in _thirds(spot):
        middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
        outside = np.maximum(outside, np.maximum(third / 3 - middle, middle - (third + 1) / 3))
        too_large |= bool(np.median(boxes[:, axis + 2] - boxes[:, axis]) > LIMITS.large)
    inside = outside <= LIMITS.inside
    away = float(np.median(outside) if when else outside.min())
    agrees = bool(np.median(inside) if when else inside.mean() >= LIMITS.covered)
    agrees |= bool(when and is_cell and seen.cell(when) == spot)
    far = LIMITS.cell_margin if is_cell else LIMITS.spot_margin
    return _judge(
        seen, agrees, _place_words(seen, when), f"{when}_cell" if when else "",
        seen.cell(when) if when else None, when=when, factor=1.0 if agrees else 0.6 + 2 * away,
        sure=away > far and not too_large and seen.item.count == 1,
    )  # fmt: skip


def _place_words(seen: TrackSpan, when: str) -> str:
    cell, last = seen.cell(when or "start"), seen.cell("end")
    later = f", later {en.IN_CELLS[last]}" if not when and last != cell else ""
    time = {"start": " at first", "end": " at last"}.get(when, "")
    return f"it is {en.IN_CELLS[cell]} of the frame{later}{time}"


_COLUMNS, _ROWS = ("left", "middle", "right"), ("top", "center", "bottom")


def _thirds(spot: str) -> list[tuple[int, int]]:
    """Axis and third, 0 to 2, of each word of a place."""
    words = "middle" if spot == "center" else spot.replace("up", "top").replace("down", "bottom")
    if "-" in words:
        row, column = words.split("-")
        return [(1, _ROWS.index(row)), (0, _COLUMNS.index(column))]
    known = {word: (0, third) for third, word in enumerate(_COLUMNS)}
    known |= {"top": (1, 0), "bottom": (1, 2)}
    return [known[word] for word in words.split() if word in known]


def check_visibility(claim: Claim, seen: TrackSpan) -> Verdict:
    """Whether it enters or leaves: is not visible at the start, or at the end.

    Only an instance that is first or last seen at the frame's edge came or went; one that is lost
    in the middle may be hidden, or go on as what looks like another one. A sentence may also tell
    of a while in between: who is not seen then from the edge on has left and come back.
    """
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
        verb, time = (
            ("comes into view", missing) if entering else ("is last seen", duration - missing)
        )
        words, fact = f"it {verb} at {time:.1f} s", str(claim.kind)
    else:
        certain = missing <= LIMITS.until_end and (not at_edge or missing <= 0.15)
        words = "it is there from the start" if entering else "it is still there at the end"
        fact = "" if entering else "stays"
    happened, believed = measured, not measured or gone
    if not measured and claim.sentence and (away := seen.longest_absence):
        first, last, at_edge = away
        happened, believed, certain = at_edge, at_edge, False
        words = f"it is not seen from {first:.1f} to {last:.1f} s"
    verdict = _judge(
        seen, happened != claim.negated, words, fact, measured, when=when,
        sure=certain and len(seen.evidence.shots) <= 1, believed=believed,
    )  # fmt: skip
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
        is_other = len(kinds - {""}) > 1 or both > 0.5 * min(end - begin, last - first)
        if not is_other and (end > last if when == "end" else begin < first):
            return True
    return False


def check_motion(claim: Claim, seen: TrackSpan) -> Verdict:
    """``moving``, ``still`` or ``in_place`` (moving, but going nowhere)."""
    motion, rests, reach = seen.item.motion, camera_rests(seen), seen.reach
    stirs = motion.activity > LIMITS.stirs or bool(motion.period.seconds)
    far = motion.moving and reach > max(LIMITS.far_moved, 0.3 * seen.size)
    if claim.value == "moving":
        agrees, calm = motion.moving, motion.activity < LIMITS.stirs_little
        sure = calm and not stirs and reach < LIMITS.rested
    elif claim.value == "still":
        stays = not motion.moving and (rests or reach < LIMITS.moved)
        agrees = (stays and motion.activity <= LIMITS.stirs) or bool(motion.still)
        sure = far and not seen.rests()  # what stops, or only then sets off, was still for a while
    else:
        agrees = stirs and not motion.moving
        sure = motion.moving and reach > 2 * LIMITS.far_moved
    words = f"moves {en.DIRECTIONS.get(motion.direction, 'about')}" if motion.moving else (
        "moves in place" if stirs else "stays still"
    )  # fmt: skip
    return _judge(
        seen, agrees, f"it {words}", "moving" if motion.moving else "still",
        sure=sure and rests and seen.item.count == 1, factor=0.7 + reach,
    )  # fmt: skip


def camera_rests(seen: TrackSpan) -> bool:
    """Whether the camera is known to keep its place, so that the frame is the world."""
    motion = set(seen.evidence.camera.motion)
    return bool(motion) and motion <= {"static", "tracking"}


def check_direction(claim: Claim, seen: TrackSpan) -> Verdict:
    """A direction of the schema, or ``toward`` and ``away`` from the camera."""
    if claim.value in ("toward", "away"):
        return _check_depth(claim.value, seen)
    motion = seen.item.motion
    measured = motion.direction if seen.whole or camera_rests(seen) else ""
    asked, has = set(claim.value.split("_")), set(measured.split("_")) - {""}
    against = {OPPOSITE[one] for one in asked} & has
    # What turns goes each way for a while: a sentence may name them one by one.
    turned = {one for turn in motion.turns for one in (turn.before, turn.after)}
    agrees = (bool(asked & has) and not against) or claim.value in turned
    gains = {one: seen.excursion(one) for one in SIGNS}
    gained, most = min(gains[one] for one in asked), max(gains.values())
    if camera_rests(seen):
        enough = max(LIMITS.moved, 0.25 * seen.size)
        agrees |= not has and gained >= enough
        calm = motion.activity <= LIMITS.stirs_little and not motion.period.seconds
        sure = most > enough or (most < LIMITS.rested and calm)
        sure = sure and gained < max(LIMITS.rested, 0.25 * most)
    else:
        travelled = max(most, motion.speed * float(np.ptp(seen.times)))
        sure = bool(against) and travelled > LIMITS.far_moved / 2
        sure = sure and gained < 2 * LIMITS.far_moved
    words = f"moves {en.DIRECTIONS[measured]}" if measured else (
        "moves about" if motion.moving else "stays in place"
    )  # fmt: skip
    sure = sure and seen.item.count == 1
    return _judge(seen, agrees, f"it {words}", sure=sure, factor=0.6 + 2 * most)


def _check_depth(way: str, seen: TrackSpan) -> Verdict:
    change = seen.item.motion.scale_change
    nearer, farther = change >= LIMITS.nearer, change <= LIMITS.farther
    agrees, against = (nearer, farther) if way == "toward" else (farther, nearer)
    doubtless = change >= LIMITS.nearer**2 or change <= LIMITS.farther**2
    words = "gets larger" if nearer else "gets smaller" if farther else "keeps its size"
    return _judge(
        seen, agrees, f"it {words} in the frame",
        sure=against and doubtless and camera_rests(seen) and seen.whole,
        believed=seen.item.confidence >= LIMITS.trusted and seen.whole,
    )  # fmt: skip


def check_face(claim: Claim, seen: TrackSpan) -> Verdict:
    """Whether its face is seen at all then; what a face shows is not measured."""
    faces = [one for one in seen.evidence.faces if one.instance == seen.item.id]
    if faces:
        sure = max(one.score for one in faces) * seen.item.confidence
        times = [faces[index].t for index in pick_evenly(len(faces), 4)]
        support = outcome(True, sure=False, believed=seen.item.confidence >= LIMITS.believed)
        return Verdict(support, sure, "its face is seen", times)
    height = float(np.median(seen.boxes[:, 3] - seen.boxes[:, 1]))
    searched = seen.item.class_ == "person" and "faces" in seen.evidence.models
    large = searched and seen.item.count == 1 and height >= LIMITS.face_expected
    return _judge(seen, False, "no face of it is found", "face", sure=large)


def check_pose(claim: Claim, seen: TrackSpan) -> Verdict:
    """A word of the body against those that its joints say. Nobody has counted how often these are
    right: they support nothing, and dispute at most. Who walks is upright, and who is seen to stand
    may walk."""
    known = [one for one in seen.item.pose if not one.word.startswith("arm")]
    seconds = sum(one.end - one.start for one in known)
    if not known or seconds < LIMITS.pose_known * float(np.ptp(seen.times)):
        return Verdict()
    fits = {"walking", "standing"} if claim.value == "walking" else {claim.value}
    agrees = any(one.word in fits for one in known)
    words = en.join(list(dict.fromkeys(one.word for one in known)))
    return _judge(seen, agrees, f"its joints say {words}", "pose", sure=True, believed=False)


INSTANCE_CHECKS: dict[Kind, Callable[[Claim, TrackSpan], Verdict]] = {
    "class": check_class,
    "presence": check_class,
    "color": check_color,
    "position": check_position,
    "enters": check_visibility,
    "leaves": check_visibility,
    "motion": check_motion,
    "direction": check_direction,
    "face": check_face,
    "pose": check_pose,
}
"""A check for each kind of claim, as if it were not negated."""
