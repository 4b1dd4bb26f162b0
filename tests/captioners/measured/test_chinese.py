"""Chinese sentences: written as such, and saying the same facts as the English ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_measured import EVERYDAY, prose

from instancecap.captioners.measured import chinese, english
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.evidence.experts.appearance import COLORS
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import (
    CameraSegment,
    ContactKind,
    Evidence,
    InstanceFacts,
    LightFacts,
    Period,
    PlaceFacts,
    Shot,
    Turn,
)
from instancecap.schema.vocabulary import Primitive
from instancecap.verify.check import verify
from tests.made import NAMES, camera, evidence, evidences, thing, video

SIGNS = r"[\u4e00-\u9fff0-9.，；、]"
"""What a sentence is made of; a point stands in figures only."""

SAME = (
    (r"\bstays? still\b", r"(?<!起初)静止不动|固定镜头"),
    (r"\bfirst stays? in place\b", r"起初静止不动"),
    (r"\bmoves? in place\b", r"在原地活动"),
    (r"\bmoves? about\b", r"四处移动"),
    (r"\bslowly\b", r"缓慢"),
    (r"\bquickly\b", r"快速"),
    (r"\bto the left\b(?<!and to the left)", r"向左(?!上|下|摇)"),
    (r"\bto the right\b(?<!and to the right)", r"向右(?!上|下|摇)"),
    (r"\bup the frame\b", r"向画面上方"),
    (r"\bdown the frame\b", r"向画面下方"),
    (r"\bup and to the left\b", r"向左上方"),
    (r"\bup and to the right\b", r"向右上方"),
    (r"\bdown and to the left\b", r"向左下方"),
    (r"\bdown and to the right\b", r"向右下方"),
    (r"\bmotion about every\b", r"大约每"),
    (r"\bgets? larger\b", r"逐渐变大"),
    (r"\bgets? smaller\b", r"逐渐变小"),
    (r"\benters? from the (left|right|top|bottom)\b", r"从(左侧|右侧|上方|下方)进入画面"),
    (r"\bcomes? into view\b", r"出现在画面"),
    (r"\bleaves? the frame at\b", r"从(左侧|右侧|上方|下方)离开画面"),
    (r"\bgoe?s? out of view\b", r"从画面中消失"),
    (r"\bthen stops?\b", r"随后停下"),
    (r"\bcross(es)? paths with\b", r"交错而过"),
    (r"(?<!is )\bpass(es)? ", r"从.*旁边经过"),
    (r"\bis passed by\b", r"旁边有.*经过"),
    (r"\bends? up next to\b", r"最后在画面中位于"),
    (r"\bindoor\b", r"室内"),
    (r"\boutdoor\b", r"室外"),
    (r"\bbright picture\b", r"画面明亮"),
    (r"\bdark picture\b", r"画面昏暗"),
    (r"\bwarm\b", r"偏暖"),
    (r"\bcool\b", r"偏冷"),
    (r"\bslightly unsteady\b", r"轻微的手持晃动"),
    (r"\bkeeping .* in the frame\b", r"跟拍"),
    (r"\bmostly\b", r"以.*为主"),
)
"""A fact in English and in Chinese."""

SAME_PLACE = (
    (r"comes into view", r"出现在画面"),
    (r"leaves the frame", r"离开画面"),
    (r"throughout", r"一直位于"),
    (r"starts and ends", r"开始和最后都位于"),
    (r"is last seen there", r"最后仍在此处"),
)

CELL_PATTERNS = {
    cell: rf"(?<!top )(?<!bottom )\b{words.removeprefix('the ')}\b(?! left| right)"
    for cell, words in english.CELL_WORDS.items()
}


def assert_chinese(caption: Caption) -> None:
    for pointer, text in prose(caption).items():
        if pointer.endswith("/position/text"):
            body = text
        else:
            assert text.endswith("。"), text
            body = text.removesuffix("。")
        assert re.fullmatch(f"{SIGNS}+", body), text
        assert not re.search(r"[，；、]{2}|^[，；、]|[，；、]$", body), text
        assert not re.search(r"(?<!\d)\.|\.(?!\d)", body), text
        assert not re.search(r"(.{2,})\1", body), text


def pairs_for(pointer: str, *, oranges: bool) -> list[tuple[str, str]]:
    """The facts that a field can tell of."""
    if pointer.endswith("/position/text"):
        cells = chinese.CELL_WORDS.items()
        return [*SAME_PLACE, *((CELL_PATTERNS[c], rf"(?<![左右]){signs}") for c, signs in cells)]
    colors = [name for name in COLORS if not (oranges and name == "orange")]
    pairs = [*SAME, *((rf"\b{name}\b", rf"{chinese.COLORS[name]}色") for name in colors)]
    if pointer == "/camera/description":
        for word, signs in chinese.CAMERA_WORDS.items():
            words = english.CAMERA_WORDS[word]
            pairs.append((words.split(" around")[0], signs.split("主体")[0]))
    return pairs


def assert_same_facts(told: Caption, in_english: Caption) -> None:
    assert without_sentences(told) == without_sentences(in_english)
    ours, theirs = prose(told), prose(in_english)
    assert ours.keys() == theirs.keys()
    oranges = any("橙子" in text for text in ours.values())
    for pointer, text in theirs.items():
        for words, signs in pairs_for(pointer, oranges=oranges):
            said = bool(re.search(words, text, re.IGNORECASE))
            assert said == bool(re.search(signs, ours[pointer])), (words, text, ours[pointer])
        figures = r"\d+(?:\.\d+)?"
        assert re.findall(figures, text) == re.findall(figures, ours[pointer]), text


@settings(deadline=None, max_examples=80)
@given(evidences(), st.integers(0, 5))
def test_a_caption_of_any_evidence_is_chinese_and_says_the_same_as_in_english(
    facts: Evidence, most: int
) -> None:
    told = describe(facts, max_instances=most, language="zh")
    assert told == describe(facts, max_instances=most, language="zh-Hans-CN")
    assert_chinese(told)
    assert_same_facts(told, describe(facts, max_instances=most))
    assert told.provenance.keys() == told.leaves().keys()


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_real_clip_is_told_in_chinese(measured: Callable[..., Evidence], name: str) -> None:
    facts = measured(f"everyday/{name}.mp4")
    told = describe(facts, language="zh")
    assert_chinese(told)
    assert_same_facts(told, describe(facts))
    assert told.global_description
    assert verify(told, facts).counts.keys() >= {"camera"}
    assert not [one for one in verify(told, facts).findings if one.claim.support == "contradicted"]


@settings(deadline=None, max_examples=60)
@given(evidences())
def test_chinese_sentences_are_no_claims_that_could_be_contradicted(facts: Evidence) -> None:
    told = describe(facts, language="zh")
    in_words = [finding for finding in verify(told, facts).findings if finding.sentence]
    assert in_words == []
    assert verify(told, facts) == verify(without_sentences(told), facts)


def test_a_chinese_sentence_that_is_wrong_is_not_contradicted_either() -> None:
    facts = evidence(thing(moving=True, direction="right", speed=0.2))
    lie = describe(facts, language="zh").model_copy(deep=True)
    lie.global_description = "两辆红色的汽车向左移动。"
    lie.instances[0].action = "向左移动，离开画面。"
    lie.camera.description = "镜头向左摇。"
    report = verify(lie, facts)
    assert not [one for one in report.findings if one.claim.support == "contradicted"]


# Words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_class_has_a_noun_of_its_own_and_a_measure_word(name: str) -> None:
    noun, measure = chinese.NOUNS[name]
    assert re.fullmatch(r"[\u4e00-\u9fff]{1,6}", noun)
    assert re.fullmatch(r"[\u4e00-\u9fff]", measure)
    assert [other for other, (word, _) in chinese.NOUNS.items() if word == noun] == [name]


def test_every_color_has_a_word_of_its_own() -> None:
    assert set(chinese.COLORS) == set(COLORS)
    assert len(set(chinese.COLORS.values())) == len(COLORS)


def test_a_class_without_a_noun_is_a_thing() -> None:
    assert chinese.introduce([thing("drone")]) == ["一个物体"]


@pytest.mark.parametrize(
    ("name", "count", "colors", "phrase"),
    [
        ("dog", 1, [], "一只狗"),
        ("car", 2, [], "两辆汽车"),
        ("person", 1, [], "一个人"),
        ("person", 3, [("blue", 0.9)], "三个穿蓝色衣服的人"),
        ("person", 1, [("black", 0.5), ("teal", 0.4)], "一个穿黑色和青色衣服的人"),
        ("horse", 1, [("white", 0.9)], "一匹白色的马"),
        ("boat", 10, [], "十艘船"),
        ("sheep", 12, [("white", 0.9)], "至少12只白色的绵羊"),
        ("cow", 1, [("brown", 0.45)], "一头以棕色为主的牛"),
        ("orange", 1, [("orange", 0.9)], "一个橙子"),
        ("skis", 1, [], "一副滑雪板"),
    ],
)
def test_things_are_counted_with_their_measure_words(
    name: str, count: int, colors: list[tuple[str, float]], phrase: str
) -> None:
    assert chinese.introduce([thing(name, count=count, colors=colors)]) == [phrase]


def test_things_alike_are_told_apart() -> None:
    red, blue = [("red", 0.9)], [("blue", 0.9)]
    cars = [thing("car", colors=c, id=i) for i, c in enumerate([red, blue, red])]
    assert chinese.introduce(cars) == [
        "一辆红色的汽车", "一辆蓝色的汽车", "另一辆红色的汽车",
    ]  # fmt: skip
    assert chinese.refer(cars[1], cars) == "那辆蓝色的汽车"
    assert chinese.refer(cars[0], cars) == "前一辆红色的汽车"
    assert chinese.refer(cars[0], [*cars, thing("dog", id=3)]) == "其中一辆红色的汽车"
    assert chinese.refer(cars[0], [*cars, thing("car", colors=red, id=3)]) == ""
    assert chinese.refer(thing(count=3), [thing(count=3)]) == ""


def said(item: InstanceFacts, *, enters: bool = False, leaves: bool = False) -> str:
    return chinese.action_phrase(item, enters=enters, leaves=leaves, camera_rests=True)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "静止不动"),
        ({"activity": 0.9}, "在原地活动"),
        ({"moving": True, "speed": 0.2}, "四处移动"),
        ({"moving": True, "direction": "right", "speed": 0.9}, "快速向右移动"),
        ({"moving": True, "direction": "up", "speed": 0.01}, "缓慢向画面上方移动"),
        ({"moving": True, "direction": "down_left", "speed": 0.1}, "向左下方移动"),
        ({"scale_change": 3.0}, "静止不动，在画面中逐渐变大"),
        ({"period": Period(seconds=0.82, strength=0.9)}, "在原地活动，大约每0.8秒重复一次动作"),
        ({"period": Period(seconds=1.0, strength=0.9)}, "在原地活动，大约每秒重复一次动作"),
        (
            {"moving": True, "direction": "left", "speed": 0.2, "still": [(0, 1.2), (2.8, 4)]},
            "起初静止不动，随后向左移动，随后停下",
        ),
        (
            {
                "moving": True, "direction": "up_right", "speed": 0.01,
                "turns": [Turn(t=2, before="right", after="up")],
            },
            "缓慢地先向右、再向画面上方移动",
        ),
        (
            {
                "moving": True, "direction": "right", "speed": 0.1,
                "turns": [
                    Turn(t=1, before="right", after="up"), Turn(t=2, before="up", after="left"),
                ],
            },
            "先向右、再向画面上方、最后向左移动",
        ),
    ],
)  # fmt: skip
def test_what_a_thing_does(facts: dict, text: str) -> None:
    assert said(thing(**facts)) == text


def test_entering_and_leaving_name_their_sides() -> None:
    item = thing(start=(0.0, 0.4, 0.2, 0.6), end=(0.8, 0.4, 1.0, 0.6), moving=True,
                 direction="right", speed=0.2)  # fmt: skip
    text = said(item, enters=True, leaves=True)
    assert text == "从左侧进入画面，向右移动，从右侧离开画面"
    assert said(thing(), enters=True, leaves=True) == "出现在画面中，静止不动，从画面中消失"


@pytest.mark.parametrize(
    ("kind", "moving", "text"),
    [
        ("crosses", (True, True), "与那只猫交错而过"),
        ("crosses", (True, False), "从那只猫旁边经过"),
        ("crosses", (False, True), "旁边有那只猫经过"),
        ("meets", (True, True), "最后在画面中位于那只猫旁边"),
        ("meets", (False, False), ""),
        ("overlaps", (True, True), ""),
    ],
)
def test_two_things_that_come_together(
    kind: ContactKind, moving: tuple[bool, bool], text: str
) -> None:
    dog, cat = thing("dog", moving=moving[0]), thing("cat", moving=moving[1], id=1)
    assert chinese.encounter_phrase(kind, dog, cat, called="那只猫") == text


@pytest.mark.parametrize("word", [w for w in get_args(Primitive) if w in chinese.CAMERA_WORDS])
def test_every_movement_of_the_camera_has_a_sentence(word: Primitive) -> None:
    text = chinese.camera_sentence(camera(word, speed="slow"))
    assert text == f"镜头缓慢{chinese.CAMERA_WORDS[word]}。"


def test_camera_terms() -> None:
    say = chinese.camera_sentence
    assert say(camera()) == ""
    assert say(camera("static")) == "固定镜头。"
    assert say(camera("static", stability="handheld")) == "机位固定，画面有轻微的手持晃动。"
    assert say(camera("shaky", stability="shaky")) == "机位固定，画面明显晃动。"
    assert say(camera("pan_left", "zoom_in")) == "镜头向左摇并推近。"
    assert say(camera("pan_right", "tracking"), follows="这只狗") == "镜头向右摇，跟拍这只狗。"
    assert say(camera("arc_cw"), follows="这个人") == "镜头顺时针环绕这个人。"
    facts = camera("pan_left", "zoom_in", speed="slow")
    facts.segments = [
        CameraSegment(start=0, end=2, motion=["zoom_in"]),
        CameraSegment(start=2, end=4, motion=["pan_left"]),
    ]
    assert say(facts) == "镜头缓慢运动，先推近，再向左摇。"


def test_wording_of_a_car_that_crosses() -> None:
    car = thing(
        "car", (0.0, 0.5, 0.2, 0.6), (0.79, 0.5, 0.99, 0.6), colors=[("red", 0.8)], enters=True,
        moving=True, direction="right", speed=0.4, times=(0.5, 4.0),
    )  # fmt: skip
    place = PlaceFacts(label="outdoor", confidence=0.9, colors=[("gray", 0.7)])
    assert prose(describe(evidence(car, place=place), language="zh")) == {
        "/global_description": "一辆红色的汽车从左侧进入画面，快速向右移动。",
        "/background": "室外场景，以灰色为主。",
        "/lighting": "画面亮度适中。",
        "/camera/description": "固定镜头。",
        "/instances/0/appearance": "一辆红色的汽车，在画面中较小。",
        "/instances/0/action": "从左侧进入画面，快速向右移动。",
        "/instances/0/position/text": "出现在画面左侧，随后移动到右侧",
    }


def test_wording_of_a_person_and_a_dog_before_a_moving_camera() -> None:
    person = thing("person", (0.3, 0.2, 0.5, 0.9), colors=[("blue", 0.5), ("white", 0.4)])
    dog = thing(
        "dog", (0.6, 0.6, 0.8, 0.9), (0.6, 0.6, 0.8, 0.9), id=1, colors=[("brown", 0.45)],
        moving=True, speed=0.02, direction="left", scale_change=2.5, leaves=True,
    )  # fmt: skip
    caption = describe(
        evidence(
            person, dog, camera=camera("pan_left", "zoom_in", speed="slow", stability="handheld"),
            light=LightFacts(brightness=0.7, contrast=0.3, saturation=0.6, warmth=0.2, change=0.3),
        ),
        language="zh",
    )  # fmt: skip
    assert prose(caption) == {
        "/global_description": (
            "一个穿蓝色和白色衣服的人位于画面中央；同时，一只以棕色为主的狗缓慢向左移动，"
            "在画面中逐渐变大，从画面中消失。"
        ),
        "/lighting": "画面明亮，对比度高，色彩鲜艳，色调偏暖，并逐渐变亮。",
        "/camera/description": "镜头缓慢向左摇并推近，画面有轻微的手持晃动。",
        "/instances/0/appearance": "一个穿蓝色和白色衣服的人，在画面中大小适中。",
        "/instances/0/position/text": "一直位于画面中央",
        "/instances/1/appearance": "一只以棕色为主的狗，在画面中大小适中。",
        "/instances/1/action": "缓慢向左移动，在画面中逐渐变大，从画面中消失。",
        "/instances/1/position/text": "一直位于画面右下方，随后离开画面",
    }


def test_wording_of_two_shots_at_night() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="fade")]
    boat = thing("boat", (0.4, 0.4, 0.6, 0.5), times=(0.0, 1.9), leaves=True)
    people = thing("person", (0.1, 0.3, 0.9, 1.0), id=1, times=(2.0, 3.9), count=2)
    colors = [("black", 0.6), ("blue", 0.3)]
    caption = describe(
        evidence(
            boat, people, shots=shots, light=LightFacts(brightness=0.1, contrast=0.08, warmth=-0.2),
            place=PlaceFacts(label="indoor", confidence=0.8, colors=colors),
        ),
        language="zh",
    )  # fmt: skip
    assert prose(caption) == {
        "/global_description": "这段视频共有两个镜头，画面中有一艘船和两个人。",
        "/background": "室内场景，以黑色为主，兼有蓝色。",
        "/lighting": "画面昏暗，对比度低，色彩素淡，色调偏冷。",
        "/camera/description": "固定镜头。",
        "/instances/0/appearance": "一艘船，在画面中较小。",
        "/instances/0/action": "静止不动。",
        "/instances/0/position/text": "一直位于画面中央",
        "/instances/1/appearance": "两个人，占据画面的大部分。",
        "/instances/1/action": "静止不动。",
        "/instances/1/position/text": "一直位于画面中央",
        "/segments/0/description": "一艘船静止不动。",
        "/segments/1/description": "两个人静止不动。",
    }


def test_a_picture_shows_things() -> None:
    still = evidence(
        thing("person", points=1), thing("dog", points=1, id=1), thing("cat", points=1, id=2),
        video=video(duration=0, frames=1), camera=camera(),
        shots=[Shot(start=0, end=0, transition="start")],
    )  # fmt: skip
    caption = describe(still, language="zh")
    assert caption.global_description == "画面中有一个人、一只狗和一只猫。"
    assert caption.instances[0].position.text == "画面左侧"
