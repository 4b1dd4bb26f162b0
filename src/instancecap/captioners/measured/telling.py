"""What is told of measured facts, whatever the language: every language says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import (
    CameraFacts,
    ContactKind,
    Direction,
    InstanceFacts,
    LightFacts,
    PlaceFacts,
)
from instancecap.schema.vocabulary import Primitive

Side = Literal["left", "top", "right", "bottom", ""]
Pace = Literal["slow", "fast", ""]
Growth = Literal["larger", "smaller", ""]
Meeting = Literal["crosses", "passes", "is_passed", "ends_beside", ""]
Size = Literal["very_small", "small", "medium", "large", "filling"]

MANY = 11
"""Things from which a group is counted as *at least* so many, in figures."""

CLEAR_SHARE, SECOND_SHARE, PURE_SHARE = 0.35, 0.28, 0.6
"""Shares of a thing's colours from which the first and the second are said, and "mostly" is not."""

SLOW, FAST = 0.05, 0.3
"""Frame diagonals a second under and over which a movement is called slow or quick."""

_SHADES = frozenset(
    frozenset(pair)
    for pair in (
        ("red", "pink"),
        ("red", "orange"),
        ("orange", "brown"),
        ("orange", "yellow"),
        ("brown", "beige"),
        ("teal", "blue"),
        ("blue", "purple"),
        ("gray", "white"),
        ("gray", "black"),
    )
)
"""Neighbouring colours that one surface shows in light and in shade."""

_GLARE = ("pink", "beige")

_ONE_PAINT = {"vehicle", *(name for name, kind in CATEGORIES.items() if kind == "vehicle")}

REST_EDGE = 0.35
"""Seconds from a track's end within which a rest reaches to it."""

SURE_NAME = 0.6
"""Confidence in both names from which it is told that two things come together."""

GROWS, SHRINKS = 1.6, 0.62
"""Change of area from which a thing is said to get larger or smaller in the picture."""

_SIZES: tuple[tuple[float, Size], ...] = (
    (0.01, "very_small"), (0.05, "small"), (0.2, "medium"), (0.55, "large"),
)  # fmt: skip

MOVES = frozenset(get_args(Primitive)) - {"static", "tracking", "shaky"}
"""Primitives that a verb stands for."""


# Looks -------------------------------------------------------------------------------------------


def main_colors(item: InstanceFacts) -> list[str]:
    """The one or two colours that make up enough of a thing to be said."""
    shares = _without_shades(item.colors)
    if not shares or shares[0][1] < CLEAR_SHARE:
        return []
    # A vehicle has one paint; what is seen beside it is glass, glare and shadow.
    others = [] if item.class_ in _ONE_PAINT else shares[1:2]
    return [shares[0][0], *[name for name, share in others if share >= SECOND_SHARE]]


