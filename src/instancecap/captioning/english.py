"""Plain English for measured facts: words and phrases, one fact each, nothing added."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import (
    CameraFacts,
    ContactKind,
    InstanceFacts,
    LightFacts,
    PlaceFacts,
)
from instancecap.schema.vocabulary import Cell, Primitive

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

CELL_WORDS: dict[Cell, str] = {
    "top-left": "the top left",
    "top-middle": "the top",
    "top-right": "the top right",
    "center-left": "the left",
    "center-middle": "the center",
    "center-right": "the right",
    "bottom-left": "the bottom left",
    "bottom-middle": "the bottom",
    "bottom-right": "the bottom right",
}
CELL_PLACES: dict[Cell, str] = {
    "top-left": "at the top left",
    "top-middle": "at the top",
    "top-right": "at the top right",
    "center-left": "on the left",
    "center-middle": "in the center",
    "center-right": "on the right",
    "bottom-left": "at the bottom left",
    "bottom-middle": "at the bottom",
    "bottom-right": "at the bottom right",
}
DIRECTION_WORDS = {
    "left": "to the left",
    "right": "to the right",
    "up": "up the frame",
    "down": "down the frame",
    "up_left": "up and to the left",
    "up_right": "up and to the right",
    "down_left": "down and to the left",
    "down_right": "down and to the right",
}
CAMERA_WORDS: dict[Primitive, str] = {
    "pan_left": "pans left",
    "pan_right": "pans right",
    "tilt_up": "tilts up",
    "tilt_down": "tilts down",
    "roll_cw": "rolls clockwise",
    "roll_ccw": "rolls counterclockwise",
    "zoom_in": "zooms in",
    "zoom_out": "zooms out",
    "move_in": "moves forward",
    "move_out": "moves back",
    "move_left": "moves left",
    "move_right": "moves right",
    "move_up": "moves up",
    "move_down": "moves down",
    "arc_cw": "orbits clockwise around the subject",
    "arc_ccw": "orbits counterclockwise around the subject",
}

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


def count_word(number: int) -> str:
    """``3`` as *three*; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def join(parts: Sequence[str], *, last: str = "and") -> str:
    """*a*, *a and b*, *a, b and c*."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def article(noun: str) -> str:
    """The noun with *a* or *an*."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def plural(noun: str) -> str:
    """The plural of a class name."""
    irregular = {"person": "people", "sheep": "sheep", "skis": "skis", "mouse": "mice"}
    irregular |= {"knife": "knives", "scissors": "scissors", "bus": "buses"}
    if noun in irregular:
        return irregular[noun]
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def sentence(text: str) -> str:
    """Capital letter in front, full stop behind."""
    text = " ".join(text.split())
    return f"{text[0].upper()}{text[1:]}." if text else ""


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


def noun_phrase(item: InstanceFacts, *, colored: bool = True) -> str:
    """What a thing is, with its colours but without an article: *person in blue*, *red car*."""
    colors = join(main_colors(item)) if colored else ""
    noun = item.class_ if item.count == 1 else plural(item.class_)
    if not colors or colors == item.class_:  # an orange orange is an orange
        return noun
    if item.class_ == "person":
        return f"{noun} in {colors}"
    pure = _without_shades(item.colors)[0][1] >= PURE_SHARE or " and " in colors
    return f"{colors} {noun}" if pure else f"mostly {colors} {noun}"


def introduce(items: Sequence[InstanceFacts]) -> list[str]:
    """A phrase with an article for every thing, *another* or *a third* for one like it."""
    seen: dict[str, int] = {}
    phrases = []
    for item in items:
        phrase = noun_phrase(item)
        seen[phrase] = seen.get(phrase, 0) + 1
        if item.count >= len(NUMBERS):
            phrases.append(f"a group of at least {item.count} {phrase}")
        elif item.count > 1:
            phrases.append(f"{count_word(item.count)} {phrase}")
        elif seen[phrase] == 1:
            phrases.append(article(phrase))
        else:
            phrases.append(f"another {phrase}")
    return phrases


def speed_word(speed: float) -> str:
    """*slowly*, *quickly* or nothing."""
    return "slowly" if 0 < speed < SLOW else "quickly" if speed > FAST else ""


