"""What is read of a Chinese prompt: things, counts, colors, camera moves, time of day.

Nouns are those of the phrase table. One counts only where a number with its measure word, a color,
or the beginning of a clause stands before it, so that 人 is not read out of 机器人.
"""

from __future__ import annotations

import re
from functools import cache

from instancecap.enhance.tokens import Parsed, Part, Phrase
from instancecap.enhance.words import Term
from instancecap.language import zh

_MORE = {"男人": "man", "女人": "woman", "男孩": "boy", "女孩": "girl", "孩子": "child",
         "小孩": "child", "老人": "person", "小狗": "dog", "小猫": "cat", "小鸟": "bird",
         "车": "car"}  # fmt: skip
_DIGITS = {word: number for number, word in enumerate(zh.NUMBERS)} | {"二": 2}
_MEASURE = "个只位名条辆匹头朵架艘列张把件台座棵群双对些"
_TIMES = {"夜晚": "night", "夜里": "night", "晚上": "night", "白天": "day", "黄昏": "dawn_or_dusk",
          "清晨": "dawn_or_dusk", "日落": "dawn_or_dusk"}  # fmt: skip


@cache
def _nouns() -> dict[str, str]:
    return {word: name for name, word in zh.NOUNS.items()} | _MORE


@cache
def _colors() -> dict[str, str]:
    full = {word: name for name, word in zh.COLORS.items()}
    return full | {word.removesuffix("色"): name for word, name in full.items()}


@cache
def _pattern() -> re.Pattern[str]:
    nouns, colors = (
        "|".join(sorted(map(re.escape, table), key=len, reverse=True))
        for table in (_nouns(), _colors())
    )
    number = "|".join([*_DIGITS, r"\d{1,4}", "几", "一些", "许多"])
    return re.compile(
        rf"(?:(?P<number>{number})(?P<measure>[{_MEASURE}])|(?P<start>^|(?<=[，。；、！？\s])))?"
        rf"(?P<core>(?P<color>{colors})?的?(?P<noun>{nouns}))"
    )


def is_chinese(text: str) -> bool:
    """Whether most of its letters are Chinese and none is Japanese."""
    letters = [letter for letter in text if letter.isalpha()]
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    return chinese > len(letters) / 2 and not any("\u3040" <= one <= "\u30ff" for one in letters)


def read_chinese(found: Parsed) -> None:
    """Add what is read to a prompt; nothing where it is in another language."""
    for match in _pattern().finditer(found.text):
        if match["number"] is None and match["start"] is None and not match["color"]:
            continue
        if any(a <= match.start("noun") < b for a, b in found.quoted):
            continue
        told, group = match["number"] or "一", match["measure"] in ("群", "些")
        number = 0 if group else _DIGITS.get(told, int(told) if told.isdecimal() else 0)
        noun, color = _nouns()[match["noun"]], _colors().get(match["color"] or "", "")
        span, core = match.span(), match.span("core")
        counted = bool(match["number"]) and number > 0
        found.phrases.append(
            Phrase(span, core, match["noun"], noun, "thing", number, counted,
                   colors=(color,) if color else ())
        )  # fmt: skip
        if counted and number != 1:
            found.parts.append(Part("number", str(number), span, noun, number, touchable=True))
        if color:
            found.parts.append(Part("color", color, span, of=noun))
    words = {word: Term("motion", name) for name, word in zh.CAMERA_VERBS.items()}
    words |= {word: Term("time_of_day", name) for word, name in _TIMES.items()}
    for word, term in words.items():
        found.terms += [(one.span(), term) for one in re.finditer(re.escape(word), found.text)]
