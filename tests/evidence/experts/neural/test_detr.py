"""What DETR-like detectors answer, read into boxes and COCO's classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.detr import ClassColumns, read_queries
from instancecap.models.coco import CLASSES

NAMES = ["Person", "sofa", "zeppelin", "motor_bike", "Motorbike"]
PERSON, COUCH, MOTORCYCLE = (CLASSES.index(one) for one in ("person", "couch", "motorcycle"))
BOXES = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.2], [0.8, 0.8, 0.1, 0.1]], np.float32)


def test_classes_are_found_by_their_other_names_too() -> None:
    scores = ClassColumns(NAMES, source="list").read(
        np.array([[0.1, 0.2, 0.9, 0.8, 0.3]], np.float32)
    )
    assert scores[0, [PERSON, COUCH, MOTORCYCLE]] == pytest.approx([0.1, 0.2, 0.3])
    assert np.count_nonzero(scores) == 3, "what is no class of COCO's is left out"


def test_two_labels_of_one_class_count_once() -> None:
    columns = ClassColumns(["couch", "sofa"], source="list")
    assert columns.read(np.array([[0.2, 0.7]], np.float32)).max() == pytest.approx(0.7)
    assert columns.read(np.array([[0.7, 0.2]], np.float32)).max() == pytest.approx(0.7)


def test_a_list_without_any_class_of_coco_is_refused() -> None:
    with pytest.raises(MissingDependency, match=r"^here: none of its classes \(table cell"):
        ClassColumns(["table cell", "header"], source="here")


def test_a_sigmoid_gives_each_class_its_own_score() -> None:
    logits = np.full((3, 5), -9.0, np.float32)
    logits[0, 1], logits[1, 0], logits[1, 1] = 2.0, 0.0, -1.0
    found = read_queries(logits, BOXES, ClassColumns(NAMES, source="list"))
    assert len(found.boxes) == 2, "the third query answers for nothing"
    assert found.boxes[0] == pytest.approx([0.4, 0.3, 0.6, 0.7])
    assert found.boxes[1] == pytest.approx([0.0, 0.0, 0.3, 0.2])
    assert found.scores[0, COUCH] == pytest.approx(1 / (1 + np.exp(-2)))
    assert found.scores[1, [PERSON, COUCH]] == pytest.approx([0.5, 1 / (1 + np.e)])


def test_the_last_class_of_a_softmax_is_nothing() -> None:
    logits = np.zeros((3, 6), np.float32)
    logits[:, 5] = 9.0
    logits[2, 0] = 12.0
    found = read_queries(logits, BOXES, ClassColumns(NAMES, source="list"))
    assert len(found.boxes) == 1
    assert found.scores[0, PERSON] == pytest.approx(np.exp(12) / (np.exp(12) + np.exp(9) + 4))


def test_another_number_of_classes_is_told() -> None:
    with pytest.raises(MissingDependency, match=r"answers with 91 classes .* list has 5"):
        read_queries(np.zeros((3, 91)), BOXES, ClassColumns(NAMES, source="list"))


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_whatever_is_answered_gives_boxes_in_the_picture(queries: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (queries, 5)).astype(np.float32)
    boxes = rng.uniform(-0.2, 1.2, (queries, 4)).astype(np.float32).clip(0)
    found = read_queries(logits, boxes, ClassColumns(NAMES, source="list"))
    assert found.scores.shape == (len(found.boxes), len(CLASSES))
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()
    assert (np.diff(found.scores.max(axis=1, initial=0)) <= 0).all(), "best first"
