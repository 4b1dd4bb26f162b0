"""Chinese words, in simplified characters, for the schema's vocabularies (``zh.csv``).

Tables as in ``en``, those that measured sentences need; camera terms are those of film makers
(推 拉 摇 移 升 降).
"""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.language.tables import read_tables

_TABLES = read_tables("zh")

NOUNS = _TABLES["nouns"]
COLORS = _TABLES["colors"]
CELLS = _TABLES["cells"]
OFF_CENTER = _TABLES["off_center"]
SIDES = _TABLES["sides"]
DIRECTIONS = _TABLES["directions"]
SPEEDS = _TABLES["speeds"]
CAMERA_VERBS = _TABLES["camera_verbs"]
PLACES = _TABLES["places"]
PLACE_NAMES = _TABLES["place_names"]
TIMES_OF_DAY = _TABLES["times_of_day"]

NUMBERS = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
"""As they stand before a measure word."""


def noun(class_: str) -> str:
    """The noun of a class; 物体 where there is none."""
    return NOUNS.get(class_, NOUNS["object"])


def measure_word(class_: str) -> str:
    """The measure word of a class: 辆 of a car."""
    return _TABLES["measure_words"].get(class_, "个")


def count_word(number: int) -> str:
    """``2`` before a measure word as 两; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def ordinal(number: int) -> str:
    """``2`` behind 第 as 二; figures above ten."""
    return "二" if number == 2 else count_word(number)


def join(parts: Sequence[str]) -> str:
    """Nouns: 甲, 甲和乙, 甲、乙和丙."""
    return f"{'、'.join(parts[:-1])}和{parts[-1]}" if len(parts) > 1 else "".join(parts)


def sentence(text: str) -> str:
    """A full stop behind; empty for no text."""
    return f"{text}。" if text else ""
