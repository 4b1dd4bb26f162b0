"""English words for the schema's vocabularies (``en.csv``), and the grammar to join them.

Every table has an entry for each word of its vocabulary that can be expressed: ``other`` and
``unknown`` have none. Where sentences and tags need different forms, ``_NAMES`` are the tags.
"""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.language.tables import read_tables

_TABLES = read_tables("en")

CELLS = _TABLES["cells"]
"""A cell as a place to go to: *to the top left of the frame*."""
IN_CELLS = _TABLES["in_cells"]
"""A cell as a place to be: *on the left of the frame*."""
OFF_CENTER = _TABLES["off_center"]
"""Places within the center cell that are not its middle, by ``left right top bottom``."""
DIRECTIONS = _TABLES["directions"]
SPEEDS = _TABLES["speeds"]
CAMERA_VERBS = _TABLES["camera_verbs"]
"""A primitive as the verb of *the camera*."""
CAMERA_NAMES = _TABLES["camera_names"]
STABILITIES = _TABLES["stabilities"]
"""An adjective of *the picture*."""
SHOT_TYPES = _TABLES["shot_types"]
SHOT_ANGLES = _TABLES["shot_angles"]
SHOT_ANGLE_NAMES = _TABLES["shot_angle_names"]
SHOT_POSITIONS = _TABLES["shot_positions"]
SHOT_POSITION_NAMES = _TABLES["shot_position_names"]
PLACES = _TABLES["places"]
"""*an indoor scene*; ``PLACE_NAMES``: *indoors*."""
PLACE_NAMES = _TABLES["place_names"]
TIMES_OF_DAY = _TABLES["times_of_day"]
TIME_OF_DAY_NAMES = _TABLES["time_of_day_names"]

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
    if last in _TABLES["plurals"]:
        return f"{head}{space}{_TABLES['plurals'][last]}"
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")


def sentence(text: str) -> str:
    """On one line, a capital letter in front, a full stop behind; empty for no text."""
    text = " ".join(text.split())
    return f"{text[0].upper()}{text[1:]}." if text else ""
