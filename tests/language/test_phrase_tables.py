"""Phrase tables: complete for the schema's vocabularies, distinct, and joined in good grammar."""

from __future__ import annotations

import re
from types import ModuleType
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.language import en, zh
from instancecap.models.coco import CATEGORIES
from instancecap.schema import vocabulary as v
from instancecap.schema.evidence import Direction
from tests.tables import cases

VOCABULARIES = {
    "CELLS": v.Cell, "IN_CELLS": v.Cell, "DIRECTIONS": Direction, "SPEEDS": v.Speed,
    "CAMERA_VERBS": v.Primitive, "CAMERA_NAMES": v.Primitive, "STABILITIES": v.Stability,
    "SHOT_TYPES": v.ShotType, "SHOT_ANGLES": v.ShotAngle, "SHOT_ANGLE_NAMES": v.ShotAngle,
    "SHOT_POSITIONS": v.ShotPosition, "SHOT_POSITION_NAMES": v.ShotPosition, "PLACES": v.Place,
    "PLACE_NAMES": v.Place, "TIMES_OF_DAY": v.TimeOfDay, "TIME_OF_DAY_NAMES": v.TimeOfDay,
}  # fmt: skip


@pytest.mark.parametrize("language", [en, zh], ids=["en", "zh"])
@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_word_of_a_vocabulary_has_a_phrase_of_its_own(
    language: ModuleType, name: str
) -> None:
    table = language.TABLES.get(name.lower())
    if table is None and language is zh:
        return  # written for measured sentences only, which do not need it
    assert set(table) == set(get_args(VOCABULARIES[name])) - {"other", "unknown"}
    if name != "SHOT_POSITIONS":
        assert len(set(table.values())) == len(table)


def test_every_class_and_color_has_a_chinese_word() -> None:
    assert {*CATEGORIES, "object", "animal", "vehicle"} <= zh.NOUNS.keys()
    assert all(zh.NOUNS.values())
    assert zh.COLORS["red"] == "红色"
    assert (zh.noun("zeppelin"), zh.measure_word("car")) == ("物体", "辆")


def test_lists_are_joined_so_that_their_parts_stay_apart() -> None:
    assert [en.join(["a", "b", "c"][:count]) for count in range(4)] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip
    assert en.join(["a", "b"], last="or") == "a or b"
    assert en.join(["a, b", "c"]) == "a, b, and c"
    assert en.join(["a, b", "c", "d"]) == "a, b; c; and d"
    assert zh.join(["甲", "乙", "丙"]) == "甲、乙和丙"


def test_small_numbers_are_words() -> None:
    assert [en.count_word(number) for number in (1, 2, 10, 11)] == ["one", "two", "ten", "11"]
    assert [zh.count_word(number) for number in (1, 2, 10, 11)] == ["一", "两", "十", "11"]


@pytest.mark.parametrize("noun", [
    "a dog", "an orange", "an umbrella", "a unicycle", "a unicorn", "an hour", "a one-way sign",
    "a European", "an ox", "a used car", "a house",
])  # fmt: skip
def test_articles_fit_the_first_sound(noun: str) -> None:
    assert en.article(noun.split(maxsplit=1)[1]) == noun


@pytest.mark.parametrize(("one", "many"), cases(__file__, "plurals"))
def test_plurals(one: str, many: str) -> None:
    assert en.plural(one) == many


@given(st.text(st.sampled_from("ab  c"), max_size=12))
def test_a_sentence_begins_large_and_ends_with_one_full_stop(text: str) -> None:
    written = en.sentence(text)
    if not text.strip():
        assert written == ""
    else:
        assert re.fullmatch(r"[A-Z](?: ?[a-z])*\.", written)


def test_ordinals() -> None:
    assert [en.ordinal(number) for number in (1, 2, 3, 7, 8, 11, 21, 112)] == [
        "first", "second", "third", "seventh", "8th", "11th", "21st", "112th",
    ]  # fmt: skip
    assert [zh.ordinal(number) for number in (1, 2, 11)] == ["一", "二", "11"]
