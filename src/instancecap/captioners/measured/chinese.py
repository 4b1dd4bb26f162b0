"""Plain Chinese in simplified characters for measured facts: the same ones as in English.

Nouns, their measure words, and colours stand in ``chinese.csv``; camera terms are those of film
makers (推 拉 摇 移 升 降).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.resources import files

from instancecap.captioners.measured.telling import (
    MANY,
    Look,
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

with (files(__package__) / "chinese.csv").open(encoding="utf-8") as _file:
    _ROWS = list(csv.DictReader(_file))

NOUNS = {row["word"]: (row["chinese"], row["measure"]) for row in _ROWS if row["kind"] == "noun"}
"""Noun and measure word of a class; a class that is not here is called a thing."""

COLORS = {row["word"]: row["chinese"] for row in _ROWS if row["kind"] == "color"}

NUMBERS = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
"""As they stand before a measure word."""

CELL_WORDS: dict[Cell, str] = {
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
SIDES = {"left": "左侧", "top": "上方", "right": "右侧", "bottom": "下方"}
DIRECTION_WORDS: dict[Direction, str] = {
    "left": "向左",
    "right": "向右",
    "up": "向画面上方",
    "down": "向画面下方",
    "up_left": "向左上方",
    "up_right": "向右上方",
    "down_left": "向左下方",
    "down_right": "向右下方",
}
CAMERA_WORDS: dict[Primitive, str] = {
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
}
PACES = {"slow": "缓慢", "fast": "快速"}

SIZES: dict[Size, str] = {
    "very_small": "在画面中非常小",
    "small": "在画面中较小",
    "medium": "在画面中大小适中",
    "large": "在画面中较大",
    "filling": "占据画面的大部分",
}
ORDER = {1: ("",), 2: ("先", "再"), 3: ("先", "再", "最后")}


def count_word(number: int) -> str:
    """``2`` before a measure word as 两; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def join(parts: Sequence[str]) -> str:
    """Nouns: 甲, 甲和乙, 甲、乙和丙."""
    return f"{'、'.join(parts[:-1])}和{parts[-1]}" if len(parts) > 1 else "".join(parts)


def sentence(text: str) -> str:
    """Full stop behind."""
    return f"{text}。" if text else ""


def color_word(name: str) -> str:
    """A colour as a noun: 红色."""
    return f"{COLORS[name]}色"


# Things ------------------------------------------------------------------------------------------


def noun_phrase(item: InstanceFacts) -> str:
    """What a thing is, with its colours, without number: 穿蓝色衣服的人, 红色的汽车."""
    look = look_of(item)
    noun, _ = _noun(item)
    if not look.colors:
        return noun
    return f"穿{_paint(look)}衣服的{noun}" if item.class_ == "person" else f"{_paint(look)}的{noun}"


def _noun(item: InstanceFacts) -> tuple[str, str]:
    return NOUNS.get(item.class_, NOUNS["object"])


def _paint(look: Look) -> str:
    """红色, 黑色和白色, 以棕色为主."""
    paint = join([color_word(name) for name in look.colors])
    return f"以{paint}为主" if look.mostly else paint


def introduce(items: Sequence[InstanceFacts]) -> list[str]:
    """A phrase with number and measure word for every thing, 另一 for one like one before it."""
    phrases = []
    for index, item in enumerate(items):
        number = f"至少{item.count}" if item.count >= MANY else count_word(item.count)
        if count_alike(item, items[:index]):
            number = "另一" if item.count == 1 else f"另外{number}"
        phrases.append(f"{number}{_noun(item)[1]}{noun_phrase(item)}")
    return phrases


def refer(item: InstanceFacts, shown: Sequence[InstanceFacts]) -> str:
    """How a thing that was introduced is called again; "" where that is not clear.

    The last of ``shown`` is the one that the sentence is about: 前一 is the one before it.
    """
    alike = count_alike(item, shown)
    if item.count > 1 or alike > 2:
        return ""
    second = "前一" if look_of(shown[-1]) == look_of(item) else "其中一"
    return f"{'那' if alike == 1 else second}{_noun(item)[1]}{noun_phrase(item)}"


def subject_phrase(item: InstanceFacts) -> str:
    """A thing that the camera has an eye on: 这只狗, 这些人."""
    noun, measure = _noun(item)
    return f"这些{noun}" if item.count > 1 else f"这{measure}{noun}"


def appearance_sentence(item: InstanceFacts, *, area: float | None) -> str:
    """Looks and, where its box has an ``area`` (mean, 0..1 of the frame), size."""
    looks = introduce([item])[0]
    return sentence(looks if area is None else f"{looks}，{SIZES[size_of(area)]}")


def action_phrase(
    item: InstanceFacts, *, enters: bool, leaves: bool, camera_rests: bool, encounter: str = ""
) -> str:
    """What a thing does, without a subject: 从左侧进入画面，快速向右移动.

    ``encounter`` is a phrase of :func:`encounter_phrase`. Empty where nothing is known.
    """
    did = action_of(item, enters=enters, leaves=leaves, camera_rests=camera_rests)
    parts = []
    if did.enters:
        parts.append(f"从{SIDES[did.entry]}进入画面" if did.entry else "出现在画面中")
    elif did.rests_first:
        parts.append("起初静止不动")
    if did.moves:
        then = "随后" if did.rests_first else ""
        parts.append(f"{then}{_ways_phrase(did.ways, pace=PACES.get(did.pace, ''))}")
    elif did.rests:
        parts.append("在原地活动" if did.rests == "stirring" else "静止不动")
    if did.cycle:
        often = "秒" if did.cycle == 1 else f"{did.cycle:g}秒"
        parts.append(f"大约每{often}重复一次动作")
    if did.growth:
        parts.append(f"在画面中逐渐变{'大' if did.growth == 'larger' else '小'}")
    if encounter:
        parts.append(encounter)
    if did.leaves:
        parts.append(f"从{SIDES[did.exit]}离开画面" if did.exit else "从画面中消失")
    elif did.stops:
        parts.append("随后停下")
    return "，".join(parts)