def edge_of(box: Sequence[float]) -> str:
    """The side of the frame that a box touches, the closest one; "" when it touches none."""
    gaps = {"left": box[0], "top": box[1], "right": 1 - box[2], "bottom": 1 - box[3]}
    side = min(gaps, key=lambda name: gaps[name])
    return side if gaps[side] < 0.04 else ""


def action_phrase(
    item: InstanceFacts, *, enters: bool, leaves: bool, camera_rests: bool, encounter: str = ""
) -> str:
    """What a thing does, as a verb phrase: *enters from the left, moves quickly to the right*.

    ``encounter`` is a phrase of :func:`encounter_phrase`. Empty where nothing is known: before a
    moving camera, no motion found proves no rest.
    """
    motion, parts = item.motion, []
    repeats, turns = period_phrase(item), turn_phrase(item)
    rests_first, stops = (False, False) if repeats or turns else rest_ends(item)
    if enters:
        side = edge_of(item.track[0].box)
        parts.append(f"enters from the {side}" if side else "comes into view")
    elif rests_first:
        parts.append("first stays in place")
    if motion.moving:
        where = "" if repeats else turns
        where = where or DIRECTION_WORDS.get(motion.direction, "")
        # Speed is that of getting away: what goes to and fro may be quick and get nowhere.
        pace = speed_word(motion.speed) if where else ""
        first = "then moves" if rests_first and not enters else "moves"
        parts.append(" ".join(filter(None, [first, pace, where or "about"])))
    elif camera_rests:
        stirs = motion.activity > 0.4 or repeats
        parts.append("moves in place" if stirs else "stays still")
    if repeats:
        parts.append(repeats)
    if motion.scale_change >= GROWS:
        parts.append("gets larger in the frame")
    elif motion.scale_change <= SHRINKS:
        parts.append("gets smaller in the frame")
    if encounter:
        parts.append(encounter)
    if leaves:
        side = edge_of(item.track[-1].box)
        parts.append(f"leaves the frame at the {side}" if side else "goes out of view")
    elif stops:
        parts.append("then stops")
    return join([_agree(part, item.count) for part in parts])


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


def encounter_phrase(
    kind: ContactKind, item: InstanceFacts, other: InstanceFacts, *, called: str
) -> str:
    """What a thing does with another that is ``called`` so: *crosses paths with the red car*.

    The picture does not tell which is in front, nor whether they touch. Empty unless both have a
    name that is sure and at least one of them moves in the world.
    """
    known = all(one.class_ in CATEGORIES and one.confidence >= SURE_NAME for one in (item, other))
    moving = item.motion.moving, other.motion.moving
    if not called or not known or not any(moving) or kind == "overlaps":
        return ""
    if kind == "crosses":
        verbs = {(True, True): "crosses paths with", (True, False): "passes"}
        return f"{verbs.get(moving, 'is passed by')} {called}"
    return f"ends up next to {called} in the frame"


def refer(item: InstanceFacts, shown: Sequence[InstanceFacts]) -> str:
    """How a thing that was introduced is called again; "" where that is not clear."""
    phrase = noun_phrase(item)
    alike = sum(noun_phrase(one) == phrase for one in shown)
    if item.count > 1 or alike > 2:
        return ""
    return f"the {phrase}" if alike == 1 else f"the other {phrase}"


def turn_phrase(item: InstanceFacts) -> str:
    """Where a thing goes that turns once or twice: *first to the right, then up the frame*."""
    turns = item.motion.turns
    if not 1 <= len(turns) <= 2:
        return ""
    ways = [DIRECTION_WORDS[turn] for turn in (turns[0].before, *(turn.after for turn in turns))]
    return f"first {', then '.join(ways)}"


def period_phrase(item: InstanceFacts) -> str:
    """How often a motion comes back: *repeats its motion about every 0.8 seconds*."""
    seconds = round(item.motion.period.seconds, 1)
    if not seconds:
        return ""
    often = "second" if seconds == 1 else f"{seconds:g} seconds"
    return f"repeats {'its' if item.count == 1 else 'their'} motion about every {often}"


def _agree(phrase: str, count: int) -> str:
    """The verb phrase for one thing or, its verb without the *s*, for a group."""
    verb, _, rest = phrase.partition(" ")
    if count > 1:
        verb = "go" if verb == "goes" else verb.removesuffix("s")
    return f"{verb} {rest}"


