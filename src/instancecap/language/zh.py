"""Chinese words, in simplified characters, for the schema's vocabularies; the tables of ``en``.

Class nouns with their measure words, and colors, stand in ``zh.csv``; camera terms are those of
film makers (推 拉 摇 移 升 降).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files

with (files(__package__) / "zh.csv").open(encoding="utf-8") as _file:
    _ROWS = list(csv.DictReader(_file))

NOUNS: Mapping[str, tuple[str, str]] = {
    row["word"]: (row["chinese"], row["measure"]) for row in _ROWS if row["kind"] == "noun"
}
"""Noun and measure word of a class; a class that is not here is called an object."""

COLORS: Mapping[str, str] = {
    row["word"]: f"{row['chinese']}色" for row in _ROWS if row["kind"] == "color"
}

NUMBERS = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
"""As they stand before a measure word."""

CELLS: Mapping[str, str] = {
    "top-left": "左上方",
    "top-middle": "上方",
    "top-right": "右上方",
    "center-left": "左侧",
    "center-middle": "中央",
    "center-right": "右侧",
    "bottom-left": "左下方",
    "bottom-middle": "下方",
    "bottom-right": "右下方",
}
OFF_CENTER: Mapping[str, str] = {
    "left": "中央偏左",
    "right": "中央偏右",
    "top": "中央偏上",
    "bottom": "中央偏下",
}
SIDES: Mapping[str, str] = {"left": "左侧", "top": "上方", "right": "右侧", "bottom": "下方"}
DIRECTIONS: Mapping[str, str] = {
    "left": "向左",
    "right": "向右",
    "up": "向画面上方",
    "down": "向画面下方",
    "up_left": "向左上方",
    "up_right": "向右上方",
    "down_left": "向左下方",
    "down_right": "向右下方",
}
SPEEDS: Mapping[str, str] = {"slow": "缓慢", "moderate": "平稳", "fast": "快速"}

CAMERA_VERBS: Mapping[str, str] = {
    "static": "固定不动",
    "pan_left": "向左摇",
    "pan_right": "向右摇",
    "tilt_up": "向上摇",
    "tilt_down": "向下摇",
    "roll_cw": "顺时针旋转",
    "roll_ccw": "逆时针旋转",
    "zoom_in": "推近",
    "zoom_out": "拉远",
    "move_in": "向前移动",
    "move_out": "向后移动",
    "move_left": "向左横移",
    "move_right": "向右横移",
    "move_up": "上升",
    "move_down": "下降",
    "arc_cw": "顺时针环绕主体",
    "arc_ccw": "逆时针环绕主体",
    "tracking": "跟拍主体",
    "shaky": "晃动",
}
PLACES: Mapping[str, str] = {"indoor": "室内场景", "outdoor": "室外场景"}
PLACE_NAMES: Mapping[str, str] = {"indoor": "室内", "outdoor": "室外"}
TIMES_OF_DAY: Mapping[str, str] = {"day": "白天", "night": "夜晚", "dawn_or_dusk": "清晨或黄昏"}


def noun(class_: str) -> str:
    """The noun of a class."""
    return NOUNS.get(class_, NOUNS["object"])[0]


def measure_word(class_: str) -> str:
    """The measure word of a class: 辆 of a car."""
    return NOUNS.get(class_, NOUNS["object"])[1]


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
