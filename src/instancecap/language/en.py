"""English words for the schema's vocabularies (``en.csv``), and the grammar to join them.

Every table has an entry for each word of its vocabulary that can be expressed: ``other`` and
``unknown`` have none. Where sentences and tags need different forms, ``_NAMES`` are the tags.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from instancecap.language.tables import FEW, Named, read_tables
from instancecap.schema.caption import Camera, Position

TABLES = read_tables("en")
SPACE = " "

CELLS = TABLES["cells"]
"""A cell as a place to go to: *to the top left of the frame*."""
IN_CELLS = TABLES["in_cells"]
"""A cell as a place to be: *on the left of the frame*."""
OFF_CENTER = TABLES["off_center"]
"""Places within the center cell that are not its middle, by ``left right top bottom``."""
DIRECTIONS = TABLES["directions"]
SPEEDS = TABLES["speeds"]
CAMERA_VERBS = TABLES["camera_verbs"]
"""A primitive as the verb of *the camera*."""
CAMERA_NAMES = TABLES["camera_names"]
STABILITIES = TABLES["stabilities"]
"""An adjective of *the picture*."""
SHOT_TYPES = TABLES["shot_types"]
SHOT_ANGLES = TABLES["shot_angles"]
SHOT_ANGLE_NAMES = TABLES["shot_angle_names"]
SHOT_POSITIONS = TABLES["shot_positions"]
SHOT_POSITION_NAMES = TABLES["shot_position_names"]
PLACES = TABLES["places"]
"""*an indoor scene*; ``PLACE_NAMES``: *indoors*."""
PLACE_NAMES = TABLES["place_names"]
TIMES_OF_DAY = TABLES["times_of_day"]
TIME_OF_DAY_NAMES = TABLES["time_of_day_names"]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ANOTHER = ("a", "another", "a third", "a fourth", "a fifth", "a sixth", "a seventh")
"""Determiners of like instances, one after the other."""

_CONSONANT_SOUNDS = ("uni", "use", "usu", "eu", "one", "ukulele", "utensil")
_VOWEL_SOUNDS = ("hour", "honest", "heir", "x-ray")


def count_word(number: int) -> str:
    """``3`` as *three*; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def ordinal(number: int) -> str:
    """``3`` as *third*; figures from the eighth on."""
    if number < len(ANOTHER) + 1:
        return ("first", "second", *(word.removeprefix("a ") for word in ANOTHER[2:]))[number - 1]
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


def with_article(before: str, after: str) -> str:
    """Two parts as one text, with *a* or *an* at the end of the first as the second has it."""
    if found := re.search(r"\b(an?)\s+$", before, re.IGNORECASE):
        right = article(after.partition(" ")[0]).partition(" ")[0]
        right = right.capitalize() if found[1][0].isupper() else right
        return f"{before[: found.start()]}{right} {after}"
    return before + after


def article(noun: str) -> str:
    """The noun with *a* or *an*."""
    low = noun.lower()
    vowel = low.startswith(_VOWEL_SOUNDS) or (
        low[:1] in tuple("aeiou") and not low.startswith(_CONSONANT_SOUNDS)
    )
    return f"{'an' if vowel else 'a'} {noun}"


def noun(class_: str, count: int) -> str:
    """The noun of a class, of several in the plural."""
    return class_ if count == 1 else plural(class_)


def plural(noun: str) -> str:
    """The plural of a noun or of one with words before it: *wine glasses*."""
    head, space, last = noun.rpartition(" ")
    if last in TABLES["plurals"]:
        return f"{head}{space}{TABLES['plurals'][last]}"
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")


def sentence(text: str) -> str:
    """On one line, a capital letter in front, a full stop behind; empty for no text."""
    text = " ".join(text.split())
    return f"{text[0].upper()}{text[1:]}." if text else ""


# Measured content: what takes English grammar ----------------------------------------------------


def call(name: Named, noun: str) -> str:
    """What an instance is called: *the person in blue on the left*, *the second dog*."""
    if name.count > FEW:
        noun = f"group of {noun}"
    elif name.count > 1:
        noun = f"{count_word(name.count)} {noun}"
    return _at_side(name, f"the {f'{ordinal(name.number)} ' if name.number else ''}{noun}")


def introduce(name: Named, noun: str) -> str:
    """An instance when it is first named: *a person in blue on the left*, *another dog*."""
    number = max(1, name.number)
    if name.count > FEW:
        phrase = f"{'a' if number == 1 else 'another'} group of {noun}"
    elif name.count > 1:
        phrase = f"{count_word(name.count)}{' other' * (number > 1)} {noun}"
    elif number == 1:
        phrase = article(noun)
    else:
        phrase = f"{ANOTHER[number - 1] if number <= len(ANOTHER) else 'one more'} {noun}"
    return _at_side(name, phrase)