def position_phrase(
    start: Cell, end: Cell, *, enters: bool, leaves: bool, passes: Sequence[Cell]
) -> str:
    """Where a thing is over time: *from the left of the frame to the right, then leaves it*."""
    if enters:
        there = "is last seen there" if start == end else f"goes to {CELL_WORDS[end]}"
        text = f"comes into view {CELL_PLACES[start]} of the frame, then {there}"
    elif start != end:
        text = f"from {CELL_WORDS[start]} of the frame to {CELL_WORDS[end]}"
    elif len(set(passes)) > 1:
        text = f"starts and ends {CELL_PLACES[start]} of the frame"
    else:
        text = f"{CELL_PLACES[start]} of the frame throughout"
    return f"{text}, then leaves the frame" if leaves else text


def size_phrase(area: float) -> str:
    """How much of the frame a thing takes, from its mean box area in 0..1."""
    if area < 0.01:
        return "very small in the frame"
    if area < 0.05:
        return "small in the frame"
    if area < 0.2:
        return "of medium size in the frame"
    return "large in the frame" if area < 0.55 else "filling most of the frame"


def camera_sentence(camera: CameraFacts, *, follows: str = "", still: bool = False) -> str:
    """How the camera moves. ``follows`` names the thing it keeps in the frame."""
    if still or not camera.motion:
        return ""
    moves = [word for word in camera.motion if word in CAMERA_WORDS]
    shake = {"handheld": "slightly unsteady", "shaky": "shaky"}.get(camera.stability, "")
    if not moves:
        if not shake:
            return sentence("the camera stays still")
        return sentence(f"the camera stays in place, with a {shake} picture")
    pace = {"slow": "slowly", "fast": "quickly"}.get(camera.speed, "")
    text = f"the camera {f'{pace} ' if pace else ''}{_in_order(camera, moves)}"
    if follows and "the subject" in text:
        text = text.replace("the subject", follows, 1)
    elif follows:
        text += f", keeping {follows} in the frame"
    return sentence(text + (f"; the picture is {shake}" if shake else ""))


def _in_order(camera: CameraFacts, moves: Sequence[Primitive]) -> str:
    """Moves that come one after the other as *first …, then …*; together as *… and …*."""
    stages: list[list[Primitive]] = []
    for segment in camera.segments:
        here = [word for word in segment.motion if word in moves]
        if here and (not stages or stages[-1] != here):
            stages.append(here)
    if 2 <= len(stages) <= 3 and {word for stage in stages for word in stage} == set(moves):
        return ", then ".join(join([CAMERA_WORDS[word] for word in stage]) for stage in stages)
    return join([CAMERA_WORDS[word] for word in moves])


def light_sentence(light: LightFacts) -> str:
    """Brightness, contrast, tint and change of the light."""
    bright = light.brightness
    level = "a bright picture" if bright > 0.55 else "a dark picture" if bright < 0.22 else ""
    details = []
    if light.contrast > 0.25 or light.contrast < 0.12:
        details.append(f"{'high' if light.contrast > 0.25 else 'low'} contrast")
    if light.saturation > 0.5 or light.saturation < 0.15:
        details.append("vivid colors" if light.saturation > 0.5 else "muted colors")
    if abs(light.warmth) > 0.08:
        details.append(f"a {'warm' if light.warmth > 0 else 'cool'} tint")
    text = level or "a picture of medium brightness"
    text += f" with {join(details)}" if details else ""
    if abs(light.change) > 0.15:
        text += f", growing {'brighter' if light.change > 0 else 'darker'}"
    return sentence(text)


def background_sentence(place: PlaceFacts) -> str:
    """What is around the things: indoors or outdoors, and its colours."""
    scene = {"indoor": "an indoor scene", "outdoor": "an outdoor scene"}.get(place.label, "")
    colors = [name for name, share in place.colors if share >= 0.15][:3]
    if not colors:
        return sentence(scene)
    if place.colors[0][1] >= 0.5:
        paint = f"mostly {colors[0]}" + (f" with some {join(colors[1:])}" if colors[1:] else "")
    else:
        paint = join(colors)
    return sentence(f"{scene}, {paint}" if scene else f"the surroundings are {paint}")
