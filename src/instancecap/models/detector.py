"""What every object detector gives and how it is asked, and what several of them share."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import InputError, InstanceCapError
from instancecap.models.coco import CLASSES
from instancecap.video.decode import Picture

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes found in one picture.

    Attributes:
        boxes: float32 (n, 4), x0 y0 x1 y1 in 0..1 of the picture.
        scores: float32 (n, 80 + own), in 0..1, a column for each class of COCO, in its order, then
            for each of ``own``.
        own: classes that are none of COCO's; the same in every picture.
        phrases: what to call each box beside its class, *man in red*; empty strings, or nothing at
            all, for nothing.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    own: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


class Detector(Protocol):
    """Finds instances of COCO's classes, and of its own, in a picture; ``tight`` if its boxes fit
    them closely."""

    name: str
    tight: bool

    def detect(self, picture: Picture) -> Detections:
        """Boxes and class scores for a BGR picture of any size, best first."""


@runtime_checkable
class AskedDetector(Detector, Protocol):
    """A detector with an open vocabulary: it finds what it is asked for."""

    def asking(self, phrases: Sequence[str]) -> Detector:
        """The same, asked for these phrases and nothing else."""


@runtime_checkable
class BatchDetector(Detector, Protocol):
    """A detector that is faster when it is shown several pictures at once: ``batch`` of them."""

    @property
    def batch(self) -> int:
        """Pictures to show it at once; 1 where more are no faster."""

    def detect_batch(self, pictures: Sequence[Picture]) -> list[Detections]:
        """What ``detect`` gives for each of them, in their order."""

    def take_warning(self) -> list[str]:
        """What went wrong since it was asked for last, a line each."""


def detect_all(detector: Detector, pictures: Sequence[Picture]) -> list[Detections]:
    """What is found in each picture, in their order; at once where the detector can.

    Everybody asks a detector through this. Boxes are cut off at the picture's edge; what is left
    of one must be a pixel wide and high.

    Raises:
        InputError: the detector failed; the message names it.
    """
    try:
        if isinstance(detector, BatchDetector):
            answers = detector.detect_batch(pictures)
        else:
            answers = [detector.detect(picture) for picture in pictures]
        return [_inside(one, picture) for one, picture in zip(answers, pictures, strict=True)]
    except (InstanceCapError, MemoryError):
        raise
    except Exception as error:  # whatever a stranger's code raises, it is named
        log.debug("detector %s", detector.name, exc_info=True)
        raise InputError(
            f"detector {detector.name} failed: {type(error).__name__}: {error}"
        ) from error


def _inside(found: Detections, picture: Picture) -> Detections:
    wanted = (len(found.boxes), 4), (len(found.boxes), len(CLASSES) + len(found.own))
    if (found.boxes.shape, found.scores.shape) != wanted:
        raise ValueError(
            f"its boxes have the shape {found.boxes.shape} and its scores {found.scores.shape}; "
            f"(n, 4) and (n, {len(CLASSES)} + own) are needed, with {len(found.own)} own classes"
        )
    height, width = picture.shape[:2]
    boxes = found.boxes.clip(0, 1)
    sides = (boxes[:, 2:] - boxes[:, :2]) * [width, height]
    kept = (sides >= 1).all(axis=1)
    phrases = tuple(compress(found.phrases, kept))
    return Detections(boxes[kept], found.scores[kept], found.own, phrases)


def letterbox(picture: Picture, *, side: int, shape: tuple[int, int], padding: int) -> Picture:
    """The picture scaled to a longer ``side``, top left on a canvas of ``shape`` (height, width).

    Args:
        padding: gray level, 0..255, of what the picture does not cover.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale != 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = np.asarray(cv2.resize(picture, size), np.uint8)
    canvas = np.full((*shape, 3), padding, np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    return canvas


def suppress(
    boxes: NDArray[np.float32],
    best: NDArray[np.float32],
    classes: NDArray[np.int64],
    *,
    iou: float,
) -> NDArray[np.int64]:
    """Non-maximum suppression within a class, then between classes for almost equal boxes.

    Args:
        boxes: (n, 4), x0 y0 x1 y1.
        best: (n,), the score of each box's class.
        iou: overlap from which the lesser of two boxes of one class goes.

    Returns:
        Indices of the boxes that stay, best first.
    """
    rects = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()
    chosen = cv2.dnn.NMSBoxesBatched(rects, best.tolist(), classes.tolist(), 0.0, iou)
    index = np.asarray(chosen, np.int64).reshape(-1)
    again = cv2.dnn.NMSBoxes([rects[i] for i in index], best[index].tolist(), 0.0, 0.85)
    return index[np.asarray(again, np.int64).reshape(-1)]
