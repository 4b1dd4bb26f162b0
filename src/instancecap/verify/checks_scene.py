"""Checks of what is claimed of numbers, the camera, the framing, the light, and the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, get_args

import numpy as np

from instancecap.evidence.geometry import areas, pairwise_coverage
from instancecap.language import en
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.vocabulary import ShotType
from instancecap.verify.claims import Claim, Kind, Verdict, outcome
from instancecap.verify.lexicon import Noun
from instancecap.verify.naming import ClassMatch, held_match
from instancecap.verify.speech import check_speech
from instancecap.verify.thresholds import LIMITS
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
_SIZES: tuple[str, ...] = get_args(ShotType)[:-1]


def _judge(
    evidence: Evidence, agrees: bool, confidence: float, measured: str, instead: Any, fact: str,
    *, sure: bool, believed: bool = True,
) -> Verdict:  # fmt: skip
    times = [step.t for step in evidence.camera.path] or [0.0]
    frames = [round(times[i], 3) for i in pick_evenly(len(times), 4)]
    support = outcome(agrees, sure=sure, believed=believed)
    return Verdict(support, confidence, measured, frames, instead, fact)


def check_camera(claim: Claim, evidence: Evidence) -> Verdict:
    """A primitive of the schema, or a word for the stability, against the camera's path."""
    camera, word = evidence.camera, claim.value
    if not camera.path or not camera.motion:
        return Verdict()
    believed = camera.confidence >= LIMITS.camera_believed
    if word in ("stable", "handheld", "shaky"):
        pair = {word, camera.stability}
        return _judge(
            evidence, pair in ({word}, {"handheld", "shaky"}), camera.confidence,
            f"the picture is {camera.stability}", camera.stability, "",
            sure=pair == {"stable", "shaky"} and camera.confidence >= LIMITS.camera_sure,
            believed=believed,
        )  # fmt: skip
    gains = {name: _gain(evidence, name) for name in COMPONENTS}
    agrees, sure = _compare_motion(claim, camera.motion, gains)
    inliers = float(np.median([step.inliers for step in camera.path]))
    trusted = camera.confidence >= LIMITS.camera_sure and inliers >= LIMITS.camera_inliers
    moves = [en.CAMERA_VERBS[word] for word in camera.motion]
    fact = "" if _is_said(word, evidence) else _camera_fact(word, camera.motion)
    return _judge(
        evidence, agrees, camera.confidence, f"the camera {en.join(moves)}", list(camera.motion),
        fact, sure=sure and trusted and len(camera.path) >= 5,
        believed=believed,
    )  # fmt: skip


def _compare_motion(
    claim: Claim, motion: Sequence[str], gains: dict[str, float]
) -> tuple[bool, bool]:
    """Whether a movement agrees with the measured ones; whether it surely does not."""
    words = {FOLDED.get(one, one) for one in motion} & COMPONENTS.keys()
    folded = FOLDED.get(claim.value, claim.value)
    if folded == "static":
        moved = bool(words) and max(gains[one] for one in words) >= LIMITS.picture_moved
        return "static" in motion, moved
    if folded in words:
        # Who walks with a camera sways: of two opposite turns the smaller may not be meant.
        other = gains[OPPOSITE[folded]] if OPPOSITE[folded] in words else 0.0
        return gains[folded] >= 0.5 * other or claim.span is not None, False
    if folded in COMPONENTS:
        least = LIMITS.picture_rested * (2 if OPPOSITE[folded] in words else 1)
        return False, gains[folded] < least
    return folded in motion, not words and max(gains.values()) < LIMITS.picture_rested


def _is_said(word: str, evidence: Evidence) -> bool:
    """Whether one of several experts on the camera says so, though it does not hold."""
    said = {FOLDED.get(one.value, one.value) for one in evidence.opinions if not one.holds}
    return FOLDED.get(word, word) in said


def _camera_fact(word: str, motion: Sequence[str]) -> str:
    """The kind of measured fact that speaks against a movement."""
    if OPPOSITE.get(FOLDED.get(word, word)) in {FOLDED.get(one, one) for one in motion}:
        return "camera.direction"
    moves = [one for one in motion if one not in ("tracking", "shaky")]
    kind = moves[0].split("_")[0] if moves else "static"
    return f"camera.{'travel' if kind in ('move', 'arc') else kind}"


def _gain(evidence: Evidence, name: str) -> float:
    """The farthest that the picture gets one way within a shot, frame sizes."""
    part, sign = COMPONENTS[name]
    best = total = lowest = 0.0
    before = evidence.camera.path[0].t
    for step in evidence.camera.path:
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


