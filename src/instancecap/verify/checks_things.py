"""Checks of what is said of one thing: its name, colours, place, and movement."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT
from instancecap.language import en
from instancecap.models.coco import CATEGORIES
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.seen import BELIEVED, EDGE, SIGNS, TRUSTED, Seen
from instancecap.verify.verdicts import Verdict, compare

FAR = {"cell": 0.06, "spot": 0.17}
"""Frame sizes outside of a third from which a place is wrong: for a cell of the schema, and for
words: what people call the left reaches to the middle."""

LARGE = 0.6
"""Width or height of a box from which its centre says little about where the thing is."""

MOVED = 0.04
"""Frame sizes that a thing must get one way before it can be said to go there."""

RESTED = 0.02
"""Frame sizes within which a thing has not moved: boxes tremble by less."""

FAR_MOVED = 0.12
"""Frame sizes from which a thing has moved for sure."""

LOST = 0.6
"""Seconds before the clip's end; a thing last seen earlier, at the frame's edge, has left."""

UNTIL_END = 0.35
"""Seconds before the clip's end, or after its start, in which a thing is seen there still."""

OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
NEARER, FARTHER = 1.3, 0.77
"""Change of area from which a thing comes closer to the camera or goes away from it."""

COLOR_SHARE = 0.2
"""Share of a thing's colours that supports a colour word; less may be shade or background."""

COLORS_KNOWN = 0.6
"""Share of a thing that must be of listed colours before one that is missing is wrong."""

MIXED_UP = (
    frozenset(("car", "truck", "bus", "train")),
    frozenset(("bicycle", "motorcycle")),
    frozenset(("cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")),
)
"""Classes that a small detector takes for each other; others of one category it tells apart."""

OWN_SHARE = 0.3
"""Share of a thing that must be of colours beyond what its surroundings have of them: what both
have may be the surroundings, seen in the box."""

COVERED = 0.2
"""Share of the points that must lie in a place for a thing to be there at some time."""


def category_of(class_: str) -> str:
    """The category of a class of the evidence, hypernyms included; empty for an object."""
    if class_ == OBJECT:
        return ""
    general = {name: kind for kind, name in HYPERNYMS.items()}
    return general.get(class_, "") or str(CATEGORIES.get(class_, ""))


def likeness(noun: Noun, class_: str) -> int:
    """How well a name fits a class of the evidence: 3 the same, 2 a more general word for it,
    1 another of its category, 0 not known, -1 something else."""
    if noun.class_ == class_ and class_ != OBJECT:
        return 3
    if class_ == OBJECT or noun.class_ == OBJECT or not noun.category:
        return 0
    if noun.category != category_of(class_):
        return -1
    if {noun.class_, class_} & {"animal", "vehicle"}:
        return 2
    apart = {noun.class_, class_} <= CATEGORIES.keys() and not any(
        {noun.class_, class_} <= group for group in MIXED_UP
    )
    return -1 if apart else 1


def check_class(noun: Noun, seen: Seen) -> Verdict:
    """Names within a category are not argued about: the small detector mixes them up."""
    item = seen.item
    fits = likeness(noun, item.class_)
    lively = {noun.category, category_of(item.class_)} <= set(HYPERNYMS)
    return compare(
        fits >= 2,
        sure=fits < 0 and lively and seen.is_sure and item.confidence >= 0.6,
        believed=item.confidence >= BELIEVED,
        confidence=item.confidence,
        measured=f"it is {en.article(item.class_)}",
        frames=seen.frames(),
        instead=item.class_,
    )


def check_color(word: str, seen: Seen) -> Verdict:
    """A colour word against the measured shares, light and shade allowed for."""
    color = lexicon().colors.get(word)
    shares = dict(seen.item.colors)
    if color is None or not shares:
        return Verdict()
    agreeing = sum(shares.get(name, 0.0) for name in color.basic)
    akin = sum(shares.get(name, 0.0) for name in color.akin)
    known = sum(shares.values())
    around = dict(seen.evidence.place.colors)
    own = sum(max(0.0, share - around.get(name, 0.0)) for name, share in shares.items())
    strong = any(shares.get(name, 0.0) > around.get(name, 0.0) for name in color.basic)
    said = en.join([name for name, _ in seen.item.colors])
    return compare(
        agreeing >= COLOR_SHARE,
        sure=not akin
        and own >= OWN_SHARE
        and known >= COLORS_KNOWN
        and seen.is_sure
        and seen.item.count == 1,
        believed=seen.item.confidence >= BELIEVED and strong,
        confidence=min(seen.item.confidence, max(agreeing, known if not akin else 0.3)),
        measured=f"its colors are {said}",
        frames=seen.frames(),
    )


