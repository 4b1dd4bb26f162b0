"""Detection again in enlarged crops: of what was detected, and of patches that move.

The detector sees a small picture of the whole frame. Cut out of the full frame and enlarged, an
instance is often named differently; what it is called in every view, mirrored ones too, can be
trusted further than one sure answer, and what is seen in a texture is not seen again.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, coverage, ious
from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections, Detector, detect_all
from instancecap.video.decode import Picture

Array = NDArray[np.float64]
Scores = NDArray[np.float32]

CROP_RATE = 1.0
"""Samples a second in which crops are looked at."""

FULL_SIDE = 1280
"""Longer side in pixels of the picture that is cut from; larger frames are scaled down to it."""

MOST_CROPS = 2
"""Instances looked at again per sample."""

PATCH_CROPS = 1
"""Unnamed moving patches looked at per sample, the largest first."""

PERSON = CLASSES.index("person")
CLEARLY_A_PERSON = 0.7
"""Score from which a person needs no crop: they are taken for other things hardly ever."""

SIDE = 256
"""Pixels of the square that a crop is enlarged or shrunk to."""

MARGIN, LEAST_MARGIN = 1.6, 1.1
"""Side of the square that is cut out, over the longer side of the box; it is no larger than the
frame, but for the least margin: what fills the frame is not to be shrunk."""

SURE_ENOUGH = 0.3
"""A box of this score counts as named: moving patches inside it need no crop of their own."""

KEPT = 50
"""Instances whose looks are counted, the latest."""

SAME_INSTANCE = 0.4
"""Overlap from which a box in the crop is the instance that was to be looked at."""

MOST_LOOKS = 4
"""Looks at one instance: more of them seldom change what it is taken for."""

WORTH_A_LOOK = 0.1
"""Score under which a box is not looked at: what stays so weak is no instance."""

NOTHING = 1e-3
"""Score of the detected class in a crop in which nothing like it is found: it was looked at."""


class LookCounter:
    """How often instances were looked at: an instance is known by its box, the latest of them."""

    def __init__(self) -> None:
        self._boxes = np.zeros((0, 4))
        self._looks = np.zeros(0, int)

    def counts(self, boxes: Array) -> NDArray[np.int64]:
        """Looks so far at what is in some boxes (n, 4)."""
        overlap = ious(boxes, self._boxes)
        looks = np.where(overlap > SAME_INSTANCE, self._looks, 0).max(axis=1, initial=0)
        return np.asarray(looks, np.int64)

    def note(self, boxes: Array, counts: NDArray[np.int64]) -> None:
        """Keep how often what is in some boxes (n, 4) was looked at by now."""
        again = ious(self._boxes, boxes).max(axis=1, initial=0) > SAME_INSTANCE
        self._boxes = np.concatenate([self._boxes[~again], boxes])[-KEPT:]
        self._looks = np.concatenate([self._looks[~again], counts])[-KEPT:]


class CropRedetector:
    """Looks again at what was detected, the most visible and least lately looked at first."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._counter = LookCounter()
        self._mirrored = True

    def look(self, picture: Picture, boxes: Array, scores: Scores) -> Scores:
        """Class scores (n, classes) of a closer look at some of the boxes; zero for the others.

        What is clearly a person is given the scores that it has: were it left out, the closer
        looks at somebody would all be of the moments in which the first look was in doubt.

        Args:
            picture: the frame as large as it is to be cut from.
        """
        self._mirrored = not self._mirrored
        looks = np.zeros_like(scores)
        if not len(boxes):
            return looks
        best = scores.max(axis=1)
        clear = (scores.argmax(axis=1) == PERSON) & (best > CLEARLY_A_PERSON)
        looks[clear] = scores[clear]
        prominence = np.where(clear, 0.0, best * np.sqrt(areas(boxes)))
        counts = self._counter.counts(boxes)
        prominence[(counts >= MOST_LOOKS) | (best < WORTH_A_LOOK)] = 0
        prominence /= 1 + counts
        chosen = np.argsort(-prominence, kind="stable")[:MOST_CROPS]
        chosen = chosen[prominence[chosen] > 0]
        cuts = [cut_out(picture, boxes[index]) for index in chosen]
        flip = -1 if self._mirrored else 1
        shown = [np.ascontiguousarray(cut[:, ::flip]) for cut, _ in cuts]
        found = detect_all(self._detector, shown)
        for index, one, (_, place) in zip(chosen, found, cuts, strict=True):
            looks[index] = self._read(one, picture, place, boxes[index], scores[index])
        self._counter.note(boxes[chosen], counts[chosen] + 1)
        return looks

    def _read(
        self,
        found: Detections,
        picture: Picture,
        place: tuple[int, int, int],
        box: Array,
        scores: Scores,
    ) -> Scores:
        """Class scores of what is in ``box``, from what was found in the cut at ``place``."""
        left, top, side = place
        full = np.array([picture.shape[1], picture.shape[0]] * 2, float)
        wanted = (box * full - np.array([left, top] * 2)) / side
        if self._mirrored:
            wanted = np.array([1 - wanted[2], wanted[1], 1 - wanted[0], wanted[3]])
        same = _same(found, wanted)
        if same is not None:
            return np.asarray(found.scores[same], np.float32)
        nothing = np.zeros_like(scores)
        nothing[scores.argmax()] = NOTHING
        return nothing

    def search(
        self, picture: Picture, patches: Array, named: Array, *, classes: int
    ) -> tuple[Array, Scores]:
        """Boxes (n, 4) and scores (n, classes) of what is in moving patches that have no name
        yet."""
        boxes, scores = [], []
        free = [
            box
            for box in patches
            if not len(named)
            or max(coverage(box[None], named).max(), coverage(named, box[None]).max()) < 0.3
        ]
        for patch in free[:PATCH_CROPS]:
            cut, (left, top, side) = cut_out(picture, patch)
            (found,) = detect_all(self._detector, [cut])
            central = _central(found.boxes.astype(float), min_side=0.15)
            if central is not None:
                scale = np.array([picture.shape[1], picture.shape[0]] * 2, float)
                corner = np.array([left, top] * 2, float)
                boxes.append(((found.boxes[central] * side + corner) / scale).clip(0, 1))
                scores.append(found.scores[central])
        if not boxes:
            return np.zeros((0, 4)), np.zeros((0, classes), np.float32)
        return np.stack(boxes), np.stack(scores)


