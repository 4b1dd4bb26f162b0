"""Measured content in plain Chinese: what the English sentences state."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.measured.content_selection import (
    FEW,
    Area,
    Conduct,
    Name,
    Side,
    Size,
)
from instancecap.captioners.measured.scene_selection import Light, Scene
from instancecap.language import zh
from instancecap.language.zh import sentence
from instancecap.schema.vocabulary import Primitive

SIDES: dict[Side, str] = {"left": "左侧", "middle": "中间", "right": "右侧"}

SIZES: dict[Size, str] = {
    "small": "在画面中较小",
    "third": "高度约占画面的三分之一",
    "half": "高度约占画面的一半",
    "most": "高度超过画面的一半",
    "tall": "高度几乎与画面相同",
    "large": "在画面中较大",
    "filling": "占据画面的大部分",
}

ORDER = {1: ("",), 2: ("先", "再"), 3: ("先", "再", "最后")}


def _noun_phrase(name: Name) -> str:
    """穿蓝色衣服的人, 红色的汽车; without number."""
    noun = zh.noun(name.class_)
    colors = zh.join([zh.COLORS[color] for color in name.colors])
    if not colors:
        return noun
    return f"穿{colors}衣服的{noun}" if name.class_ == "person" else f"{colors}的{noun}"


def _amount(name: Name) -> str:
    """Number and measure word: 一个, 两只, 多辆."""
    number = zh.count_word(name.count) if name.count <= FEW else "多"
    return f"{number}{zh.measure_word(name.class_)}"


def name_phrase(name: Name) -> str:
    """What an instance is called: 左侧穿蓝色衣服的人, 第二只狗, 这两个人."""
    if name.number:
        number = f"第{zh.ordinal(name.number)}"
        if name.count > 1:
            return f"{number}组{_amount(name)}{_noun_phrase(name)}"
        return f"{number}{zh.measure_word(name.class_)}{_noun_phrase(name)}"
    if name.side:
        return f"{SIDES[name.side]}的{_amount(name) * (name.count > 1)}{_noun_phrase(name)}"
    amount = _amount(name) if 1 < name.count <= FEW else zh.measure_word(name.class_)
    return f"这{'些' if name.count > FEW else amount}{_noun_phrase(name)}"


def introduce(name: Name) -> str:
    """An instance when it is first named: 左侧的一个人, 另一只狗."""
    phrase, number = f"{_amount(name)}{_noun_phrase(name)}", name.number
    if name.side:
        return f"{SIDES[name.side]}的{phrase}"
    if number > 1:
        return f"另{'' if name.count == 1 else '外'}{phrase}" if number == 2 else f"又{phrase}"
    return phrase


def appearance_sentence(name: Name, size: Size) -> str:
    """Colors and size; empty where neither is known."""
    looks = introduce(Name(class_=name.class_, count=name.count, colors=name.colors))
    if size:
        return sentence(f"{looks}，{SIZES[size]}")
    return sentence(looks) if name.colors else ""


def action_phrase(did: Conduct, *, count: int) -> str:
    """What an instance does: 从左侧进入画面，向右移动; may be empty."""
    parts = []
    if did.enters:
        parts.append(f"从{zh.SIDES[did.entry]}进入画面" if did.entry else "出现在画面中")
    if did.direction:
        parts.append(f"{zh.DIRECTIONS[did.direction]}移动")
    if did.depth:
        parts.append("逐渐靠近" if did.depth == "toward" else "逐渐远离")
    if did.faces_camera:
        parts.append("面向镜头")
    if did.leaves:
        parts.append(f"从{zh.SIDES[did.exit]}离开画面" if did.exit else "从画面中消失")
    return "，".join(parts)


def action_sentence(did: Conduct, *, count: int) -> str:
    """What an instance does, as a sentence; empty where nothing is stated."""
    return sentence(action_phrase(did, count=count))


def position_phrase(did: Conduct) -> str:
    """Where an instance is: 位于画面左侧, 从画面左侧到上方."""
    if not did.start or did.stays:
        return _in_area(did.start)
    if not did.end:
        return f"起初{_in_area(did.start)}"
    if "whole" in (did.start, did.end):
        return f"起初{_in_area(did.start)}，随后{_in_area(did.end)}"
    text = f"从画面{_area(did.start)}到{_area(did.end)}"
    return f"{text}，随后离开画面" if did.leaves else text


def located(name: Name, did: Conduct) -> str:
    """An instance that does nothing, with the place where it stays: 一只狗（位于画面中央）."""
    there = _in_area(did.start) if did.stays and not name.side else ""
    return f"{introduce(name)}（{there}）" if there else introduce(name)


def _in_area(area: Area) -> str:
    if area == "whole":
        return "占据画面的很大部分"
    return f"位于画面{_area(area)}" if area else ""


def _area(area: Area) -> str:
    return zh.OFF_CENTER.get(area) or zh.CELLS[area]


# The whole picture -------------------------------------------------------------------------------


def events_sentence(scene: Scene, acting: Sequence[tuple[str, str]], others: Sequence[str]) -> str:
    """What happens: who does what, and who else is there."""
    clauses = [f"{subject}{action}" for subject, action in acting]
    text = f"{clauses[0]}；同时，{'；'.join(clauses[1:])}" if clauses[1:] else "".join(clauses)
    if others:
        text = f"{text}；画面中还有{zh.join(others)}" if text else f"画面中有{zh.join(others)}"
    return sentence(_in_setting(scene, text))


def picture_sentence(introductions: Sequence[str]) -> str:
    """What a still picture shows."""
    return sentence(f"画面中有{zh.join(introductions)}")


def shots_sentence(count: int, introductions: Sequence[str]) -> str:
    """What a clip of several shots shows; ``count`` is 0 where it is not sure."""
    shots = f"这段视频共有{zh.count_word(count)}个镜头" if count else ""
    shows = f"画面中有{zh.join(introductions)}" if introductions else ""
    return sentence("，".join(filter(None, (shots, shows))))


def unnamed_sentence(scene: Scene, stages: Sequence[Sequence[Primitive]], *, static: bool) -> str:
    """That a clip shows nothing that could be named, and how the camera moves."""
    text = "画面中没有能够辨认的物体"
    if scene.color:
        text = f"画面以{zh.COLORS[scene.color]}为主，{text}"
    if scene.texts:
        text = f"{text}，文字为{_quoted(scene.texts)}"
    camera = "固定镜头" if static else _camera_phrase(stages, speed="")
    return sentence(_in_setting(scene, f"{camera}，{text}" if camera else text))


def _in_setting(scene: Scene, text: str) -> str:
    words = (zh.PLACE_NAMES.get(scene.place, ""), zh.TIMES_OF_DAY.get(scene.time_of_day, ""))
    return "，".join(filter(None, (*words, text)))


def camera_sentence(stages: Sequence[Sequence[Primitive]], *, static: bool, speed: str) -> str:
    """How the camera moves; empty where it is not known."""
    return sentence("固定镜头" if static else _camera_phrase(stages, speed=speed))


def _camera_phrase(stages: Sequence[Sequence[Primitive]], *, speed: str) -> str:
    """镜头缓慢向左摇, 镜头先推近，再向左摇并向上摇."""
    if not stages:
        return ""
    moves = []
    for then, stage in zip(ORDER[len(stages)], stages, strict=True):
        words = [zh.CAMERA_VERBS[word] for word in stage]
        together = f"{'、'.join(words[:-1])}并{words[-1]}" if len(words) > 1 else words[0]
        moves.append(f"{then}{together}")
    return f"镜头{zh.SPEEDS[speed] if speed else ''}{'，'.join(moves)}"


def light_sentence(light: Light) -> str:
    """What stands out of the light."""
    parts = [
        {"bright": "画面明亮", "dark": "画面昏暗", "": ""}[light.level],
        {"none": "黑白画面", "vivid": "色彩鲜艳", "": ""}[light.colors],
        {"warm": "色调偏暖", "cool": "色调偏冷", "": ""}[light.tint],
        {"brighter": "画面逐渐变亮", "darker": "画面逐渐变暗", "": ""}[light.change],
    ]
    return sentence("，".join(filter(None, parts)))


def background_sentence(scene: Scene) -> str:
    """The color of most of the surroundings, or of the picture, and what is written in it."""
    color = f"以{zh.COLORS[scene.color]}为主" if scene.color else ""
    if color and scene.is_whole:
        color = f"画面{color}"
    elif color:
        place = zh.PLACES.get(scene.place, "")
        color = f"{place}，{color}" if place else f"周围{color}"
    text = f"画面中的文字为{_quoted(scene.texts)}" if scene.texts else ""
    return sentence(color) + sentence(text)


def _quoted(texts: Sequence[str]) -> str:
    return "、".join(f"“{text}”" for text in texts)
