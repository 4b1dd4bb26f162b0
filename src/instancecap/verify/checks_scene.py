"""Checks of what is said of the camera, the framing, the light, and the place."""

from __future__ import annotations

from typing import get_args

import numpy as np

from instancecap.language import en
from instancecap.schema.evidence import CameraSample, Evidence
from instancecap.schema.vocabulary import ShotType
from instancecap.verify.verdicts import Verdict, compare
from instancecap.video.sampling import pick_evenly

Span = tuple[float, float] | None

FOLDED = {
    "move_in": "zoom_in", "move_out": "zoom_out", "move_left": "pan_left",
    "move_right": "pan_right", "move_up": "tilt_up", "move_down": "tilt_down",
}  # fmt: skip
"""Travel that looks like a turn or a zoom where parallax is not measured."""

COMPONENTS = {
    "pan_left": ("dx", 1), "pan_right": ("dx", -1), "tilt_up": ("dy", 1), "tilt_down": ("dy", -1),
    "zoom_in": ("zoom", 1), "zoom_out": ("zoom", -1),
    "roll_ccw": ("roll", 1), "roll_cw": ("roll", -1),
}  # fmt: skip
"""Part of the camera's path that each movement shows in, and its sign there."""

OPPOSITE = {
    "pan_left": "pan_right", "tilt_up": "tilt_down", "zoom_in": "zoom_out", "roll_cw": "roll_ccw",
}  # fmt: skip
OPPOSITE |= {second: first for first, second in OPPOSITE.items()}

SURE_CAMERA, SURE_INLIERS = 0.6, 0.4
"""Confidence, and median share of agreeing points, from which the path contradicts a movement."""

MOVED, RESTED = 0.08, 0.02
"""Frame sizes (for zoom and roll at a third from the centre) that the picture has moved by for
sure, or not at all."""

SURE_PLACE, SURE_TIME, SURE_FRAMING = 0.6, 0.55, 0.5
_SIZES: tuple[str, ...] = tuple(word for word in get_args(ShotType) if word != "other")


def check_camera(word: str, evidence: Evidence, span: Span = None) -> Verdict:
    """A primitive of the schema, or a word for the stability, against the camera's path."""
    camera = evidence.camera
    steps = _steps(evidence, span)
    if not steps or not camera.motion:
        return Verdict()
    if word in ("stable", "handheld", "shaky"):
        return _check_stability(word, evidence, steps)
    motion = _motion(evidence, span)
    words = {FOLDED.get(one, one) for one in motion} - {"tracking", "shaky", "static"}
    claim = FOLDED.get(word, word)
    gains = {name: _gain(steps, name, evidence) for name in COMPONENTS}
    inliers = float(np.median([step.inliers for step in steps]))
    trusted = camera.confidence >= SURE_CAMERA and inliers >= SURE_INLIERS and len(steps) >= 5
    rests = not words and max(gains.values()) < MOVED
    if word == "static":
        agrees = "static" in motion
        sure = bool(words) and max(gains[one] for one in words) >= MOVED
    elif word == "tracking":
        agrees, sure = "tracking" in camera.motion, rests and max(gains.values()) < RESTED
    elif claim in words:
        # Who walks with a camera sways: of two opposite turns the smaller may not be meant.
        other = gains[OPPOSITE[claim]] if OPPOSITE[claim] in words else 0.0
        agrees, sure = gains[claim] >= 0.5 * other or span is not None, False
    elif claim in COMPONENTS:
        agrees, opposite = False, OPPOSITE[claim] in words
        sure = gains[claim] < (2 * RESTED if opposite else RESTED)
    else:
        agrees, sure = False, rests and max(gains.values()) < RESTED
    return compare(
        agrees,
        sure=sure and trusted,
        believed=camera.confidence >= 0.4,
        confidence=camera.confidence,
        measured=_camera_words(motion),
        frames=_spread(steps),
        instead=list(camera.motion) if span is None else motion,
    )


def _check_stability(word: str, evidence: Evidence, steps: list[CameraSample]) -> Verdict:
    measured = evidence.camera.stability
    far = {word, measured} == {"stable", "shaky"}
    return compare(
        word == measured or {word, measured} == {"handheld", "shaky"},
        sure=far and evidence.camera.confidence >= SURE_CAMERA,
        believed=bool(measured) and evidence.camera.confidence >= 0.4,
        confidence=evidence.camera.confidence,
        measured=f"the picture is {measured}",
        frames=_spread(steps),
        instead=measured,
    )


