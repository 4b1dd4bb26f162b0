"""What DETR-like detectors answer, read into boxes and classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.detr import open_columns, read_boxes, read_queries
from instancecap.models.classes import ClassColumns, class_list, class_of
from instancecap.models.coco import CLASSES

NAMES = ["Person", "sofa", "zeppelin", "motor_bike", "Motorbike"]
PERSON, COUCH, MOTORCYCLE = (CLASSES.index(one) for one in ("person", "couch", "motorcycle"))
BOXES = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.2], [0.8, 0.8, 0.1, 0.1]], np.float32)


def test_a_list_that_names_nothing_is_refused() -> None:
    with pytest.raises(MissingDependency, match=r"^here: its class list \(LABEL_0, LABEL_1"):
        open_columns([f"LABEL_{index}" for index in range(7)], source="here")


def test_what_a_box_is_called_goes_over_to_the_one_that_stays() -> None:
    columns = ClassColumns(["person", "man in red"], by_head=True)
    corners = np.array([[0.1, 0.1, 0.5, 0.9], [0.1, 0.12, 0.5, 0.9], [0.6, 0.1, 0.9, 0.9]])
    scores = np.array([[0.9, 0.1], [0.3, 0.6], [0.8, 0.2]], np.float32)
    found = read_boxes(scores, corners, columns)
    assert found.boxes.tolist() == pytest.approx(corners[[0, 2]], abs=1e-6)
    assert found.phrases == ("man in red", "")
    assert found.scores[:, PERSON] == pytest.approx([0.9, 0.8])


def test_a_sigmoid_gives_each_class_its_own_score() -> None:
    logits = np.full((3, 5), -9.0, np.float32)
    logits[0, 1], logits[1, 0], logits[1, 1] = 2.0, 0.0, -1.0
    found = read_queries(logits, BOXES, ClassColumns(NAMES))
    assert len(found.boxes) == 2, "the third query answers for nothing"
    assert found.boxes[0] == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert found.boxes[1] == pytest.approx([0.0, 0.0, 0.3, 0.2])
    assert found.scores[0, COUCH] == pytest.approx(1 / (1 + np.exp(-2)))
    assert found.scores[1, [PERSON, COUCH]] == pytest.approx([0.5, 1 / (1 + np.e)])


def test_the_last_class_of_a_softmax_is_nothing() -> None:
    logits = np.zeros((3, 6), np.float32)
    logits[:, 5] = 9.0
    logits[2, 0] = 12.0
    found = read_queries(logits, BOXES, ClassColumns(NAMES))
    assert len(found.boxes) == 1
    assert found.scores[0, PERSON] == pytest.approx(np.exp(12) / (np.exp(12) + np.exp(9) + 4))


def test_another_number_of_classes_is_told() -> None:
    with pytest.raises(MissingDependency, match=r"answers with 91 classes .* list has 5"):
        read_queries(np.zeros((3, 91)), BOXES, ClassColumns(NAMES))


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_whatever_is_answered_gives_boxes_in_the_picture(queries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (queries, 5)).astype(np.float32)
    boxes = rng.uniform(-0.2, 1.2, (queries, 4)).astype(np.float32).clip(0)
    found = read_queries(logits, boxes, ClassColumns(NAMES))
    assert found.scores.shape == (len(found.boxes), len(CLASSES) + 1), "zeppelin is its own"
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()
    assert (np.diff(found.scores.max(axis=1, initial=0)) <= 0).all(), "best first"


ASKED = ["person", "man in red", "woman", "red kettle", "couch", "sofa", "old sofa"]


@given(st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_a_box_is_called_by_a_phrase_of_its_class(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = ClassColumns(ASKED, by_head=True)
    names = class_list(columns.own).names
    corners = rng.uniform(0, 0.6, (count, 4)).astype(np.float32)
    corners[:, 2:] += 0.3
    scores = rng.uniform(0, 1, (count, len(ASKED))).astype(np.float32)
    found = read_boxes(scores, corners, columns)
    assert len(found.phrases) == len(found.boxes) <= count
    for row, phrase in zip(found.scores, found.phrases, strict=True):
        assert not phrase or class_of(phrase) == names[row.argmax()]
        assert phrase in ("", "man in red", "woman", "red kettle", "old sofa")
    again = read_boxes(scores[::-1], corners[::-1], columns)
    assert sorted(again.phrases) == sorted(found.phrases), "whatever the order of the queries"