def check_position(spot: str, when: str, seen: Seen) -> Verdict:
    """A cell of the schema (``top-left``) or words (``left``, ``top right``) against the path."""
    if not len(seen.boxes):
        return Verdict()
    kind = "cell" if "-" in spot else "spot"
    boxes = seen.ends(when) if when else seen.boxes
    outside = np.zeros(len(boxes))
    too_large = False
    for axis, third in _thirds(spot):
        middle = (boxes[:, axis] + boxes[:, axis + 2]) / 2
        low, high = third / 3, (third + 1) / 3
        outside = np.maximum(outside, np.maximum(low - middle, middle - high))
        too_large |= bool(np.median(boxes[:, axis + 2] - boxes[:, axis]) > LARGE)
    if when:
        away = float(np.median(outside))
        agrees = away <= 0.03 or (kind == "cell" and seen.cell(when) == spot)
    else:
        away = float(outside.min())
        agrees = bool((outside <= 0.03).mean() >= COVERED)
    far = FAR[kind] + _drift(seen, when)
    cell = seen.cell(when or "start")
    where = f"{en.IN_CELLS[cell]} of the frame"
    time = {"start": " at first", "end": " at last"}.get(when, "")
    if not when and seen.cell("end") != cell:
        where += f", later {en.IN_CELLS[seen.cell('end')]}"
    return compare(
        agrees,
        sure=away > far and not too_large and seen.is_sure and seen.item.count == 1,
        believed=seen.item.confidence >= BELIEVED,
        confidence=seen.item.confidence * min(1.0, 0.6 + 2 * away if not agrees else 1.0),
        measured=f"it is {where}{time}",
        frames=seen.frames(when),
        instead=cell if when else None,
    )


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


def _drift(seen: Seen, when: str) -> float:
    """How far a thing that was found late, or lost early, may have been from there."""
    shot = next((s for s in seen.evidence.shots if s.start <= seen.times[0] < s.end), None)
    begin, end = (shot.start, shot.end) if shot else (0.0, seen.evidence.video.duration)
    missed = seen.times[0] - begin if when == "start" else end - seen.times[-1]
    seconds = max(float(seen.times[-1] - seen.times[0]), 0.1)
    if not when or missed < UNTIL_END:
        return 0.0
    return float(missed) * seen.reach / seconds * 0.5


def check_presence_in_time(event: str, seen: Seen, *, negated: bool = False) -> Verdict:
    """Whether it ``enters`` or ``leaves``: not visible at the start, or at the end.

    Only a thing that is first or last seen at the frame's edge came or went; one that is lost in
    the middle may be hidden, or go on as what looks like another thing.
    """
    item, duration = seen.item, seen.evidence.video.duration
    if not len(seen.times):
        return Verdict()
    entering = event == "enters"
    when = "start" if entering else "end"
    measured = item.enters if entering else item.leaves
    missing = float(seen.times[0] if entering else duration - seen.times[-1])
    at_edge = seen.gap(when) < EDGE
    gone = at_edge and not _goes_on(seen, when)
    if measured:
        certain = missing >= LOST and gone
        words = "it comes into view" if entering else "it is last seen"
        words += f" at {missing if entering else duration - missing:.1f} s"
    else:
        certain = missing <= UNTIL_END and (not at_edge or missing <= 0.15)
        words = "it is there from the start" if entering else "it is still there at the end"
    cut = len(seen.evidence.shots) > 1
    return compare(
        measured != negated,
        sure=certain and seen.is_sure and not cut,
        believed=item.confidence >= BELIEVED and (not measured or gone),
        confidence=item.confidence,
        measured=words,
        frames=seen.frames(when),
        instead=measured,
    )


def _goes_on(seen: Seen, when: str) -> bool:
    """Whether another thing that may be the same is there when this one is not."""
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


