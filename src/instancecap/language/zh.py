"""Chinese words, in simplified characters, for the schema's vocabularies (``zh.csv``).

Tables as in ``en``, those that measured sentences need; camera terms are those of film makers
(推 拉 摇 移 升 降).
"""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.language.tables import FEW, Named, read_tables

TABLES = read_tables("zh")
SPACE = ""

NOUNS = TABLES["nouns"]
COLORS = TABLES["colors"]
CELLS = TABLES["cells"]
OFF_CENTER = TABLES["off_center"]
CAMERA_VERBS = TABLES["camera_verbs"]

NUMBERS = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
"""As they stand before a measure word."""


def noun(class_: str, count: int = 1) -> str:
    """The noun of a class; 物体 where there is none."""
    return NOUNS.get(class_, NOUNS["object"])


def measure_word(class_: str) -> str:
    """The measure word of a class: 辆 of a car."""
    return TABLES["measure_words"].get(class_, "个")


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


# Measured content: what takes Chinese grammar ----------------------------------------------------

_ORDER = {1: ("",), 2: ("先", "再"), 3: ("先", "再", "最后")}


def _amount(name: Named) -> str:
    """Number and measure word: 一个, 两只, 多辆."""
    return f"{count_word(name.count) if name.count <= FEW else '多'}{measure_word(name.class_)}"


def call(name: Named, noun: str) -> str:
    """What an instance is called: 左侧穿蓝色衣服的人, 第二只狗, 这两个人."""
    measure = measure_word(name.class_)
    if name.number:
        amount = f"组{_amount(name)}" if name.count > 1 else measure
        return f"第{ordinal(name.number)}{amount}{noun}"
    if name.side:
        return f"{TABLES['name_sides'][name.side]}的{_amount(name) * (name.count > 1)}{noun}"
    return f"这{'些' if name.count > FEW else _amount(name) if name.count > 1 else measure}{noun}"


def introduce(name: Named, noun: str) -> str:
    """An instance when it is first named: 左侧的一个人, 另一只狗."""
    phrase = f"{_amount(name)}{noun}"
    if name.side:
        return f"{TABLES['name_sides'][name.side]}的{phrase}"
    if name.number == 2:
        return f"另{'' if name.count == 1 else '外'}{phrase}"
    return f"又{phrase}" if name.number > 2 else phrase


def join_acts(acts: Sequence[str], count: int) -> str:
    """从左侧进入画面，向右移动."""
    return "，".join(acts)


def join_clauses(clauses: Sequence[str]) -> str:
    """What several do at once."""
    return f"{clauses[0]}；同时，{'；'.join(clauses[1:])}" if clauses[1:] else "".join(clauses)


def join_stages(stages: Sequence[Sequence[str]]) -> str:
    """Movements of the camera: 先推近，再向左摇并向上摇."""
    together = ["并".join(filter(None, ("、".join(stage[:-1]), stage[-1]))) for stage in stages]
    return "，".join(
        f"{then}{moves}" for then, moves in zip(_ORDER[len(stages)], together, strict=True)
    )


def path(start: str, end: str) -> str:
    """从画面左侧到上方."""
    return f"从画面{OFF_CENTER.get(start) or CELLS[start]}到{OFF_CENTER.get(end) or CELLS[end]}"


def light(level: str, colors: str, tint: str, contrast: str, change: str) -> str:
    """What stands out of the light."""
    words = (level, colors, tint, contrast, change)
    return "，".join(TABLES["light"][word] for word in words if word)