def _steps(evidence: Evidence, span: Span) -> list[CameraSample]:
    start, end = span or (0.0, float("inf"))
    return [step for step in evidence.camera.path if start - 1e-3 <= step.t <= end + 1e-3]


def _motion(evidence: Evidence, span: Span) -> list[str]:
    """The primitives of a part of the clip; *static* where none was found in it."""
    if span is None:
        return list(evidence.camera.motion)
    found: list[str] = []
    for part in evidence.camera.segments:
        overlap = min(part.end, span[1]) - max(part.start, span[0])
        if overlap > 0.1 or (overlap > 0 and overlap >= 0.5 * (part.end - part.start)):
            found += [word for word in part.motion if word not in found and word != "static"]
    return found or ["static"]


def _gain(steps: list[CameraSample], name: str, evidence: Evidence) -> float:
    """The farthest that the picture gets one way within a shot, frame sizes."""
    part, sign = COMPONENTS[name]
    best = total = lowest = 0.0
    before = steps[0].t
    for step in steps:
        if any(before < shot.start <= step.t for shot in evidence.shots):
            total = lowest = 0.0  # a step across a cut says nothing
        elif step.inliers > 0:
            value = getattr(step, part)
            if part == "zoom":
                value = float(np.log(max(value, 1e-3))) * 0.35
            elif part == "roll":
                value = float(np.radians(value)) * 0.35
            total += sign * value
        lowest = min(lowest, total)
        best = max(best, total - lowest)
        before = step.t
    return best


def _camera_words(motion: list[str]) -> str:
    moves = [en.CAMERA_VERBS[word] for word in motion if word in en.CAMERA_VERBS]
    return f"the camera {en.join(moves)}" if moves else "the camera stays still"


def _spread(steps: list[CameraSample]) -> list[float]:
    return [round(steps[i].t, 3) for i in pick_evenly(len(steps), 4)]


def _scene_frames(evidence: Evidence) -> list[float]:
    return _spread(evidence.camera.path) if evidence.camera.path else [0.0]


def check_place(word: str, evidence: Evidence) -> Verdict:
    """``indoor`` or ``outdoor``."""
    place = evidence.place
    known = place.label != "unknown"
    return compare(
        word == place.label,
        sure=known and place.confidence >= SURE_PLACE,
        confidence=place.confidence,
        measured=f"the scene is {place.label}" if known else "",
        frames=_scene_frames(evidence),
        instead=place.label if known else None,
    )


def check_time_of_day(word: str, evidence: Evidence) -> Verdict:
    """``day`` or ``night``; dawn and dusk are not measured."""
    light = evidence.light
    return compare(
        word == light.time_of_day,
        sure={word, light.time_of_day} == {"day", "night"} and light.confidence >= SURE_TIME,
        confidence=light.confidence,
        measured=f"it is {light.time_of_day}" if light.time_of_day else "",
        frames=_scene_frames(evidence),
        instead=light.time_of_day or None,
    )


def check_shot_type(word: str, evidence: Evidence, span: Span = None) -> Verdict:
    """Sizes that lie next to each other are not argued about."""
    measured = evidence.framing.shot_type
    if span is not None:
        for index, shot in enumerate(evidence.shots):
            if shot.start <= (span[0] + span[1]) / 2 < shot.end:
                types = evidence.framing.shots
                measured = types[index] if index < len(types) else ""
    if measured not in _SIZES or word not in _SIZES:
        return Verdict()
    apart = abs(_SIZES.index(word) - _SIZES.index(measured))
    return compare(
        apart == 0,
        sure=apart >= 2 and evidence.framing.confidence >= SURE_FRAMING,
        confidence=evidence.framing.confidence,
        measured=f"it is a {measured.replace('_', ' ')}",
        frames=_scene_frames(evidence),
        instead=measured,
    )


def check_shot_angle(word: str, evidence: Evidence) -> Verdict:
    """A picture from above or below is not one from eye level, and the other way round."""
    measured = evidence.framing.shot_angle
    if not measured or measured == "other":
        return Verdict()
    above = {"high_angle", "overhead"}
    return compare(
        word == measured,
        sure=not {word, measured} <= above and evidence.framing.confidence >= SURE_FRAMING,
        confidence=evidence.framing.confidence,
        measured=f"the camera angle is {measured.replace('_', ' ')}",
        frames=_scene_frames(evidence),
        instead=measured,
    )