def check_motion(state: str, seen: Seen) -> Verdict:
    """``moving``, ``still`` or ``in_place`` (moving, but going nowhere)."""
    if not len(seen.times):
        return Verdict()
    item, motion, rests = seen.item, seen.item.motion, camera_rests(seen)
    stirs = motion.activity > 0.4 or bool(motion.period.seconds)
    reach = seen.reach
    if state == "moving":
        agrees = motion.moving
        sure = rests and not stirs and motion.activity < 0.15 and reach < RESTED
    elif state == "still":
        agrees = not motion.moving and (rests or reach < MOVED) and motion.activity <= 0.4
        agrees = agrees or bool(motion.still)
        # Who stops, or only then sets off, was still for a while.
        sure = rests and motion.moving and reach > max(FAR_MOVED, 0.3 * seen.size)
        sure = sure and not seen.rests()
    else:
        agrees = stirs and not motion.moving
        sure = rests and motion.moving and reach > 2 * FAR_MOVED
    if motion.moving:
        words = f"it moves {en.DIRECTIONS.get(motion.direction, 'about')}"
    else:
        words = "it moves in place" if stirs else "it stays still"
    return compare(
        agrees,
        sure=sure and seen.is_sure and item.count == 1,
        believed=item.confidence >= BELIEVED,
        confidence=item.confidence * min(1.0, 0.7 + abs(reach)),
        measured=words,
        frames=seen.frames(),
    )


def camera_rests(seen: Seen) -> bool:
    """Whether the camera is known to keep its place, so that the frame is the world."""
    camera = seen.evidence.camera
    moves = [word for word in camera.motion if word not in ("static", "tracking")]
    return bool(camera.motion) and not moves


def check_direction(way: str, seen: Seen) -> Verdict:
    """A direction of the schema, or ``toward`` and ``away`` from the camera."""
    if not len(seen.times):
        return Verdict()
    if way in ("toward", "away"):
        return _check_depth(way, seen)
    measured = world_direction(seen)
    asked, has = set(way.split("_")), set(measured.split("_")) - {""}
    against = {OPPOSITE[one] for one in asked} & has
    # What turns goes each way for a while: a sentence may tell them one by one.
    turned = {one for turn in seen.item.motion.turns for one in (turn.before, turn.after)}
    agrees = (bool(asked & has) and not against) or way in turned
    gains = {one: seen.excursion(one)[0] for one in SIGNS}
    gained = min(gains[one] for one in asked)
    most = max(gains.values())
    if camera_rests(seen):
        enough = max(MOVED, 0.25 * seen.size)
        if not has and gained >= enough:
            agrees = True
        sure = gained < max(RESTED, 0.25 * most) and (most > enough or most < RESTED)
        stirs = seen.item.motion.activity > 0.15 or bool(seen.item.motion.period.seconds)
        sure = sure and (most > enough or not stirs)
    else:
        travelled = max(most, seen.item.motion.speed * float(np.ptp(seen.times)))
        sure = bool(against) and travelled > FAR_MOVED / 2 and gained < 2 * FAR_MOVED
    words = f"it moves {en.DIRECTIONS[measured]}" if measured else (
        "it stays in place" if not seen.item.motion.moving else "it moves about"
    )  # fmt: skip
    return compare(
        agrees,
        sure=sure and seen.is_sure and seen.item.count == 1,
        believed=seen.item.confidence >= BELIEVED,
        confidence=seen.item.confidence * min(1.0, 0.6 + 2 * most),
        measured=words,
        frames=seen.frames(),
    )


def world_direction(seen: Seen) -> str:
    """One of the eight directions, or empty.

    Where the motion in the world is not known but the camera goes along with the thing, the
    camera's way is the thing's: it keeps its place in the frame while the background passes.
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


def _check_depth(way: str, seen: Seen) -> Verdict:
    change = seen.item.motion.scale_change
    nearer, farther = change >= NEARER, change <= FARTHER
    agrees, against = (nearer, farther) if way == "toward" else (farther, nearer)
    doubtless = change >= NEARER**2 or change <= FARTHER**2
    words = "it gets larger" if nearer else "it gets smaller" if farther else "it keeps its size"
    return compare(
        agrees,
        sure=against and doubtless and seen.is_sure and camera_rests(seen) and seen.whole,
        believed=seen.item.confidence >= TRUSTED and seen.whole,
        confidence=seen.item.confidence,
        measured=f"{words} in the frame",
        frames=seen.frames(),
    )
