"""Shot type and angle from how large the main subject, its body or its face is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.evidence import Face, FramingFacts, InstanceFacts, Shot
from instancecap.schema.vocabulary import ShotPosition, ShotType, Unknown

FACE_EXTREME, FACE_CLOSE, FACE_MEDIUM = 0.62, 0.3, 0.11
"""Heights of a face in frame heights: from about a third on, a head fills the picture."""

BODY_LONG = 0.34
WHOLE_BODY = 2.4
"""Height over width from which a box that reaches the lower edge still holds legs, not a bust."""

SURROUNDINGS = 0.4
"""Confidence in a long shot for want of a subject: what is not found may still be there."""

THING_CLOSE = 0.75
THING_EXTREME = 0.97


def frame_subject(
    instances: Sequence[InstanceFacts],
    faces: Sequence[Face],
    shots: Sequence[Shot],
    *,
    aspect: float = 16 / 9,
    place_known: bool = False,
) -> FramingFacts:
    """Framing of the whole clip and the shot type of each shot; ``aspect`` is width / height.

    ``place_known``: the picture shows where it was taken. Where no thing stands out in such a
    picture, the surroundings are its subject, which makes a long shot.
    """
    per_shot = [_shot_type(instances, faces, shot, aspect=aspect) for shot in shots]
    if place_known and not instances:
        per_shot = [("long_shot", SURROUNDINGS)] * len(shots)
    longest = max(range(len(shots)), key=lambda i: shots[i].end - shots[i].start, default=None)
    shot_type, confidence = per_shot[longest] if longest is not None else ("", 0.0)
    return FramingFacts(
        shot_type=shot_type,
        shot_position=_position(instances, faces),
        confidence=round(confidence, 3),
        shots=[kind for kind, _ in per_shot],
    )


def _shot_type(
    instances: Sequence[InstanceFacts], faces: Sequence[Face], shot: Shot, *, aspect: float
) -> tuple[ShotType | Unknown, float]:
    end = max(shot.end, shot.start + 1e-3)
    # The box of a group says nothing of how large the single thing in it is seen.
    singles = [item for item in instances if item.count == 1]
    inside = [i for i in singles if any(shot.start <= p.t < end for p in i.track)]
    if not inside:
        return "", 0.0
    main = _subject(inside)
    boxes = np.array([p.box for p in main.track if shot.start <= p.t < end])
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    width = float(np.median(boxes[:, 2] - boxes[:, 0]))
    if main.class_ != "person":
        return _thing_shot(height, width, boxes), main.confidence * 0.9
    seen = [f for f in faces if f.instance == main.id and shot.start <= f.t < end]
    face = float(np.median([f.box[3] - f.box[1] for f in seen])) if seen else 0.0
    cut_below = float((boxes[:, 3] > 0.97).mean()) > 0.5
    whole = height / max(width * aspect, 1e-6) > WHOLE_BODY
    return _person_shot(height, face, cut_below=cut_below and not whole), main.confidence


def _subject(instances: Sequence[InstanceFacts]) -> InstanceFacts:
    """Whom the shot is framed for: the most salient thing, or a person nearly as salient."""
    main = max(instances, key=lambda item: item.salience)
    people = [item for item in instances if item.class_ == "person"]
    person = max(people, key=lambda item: item.salience, default=main)
    return person if person.salience >= 0.5 * main.salience else main


def _person_shot(height: float, face: float, *, cut_below: bool) -> ShotType:
    if face >= FACE_EXTREME:
        return "extreme_close_up"
    if face >= FACE_CLOSE:
        return "close_up"
    if cut_below and (face >= FACE_MEDIUM or height > 0.5):
        return "medium_shot"
    return "full_shot" if height >= BODY_LONG else "long_shot"


def _thing_shot(height: float, width: float, boxes: NDArray[np.float64]) -> ShotType:
    size = max(height, width)
    edges = ((boxes[:, :2] < 0.02).sum(axis=1) + (boxes[:, 2:] > 0.98).sum(axis=1)).mean()
    if size > THING_EXTREME and edges >= 3.5:
        return "extreme_close_up"
    if edges >= 2 and size > THING_CLOSE:
        return "medium_shot" if edges < 3 else "close_up"
    if height > 0.85:
        return "close_up"
    return "full_shot" if height >= BODY_LONG else "long_shot"


def _position(instances: Sequence[InstanceFacts], faces: Sequence[Face]) -> ShotPosition | Unknown:
    """A face that looks into the camera makes a front view; no face proves nothing."""
    people = [item for item in instances if item.class_ == "person"]
    if not people:
        return ""
    main = max(people, key=lambda item: item.salience)
    seen = [face for face in faces if face.instance == main.id and len(face.landmarks) == 5]
    if len(seen) < 2:
        return ""
    turned = []
    for face in seen:
        right_eye, left_eye, nose = (np.array(face.landmarks[i]) for i in range(3))
        span = abs(left_eye[0] - right_eye[0])
        turned.append(abs(nose[0] - (left_eye[0] + right_eye[0]) / 2) / max(span, 1e-6))
    return "front_view" if float(np.median(turned)) < 0.35 else ""


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
