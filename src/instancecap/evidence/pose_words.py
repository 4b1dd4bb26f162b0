"""Body words by the geometry of joints: sitting, standing, walking, lying, arms raised.

Limits are angles, and lengths over the trunk or the body, so that size and side do not matter. They
are those of anatomy (a thigh of a sitting body lies, that of a standing one hangs), set by hand: no
labelled set was at hand to fit them to. A joint that is not seen decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.schema.evidence import CameraSample, PoseSpan
from instancecap.schema.vocabulary import PoseWord

Array = NDArray[np.float64]

JOINTS = 17
"""In COCO's order: nose, eyes, ears, then the left and the right shoulder, elbow, wrist, hip, knee
and ankle."""

SHOULDERS, ELBOWS, WRISTS = (5, 6), (7, 8), (9, 10)
HIPS, KNEES, ANKLES = (11, 12), (13, 14), (15, 16)

SEEN = 0.4
"""Score from which a joint counts."""

UPRIGHT, LEANS, LIES = 30.0, 50.0, 60.0
"""Degrees from the vertical up to which a trunk stands and sits, and from which it lies."""

HANGS, SWINGS = 35.0, 45.0
"""Degrees from the vertical of a thigh that bears, and of the other leg's at most."""

SEATED = (55.0, 120.0)
"""Degrees from the vertical, downward, of a thigh that is seen from the side and lies on a seat."""

STRAIGHT, SQUAT = 150.0, 60.0
"""Degrees of a knee that is straight, at least, and of one that squats, at most."""

SHORT, LONG = 0.5, 0.5
"""Lengths over the trunk's: of a thigh that points at the camera, at most; of a shin, at least."""

RAISED, ELBOW_DROP = 0.45, 0.1
"""Heights over the trunk's length: of a raised wrist above its shoulder, at least; of its elbow
below it, at most."""

STEP_SECONDS, LONGEST_GAP, SHORTEST = 1.0, 0.6, 0.5
"""Seconds over which walking is told, between two samples of one stretch at most, and of a
stretch at least."""

TRAVEL, STRIDE, LIFT, FASTEST = 0.3, 0.25, 0.08, 1.5
"""Over the height from ankles to shoulders: how far the hips go in a second of walking at least,
how much the ankles' distance changes along the way or in height, and how far they go at most, for
who is faster runs or rides."""

NEARER = 0.08
"""Logarithm of the trunk's growth in a second from which the body comes toward the camera."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A body at one time.

    Attributes:
        joints: (17, 2), to the right and down, in frame heights, in the picture of the shot's first
            moment: see :func:`carry_back`.
        scores: (17,) in 0..1.
    """

    t: float
    joints: Array
    scores: Array

    def middle(self, pair: tuple[int, int]) -> Array | None:
        """Of the left and the right joint, or the one that is seen; None where none is."""
        seen = [index for index in pair if self.scores[index] >= SEEN]
        return self.joints[seen].mean(axis=0) if seen else None

    def sure(self, *indices: int) -> bool:
        """Whether all these joints are seen."""
        return bool((self.scores[list(indices)] >= SEEN).all())


def carry_back(points: Array, path: Sequence[CameraSample], *, aspect: float) -> Array:
    """Points (n, 2) of a frame, in frame heights, as they lay in the picture before ``path``: the
    camera's shift, zoom and roll since then taken away."""
    center = np.array([aspect / 2, 0.5])
    for step in reversed(path):
        turn = np.radians(step.roll)
        a, b = step.zoom * np.cos(turn), step.zoom * np.sin(turn)
        shifted = points - center - np.array([step.dx * aspect, step.dy])
        points = center + np.linalg.solve(np.array([[a, -b], [b, a]]), shifted.T).T
    return points


def pose_words(skeletons: Sequence[Skeleton]) -> list[PoseSpan]:
    """The words that hold for half a second or more, of the skeletons of one body in one shot."""
    postures = [_posture(one) for one in skeletons]
    upright = [word == "standing" for word, _ in postures]
    walks = _walking(skeletons, upright)
    told = [
        ("walking", sure) if walking else (word, sure)
        for (word, sure), walking in zip(postures, walks, strict=True)
    ]
    arms = [_arms(one) for one in skeletons]
    times = [one.t for one in skeletons]
    spans = [*_stretches(times, told), *_stretches(times, arms)]
    return sorted(spans, key=lambda one: (one.start, one.word))


Word = tuple["PoseWord | None", float]
"""A word and the score of the least sure joint that it rests on."""


def _posture(body: Skeleton) -> Word:
    shoulders, hips = body.middle(SHOULDERS), body.middle(HIPS)
    if shoulders is None or hips is None:
        return None, 0.0
    trunk = shoulders - hips
    length = float(np.hypot(*trunk))
    legs = [
        _Leg.of(body, side, length)
        for side in (0, 1)
        if body.sure(HIPS[side], KNEES[side]) and length > 0
    ]
    if not legs:
        return None, 0.0
    tilt = _from_vertical(-trunk)
    joints = [i for i in (*SHOULDERS, *HIPS, *KNEES) if body.scores[i] >= SEEN]
    sure = float(body.scores[joints].min())
    rules: tuple[tuple[PoseWord, bool], ...] = (
        ("lying", tilt >= LIES and all(leg.tilt >= LEANS for leg in legs)),
        ("standing", tilt <= UPRIGHT and _bears(legs)),
        ("sitting", tilt <= LEANS and all(leg.is_seated for leg in legs)),
    )
    return next(((word, sure) for word, holds in rules if holds), (None, 0.0))


