"""What detectors in the manner of DETR answer (Carion et al., arXiv 2005.12872): a box a query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from instancecap.errors import MissingDependency
from instancecap.models.coco import CLASSES, class_number
from instancecap.models.detector import Detections, suppress

Array = NDArray[np.float32]

MIN_SCORE = 0.05
"""Score from which a query is a box at all, as of the default detector."""

NMS_IOU = 0.7
"""Overlap from which two queries of one class are one box. They hardly ever are: each query is
trained to answer for a thing of its own."""


class ClassColumns:
    """Where COCO's classes stand in a detector's own list of classes.

    What is in the list and no class of COCO's is not read: nothing downstream has a probability
    for its names.
    """

    def __init__(self, labels: Sequence[str], *, source: str) -> None:
        """Raises :class:`MissingDependency` where ``source`` names no class of COCO."""
        pairs = [(column, class_number(label)) for column, label in enumerate(labels)]
        known = [(column, number) for column, number in pairs if number is not None]
        if not known:
            raise MissingDependency(
                f"{source}: none of its classes ({', '.join(labels[:5])}, …) is one of COCO's 80; "
                "choose a detector that was trained on COCO or Objects365"
            )
        self.count = len(labels)
        self._columns = [column for column, _ in known]
        self._numbers = [number for _, number in known]

    def read(self, scores: Array) -> Array:
        """Scores (n, 80) of COCO's classes, from those (n, :attr:`count`) of the own ones."""
        folded = np.zeros((len(scores), len(CLASSES)), np.float32)
        np.maximum.at(folded.T, self._numbers, scores[:, self._columns].T)
        return folded


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
    scores = columns.read(own)
    kept = scores.max(axis=1, initial=0) >= MIN_SCORE
    scores, half = scores[kept], boxes[kept, 2:] / 2
    corners = np.concatenate([boxes[kept, :2] - half, boxes[kept, :2] + half], axis=1)
    corners = corners.clip(0, 1).astype(np.float32)
    if not len(corners):
        return Detections(corners, scores)
    chosen = suppress(corners, scores.max(axis=1), scores.argmax(axis=1), iou=NMS_IOU)
    return Detections(corners[chosen], scores[chosen])