def cut_out(
    picture: Picture, box: Array, *, size: int = SIDE
) -> tuple[Picture, tuple[int, int, int]]:
    """A square around a box (0..1) and its left, top and side in pixels; gray beyond the frame.

    ``size`` is the number of pixels that it is enlarged or shrunk to.
    """
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = box * np.array([width, height, width, height])
    longer = max(x1 - x0, y1 - y0)
    side = max(16, int(max(longer * LEAST_MARGIN, min(longer * MARGIN, max(width, height)))))
    left, top = int((x0 + x1 - side) / 2), int((y0 + y1 - side) / 2)
    cut = np.full((side, side, 3), 114, np.uint8)
    a, b = max(0, left), max(0, top)
    inside = picture[b : top + side, a : left + side]
    cut[b - top : b - top + inside.shape[0], a - left : a - left + inside.shape[1]] = inside
    return np.asarray(cv2.resize(cut, (size, size)), np.uint8), (left, top, side)


def _same(found: Detections, wanted: Array) -> int | None:
    """The box that is most likely the instance looked for: a bicycle, not who rides it."""
    overlap = ious(wanted[None], found.boxes.astype(float))[0]
    best = found.scores.max(axis=1, initial=0)
    likely = np.where(overlap >= SAME_INSTANCE, overlap * best, 0.0)
    return int(likely.argmax()) if likely.any() else None


def _central(boxes: Array, *, min_side: float) -> int | None:
    """The best box (they come best first) that covers the middle and is large enough."""
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        if x0 < 0.5 < x1 and y0 < 0.5 < y1 and max(x1 - x0, y1 - y0) >= min_side:
            return index
    return None