@dataclass(frozen=True, slots=True)
class _Leg:
    """A leg by its angles in degrees; ``knee`` and ``shin`` are None where no ankle is seen.

    Lengths are over the trunk's.
    """

    tilt: float
    thigh: float
    knee: float | None = None
    shin: float | None = None
    shin_tilt: float = 0.0

    @classmethod
    def of(cls, body: Skeleton, side: int, trunk: float) -> _Leg:
        hip, knee, ankle = (body.joints[pair[side]] for pair in (HIPS, KNEES, ANKLES))
        tilt, thigh = _from_vertical(knee - hip), float(np.hypot(*(knee - hip))) / trunk
        if not body.sure(ANKLES[side]):
            return cls(tilt, thigh)
        shin = ankle - knee
        angle = _between(hip - knee, shin)
        return cls(tilt, thigh, angle, float(np.hypot(*shin)) / trunk, _from_vertical(shin))

    @property
    def is_seated(self) -> bool:
        """Whether the thigh lies: seen from the side, or pointing at the camera."""
        if self.knee is not None and self.knee < SQUAT:
            return False
        if self.thigh >= SHORT:
            return SEATED[0] <= self.tilt <= SEATED[1]
        return self.shin is not None and self.shin >= LONG and self.shin_tilt <= HANGS


def _bears(legs: Sequence[_Leg]) -> bool:
    """Whether one leg is straight under the body, and the other not lifted far."""
    straight = [
        leg.tilt <= HANGS and leg.knee is not None and leg.knee >= STRAIGHT and leg.thigh >= SHORT
        for leg in legs
    ]
    return any(straight) and all(leg.tilt <= SWINGS for leg in legs)


def _arms(body: Skeleton) -> Word:
    shoulders, hips = body.middle(SHOULDERS), body.middle(HIPS)
    arms = [i for pair in (SHOULDERS, ELBOWS, WRISTS) for i in pair]
    if shoulders is None or hips is None or not body.sure(*arms):
        return None, 0.0
    trunk = shoulders - hips
    length = float(np.hypot(*trunk))
    if _from_vertical(-trunk) > LEANS or not length:
        return None, 0.0
    height = body.joints[:, 1]
    raised = [
        height[shoulder] - height[wrist] >= RAISED * length
        and height[elbow] - height[shoulder] <= ELBOW_DROP * length
        for shoulder, elbow, wrist in zip(SHOULDERS, ELBOWS, WRISTS, strict=True)
    ]
    words: dict[int, PoseWord | None] = {0: None, 1: "arm_raised", 2: "arms_raised"}
    return words[sum(map(bool, raised))], float(body.scores[arms].min())


def _walking(bodies: Sequence[Skeleton], upright: Sequence[bool]) -> list[bool]:
    """Whether each sample lies in a second in which the body goes on foot."""
    found = [False] * len(bodies)
    for run in _runs([one.t for one in bodies], upright.__getitem__):
        for index, first in enumerate(run):
            window = [at for at in run[index:] if bodies[at].t <= bodies[first].t + STEP_SECONDS]
            if _goes_on_foot([bodies[at] for at in window]):
                for at in window:
                    found[at] = True
    return found


def _goes_on_foot(bodies: Sequence[Skeleton]) -> bool:
    seen = [one for one in bodies if one.sure(*ANKLES)]
    if len(seen) < 3 or seen[-1].t - seen[0].t < 0.7 * STEP_SECONDS:
        return False
    seconds = seen[-1].t - seen[0].t
    ankles = np.array([one.joints[list(ANKLES)] for one in seen])
    hips = np.array([one.middle(HIPS) for one in seen])
    shoulders = np.array([one.middle(SHOULDERS) for one in seen])
    height = float(np.median(np.hypot(*(ankles.mean(axis=1) - shoulders).T)))
    trunks = np.hypot(*(shoulders - hips).T)
    if height <= 0 or trunks.min() <= 0:
        return False
    speed = float(np.hypot(*(hips[-1] - hips[0]))) / height / seconds
    nearer = abs(float(np.log(trunks[-2:].mean() / trunks[:2].mean()))) / seconds
    apart = np.ptp(ankles[:, 0] - ankles[:, 1], axis=0) / height
    steps = apart[0] >= STRIDE or apart[1] >= LIFT
    return bool(steps and (speed >= TRAVEL or nearer >= NEARER) and speed <= FASTEST)


def _stretches(times: Sequence[float], told: Sequence[Word]) -> Iterator[PoseSpan]:
    for word in dict.fromkeys(word for word, _ in told if word is not None):
        for run in _runs(times, lambda at, word=word: told[at][0] == word):  # type: ignore[misc]
            if times[run[-1]] - times[run[0]] >= SHORTEST:
                sure = float(np.mean([told[at][1] for at in run]))
                yield PoseSpan(
                    start=times[run[0]], end=times[run[-1]], word=word, confidence=round(sure, 3)
                )


def _runs(times: Sequence[float], holds: Callable[[int], bool]) -> list[list[int]]:
    """Samples for which something holds, as runs without a longer gap."""
    runs: list[list[int]] = []
    for at in filter(holds, range(len(times))):
        if runs and times[at] - times[runs[-1][-1]] <= LONGEST_GAP:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _from_vertical(vector: Array) -> float:
    """Degrees between a vector and straight down."""
    return float(np.degrees(np.arctan2(abs(vector[0]), vector[1])))


def _between(one: Array, other: Array) -> float:
    """Degrees between two vectors."""
    scale = float(np.hypot(*one) * np.hypot(*other))
    if not scale:
        return 0.0
    return float(np.degrees(np.arccos(np.clip(np.dot(one, other) / scale, -1.0, 1.0))))
