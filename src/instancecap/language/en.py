"""English words for the schema's vocabularies, and the grammar to join them.

Every table has an entry for each word of its vocabulary that can be expressed: ``other`` and
``unknown`` have none. Two forms are kept where sentences and tags need different ones; the
``_NAMES`` are those for tags and lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ORDINALS = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
    "tenth",
)  # fmt: skip
ANOTHER = ("a", "another", "a third", "a fourth", "a fifth", "a sixth", "a seventh")
"""Determiners of like instances, one after the other."""

# Position and motion -----------------------------------------------------------------------------

CELLS: Mapping[str, str] = {
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
"""A cell as a place to go to: *to the top left of the frame*."""

IN_CELLS: Mapping[str, str] = {
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
"""A cell as a place to be: *on the left of the frame*."""

OFF_CENTER: Mapping[str, str] = {
    "left": "left of center",
    "right": "right of center",
    "top": "above the center",
    "bottom": "below the center",
}
"""Places within the center cell that are not its middle."""

DIRECTIONS: Mapping[str, str] = {
    "left": "to the left",
    "right": "to the right",
    "up": "up the frame",
    "down": "down the frame",
    "up_left": "up and to the left",
    "up_right": "up and to the right",
    "down_left": "down and to the left",
    "down_right": "down and to the right",
}
DEPTHS: Mapping[str, str] = {"toward": "toward the camera", "away": "away from the camera"}

SPEEDS: Mapping[str, str] = {"slow": "slowly", "moderate": "steadily", "fast": "quickly"}

# Camera ------------------------------------------------------------------------------------------

CAMERA_VERBS: Mapping[str, str] = {
    "static": "stays still",
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
    "arc_cw": "arcs clockwise around the subject",
    "arc_ccw": "arcs counterclockwise around the subject",
    "tracking": "follows the subject",
    "shaky": "shakes",
}
"""A primitive as the verb of *the camera*."""

CAMERA_NAMES: Mapping[str, str] = {
    **{primitive: primitive.replace("_", " ") for primitive in CAMERA_VERBS},
    "roll_cw": "clockwise roll",
    "roll_ccw": "counterclockwise roll",
    "arc_cw": "clockwise arc",
    "arc_ccw": "counterclockwise arc",
    "tracking": "tracking shot",
    "static": "static camera",
    "shaky": "shaky camera",
}

STABILITIES: Mapping[str, str] = {
    "stable": "steady",
    "handheld": "slightly unsteady",
    "shaky": "shaky",
}
"""An adjective of *the picture*."""

SHOT_TYPES: Mapping[str, str] = {
    "extreme_close_up": "extreme close-up",
    "close_up": "close-up",
    "medium_shot": "medium shot",
    "full_shot": "full shot",
    "long_shot": "long shot",
}

SHOT_ANGLES: Mapping[str, str] = {
    "eye_level": "at eye level",
    "high_angle": "from a high angle",
    "low_angle": "from a low angle",
    "overhead": "from overhead",
}
SHOT_ANGLE_NAMES: Mapping[str, str] = {
    "eye_level": "eye level",
    "high_angle": "high angle",
    "low_angle": "low angle",
    "overhead": "overhead angle",
}

SHOT_POSITIONS: Mapping[str, str] = {
    "front_view": "from the front",
    "back_view": "from behind",
    "side_view": "from the side",
    "over_the_shoulder": "over the shoulder",
    "overhead_view": "from overhead",
    "point_of_view": "from a first-person point of view",
    "aerial_view": "from the air",
    "overlooking_view": "from above",
}
SHOT_POSITION_NAMES: Mapping[str, str] = {
    "front_view": "front view",
    "back_view": "back view",
    "side_view": "side view",
    "over_the_shoulder": "over-the-shoulder view",
    "overhead_view": "overhead view",
    "point_of_view": "point-of-view shot",
    "aerial_view": "aerial view",
    "overlooking_view": "overlooking view",
}

# The scene ---------------------------------------------------------------------------------------

PLACES: Mapping[str, str] = {"indoor": "an indoor scene", "outdoor": "an outdoor scene"}
PLACE_NAMES: Mapping[str, str] = {"indoor": "indoors", "outdoor": "outdoors"}

TIMES_OF_DAY: Mapping[str, str] = {
    "day": "by day",
    "night": "at night",
    "dawn_or_dusk": "at dawn or dusk",
}
TIME_OF_DAY_NAMES: Mapping[str, str] = {
    "day": "daytime",
    "night": "night",
    "dawn_or_dusk": "dawn or dusk",
}

STYLES: Mapping[str, str] = {
    "real": "live action",
    "animation": "animation",
    "graphics": "computer graphics",
}

# Grammar -----------------------------------------------------------------------------------------

_PLURALS: Mapping[str, str] = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "knife": "knives",
    "bus": "buses",
    **{word: word for word in ("sheep", "fish", "skis", "scissors", "broccoli")},
}
_CONSONANT_SOUNDS = ("uni", "use", "usu", "eu", "one", "ukulele", "utensil")
_VOWEL_SOUNDS = ("hour", "honest", "heir", "x-ray")


def count_word(number: int) -> str:
    """``3`` as *three*; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def ordinal(number: int) -> str:
    """``3`` as *third*; above ten, figures."""
    if number < len(ORDINALS):
        return ORDINALS[number]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 * (number % 100 // 10 != 1), "th")
    return f"{number}{ending}"


def join(parts: Sequence[str], *, last: str = "and") -> str:
    """*a*, *a and b*, *a, b and c*; with semicolons where a part has commas."""
    if len(parts) <= 1:
        return "".join(parts)
    if len(parts) == 2:
        comma = "," if "," in parts[0] else ""
        return f"{parts[0]}{comma} {last} {parts[1]}"
    mark = ";" if any("," in part for part in parts) else ","
    return f"{f'{mark} '.join(parts[:-1])}{mark if mark == ';' else ''} {last} {parts[-1]}"


def article(noun: str) -> str:
    """The noun with *a* or *an*."""
    low = noun.lower()
    vowel = low.startswith(_VOWEL_SOUNDS) or (
        low[:1] in tuple("aeiou") and not low.startswith(_CONSONANT_SOUNDS)
    )
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """The plural of a noun or of one with words before it: *wine glasses*."""
    head, space, last = noun.rpartition(" ")
    if last in _PLURALS:
        return f"{head}{space}{_PLURALS[last]}"
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")


def sentence(text: str) -> str:
    """On one line, a capital letter in front, a full stop behind; empty for no text."""
    text = " ".join(text.split())
    return f"{text[0].upper()}{text[1:]}." if text else ""
