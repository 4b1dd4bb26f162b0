"""Shot type and angle from how large the main subject, its body or its face is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.angle import shot_angle
from instancecap.evidence.geometry import areas
from instancecap.evidence.sample import Sample
from instancecap.evidence.thresholds import FRAMING
from instancecap.evidence.tracking.naming import is_lively
from instancecap.schema.evidence import Evidence, Face, FramingFacts, InstanceFacts, Shot
from instancecap.schema.vocabulary import ShotPosition, ShotType, Unknown

WIDE = 0.5
"""How much must speak for a place for the surroundings to be what is shown."""

NEARLY = 0.5
"""Share of the most salient one's salience from which others may be whom the shot is framed for."""


class FramingExpert:
    """Needs no pictures: framing follows from instances, faces and place."""

    name = "framing"
    rate = 0.0
    needs = ("shots", "camera", "detection", "light", "style")

    def add(self, sample: Sample, scene: Scene) -> None:
        """Nothing to look at."""

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write shot types, position and angle."""
        style = evidence.framing.style
        evidence.framing = frame_evidence(evidence, aspect=scene.aspect)
        filmed = style == "unknown" and shows_large_faces(evidence)
        evidence.framing.style = "real" if filmed else style


def shows_large_faces(evidence: Evidence) -> bool:
    """Whether people's faces are seen as large as in films of people, and hardly ever in games."""
    people = {
        item.id for item in evidence.instances if item.class_ == "person" and item.confidence >= 0.7
    }
    heights = [face.box[3] - face.box[1] for face in evidence.faces if face.instance in people]
    return len(heights) >= FRAMING.faces and float(np.median(heights)) >= FRAMING.filmed


def frame_evidence(evidence: Evidence, *, aspect: float) -> FramingFacts:
    """Framing by what was measured of a clip; the style is left open."""
    instances, faces, shots = evidence.instances, evidence.faces, evidence.shots
    if not instances and not evidence.camera.motion:  # nothing in the picture could be followed
        return FramingFacts(shots=[""] * len(shots))
    place = evidence.place
    framing = frame_subject(
        instances, faces, shots, aspect=aspect, wide=max(place.outdoor, place.indoor) >= WIDE
    )
    if len(shots) == 1:
        static = evidence.camera.motion == ["static"]
        framing.shot_angle = shot_angle(instances, faces, static=static, aspect=aspect)
    return framing


def frame_subject(
    instances: Sequence[InstanceFacts],
    faces: Sequence[Face],
    shots: Sequence[Shot],
    *,
    aspect: float = 16 / 9,
    wide: bool = False,
) -> FramingFacts:
    """Framing of the whole clip and the shot type of each shot; ``aspect`` is width / height.

    ``wide`` says that the surroundings show: where no instance stands out they are the subject
    then, which makes a long shot; else something too near to be known is.
    """
    per_shot = [_shot_type(instances, faces, shot, aspect=aspect, wide=wide) for shot in shots]
    longest = max(range(len(shots)), key=lambda i: shots[i].end - shots[i].start, default=None)
    shot_type: ShotType | Unknown = ""
    confidence = 0.0
    if longest is not None:
        shot_type, confidence = per_shot[longest]
    return FramingFacts(
        shot_type=shot_type,
        shot_position=_position(instances, faces),
        confidence=round(confidence, 3),
        shots=[kind for kind, _ in per_shot],
    )


def _shot_type(
    instances: Sequence[InstanceFacts],
    faces: Sequence[Face],
    shot: Shot,
    *,
    aspect: float,
    wide: bool,
) -> tuple[ShotType, float]:
    end = max(shot.end, shot.start + 1e-3)
    # The box of a group says nothing of how large the single instance in it is seen.
    singles = [i for i in instances if i.count == 1 and i.confidence >= FRAMING.subject]
    inside = [i for i in singles if any(shot.start <= p.t < end for p in i.track)]
    if not inside:
        return ("long_shot" if wide else "close_up"), FRAMING.no_subject
    main = _subject(inside)
    boxes = np.array([p.box for p in main.track if shot.start <= p.t < end])
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    width = float(np.median(boxes[:, 2] - boxes[:, 0]))
    # Sides of the frame that the box reaches, which cut the subject off.
    edges = float(((boxes[:, :2] < 0.03).sum(axis=1) + (boxes[:, 2:] > 0.97).sum(axis=1)).mean())
    if main.class_ != "person":
        return _thing_shot(main, height, width, edges), main.confidence * 0.9
    seen = [f for f in faces if f.instance == main.id and shot.start <= f.t < end]
    face = float(np.median([f.box[3] - f.box[1] for f in seen])) if seen else 0.0
    upright = height / max(width * aspect, 1e-6)
    return _person_shot(height, face, upright=upright, cut=edges >= 0.5), main.confidence


def _subject(instances: Sequence[InstanceFacts]) -> InstanceFacts:
    """Whom the shot is framed for: the most salient instance, or a person nearly as salient; of
    several of its kind, the largest: others stand about behind it."""
    main = max(instances, key=lambda item: item.salience)
    striking = [item for item in instances if item.salience >= NEARLY * main.salience]
    if any(item.class_ == "person" for item in striking):
        return max((item for item in striking if item.class_ == "person"), key=_size)
    return max((item for item in striking if item.class_ == main.class_), key=_size)


def _size(item: InstanceFacts) -> float:
    return float(np.median(areas(np.array([point.box for point in item.track]))))


def _person_shot(height: float, face: float, *, upright: float, cut: bool) -> ShotType:
    if face >= FRAMING.face_extreme:
        return "extreme_close_up"
    if face >= FRAMING.face_close:
        return "close_up"
    if face >= FRAMING.face_medium:
        return "medium_shot"
    if not face and cut and upright < FRAMING.hands:
        return "close_up"
    if height < FRAMING.long:
        return "long_shot"
    return "medium_shot" if cut and height > 0.5 and upright < FRAMING.standing else "full_shot"


def _thing_shot(main: InstanceFacts, height: float, width: float, edges: float) -> ShotType:
    if edges >= 3.5 and min(height, width) > FRAMING.fills:
        return "extreme_close_up"
    if not is_lively(main) and height >= FRAMING.long:
        return "close_up"
    if edges >= 1.5 and max(height, width) > FRAMING.cut_off:
        return "close_up" if edges >= 3 else "medium_shot"
    if height > FRAMING.cut_off:
        return "close_up"
    return "full_shot" if height >= FRAMING.long else "long_shot"


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