def check_label(claim: Claim, evidence: Evidence) -> Verdict:
    """Indoors or outdoors, day or night, shot size and shot angle, by the word for each."""
    kind, word = claim.kind, claim.value
    light, place, framing = evidence.light, evidence.place, evidence.framing
    measured, confidence, least, names = {
        "place": (place.label, place.confidence, LIMITS.place_sure, en.PLACES),
        "time_of_day": (light.time_of_day, light.confidence, LIMITS.time_sure,
                        en.TIME_OF_DAY_NAMES),
        "shot_type": (framing.shot_type, framing.confidence, LIMITS.framing_sure, en.SHOT_TYPES),
        "shot_angle": (framing.shot_angle, framing.confidence, LIMITS.framing_sure,
                       en.SHOT_ANGLES),
    }[kind]  # fmt: skip
    if measured not in names:
        return Verdict()
    sure = _are_apart(kind, word, measured) and confidence >= least
    words = f"it is {names[measured]}"
    return _judge(evidence, word == measured, confidence, words, measured, kind, sure=sure)


def _are_apart(kind: str, word: str, measured: str) -> bool:
    """Whether two words cannot both be right: neighbors are not argued about."""
    if kind == "shot_type":
        known = word in _SIZES
        return known and abs(_SIZES.index(word) - _SIZES.index(measured)) >= 2
    if kind == "shot_angle":
        return not {word, measured} <= {"high_angle", "overhead"}
    return kind == "place" or {word, measured} == {"day", "night"}


SCENE_CHECKS: dict[Kind, Callable[[Claim, Evidence], Verdict]] = {
    "camera": check_camera,
    "place": check_label,
    "time_of_day": check_label,
    "shot_type": check_label,
    "shot_angle": check_label,
    "speech": check_speech,
}
"""A check for each kind of claim, given the evidence of the claim's part of the clip."""


def check_count(noun: Noun, number: int, evidence: Evidence, *, complete: bool) -> Verdict:
    """``complete``: all of the kind are meant. A number of women tells little of all people."""
    fits = {item.id: held_match(noun, item) for item in evidence.instances}
    counted = [
        item
        for item in evidence.instances
        if item.track and fits[item.id] >= ClassMatch.GENERAL and item.confidence >= LIMITS.trusted
    ]
    if not counted or number < 1:
        return Verdict()
    others = [
        item
        for item in evidence.instances
        if item not in counted and fits[item.id] >= ClassMatch.UNKNOWN
    ]
    once, total = _at_once(counted), sum(item.count for item in counted)
    clear = all(item.confidence >= LIMITS.sure and _is_clear(item) for item in counted)
    apart = clear and not _overlap(counted)
    exact = all(item.count == 1 and fits[item.id] is ClassMatch.SAME for item in counted)
    doubt = LIMITS.rival * min(item.salience for item in counted)
    support = outcome(
        number == once == total
        and (number == 1 or apart)
        and all(item.salience < doubt for item in others),
        sure=(number < once and complete and apart)
        or (number > total + sum(item.count for item in others) and clear and exact),
    )
    words = f"there {'is' if once == 1 else 'are'} {en.count_word(once)} "
    words += noun.class_ if once == 1 else en.plural(noun.class_)
    track = counted[0].track
    times = [round(point.t, 3) for point in track[:: max(1, len(track) // 3)]]
    return Verdict(support, min(item.confidence for item in counted), words, times, once)


def _overlap(items: list[InstanceFacts]) -> bool:
    """Whether two of them cover each other most of the time, as one that was found twice does."""
    for first, second in combinations(items, 2):
        there = {round(point.t, 3): point.box for point in second.track}
        pairs = [(p.box, there[round(p.t, 3)]) for p in first.track if round(p.t, 3) in there]
        if pairs:
            mine, other = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
            shared = np.maximum(pairwise_coverage(mine, other), pairwise_coverage(other, mine))
            if float(np.median(shared)) > 0.5:
                return True
    return False


def _at_once(items: list[InstanceFacts]) -> int:
    """The most that are seen at once for a while; between two detections an instance is there."""
    times = np.unique([point.t for item in items for point in item.track])
    there = np.zeros(len(times), int)
    for item in items:
        there += item.count * ((times >= item.track[0].t) & (times <= item.track[-1].t))
    return int(np.sort(there)[-min(int(LIMITS.at_once), len(there))])


def _is_clear(item: InstanceFacts) -> bool:
    """Whether it is large: where they are tiny, more are missed."""
    return float(np.median(areas(np.array([p.box for p in item.track])))) >= LIMITS.clear_area


def check_presence(noun: Noun, evidence: Evidence) -> Verdict:
    """Whether there is one. What was not found may have been missed: that proves nothing."""
    found = [
        item
        for item in evidence.instances
        if item.track and held_match(noun, item) >= ClassMatch.GENERAL
    ]
    best = max(found, key=lambda item: item.confidence, default=None)
    if best is None or best.confidence < LIMITS.trusted:
        return Verdict()
    time = round(best.track[len(best.track) // 2].t, 3)
    return Verdict("supported", best.confidence, f"there is {en.article(best.class_)}", [time])
