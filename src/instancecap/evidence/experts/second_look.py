"""A second look at what the detector found or missed: the thing itself, enlarged.

The detector sees a small picture of the whole frame. Cut out of the full frame and enlarged, a
thing is often named differently; what it is called in every view, mirrored ones too, can be
trusted further than one sure answer. Patches that move and that nobody named get a look as well.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, coverage, ious
from instancecap.models.coco import CLASSES
from instancecap.models.yolox import SIDE, Detections
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Scores = NDArray[np.float32]

LOOK_RATE = 2.0
"""Samples a second in which things are looked at again."""

FULL_SIDE = 1280
"""Longer side in pixels of the picture that is cut from; larger frames are scaled down to it."""

LOOKS = 2
"""Things looked at again per sample."""

PATCH_LOOKS = 1
"""Unnamed moving patches looked at per sample, the largest first."""

PERSON = CLASSES.index("person")
CLEARLY_A_PERSON = 0.65
"""Score from which a person needs no second look: they are taken for other things hardly ever."""

MARGIN = 1.6
"""Side of the square that is cut out, over the longer side of the box."""

SURE_ENOUGH = 0.3
"""A box of this score counts as named: moving patches inside it need no look of their own."""


SAME_THING = 0.4
"""Overlap from which a box in the enlarged picture is the thing that was to be looked at."""


class _Detector(Protocol):
    def detect(self, picture: Picture) -> Detections: ...


def look_again(
    detector: _Detector, picture: Picture, boxes: Array, scores: Scores, *, mirrored: bool
) -> Scores:
    """Class scores of a second look at the most visible boxes; (n, classes), zero for the others.

    ``picture`` is the frame as large as it is to be cut from; ``mirrored`` flips the cut-outs.
    What is clearly a person is given the scores that it has: were it left out, the second looks
    at somebody would all be of the moments in which the first look was in doubt.
    """
    looks = np.zeros_like(scores)
    if not len(boxes):
        return looks
    best = scores.max(axis=1)
    clear = (scores.argmax(axis=1) == PERSON) & (best > CLEARLY_A_PERSON)
    looks[clear] = scores[clear]
    prominence = np.where(clear, 0.0, best * np.sqrt(areas(boxes)))
    full = np.array([picture.shape[1], picture.shape[0]] * 2, float)
    for index in np.argsort(-prominence, kind="stable")[:LOOKS]:
        if prominence[index] == 0:
            break
        cut, (left, top, side) = cut_out(picture, boxes[index])
        found = detector.detect(np.ascontiguousarray(cut[:, ::-1]) if mirrored else cut)
        wanted = (boxes[index] * full - np.array([left, top] * 2)) / side
        if mirrored:
            wanted = np.array([1 - wanted[2], wanted[1], 1 - wanted[0], wanted[3]])
        same = _same(found, wanted)
        if same is not None:
            looks[index] = found.scores[same]
    return looks


def look_at_patches(
    detector: _Detector, picture: Picture, patches: Array, named: Array
) -> tuple[Array, Scores]:
    """Boxes (n, 4) and class scores of things found in moving patches that have no name yet."""
    boxes, scores = [], []
    free = [
        box
        for box in patches
        if not len(named)
        or max(coverage(box[None], named).max(), coverage(named, box[None]).max()) < 0.3
    ]
    for patch in free[:PATCH_LOOKS]:
        cut, (left, top, side) = cut_out(picture, patch)
        found = detector.detect(cut)
        central = _central(found.boxes.astype(float), min_side=0.15)
        if central is not None:
            scale = np.array([picture.shape[1], picture.shape[0]] * 2, float)
            corner = np.array([left, top] * 2, float)
            boxes.append(((found.boxes[central] * side + corner) / scale).clip(0, 1))
            scores.append(found.scores[central])
    if not boxes:
        return np.zeros((0, 4)), np.zeros((0, len(CLASSES)), np.float32)
    return np.stack(boxes), np.stack(scores)


def cut_out(picture: Picture, box: Array) -> tuple[Picture, tuple[int, int, int]]:
    """A square around a box (0..1) and its left, top and side in pixels; gray beyond the frame."""
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = box * np.array([width, height, width, height])
    side = max(16, int(max(x1 - x0, y1 - y0) * MARGIN))
    left, top = int((x0 + x1 - side) / 2), int((y0 + y1 - side) / 2)
    cut = np.full((side, side, 3), 114, np.uint8)
    a, b = max(0, left), max(0, top)
    inside = picture[b : top + side, a : left + side]
    cut[b - top : b - top + inside.shape[0], a - left : a - left + inside.shape[1]] = inside
    return np.asarray(cv2.resize(cut, (SIDE, SIDE)), np.uint8), (left, top, side)


def _same(found: Detections, wanted: Array) -> int | None:
    """The box that is most likely the thing looked for: a bicycle, not who rides it."""
    overlap = ious(wanted[None], found.boxes.astype(float))[0]
    likely = np.where(overlap >= SAME_THING, overlap * found.scores.max(axis=1, initial=0), 0.0)
    return int(likely.argmax()) if likely.any() else None


def _central(boxes: Array, *, min_side: float) -> int | None:
    """The best box (they come best first) that covers the middle and is large enough."""
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        if x0 < 0.5 < x1 and y0 < 0.5 < y1 and max(x1 - x0, y1 - y0) >= min_side:
            return index
    return None
