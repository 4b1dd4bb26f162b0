"""Classes of a detector's own, other words for a class, and phrases."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.models.classes import (
    THINGS,
    ClassColumns,
    class_list,
    class_of,
    distinct,
    is_another_word,
    split_head,
)
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema.vocabulary import Category

PERSON, COUCH, MOTORCYCLE = (CLASSES.index(one) for one in ("person", "couch", "motorcycle"))


def test_no_word_of_the_tables_stands_for_two_classes() -> None:
    words: list[str] = []
    for name in ("coco.csv", "things.csv"):
        with (files("instancecap.models") / name).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                listed = [row["class"], *row["also"].split(";"), *row["kinds"].split(";")]
                words += [word for word in listed if word]
    assert len(words) == len(set(words))
    assert words == [word.strip().lower() for word in words]
    assert set(THINGS.values()) <= set(Category.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("phrase", "class_"),
    [
        ("man in red", "person"),
        ("the Sofa", "couch"),
        ("red kettle", "kettle"),
        ("forklift", "forklift"),
        ("hot dog", "hot dog"),
        ("a glass of wine", "glass"),
        ("red t-shirt", "shirt"),
        ("dog with a red collar", "dog"),
        ("crimson zibble on a table", "crimson zibble"),
        ("", ""),
    ],
)
def test_a_phrase_is_of_the_class_of_its_head(phrase: str, class_: str) -> None:
    assert class_of(phrase) == class_


def test_other_words_and_kinds() -> None:
    assert is_another_word("sofa")
    assert is_another_word("The couch.")
    assert not is_another_word("woman")
    assert not is_another_word("red kettle")
    assert split_head("man in red on a bench") == ("man", " in red on a bench")


def test_own_classes_come_after_cocos() -> None:
    columns = ClassColumns(["Person", "sofa", "zibble", "motor_bike", "Motorbike"])
    assert columns.own == ("zibble",)
    scores = columns.read(np.array([[0.1, 0.2, 0.9, 0.8, 0.3]], np.float32))
    assert scores.shape == (1, 81)
    assert scores[0, [PERSON, COUCH, MOTORCYCLE, 80]] == pytest.approx([0.1, 0.2, 0.8, 0.9])
    assert np.count_nonzero(scores) == 4
    assert columns.phrases(np.ones((3, 5), np.float32)) == (), "each is a class by its own name"


def test_labels_that_name_nothing_have_no_column() -> None:
    columns = ClassColumns(["N/A", "bus", "LABEL_7", "background"])
    assert (columns.count, columns.own) == (4, ())
    assert columns.read(np.ones((1, 4), np.float32)).sum() == 1
    assert not ClassColumns(["LABEL_0", "n/a"]).is_named


def test_of_several_words_for_a_class_the_known_one_counts() -> None:
    columns = ClassColumns(["Basin/Bowl", "Cabinet/shelf", "Zibble/Zabble", "n/a"])
    assert columns.own == ("cabinet", "zibble")
    assert columns.read(np.eye(4, dtype=np.float32))[0].argmax() == CLASSES.index("bowl")


def test_two_labels_of_one_class_count_once() -> None:
    columns = ClassColumns(["couch", "sofa"])
    assert columns.read(np.array([[0.2, 0.7]], np.float32)).max() == pytest.approx(0.7)
    assert columns.read(np.array([[0.7, 0.2]], np.float32)).max() == pytest.approx(0.7)


def test_a_kind_of_a_class_keeps_its_word() -> None:
    columns = ClassColumns(["worker", "forklift", "steel shelf"])
    assert columns.own == ("forklift", "steel shelf")
    scores = np.array([[0.6, 0.1, 0.0], [0.1, 0.6, 0.0], [0.0, 0.0, 0.5]], np.float32)
    assert columns.phrases(scores) == ("worker", "", "")
    assert columns.read(scores)[0, PERSON] == pytest.approx(0.6)


def test_a_phrase_is_kept_where_it_is_nearly_as_likely_as_its_class() -> None:
    columns = ClassColumns(["person", "man in red", "red kettle"], by_head=True)
    assert columns.own == ("kettle",)
    scores = np.array([[0.9, 0.6, 0.0], [0.9, 0.3, 0.0], [0.1, 0.0, 0.4]], np.float32)
    assert columns.phrases(scores) == ("man in red", "", "red kettle")


def test_categories_of_own_classes() -> None:
    classes = class_list(("forklift", "zibble", "steel shelf", "tow truck"))
    assert classes.categories[80:] == ("vehicle", "other", "furniture", "vehicle")
    assert classes.kinds[80:] == ("vehicle", "zibble", "furniture", "vehicle")
    assert classes.movable[80:].all(), "nobody knows that they stay where they are"
    assert classes.furniture[80:].tolist() == [False, False, True, False]
    assert (classes.own_category("zibble"), classes.own_category("dog")) == ("other", "")
    assert class_list().names == CLASSES
    assert class_list().categories == tuple(CATEGORIES.values())


WORDS = st.sampled_from(["red", "old", "man", "sofa", "couch", "zibble", "in", "with", "kettle"])


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), max_size=6), st.booleans())
def test_every_label_has_one_column_whatever_it_is(labels: list[str], by_head: bool) -> None:
    columns = ClassColumns(labels, by_head=by_head)
    assert len(set(columns.own)) == len(columns.own)
    assert not set(columns.own) & set(CLASSES)
    scores = np.eye(len(labels), dtype=np.float32)
    folded = columns.read(scores)
    assert folded.shape == (len(labels), 80 + len(columns.own))
    assert (folded.sum(axis=1) <= 1).all()
    for label, phrase in zip(labels, columns.phrases(scores), strict=False):
        assert phrase in ("", label), "a box is called by a word that it was found by"


@given(st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), max_size=8))
def test_each_thing_is_asked_for_once(phrases: list[str]) -> None:
    asked = distinct(phrases)
    assert set(asked) <= set(phrases)
    assert distinct(asked) == asked
    plain = [class_of(phrase) for phrase in asked if is_another_word(phrase)]
    assert len(set(plain)) == len(plain), "no two words for one class"
    assert {class_of(one) for one in asked} == {class_of(one) for one in phrases}