def _without_shades(colors: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Colours with those that light makes of a stronger one counted to it."""
    kept: list[tuple[str, float]] = []
    for name, share in colors:
        for index, (stronger, amount) in enumerate(kept):
            if frozenset((name, stronger)) in _SHADES:
                # Glare turns red to pink, so that red is the paint even where pink prevails.
                paint = name if stronger in _GLARE and share > 0.3 * amount else stronger
                kept[index] = (paint, amount + share)
                break
        else:
            kept.append((name, share))
    return sorted(kept, key=lambda item: -item[1])


@dataclass(frozen=True, slots=True)
class Look:
    """What a thing is called by; things of one look are told apart by *another*.

    Attributes:
        colors: one or two that are said with the name; an orange orange is an orange.
        mostly: one colour prevails, but it is not all; of clothes that is not said.
    """

    class_: str
    group: bool
    colors: tuple[str, ...]
    mostly: bool


def look_of(item: InstanceFacts) -> Look:
    """What a thing is called by."""
    colors = tuple(main_colors(item))
    if colors == (item.class_,):
        colors = ()
    mostly = (
        len(colors) == 1
        and item.class_ != "person"
        and _without_shades(item.colors)[0][1] < PURE_SHARE
    )
    return Look(item.class_, item.count > 1, colors, mostly)


def count_alike(item: InstanceFacts, shown: Sequence[InstanceFacts]) -> int:
    """How many of ``shown`` look like ``item``."""
    look = look_of(item)
    return sum(look_of(one) == look for one in shown)


def size_of(area: float) -> Size:
    """How much of the frame a thing takes, from its mean box area in 0..1."""
    return next((size for limit, size in _SIZES if area < limit), "filling")


# Motion ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a thing does, in the order in which it is told. What is false or empty is not told.

    Attributes:
        entry, exit: the side of the frame, where one is touched.
        ways: none where it moves about; one direction; or several, one after the other.
        pace: of getting away: what goes to and fro may be quick and get nowhere.
        rests: it stays where it is, ``still`` or ``stirring``.
        cycle: seconds after which its motion comes back.
    """

    enters: bool
    entry: Side
    rests_first: bool
    moves: bool
    ways: tuple[Direction, ...]
    pace: Pace
    rests: Literal["still", "stirring", ""]
    cycle: float
    growth: Growth
    leaves: bool
    exit: Side
    stops: bool


def action_of(item: InstanceFacts, *, enters: bool, leaves: bool, camera_rests: bool) -> Action:
    """What a thing does. Before a moving camera, no motion found proves no rest."""
    motion = item.motion
    cycle = round(motion.period.seconds, 1)
    turns = turns_of(item)
    rests_first, stops = (False, False) if cycle or turns else rest_ends(item)
    ways: tuple[Direction, ...] = (motion.direction,) if motion.direction else ()
    if turns and not cycle:
        ways = turns
    rests: Literal["still", "stirring", ""] = ""
    if camera_rests and not motion.moving:
        rests = "stirring" if motion.activity > 0.4 or cycle else "still"
    return Action(
        enters=enters,
        entry=edge_of(item.track[0].box) if enters else "",
        rests_first=rests_first and not enters,
        moves=motion.moving,
        ways=ways if motion.moving else (),
        pace=pace_of(motion.speed) if motion.moving and ways else "",
        rests=rests,
        cycle=cycle,
        growth=_growth(motion.scale_change),
        leaves=leaves,
        exit=edge_of(item.track[-1].box) if leaves else "",
        stops=stops and not leaves,
    )


def pace_of(speed: float) -> Pace:
    """Whether frame diagonals a second are slow, fast, or neither."""
    return "slow" if 0 < speed < SLOW else "fast" if speed > FAST else ""


def _growth(change: float) -> Growth:
    return "larger" if change >= GROWS else "smaller" if change <= SHRINKS else ""


def edge_of(box: Sequence[float]) -> Side:
    """The side of the frame that a box touches, the closest one; "" when it touches none."""
    gaps: dict[Side, float] = {
        "left": box[0], "top": box[1], "right": 1 - box[2], "bottom": 1 - box[3],
    }  # fmt: skip
    side = min(gaps, key=lambda name: gaps[name])
    return side if gaps[side] < 0.04 else ""


def rest_ends(item: InstanceFacts) -> tuple[bool, bool]:
    """Whether a thing that moves rests when it is first seen, and when it is last seen."""
    still, track = item.motion.still, item.track
    if not item.motion.moving or not still or not track:
        return False, False
    first, last = track[0].t, track[-1].t
    # Who rests most of the time is not told by how it moves.
    if sum(end - start for start, end in still) > 0.8 * (last - first):
        return False, False
    return still[0][0] - first < REST_EDGE, last - still[-1][1] < REST_EDGE


def turns_of(item: InstanceFacts) -> tuple[Direction, ...]:
    """The ways of a thing that turns once or twice, one after the other; else none."""
    turns = item.motion.turns
    if not 1 <= len(turns) <= 2:
        return ()
    return (turns[0].before, *(turn.after for turn in turns))


def meeting_of(kind: ContactKind, item: InstanceFacts, other: InstanceFacts) -> Meeting:
    """What a thing does with another; the picture tells neither depth nor touch.

    Empty unless both have a name that is sure and at least one of them moves in the world.
    """
    known = all(one.class_ in CATEGORIES and one.confidence >= SURE_NAME for one in (item, other))
    if not known or not (item.motion.moving or other.motion.moving) or kind == "overlaps":
        return ""
    if kind == "meets":
        return "ends_beside"
    if not item.motion.moving:
        return "is_passed"
    return "crosses" if other.motion.moving else "passes"


# The whole picture -------------------------------------------------------------------------------


def camera_stages(camera: CameraFacts) -> list[list[Primitive]]:
    """The camera's moves one after the other; all in one where they come together."""
    moves = [word for word in camera.motion if word in MOVES]
    stages: list[list[Primitive]] = []
    for segment in camera.segments:
        here = [word for word in segment.motion if word in moves]
        if here and (not stages or stages[-1] != here):
            stages.append(here)
    if 2 <= len(stages) <= 3 and {word for stage in stages for word in stage} == set(moves):
        return stages
    return [moves] if moves else []


@dataclass(frozen=True, slots=True)
class Light:
    """Light by what stands out of it; empty is in between."""

    level: Literal["bright", "dark", ""]
    contrast: Literal["high", "low", ""]
    colors: Literal["vivid", "muted", ""]
    tint: Literal["warm", "cool", ""]
    change: Literal["brighter", "darker", ""]


def light_of(light: LightFacts) -> Light:
    """What stands out of the light."""
    return Light(
        "bright" if light.brightness > 0.55 else "dark" if light.brightness < 0.22 else "",
        "high" if light.contrast > 0.25 else "low" if light.contrast < 0.12 else "",
        "vivid" if light.saturation > 0.5 else "muted" if light.saturation < 0.15 else "",
        "warm" if light.warmth > 0.08 else "cool" if light.warmth < -0.08 else "",
        "brighter" if light.change > 0.15 else "darker" if light.change < -0.15 else "",
    )


def place_colors(place: PlaceFacts) -> tuple[list[str], bool]:
    """Colours around the things, three at most, and whether the first is most of it."""
    colors = [name for name, share in place.colors if share >= 0.15][:3]
    return colors, bool(colors) and place.colors[0][1] >= 0.5
