"""Chinese sentences: written as such, and stating what the English ones state."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_english import AREAS, MOVES, all_names, conducts
from test_measured import EVERYDAY, prose

from instancecap.captioners.measured import chinese, english
from instancecap.captioners.measured.content_selection import Conduct, Light, Name, Scene
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.evidence.color_names import COLORS
from instancecap.language import zh
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Primitive
from instancecap.verify.check import verify
from tests.made import evidence, evidences, thing

SIGNS = r"[\u4e00-\u9fff0-9，；、（）]"
"""What a sentence is made of, but for its full stop."""

lights = st.builds(
    Light, *(st.sampled_from(get_args(kind)) for kind in get_type_hints(Light).values())
)


def assert_chinese(caption: Caption) -> None:
    for pointer, text in prose(caption).items():
        phrase = pointer.endswith(("/position/text", "/name"))
        assert phrase or text.endswith("。"), text
        body = text.removesuffix("。")
        assert re.fullmatch(f"{SIGNS}+", body), text
        assert not re.search(r"[，；、]{2}|^[，；、]|[，；、]$", body), text


@settings(deadline=None, max_examples=60)
@given(evidences(), st.integers(0, 5), st.booleans())
def test_a_caption_is_chinese_and_fills_the_same_fields(
    facts: Evidence, most: int, all_facts: bool
) -> None:
    options = {"max_instances": most, "all_facts": all_facts}
    told = describe(facts, language="zh", **options)
    in_english = describe(facts, **options)
    assert told == describe(facts, language="zh-Hans-CN", **options)
    assert_chinese(told)
    assert without_sentences(told) == without_sentences(in_english)
    assert prose(told).keys() == prose(in_english).keys()
    assert told.provenance.keys() == told.leaves().keys()


@settings(deadline=None, max_examples=40)
@given(evidences())
def test_chinese_sentences_are_no_claims_that_could_be_contradicted(facts: Evidence) -> None:
    told = describe(facts, language="zh", all_facts=True)
    assert [finding for finding in verify(told, facts).findings if finding.sentence] == []


@pytest.mark.parametrize("name", EVERYDAY)
def test_a_real_clip_is_told_in_chinese(measured: Callable[..., Evidence], name: str) -> None:
    facts = measured(f"everyday/{name}.mp4")
    told = describe(facts, language="zh", all_facts=True)
    assert_chinese(told)
    assert told.global_description
    assert not [one for one in verify(told, facts).findings if one.claim.support == "contradicted"]


@given(all_names)
def test_a_name_holds_its_noun_its_colors_and_its_side(name: Name) -> None:
    for phrase in (chinese.name_phrase(name), chinese.introduce(name)):
        assert zh.noun(name.class_) in phrase
        assert all(zh.COLORS[color] in phrase for color in name.colors)
    if name.side and not name.number:
        assert chinese.SIDES[name.side] in chinese.name_phrase(name)


@pytest.mark.parametrize(
    ("name", "called", "introduced"),
    [
        (Name(class_="car", count=1, colors=("red",)), "这辆红色的汽车", "一辆红色的汽车"),
        (Name(class_="person", count=1, colors=("blue",)), "这个穿蓝色衣服的人",
         "一个穿蓝色衣服的人"),
        (Name(class_="dog", count=1, number=2), "第二只狗", "另一只狗"),
        (Name(class_="dog", count=1, number=3), "第三只狗", "又一只狗"),
        (Name(class_="person", count=1, side="left"), "左侧的人", "左侧的一个人"),
        (Name(class_="person", count=2), "这两个人", "两个人"),
        (Name(class_="person", count=7), "这些人", "多个人"),
        (Name(class_="bus", count=2, number=2), "第二组两辆巴士", "另外两辆巴士"),
    ],
)  # fmt: skip
def test_names_and_introductions(name: Name, called: str, introduced: str) -> None:
    assert (chinese.name_phrase(name), chinese.introduce(name)) == (called, introduced)


@given(conducts, st.sampled_from([1, 2, 12]))
def test_an_action_states_what_the_english_one_states(did: Conduct, count: int) -> None:
    text = chinese.action_phrase(did, count=count)
    in_english = english.action_phrase(did, count=count)
    for words, signs in (
        (r"enters?|into view", r"进入|出现"), (r"moves? (?!away)", "移动"),
        (r"leave|out of", r"离开|消失"), (r"closer", "靠近"), (r"moves? away", "远离"),
        (r"from the left|frame at the left", r"从左侧"), (r"moves? to the left", r"向左移动"),
        (r"moves? up and to the right", r"向右上方移动"),
        (r"moves? down the frame", r"向画面下方移动"),
    ):  # fmt: skip
        assert bool(re.search(words, in_english)) == bool(re.search(signs, text))


def test_positions() -> None:
    say = chinese.position_phrase
    assert say(Conduct()) == ""
    assert say(Conduct(start="top-left")) == "位于画面左上方"
    assert say(Conduct(start="top-left", stays=False)) == "起初位于画面左上方"
    assert say(Conduct(start="left", end="center-right", stays=False)) == "从画面中央偏左到右侧"
    assert say(Conduct(start="center-left", end="top-right", stays=False, leaves=True)) == (
        "从画面左侧到右上方，随后离开画面"
    )
    assert len({say(Conduct(start=area)) for area in AREAS}) == len(AREAS)


def test_camera_sentences() -> None:
    for word in MOVES:
        text = chinese.camera_sentence([[word]], static=False, speed="slow")
        assert text == f"镜头缓慢{zh.CAMERA_VERBS[word]}。"
    stages: list[list[Primitive]] = [["zoom_in", "tilt_up"], ["pan_left"]]
    assert chinese.camera_sentence(stages, static=False, speed="") == (
        "镜头先推近并向上摇，再向左摇。"
    )
    assert chinese.camera_sentence([], static=True, speed="") == "固定镜头。"
    assert chinese.camera_sentence([], static=False, speed="") == ""
    assert chinese.unnamed_sentence(Scene("indoor"), [["pan_left"]], static=False) == (
        "室内，镜头向左摇，画面中没有能够辨认的物体。"
    )


@given(lights)
def test_light_states_what_the_english_sentence_states(light: Light) -> None:
    text, in_english = chinese.light_sentence(light), english.light_sentence(light)
    for words, signs in (
        (r"bright\b", "明亮"), (r"dark\b", "昏暗"), ("black-and-white", "黑白"),
        ("vivid", "鲜艳"),
        ("warm", "偏暖"), ("cool", "偏冷"), ("brighter", "变亮"), ("darker", "变暗"),
    ):  # fmt: skip
        assert bool(re.search(words, in_english.lower())) == (signs in text)


def test_scenes() -> None:
    dog, cat = (
        ("一只狗", "向左移动"),
        chinese.located(Name(class_="cat", count=1), Conduct(start="top-left")),
    )
    assert chinese.events_sentence(Scene("outdoor", "day"), [dog, dog], [cat]) == (
        "室外，白天，一只狗向左移动；同时，一只狗向左移动；画面中还有一只猫（位于画面左上方）。"
    )
    assert chinese.events_sentence(Scene(), [], [cat]) == "画面中有一只猫（位于画面左上方）。"
    assert chinese.shots_sentence(2, ["一只狗"]) == "这段视频共有两个镜头，画面中有一只狗。"
    assert chinese.shots_sentence(0, ["一只狗", "一只猫"]) == "画面中有一只狗和一只猫。"
    assert chinese.background_sentence(Scene("outdoor", color="green")) == "室外场景，以绿色为主。"
    assert chinese.background_sentence(Scene(color="blue")) == "周围以蓝色为主。"


@pytest.mark.parametrize("color", COLORS)
def test_every_color_that_is_measured_has_a_word(color: str) -> None:
    told = describe(evidence(thing("car", colors=[(color, 0.9)])), language="zh", all_facts=True)
    assert zh.COLORS[color] in told.instances[0].appearance
