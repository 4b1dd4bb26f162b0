"""Checks of what is claimed of the camera, the framing, the light, and the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, get_args

import numpy as np

from instancecap.language import en
from instancecap.schema.evidence import CameraSample, Evidence
from instancecap.schema.vocabulary import ShotType
from instancecap.verify.claims import Claim, Kind
from instancecap.verify.thresholds import LIMITS
from instancecap.verify.verdict import Verdict, compare
from instancecap.video.sampling import pick_evenly

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

_SIZES: tuple[str, ...] = tuple(word for word in get_args(ShotType) if word != "other")
_ABOVE = {"high_angle", "overhead"}


class SceneCheck(Protocol):
    """Holds one kind of claim about the whole picture against evidence."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        """The verdict on the claim, as if it were not negated. ``evidence`` is of its span."""
        ...


class CameraCheck:
    """A primitive of the schema, or a word for the stability, against the camera's path."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        camera, word = evidence.camera, claim.value
        if not camera.path or not camera.motion:
            return Verdict()
        if word in ("stable", "handheld", "shaky"):
            return self._check_stability(word, evidence)
        gains = {name: _gain(evidence, name) for name in COMPONENTS}
        agrees, sure = self._compare(claim, camera.motion, gains)
        inliers = float(np.median([step.inliers for step in camera.path]))
        trusted = camera.confidence >= LIMITS.camera_sure and inliers >= LIMITS.camera_inliers
        return compare(
            agrees,
            sure=sure and trusted and len(camera.path) >= 5,
            believed=camera.confidence >= LIMITS.camera_believed,
            confidence=camera.confidence,
            measured=_camera_words(camera.motion),
            frames=_spread(camera.path),
            instead=list(camera.motion),
            fact=self._fact(claim.value, camera.motion),
        )

    @staticmethod
    def _compare(claim: Claim, motion: Sequence[str], gains: dict[str, float]) -> tuple[bool, bool]:
        """Whether a movement agrees with the measured ones; whether it surely does not."""
        words = {FOLDED.get(one, one) for one in motion} - {"tracking", "shaky", "static"}
        folded = FOLDED.get(claim.value, claim.value)
        most = max(gains.values())
        rests = not words and most < LIMITS.picture_rested
        if claim.value == "static":
            moved = bool(words) and max(gains[one] for one in words) >= LIMITS.picture_moved
            return "static" in motion, moved
        if claim.value == "tracking":
            return "tracking" in motion, rests
        if folded in words:
            # Who walks with a camera sways: of two opposite turns the smaller may not be meant.
            other = gains[OPPOSITE[folded]] if OPPOSITE[folded] in words else 0.0
            return gains[folded] >= 0.5 * other or claim.span is not None, False
        if folded in COMPONENTS:
            least = LIMITS.picture_rested * (2 if OPPOSITE[folded] in words else 1)
            return False, gains[folded] < least
        return False, rests

    @staticmethod
    def _fact(word: str, motion: Sequence[str]) -> str:
        """The kind of measured fact that speaks against a movement."""
        if OPPOSITE.get(FOLDED.get(word, word)) in {FOLDED.get(one, one) for one in motion}:
            return "camera.direction"
        moves = [one for one in motion if one not in ("tracking", "shaky")]
        kind = moves[0].split("_")[0] if moves else "static"
        return f"camera.{'travel' if kind in ('move', 'arc') else kind}"

    @staticmethod
    def _check_stability(word: str, evidence: Evidence) -> Verdict:
        measured, confidence = evidence.camera.stability, evidence.camera.confidence
        far = {word, measured} == {"stable", "shaky"}
        return compare(
            word == measured or {word, measured} == {"handheld", "shaky"},
            sure=far and confidence >= LIMITS.camera_sure,
            believed=bool(measured) and confidence >= LIMITS.camera_believed,
            confidence=confidence,
            measured=f"the picture is {measured}",
            frames=_spread(evidence.camera.path),
            instead=measured,
        )


def _gain(evidence: Evidence, name: str) -> float:
    """The farthest that the picture gets one way within a shot, frame sizes."""
    part, sign = COMPONENTS[name]
    steps = evidence.camera.path
    best = total = lowest = 0.0
    before = steps[0].t
    for step in steps:
        if any(before < shot.start <= step.t for shot in evidence.shots):
            total = lowest = 0.0  # a step across a cut tells nothing
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


def _camera_words(motion: Sequence[str]) -> str:
    moves = [en.CAMERA_VERBS[word] for word in motion if word in en.CAMERA_VERBS]
    return f"the camera {en.join(moves) or en.CAMERA_VERBS['static']}"


def _spread(steps: Sequence[CameraSample]) -> list[float]:
    return [round(steps[i].t, 3) for i in pick_evenly(len(steps), 4)]


def _frames(evidence: Evidence) -> list[float]:
    return _spread(evidence.camera.path) if evidence.camera.path else [0.0]


class PlaceCheck:
    """``indoor`` or ``outdoor``."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        place = evidence.place
        known = place.label != "unknown"
        return compare(
            claim.value == place.label,
            sure=known and place.confidence >= LIMITS.place_sure,
            confidence=place.confidence,
            measured=f"the scene is {place.label}" if known else "",
            frames=_frames(evidence),
            instead=place.label if known else None,
            fact="place",
        )


class TimeOfDayCheck:
    """``day`` or ``night``; dawn and dusk are not measured."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        light = evidence.light
        opposite = {claim.value, light.time_of_day} == {"day", "night"}
        return compare(
            claim.value == light.time_of_day,
            sure=opposite and light.confidence >= LIMITS.time_sure,
            confidence=light.confidence,
            measured=f"it is {light.time_of_day}" if light.time_of_day else "",
            frames=_frames(evidence),
            instead=light.time_of_day or None,
            fact="time_of_day",
        )


class ShotTypeCheck:
    """Sizes that lie next to each other are not argued about."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        framing = evidence.framing
        if framing.shot_type not in _SIZES or claim.value not in _SIZES:
            return Verdict()
        apart = abs(_SIZES.index(claim.value) - _SIZES.index(framing.shot_type))
        return compare(
            apart == 0,
            sure=apart >= 2 and framing.confidence >= LIMITS.framing_sure,
            confidence=framing.confidence,
            measured=f"it is a {en.SHOT_TYPES[framing.shot_type]}",
            frames=_frames(evidence),
            instead=framing.shot_type,
            fact="shot_type",
        )


class ShotAngleCheck:
    """A picture from above or below is not one from eye level, and the other way round."""

    def check(self, claim: Claim, evidence: Evidence) -> Verdict:
        framing = evidence.framing
        if framing.shot_angle in ("", "other"):
            return Verdict()
        apart = not {claim.value, framing.shot_angle} <= _ABOVE
        return compare(
            claim.value == framing.shot_angle,
            sure=apart and framing.confidence >= LIMITS.framing_sure,
            confidence=framing.confidence,
            measured=f"it is filmed {en.SHOT_ANGLES[framing.shot_angle]}",
            frames=_frames(evidence),
            instead=framing.shot_angle,
            fact="shot_angle",
        )


SCENE_CHECKS: dict[Kind, SceneCheck] = {
    "camera": CameraCheck(),
    "place": PlaceCheck(),
    "time_of_day": TimeOfDayCheck(),
    "shot_type": ShotTypeCheck(),
    "shot_angle": ShotAngleCheck(),
}
