"""Plain English for measured facts: words and phrases, one fact each, nothing added."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.measured.telling import (
    MANY,
    Size,
    action_of,
    camera_stages,
    count_alike,
    light_of,
    look_of,
    meeting_of,
    place_colors,
    size_of,
)
from instancecap.schema.evidence import (
    CameraFacts,
    ContactKind,
    Direction,
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

PACES = {"slow": "slowly", "fast": "quickly"}

SIZES: dict[Size, str] = {
    "very_small": "very small in the frame",
    "small": "small in the frame",
    "medium": "of medium size in the frame",
    "large": "large in the frame",
    "filling": "filling most of the frame",
}


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


# Things ------------------------------------------------------------------------------------------


def noun_phrase(item: InstanceFacts, *, colored: bool = True) -> str:
    """What a thing is, with its colours but without an article: *person in blue*, *red car*."""
    look = look_of(item)
    noun = item.class_ if item.count == 1 else plural(item.class_)
    if not colored or not look.colors:
        return noun
    colors = join(look.colors)
    if item.class_ == "person":
        return f"{noun} in {colors}"
    return f"mostly {colors} {noun}" if look.mostly else f"{colors} {noun}"


def introduce(items: Sequence[InstanceFacts]) -> list[str]:
    """A phrase with an article for every thing, *another* for one like a thing before it."""
    phrases = []
    for index, item in enumerate(items):
        phrase, again = noun_phrase(item), count_alike(item, items[:index]) > 0
        if item.count >= MANY:
            group = "another group" if again else "a group"
            phrases.append(f"{group} of at least {item.count} {phrase}")
        elif item.count > 1:
            phrases.append(f"{count_word(item.count)}{' other' * again} {phrase}")
        elif again:
            phrases.append(f"another {phrase}")
        else:
            phrases.append(article(phrase))
    return phrases


def refer(item: InstanceFacts, shown: Sequence[InstanceFacts]) -> str:
    """How a thing that was introduced is called again; "" where that is not clear."""
    alike = count_alike(item, shown)
    if item.count > 1 or alike > 2:
        return ""
    return f"the {noun_phrase(item)}" if alike == 1 else f"the other {noun_phrase(item)}"


def subject_phrase(item: InstanceFacts) -> str:
    """A thing that the camera has an eye on: *the dog*."""
    return f"the {noun_phrase(item, colored=False)}"


def appearance_sentence(item: InstanceFacts, *, area: float | None) -> str:
    """Looks and, where its box has an ``area`` (mean, 0..1 of the frame), size."""
    looks = introduce([item])[0]
    return sentence(looks if area is None else f"{looks}, {SIZES[size_of(area)]}")


def action_phrase(
    item: InstanceFacts, *, enters: bool, leaves: bool, camera_rests: bool, encounter: str = ""
) -> str:
    """What a thing does, as a verb phrase: *enters from the left, moves quickly to the right*.

    ``encounter`` is a phrase of :func:`encounter_phrase`. Empty where nothing is known.
    """
    did = action_of(item, enters=enters, leaves=leaves, camera_rests=camera_rests)
    parts = []
    if did.enters:
        parts.append(f"enters from the {did.entry}" if did.entry else "comes into view")
    elif did.rests_first:
        parts.append("first stays in place")
    if did.moves:
        first = "then moves" if did.rests_first else "moves"
        words = [first, PACES.get(did.pace, ""), _ways_phrase(did.ways)]
        parts.append(" ".join(filter(None, words)))
    elif did.rests:
        parts.append("moves in place" if did.rests == "stirring" else "stays still")
    if did.cycle:
        parts.append(_cycle_phrase(did.cycle, item.count))
    if did.growth:
        parts.append(f"gets {did.growth} in the frame")
    if encounter:
        parts.append(encounter)
    if did.leaves:
        parts.append(f"leaves the frame at the {did.exit}" if did.exit else "goes out of view")
    elif did.stops:
        parts.append("then stops")
    return join([_agree(part, item.count) for part in parts])


def _ways_phrase(ways: Sequence[Direction]) -> str:
    """*to the right*, or *first to the right, then up the frame*."""
    if not ways:
        return "about"
    words = ", then ".join(DIRECTION_WORDS[way] for way in ways)
    return words if len(ways) == 1 else f"first {words}"


def _cycle_phrase(seconds: float, count: int) -> str:
    """*repeats its motion about every 0.8 seconds*."""
    often = "second" if seconds == 1 else f"{seconds:g} seconds"
    return f"repeats {'its' if count == 1 else 'their'} motion about every {often}"


def encounter_phrase(
    kind: ContactKind, item: InstanceFacts, other: InstanceFacts, *, called: str
) -> str:
    """What a thing does with another that is ``called`` so: *crosses paths with the red car*.

    Empty where :func:`.meeting_of` tells nothing.
    """
    meeting = meeting_of(kind, item, other)
    if not meeting or not called:
        return ""
    verbs = {"crosses": "crosses paths with", "passes": "passes", "is_passed": "is passed by"}
    if meeting in verbs:
        return f"{verbs[meeting]} {called}"
    return f"ends up next to {called} in the frame"


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


def cell_phrase(cell: Cell) -> str:
    """Where a thing is: *on the left of the frame*."""
    return f"{CELL_PLACES[cell]} of the frame"


def presence_phrase(item: InstanceFacts, cell: Cell) -> str:
    """Where a thing is, as a verb phrase: *is on the left of the frame*."""
    return f"{'are' if item.count > 1 else 'is'} {cell_phrase(cell)}"


# The whole picture -------------------------------------------------------------------------------


def events_sentence(things: Sequence[tuple[str, str]]) -> str:
    """What happens: of each thing its introduction, and what it does."""
    first, *others = [f"{thing} {action}".strip() for thing, action in things]
    return sentence(f"{first}, while {join(others)}" if others else first)


def picture_sentence(things: Sequence[str]) -> str:
    """What a still picture shows."""
    return sentence(f"the picture shows {join(things)}")


def shots_sentence(count: int, things: Sequence[str]) -> str:
    """How many shots a clip has, and what it shows."""
    text = f"the clip has {count_word(count)} shots"
    return sentence(f"{text} and shows {join(things)}" if things else text)


def camera_sentence(camera: CameraFacts, *, follows: str = "") -> str:
    """How the camera moves. ``follows`` names the thing it keeps in the frame."""
    if not camera.motion:
        return ""
    stages = camera_stages(camera)
    shake = {"handheld": "slightly unsteady", "shaky": "shaky"}.get(camera.stability, "")
    if not stages:
        if not shake:
            return sentence("the camera stays still")
        return sentence(f"the camera stays in place, with a {shake} picture")
    moves = ", then ".join(join([CAMERA_WORDS[word] for word in stage]) for stage in stages)
    pace = PACES.get(camera.speed, "")
    text = f"the camera {f'{pace} ' if pace else ''}{moves}"
    if follows and "the subject" in text:
        text = text.replace("the subject", follows, 1)
    elif follows:
        text += f", keeping {follows} in the frame"
    return sentence(text + (f"; the picture is {shake}" if shake else ""))


def light_sentence(light: LightFacts) -> str:
    """Brightness, contrast, tint and change of the light."""
    seen = light_of(light)
    details = [
        f"{seen.contrast} contrast" if seen.contrast else "",
        f"{seen.colors} colors" if seen.colors else "",
        f"a {seen.tint} tint" if seen.tint else "",
    ]
    text = f"a {seen.level} picture" if seen.level else "a picture of medium brightness"
    text += f" with {join(list(filter(None, details)))}" if any(details) else ""
    return sentence(text + (f", growing {seen.change}" if seen.change else ""))


def background_sentence(place: PlaceFacts) -> str:
    """What is around the things: indoors or outdoors, and its colours."""
    scene = {"indoor": "an indoor scene", "outdoor": "an outdoor scene"}.get(place.label, "")
    colors, dominant = place_colors(place)
    if not colors:
        return sentence(scene)
    paint = join(colors)
    if dominant:
        paint = f"mostly {colors[0]}" + (f" with some {join(colors[1:])}" if colors[1:] else "")
    return sentence(f"{scene}, {paint}" if scene else f"the surroundings are {paint}")
