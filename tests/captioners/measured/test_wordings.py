"""English and Chinese wordings: grammar, and that both state the facts and no others."""

from __future__ import annotations

import csv
import json
import re
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_measured import prose

from instancecap.captioners.measured import scene_selection
from instancecap.captioners.measured.conduct import Area, Conduct
from instancecap.captioners.measured.content_selection import Name
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.scene_selection import Light, Scene
from instancecap.captioners.measured.sentences import language_of
from instancecap.evidence.experts.appearance import COLORS
from instancecap.language import en, zh
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Primitive
from instancecap.verify.check import verify
from tests.made import DIRECTIONS, NAMES, evidences

with Path(__file__).with_name("wordings.csv").open(encoding="utf-8") as _file:
    WORDINGS = list(csv.DictReader(_file))
english, chinese = language_of("en"), language_of("zh")
AREAS = get_args(Area)[:-1]
MOVES: list[Primitive] = sorted(scene_selection.MOVES)
SIGNS = r"[\u4e00-\u9fff0-9，；、（）]"
"""What a Chinese sentence is made of, but for its full stop."""

sides = st.sampled_from(["", "left", "right", "top", "bottom"])
names = st.builds(
    Name, class_=st.sampled_from(NAMES), count=st.sampled_from([1, 2, 3, 12]),
    colors=st.lists(st.sampled_from(COLORS), max_size=2, unique=True).map(tuple),
    side=st.sampled_from(["", "left", "middle", "right"]), number=st.integers(0, 25),
)  # fmt: skip
conducts = st.builds(
    Conduct, start=st.sampled_from(AREAS), enters=st.booleans(), entry=sides,
    direction=st.sampled_from(["", *DIRECTIONS]), depth=st.sampled_from(["", "toward", "away"]),
    leaves=st.booleans(), exit=sides,
)  # fmt: skip
lights = st.builds(
    Light, *(st.sampled_from(get_args(kind)) for kind in get_type_hints(Light).values())
)


def built(key: str, value: Any) -> Any:
    """An argument of a wording from its JSON."""
    if key == "name":
        return Name(**{"count": 1, **value, "colors": tuple(value.get("colors", ()))})
    if key == "did":
        return Conduct(**value)
    return {"scene": Scene, "light": Light}[key](*value) if key in ("scene", "light") else value


@pytest.mark.parametrize("row", WORDINGS, ids=lambda row: f"{row['function']} {row['english']}")
def test_wordings(row: dict[str, str]) -> None:
    arguments = {key: built(key, value) for key, value in json.loads(row["arguments"]).items()}
    for module, text in ((english, row["english"]), (chinese, row["chinese"])):
        assert getattr(module, row["function"])(**arguments) == text


def test_every_movement_of_the_camera_has_a_sentence() -> None:
    for word in MOVES:
        ours, theirs = (
            module.camera_sentence([[word]], static=False, speed="slow")
            for module in (english, chinese)
        )
        assert ours == f"The camera slowly {en.CAMERA_VERBS[word]}."
        assert theirs == f"镜头缓慢{zh.CAMERA_VERBS[word]}。"


def test_every_area_has_a_position_of_its_own() -> None:
    ways = [
        Conduct(start=a, end=b, stays=False) for a, b in product(AREAS[:-1], AREAS[:-1]) if a != b
    ]
    for module in (english, chinese):
        texts = [module.position_phrase(Conduct(start=area)) for area in AREAS]
        texts += [module.position_phrase(did) for did in ways]
        assert len(set(texts)) == len(texts)


@given(names)
def test_every_name_holds_its_noun_and_colors(name: Name) -> None:
    noun = name.class_ if name.count == 1 else en.plural(name.class_)
    for phrase in (english.name_phrase(name), english.introduce(name)):
        assert noun in phrase and all(color in phrase for color in name.colors)
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  ", phrase)
    for phrase in (chinese.name_phrase(name), chinese.introduce(name)):
        assert zh.noun(name.class_) in phrase
        assert all(zh.COLORS[color] in phrase for color in name.colors)


@given(conducts, st.sampled_from([1, 2, 12]))
def test_an_action_states_what_is_done_and_no_more(did: Conduct, count: int) -> None:
    text, in_chinese = (m.action_phrase(did, count=count) for m in (english, chinese))
    assert bool(text) == bool(in_chinese) == did.acts
    assert bool(re.search("move|closer", text)) == bool(did.direction or did.depth)
    for true, words, signs in (
        (did.enters, r"\benter|into view", "进入|出现"),
        (did.leaves, r"\bleave|out of view", "离开|消失"),
        (bool(did.direction), r"moves? (?!away)", "移动"),
        (did.depth == "toward", "closer", "靠近"),
        (did.depth == "away", "moves? away", "远离"),
        (did.direction == "left", "moves? to the left", "向左移动"),
        (did.direction == "up_right", "moves? up and to the right", "向右上方移动"),
    ):
        assert true == bool(re.search(words, text)) == bool(re.search(signs, in_chinese))


@given(lights)
def test_light_is_the_same_in_both_languages(light: Light) -> None:
    text, in_chinese = english.light_sentence(light), chinese.light_sentence(light)
    for words, signs in (
        (r"bright\b", "明亮"), (r"dark\b", "昏暗"), ("black-and-white", "黑白"), ("vivid", "鲜艳"),
        ("muted", "平淡"), ("warm", "偏暖"), ("cool", "偏冷"), ("strong contrast", "对比强烈"),
        ("brighter", "变亮"), ("darker", "变暗"),
    ):  # fmt: skip
        assert bool(re.search(words, text.lower())) == (signs in in_chinese)


@settings(deadline=None, max_examples=60)
@given(evidences(), st.integers(0, 5), st.booleans())
def test_a_chinese_caption_fills_the_fields_that_the_english_one_fills(
    facts: Evidence, most: int, all_facts: bool
) -> None:
    options = {"max_instances": most, "all_facts": all_facts}
    told = describe(facts, language="zh", **options)
    in_english = describe(facts, **options)
    assert told == describe(facts, language="zh-Hans-CN", **options)
    assert without_sentences(told) == without_sentences(in_english)
    assert prose(told).keys() == prose(in_english).keys()
    assert told.provenance.keys() == told.leaves().keys()
    assert [finding for finding in verify(told, facts).findings if finding.sentence] == []
    for pointer, text in prose(told).items():
        assert text.endswith("。") or pointer.endswith(("/position/text", "/name"))
        for body in text.removesuffix("。").split("。"):
            assert re.fullmatch(f"{SIGNS}+", body), text
            assert not re.search(r"[，；、]{2}|^[，；、]|[，；、]$", body), text