def _at_side(name: Named, phrase: str) -> str:
    return f"{phrase} {TABLES['name_sides'][name.side]}" if name.side else phrase


def join_acts(acts: Sequence[str], count: int) -> str:
    """*enters and moves*, of two or three instances *enter and move*."""
    if not 1 < count <= FEW:
        return join(acts)
    plain = []
    for act in acts:
        verb, _, rest = act.partition(" ")
        plain.append(f"{'go' if verb == 'goes' else verb.removesuffix('s')} {rest}")
    return join(plain)


def join_clauses(clauses: Sequence[str]) -> str:
    """What several do at once: *a dog runs, while a car stops*."""
    return f"{clauses[0]}, while {join(clauses[1:])}" if clauses[1:] else "".join(clauses)


def join_stages(stages: Sequence[Sequence[str]]) -> str:
    """Movements of the camera: *zooms in, then pans left and tilts up*."""
    return ", then ".join(join(stage) for stage in stages)


def path(start: str, end: str) -> str:
    """*from the left of the frame to the top*."""
    first, last = (OFF_CENTER.get(area) or CELLS[area] for area in (start, end))
    of_start, of_end = ("" if area in OFF_CENTER else " of the frame" for area in (start, end))
    return f"from {first}{of_start} to {last}{'' if of_start else of_end}"


def light(level: str, colors: str, tint: str, contrast: str, change: str) -> str:
    """What stands out of the light: *a dark picture with a warm tint, growing brighter*."""
    what = " ".join(filter(None, (level, "black-and-white" * (colors == "none"))))
    details = [f"{colors} colors" if colors in ("vivid", "muted") else ""]
    details += [f"a {tint} tint" if tint else "", f"{contrast} contrast" if contrast else ""]
    text = article(f"{what} picture") if what else ""
    if any(details):
        text = f"{text or 'a picture'} with {join(list(filter(None, details)))}"
    if not change:
        return text
    return f"{text}, growing {change}" if text else f"the picture grows {change}"


# Words of the vocabularies, for texts of their own ------------------------------------------------


def position(one: Position) -> str:
    """The position's text, or its cells in words: *from the left of the frame to the top*."""
    if one.text or not (one.start or one.end or one.enters or one.leaves):
        return one.text
    start, end = one.start, one.end
    parts: list[str] = []
    if one.enters:
        parts.append(f"comes into view {IN_CELLS[start]} of the frame" if start else "enters")
        if end and end != start:
            parts.append(f"goes to {CELLS[end]}" if start else f"ends {IN_CELLS[end]}")
    elif start and end and start != end:
        parts.append(f"from {CELLS[start]} of the frame to {CELLS[end]}")
    elif start and end:
        parts.append(f"{IN_CELLS[start]} of the frame throughout")
    elif start or end:
        when = "first" if start else "last"
        parts.append(f"{when} {IN_CELLS[start or end]} of the frame")
    if one.leaves:
        parts.append("leaves" if start or end else "leaves the frame")
    return ", then ".join(parts)


def camera_sentence(camera: Camera, *, called: str = "the camera") -> str:
    """How a camera moves, by its words; empty where nothing but a steady picture is known."""
    moves = [CAMERA_VERBS[word] for word in camera.motion if word not in ("static", "shaky")]
    unsteady = "shaky" if "shaky" in camera.motion else camera.stability
    shake = STABILITIES[unsteady] if unsteady in ("handheld", "shaky") else ""
    if not camera.motion:
        return f"The picture is {shake}." if shake else ""
    pace = f"{SPEEDS[camera.speed]} " if camera.speed in ("slow", "fast") and moves else ""
    text = f"{called[0].upper()}{called[1:]} {pace}{join(moves or [CAMERA_VERBS['static']])}"
    return f"{text}; the picture is {shake}." if shake else f"{text}."


def shot(size: str, angle: str, view: str, medium: str = "") -> str:
    """*full shot at eye level, seen from the front*; empty where nothing is known."""
    height, side = SHOT_ANGLES.get(angle, ""), SHOT_POSITIONS.get(view, "")
    side = "" if side == height else side
    name = SHOT_TYPES.get(size, "") or ("shot" if height or side else "")
    if not name:
        return ""
    text = f"{medium} {name} {height}".strip()
    if not side:
        return text
    return f"{text}, seen {side}" if height else f"{text} {side}"