def _ways_phrase(ways: Sequence[Direction], *, pace: str) -> str:
    """缓慢向右移动, or 先缓慢向右、再向画面上方移动."""
    if not ways:
        return "四处移动"
    words = [
        f"{then}{DIRECTION_WORDS[way]}" for then, way in zip(ORDER[len(ways)], ways, strict=True)
    ]
    return f"{pace}{'地' if pace and len(ways) > 1 else ''}{'、'.join(words)}移动"


def encounter_phrase(
    kind: ContactKind, item: InstanceFacts, other: InstanceFacts, *, called: str
) -> str:
    """What a thing does with another that is ``called`` so: 与那辆红色的汽车交错而过.

    Empty where :func:`.meeting_of` tells nothing.
    """
    meeting = meeting_of(kind, item, other)
    if not meeting or not called:
        return ""
    return {
        "crosses": f"与{called}交错而过",
        "passes": f"从{called}旁边经过",
        "is_passed": f"旁边有{called}经过",
        "ends_beside": f"最后在画面中位于{called}旁边",
    }[meeting]


def position_phrase(
    start: Cell, end: Cell, *, enters: bool, leaves: bool, passes: Sequence[Cell]
) -> str:
    """Where a thing is over time: 从画面左侧移动到右侧，随后离开画面."""
    here, there = CELL_WORDS[start], CELL_WORDS[end]
    if enters:
        then = "最后仍在此处" if start == end else f"随后移动到{there}"
        text = f"出现在画面{here}，{then}"
    elif start != end:
        text = f"从画面{here}移动到{there}"
    elif len(set(passes)) > 1:
        text = f"开始和最后都位于画面{here}"
    else:
        text = f"一直位于画面{here}"
    return f"{text}，随后离开画面" if leaves else text


def cell_phrase(cell: Cell) -> str:
    """Where a thing is: 画面左侧."""
    return f"画面{CELL_WORDS[cell]}"


def presence_phrase(item: InstanceFacts, cell: Cell) -> str:
    """Where a thing is, as a verb phrase: 位于画面左侧."""
    return f"位于{cell_phrase(cell)}"


# The whole picture -------------------------------------------------------------------------------


def events_sentence(things: Sequence[tuple[str, str]]) -> str:
    """What happens: of each thing its introduction, and what it does."""
    first, *others = [f"{thing}{action}" for thing, action in things]
    return sentence(f"{first}；同时，{'；'.join(others)}" if others else first)


def picture_sentence(things: Sequence[str]) -> str:
    """What a still picture shows."""
    return sentence(f"画面中有{join(things)}")


def shots_sentence(count: int, things: Sequence[str]) -> str:
    """How many shots a clip has, and what it shows."""
    text = f"这段视频共有{count_word(count)}个镜头"
    return sentence(f"{text}，画面中有{join(things)}" if things else text)


def camera_sentence(camera: CameraFacts, *, follows: str = "") -> str:
    """How the camera moves. ``follows`` names the thing it keeps in the frame."""
    if not camera.motion:
        return ""
    stages = camera_stages(camera)
    shake = {"handheld": "画面有轻微的手持晃动", "shaky": "画面明显晃动"}.get(camera.stability, "")
    if not stages:
        return sentence(f"机位固定，{shake}" if shake else "固定镜头")
    moves = "，".join(
        f"{then}{_together(stage)}" for then, stage in zip(ORDER[len(stages)], stages, strict=True)
    )
    pace = PACES.get(camera.speed, "")
    parts = [f"镜头{pace}运动", moves] if pace and len(stages) > 1 else [f"镜头{pace}{moves}"]
    if follows and "主体" in moves:
        parts[-1] = parts[-1].replace("主体", follows, 1)
    elif follows:
        parts.append(f"跟拍{follows}")
    return sentence("，".join(filter(None, [*parts, shake])))


def _together(moves: Sequence[Primitive]) -> str:
    """Moves at the same time: 向左摇并推近, 向左摇、向上摇并推近."""
    words = [CAMERA_WORDS[word] for word in moves]
    return f"{'、'.join(words[:-1])}并{words[-1]}" if len(words) > 1 else words[0]


def light_sentence(light: LightFacts) -> str:
    """Brightness, contrast, tint and change of the light."""
    seen = light_of(light)
    parts = [
        {"bright": "画面明亮", "dark": "画面昏暗", "": "画面亮度适中"}[seen.level],
        {"high": "对比度高", "low": "对比度低", "": ""}[seen.contrast],
        {"vivid": "色彩鲜艳", "muted": "色彩素淡", "": ""}[seen.colors],
        {"warm": "色调偏暖", "cool": "色调偏冷", "": ""}[seen.tint],
        {"brighter": "并逐渐变亮", "darker": "并逐渐变暗", "": ""}[seen.change],
    ]
    return sentence("，".join(filter(None, parts)))


def background_sentence(place: PlaceFacts) -> str:
    """What is around the things: indoors or outdoors, and its colours."""
    scene = {"indoor": "室内场景", "outdoor": "室外场景"}.get(place.label, "")
    names, dominant = place_colors(place)
    if not names:
        return sentence(scene)
    colors = [color_word(name) for name in names]
    paint = f"可见{join(colors)}"
    if dominant:
        rest = f"，兼有{join(colors[1:])}" if colors[1:] else ""
        paint = f"以{colors[0]}为主{rest}"
    return sentence(f"{scene}，{paint}" if scene else f"周围{paint}")
