"""Faces with five landmarks, by YuNet (Wu et al. 2023) through OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.redetection import LookCounter, cut_out
from instancecap.evidence.geometry import areas, as_box
from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.evidence import Face, InstanceFacts
from instancecap.video.decode import Picture

Array = NDArray[np.float64]

MIN_SCORE = 0.75
MIN_SIDE = 32
"""Shorter side in pixels up to which YuNet reads past its maps and finds faces at random."""

UPPER_PART = 0.65
"""Share of a person's height, from above, that the head is looked for in."""

HEADROOM = 0.04
"""Share of the frame by which the search goes beyond people's boxes."""

STEP = 32
"""Pixels of the network's coarsest cell."""

FACE_RATE = 2.0
"""Samples a second in which people are searched for faces."""

CROP_SIDE, MIN_CROP_SCORE = 192, 0.6
"""Pixels of the square around one person that is searched in a closer look, and the score from
which there is a face: in a person's upper part a doubtful one is a face as well."""

MOST_CROPS, MOST_LOOKS = 6, 3
"""Closer looks a sample, and at one person: whose face was seen needs no more of them."""

CROP_PART, CROP_ABOVE, CROP_BESIDE = 0.7, 0.05, 0.02
"""Part of a person's height, from above, that a face's middle lies in, and by how much it may lie
above and beside the box, in sides of the crop."""


class FaceExpert:
    """Finds the faces of people in some of the samples."""

    name = "yunet"

    def __init__(self, path: Path) -> None:
        self._detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), MIN_SCORE, 0.3, 50)
        self._closer = cv2.FaceDetectorYN.create(
            str(path), "", (CROP_SIDE, CROP_SIDE), MIN_CROP_SCORE, 0.3, 50
        )
        self.faces: list[Face] = []
        self._counter = LookCounter()

    def look_closer(self, picture: Picture, people: Array) -> Array:
        """Whether a face is seen in crops of some people, (n,): 1, 0, or NaN for who is left out.

        What is shown on its own, enlarged, has a face if it is a person of some size who is not
        turned away; a figure, a hand or a machine has none.

        Args:
            picture: the frame as large as it is to be cut from.
            people: boxes (n, 4), 0..1.
        """
        seen = np.full(len(people), np.nan)
        counts = self._counter.counts(people)
        prominence = np.where(counts < MOST_LOOKS, np.sqrt(areas(people)) / (1 + counts), 0.0)
        chosen = np.argsort(-prominence, kind="stable")[:MOST_CROPS]
        chosen = chosen[prominence[chosen] > 0]
        for index in chosen:
            seen[index] = self._has_face(picture, people[index])
        looks = np.where(seen[chosen] == 1, MOST_LOOKS, counts[chosen] + 1)
        self._counter.note(people[chosen], looks)
        return seen

    def _has_face(self, picture: Picture, person: Array) -> bool:
        cut, (left, top, side) = cut_out(picture, person, size=CROP_SIDE)
        _, rows = self._closer.detect(cut)
        if rows is None:
            return False
        full = np.array([picture.shape[1], picture.shape[0]] * 2)
        x0, y0, x1, y1 = (person * full - np.array([left, top] * 2)) / side
        x, y = ((rows[:, :2] + rows[:, 2:4] / 2) / CROP_SIDE).T
        across = (x >= x0 - CROP_BESIDE) & (x <= x1 + CROP_BESIDE)
        down = (y >= y0 - CROP_ABOVE) & (y <= y0 + CROP_PART * (y1 - y0))
        return bool((across & down).any())

    def add(self, sample: Sample, people: Array) -> None:
        """Search the upper parts of people, boxes (n, 4) in 0..1, in one sample."""
        if not len(people):
            return
        size = np.array(sample.size)
        low, high = _region(people, size)
        if (high - low).min() <= MIN_SIDE:
            return
        self._detector.setInputSize((high - low).tolist())
        _, rows = self._detector.detect(
            np.ascontiguousarray(sample.bgr[low[1] : high[1], low[0] : high[0]])
        )
        for row in rows if rows is not None else []:
            corners = ((row[:4].reshape(2, 2).cumsum(axis=0) + low) / size).clip(0, 1)
            if (corners[1] - corners[0]).min() <= 0:
                continue
            marks = ((row[4:14].reshape(5, 2) + low) / size).clip(0, 1)
            self.faces.append(
                Face(
                    t=round(sample.t, 3),
                    box=as_box(corners.ravel()),
                    score=round(min(1.0, float(row[14])), 3),
                    landmarks=[(round(float(x), 4), round(float(y), 4)) for x, y in marks],
                )
            )


def _region(people: Array, size: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners, in pixels, of what holds everybody's head, in steps that the network takes."""
    boxes = people.copy()
    boxes[:, 3] = boxes[:, 1] + UPPER_PART * (boxes[:, 3] - boxes[:, 1])
    low = np.floor((boxes[:, :2].min(axis=0) - HEADROOM) * size / STEP).astype(int) * STEP
    high = np.ceil((boxes[:, 2:].max(axis=0) + HEADROOM) * size / STEP).astype(int) * STEP
    return np.maximum(low, 0), np.minimum(high, size)


def assign_faces(faces: Sequence[Face], instances: Sequence[InstanceFacts]) -> list[Face]:
    """Faces with the id of the person in whose upper part they lie."""
    people = [item for item in instances if item.class_ == "person"]
    named = []
    for face in faces:
        middle = ((face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2)
        owner: int | None = None
        tightest = np.inf
        for person in people:
            box = box_at(person, face.t)
            if box is None:
                continue
            area = float((box[2] - box[0]) * (box[3] - box[1]))
            upper = box[1] + 0.6 * (box[3] - box[1])
            inside = box[0] <= middle[0] <= box[2] and box[1] - 0.02 <= middle[1] <= upper
            if inside and area < tightest:
                owner, tightest = person.id, area
        named.append(face.model_copy(update={"instance": owner}))
    return named
