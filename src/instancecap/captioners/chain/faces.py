"""Faces from near: of whom an expression can be read, and the pictures to read it from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from instancecap.captioners.visual_prompts import crop_around
from instancecap.mllm.base import Image
from instancecap.schema.base import Box
from instancecap.schema.evidence import Evidence, Face
from instancecap.video.decode import Picture
from instancecap.video.sampling import pick_evenly

READABLE = 48
"""Pixels of a face's height, in the video, from which its expression is asked for: what the sets
that expressions are learned from have (FER2013: 48 x 48)."""

LARGE = 1 / 3
"""Frame heights of a face from which the frame itself shows it from near."""

MOST_FACES, VIEWS = 2, 3
"""People whose faces are shown from near, the largest first, and pictures of each at most."""

AROUND = 1.8
"""Side of a close-up over the longer side of the face: hair, chin and the turn of the head show."""

SIDE = 224
"""Pixels of a close-up's side."""


@dataclass(frozen=True, slots=True)
class FaceView:
    """A close-up of a face; ``owner`` is the instance that it belongs to in the evidence."""

    owner: int
    box: Box
    image: Image


def face_views(evidence: Evidence) -> tuple[FaceView, ...]:
    """The close-ups to be shown, without their pictures: by person, each in order of time."""
    video, owned = evidence.video, dict[int, list[Face]]()
    for face in evidence.faces:
        is_readable = READABLE / video.height <= _height(face) < LARGE
        if face.instance is not None and is_readable:
            owned.setdefault(face.instance, []).append(face)
    largest = sorted(owned, key=lambda id: -max(map(_height, owned[id])))[:MOST_FACES]
    return tuple(
        FaceView(id, owned[id][index].box, Image(b"", owned[id][index].t))
        for id in sorted(largest)
        for index in pick_evenly(len(owned[id]), VIEWS)
    )


def _height(face: Face) -> float:
    return face.box[3] - face.box[1]


def cut_face(picture: Picture, box: Box) -> Picture:
    """The square around a face (0..1 of the picture), in ``SIDE`` pixels."""
    height, width = picture.shape[:2]
    size = np.array([width, height])
    corners = np.array(box).reshape(2, 2)
    half = AROUND * float(((corners[1] - corners[0]) * size).max()) / 2 / size
    around = np.concatenate([corners.mean(axis=0) - half, corners.mean(axis=0) + half])
    x0, y0, x1, y1 = crop_around(around, (width, height))
    part = picture[y0:y1, x0:x1]
    scale = SIDE / max(part.shape[:2])
    shape = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, shape, interpolation=how), np.uint8)
