"""What detectors in the manner of DETR answer (Carion et al., arXiv 2005.12872): a box a query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from instancecap.errors import MissingDependency
from instancecap.evidence.geometry import ious
from instancecap.models.classes import ClassColumns
from instancecap.models.detector import Detections, suppress

Array = NDArray[np.float32]

MIN_SCORE = 0.05
"""Score from which a query is a box at all, as of the default detector."""

NMS_IOU = 0.7
"""Overlap from which two queries of one class are one box. They hardly ever are: each query is
trained to answer for a thing of its own."""


def open_columns(labels: Sequence[str], *, source: str) -> ClassColumns:
    """The columns of a detector's class list.

    Raises :class:`MissingDependency` where it names nothing, as that of an export without names.
    """
    columns = ClassColumns(labels)
    if not columns.is_named:
        raise MissingDependency(
            f"{source}: its class list ({', '.join(labels[:5])}, …) names nothing; write into it "
            "what its classes are called"
        )
    return columns


def read_queries(logits: Array, boxes: Array, columns: ClassColumns) -> Detections:
    """The boxes that the queries of one picture stand for, best first.

    Args:
        logits: (queries, classes). With one column more than there are classes, the last one is
            "nothing" and they are a softmax's; else each class has a sigmoid of its own.
        boxes: (queries, 4), center, width and height in 0..1.

    Raises:
        MissingDependency: the number of classes is another one than that of the class list.
    """
    if logits.shape[1] == columns.count + 1:
        own = softmax(logits.astype(np.float32), axis=1)[:, :-1]
    elif logits.shape[1] == columns.count:
        own = expit(logits.astype(np.float32))
    else:
        raise MissingDependency(
            f"the detector answers with {logits.shape[1]} classes and its class list has "
            f"{columns.count}: give the list that it was trained with"
        )
    half = boxes[:, 2:] / 2
    corners = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    return read_boxes(own, corners, columns)


def read_boxes(scores: Array, corners: Array, columns: ClassColumns) -> Detections:
    """Boxes by their scores (n, labels), 0..1, and corners (n, 4), each thing once, best first.

    Where a box is left out as it shows what another one shows, what it is called goes over.
    """
    corners = corners.clip(0, 1).astype(np.float32)
    is_there = (corners[:, 2:] > corners[:, :2]).all(axis=1)
    kept = is_there & (scores.max(axis=1, initial=0) >= MIN_SCORE)
    scores, corners = scores[kept], corners[kept]
    if not len(corners):
        return Detections(corners, columns.read(scores), columns.own)
    classes = columns.read(scores)
    best = classes.argmax(axis=1)
    chosen = suppress(corners, classes.max(axis=1), best, iou=NMS_IOU)
    told = scores[chosen]
    if columns.has_phrases:
        same = ious(corners[chosen].astype(float), corners.astype(float)) >= NMS_IOU
        same &= best[chosen][:, None] == best[None]
        same[np.arange(len(chosen)), chosen] = True
        told = np.stack([scores[row].max(axis=0) for row in same])
    return Detections(corners[chosen], classes[chosen], columns.own, columns.phrases(told))
