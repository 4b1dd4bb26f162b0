"""From the camera's path to primitives, speed and stability.

The path is split into its slow part, which somebody meant, and the trembling around it. A
primitive is said for a stretch in which the slow part keeps one direction long and far enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from instancecap.evidence.experts.camera_path import (
    PoseStep,
    net_motion,
    shot_path,
    smoothed,
    steps_of,
)
from instancecap.evidence.experts.parallax import Expansion, Parallax, travels_forward
from instancecap.evidence.thresholds import CAMERA
from instancecap.schema.evidence import CameraFacts, CameraSample, CameraSegment, Shot
from instancecap.schema.vocabulary import Primitive, Speed, Stability

Array = NDArray[np.float64]

NAMES: tuple[tuple[Primitive, Primitive], ...] = (
    ("pan_left", "pan_right"),
    ("tilt_up", "tilt_down"),
    ("zoom_in", "zoom_out"),
    ("roll_ccw", "roll_cw"),
)
"""Per component, the word for a positive and for a negative path: the camera's own direction."""

TRAVELS: dict[Primitive, Primitive] = {
    "pan_left": "move_left",
    "pan_right": "move_right",
    "tilt_up": "move_up",
    "tilt_down": "move_down",
    "zoom_in": "move_in",
    "zoom_out": "move_out",
}
"""What a movement is called when parallax proves that the camera travels."""

ARCS: dict[Primitive, Primitive] = {"pan_left": "arc_ccw", "pan_right": "arc_cw"}
"""A turn against the travel: clockwise, as seen from above, goes left and turns right."""


MIN_ARC = (0.15, 0.5)
"""The smaller over the larger of a turn and a travel against it from which a camera model's poses
show an arc: where the turn is larger (a hand that turns at arm's length before a background ten
times as far away gives 0.1), and where the travel is."""


@dataclass(frozen=True, slots=True)
class _Run:
    component: int
    first: int
    last: int
    net: float
    rate: float
    word: Primitive


@dataclass(frozen=True, slots=True)
class ShotMotion:
    """The camera's movement in one shot.

    Attributes:
        features: what its probability follows from (:func:`move_features`, or of a camera that
            rests :func:`rest_features`); empty where nothing could be followed.
        confidence: that probability.
    """

    motion: list[Primitive]
    segments: list[CameraSegment]
    rate: float
    tremble: float
    features: tuple[float, ...] = ()
    confidence: float = 0.0


def describe_camera(
    path: Sequence[CameraSample],
    shots: Sequence[Shot],
    *,
    aspect: float,
    parallax: Sequence[Parallax] = (),
    expansions: Sequence[Expansion] = (),
    poses: Sequence[PoseStep] = (),
) -> tuple[CameraFacts, list[list[Primitive]]]:
    """Facts for the whole clip, and the primitives of each shot. ``aspect`` is width / height.

    A step across a cut says nothing and is left out.
    """
    per_shot = []
    for shot in shots:
        per_shot.append(
            shot_motion(
                steps_of(path, shot, shots),
                start=shot.start,
                end=shot.end,
                aspect=aspect,
                parallax=parallax,
                expansions=expansions,
                poses=poses,
            )
        )
    durations = [shot.end - shot.start for shot in shots]
    motion: list[Primitive] = _union([item.motion for item in per_shot], durations)
    known = [item for item in per_shot if item.motion]
    stability = _stability(max(item.tremble for item in known)) if known else ""
    if stability == "shaky":
        motion = [*(name for name in motion if name != "static"), "shaky"]
    moving = [item.rate for item in known if item.motion != ["static"]]
    facts = CameraFacts(
        motion=motion,
        speed=_speed(max(moving)) if moving else "",
        stability=stability,
        confidence=round(min((item.confidence for item in per_shot), default=0.0), 3),
        segments=[segment for item in known for segment in item.segments],
        path=list(path),
    )
    return facts, [item.motion for item in per_shot]


def _stability(tremble: float) -> Stability:
    return (
        "stable" if tremble < CAMERA.steady else "handheld" if tremble < CAMERA.shaky else "shaky"
    )


def _speed(rate: float) -> Speed:
    return "slow" if rate < CAMERA.slow else "moderate" if rate < CAMERA.fast else "fast"


def shot_motion(
    steps: Sequence[CameraSample],
    *,
    start: float,
    end: float,
    aspect: float,
    parallax: Sequence[Parallax] = (),
    expansions: Sequence[Expansion] = (),
    poses: Sequence[PoseStep] = (),
) -> ShotMotion:
    """Primitives, segments (seconds from the clip's start), rate and tremble of one shot."""
    known = [step for step in steps if step.inliers > 0]
    if len(known) < 2:
        motion: list[Primitive] = ["static"] if known else []
        return ShotMotion(motion, [], 0.0, 0.0, confidence=0.3 if known else 0.0)
    times, position = shot_path(known, start=start, aspect=aspect)
    smooth = smoothed(times, position)
    trembling = (position - smooth)[:, :2]
    tremble = float(np.sqrt((trembling**2).sum(axis=1).mean()))
    runs = _without_sway(_runs(times, smooth, position))
    runs = [run for run in runs if _lasts(run, times, position, end - start)]
    main = max((abs(run.net) for run in runs), default=0.0)
    zoom = max((abs(run.net) for run in runs if _is_zoom(run)), default=0.0)
    kept = [run for run in runs if abs(run.net) >= _side_effect(run, smooth, main, zoom)]
    features = move_features(kept) if kept else rest_features(smooth)
    weights = CAMERA.sure_move if kept else CAMERA.sure_rest
    kept = [_with_travel(run, kept, times, parallax, expansions, poses) for run in kept]
    segments = _segments(kept, times, start=start, end=end)
    rate = max((abs(run.rate) for run in kept), default=0.0)
    words = ordered({run.word for run in kept}) or ["static"]
    probability = float(expit(np.dot(weights, features)))
    return ShotMotion(words, segments, rate, tremble, features, probability)


def move_features(runs: Sequence[_Run]) -> tuple[float, ...]:
    """How far the largest movement goes, and whether it is a zoom: hands drift by as much as a
    short turn, and nobody zooms by accident."""
    main = max(runs, key=lambda run: abs(run.net))
    return 1.0, float(np.log(abs(main.net) / CAMERA.min_net)), float(_is_zoom(main))


def rest_features(smooth: Array) -> tuple[float, ...]:
    """How far a camera that rests drifts."""
    drift = float(np.ptp(smooth, axis=0).max()) + CAMERA.least_drift
    return 1.0, float(np.log(drift / CAMERA.min_net))


def _without_sway(runs: Sequence[_Run]) -> list[_Run]:
    """Leave out small runs that another run undoes: who walks sways, and means none of it."""
    kept = []
    for run in runs:
        against = [
            abs(other.net)
            for other in runs
            if other.component == run.component and other.net * run.net < 0
        ]
        if abs(run.net) >= CAMERA.min_of_opposite * max(against, default=0.0):
            kept.append(run)
    return kept


def _lasts(run: _Run, times: Array, position: Array, seconds: float) -> bool:
    """Whether a run takes up enough of a shot of ``seconds``, and is no jump of a step or two."""
    long = float(times[run.last] - times[run.first]) >= CAMERA.min_lasts * seconds
    path = position[run.first : run.last + 1, run.component]
    largest = np.sort(np.diff(path) * np.sign(run.net))[-2:].sum()
    return long and (len(times) <= 4 or float(largest) < CAMERA.most_of_jump * abs(run.net))


def _is_zoom(run: _Run) -> bool:
    return NAMES[run.component][0] == "zoom_in"


def _side_effect(run: _Run, smooth: Array, main: float, zoom: float) -> float:
    """Travel up to which a run may be a side effect of the strongest movement, or of a zoom.

    A turn that follows another one, while that one rests, is no side effect of it.
    """
    least = CAMERA.min_of_all * main
    if _is_zoom(run):
        return least
    meanwhile = float(np.abs(smooth[run.last] - smooth[run.first]).max())
    return max(least, CAMERA.min_of_main * meanwhile, CAMERA.min_of_zoom * zoom)


def _runs(times: Array, smooth: Array, position: Array) -> list[_Run]:
    """Stretches in which a component keeps one direction long and far enough."""
    runs = []
    for component in range(4):
        rate = np.diff(smooth[:, component]) / np.diff(times)
        sign = np.where(np.abs(rate) < CAMERA.min_rate, 0, np.sign(rate))
        for first, last in _equal_stretches(sign):
            if sign[first] == 0:
                continue
            net = float(position[last + 1, component] - position[first, component])
            if abs(net) >= CAMERA.min_net and net * sign[first] > 0:
                seconds = float(times[last + 1] - times[first])
                runs.append(
                    _Run(component, first, last + 1, net, net / seconds, _word(component, net))
                )
    return runs


def _equal_stretches(values: Array) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    return list(zip([0, *edges.tolist()], [*(edges - 1).tolist(), len(values) - 1], strict=True))


def _word(component: int, net: float) -> Primitive:
    positive, negative = NAMES[component]
    return positive if net > 0 else negative


def _with_travel(
    run: _Run,
    runs: Sequence[_Run],
    times: Array,
    parallax: Sequence[Parallax],
    expansions: Sequence[Expansion],
    poses: Sequence[PoseStep],
) -> _Run:
    """The run with the word for a travel, or for an arc, where poses or parallax prove one.

    Ground that comes nearer towards the bottom moves up or down as the camera goes forward or
    back over it, so beside a zoom a tilt is left a tilt.
    """
    if run.word not in TRAVELS:
        return run
    begin, end = float(times[run.first]), float(times[run.last])
    zooms = any(r.component == 2 and r.first < run.last and r.last > run.first for r in runs)
    if meanwhile := [one for one in poses if begin < one.t <= end]:
        return replace(run, word=_posed_word(run, meanwhile, zooms=zooms))
    if _is_zoom(run) and travels_forward([one for one in expansions if begin < one.t <= end]):
        return replace(run, word=TRAVELS[run.word])
    seen = [item for item in parallax if begin <= (item.start + item.end) / 2 <= end]
    along = [
        item for item in seen if item.proven and abs(item.axis[run.component]) >= CAMERA.min_axis
    ]
    seconds = np.array([item.end - item.start for item in along])
    enough = len(along) >= 2 or seconds.sum() >= CAMERA.min_proven * (end - begin)
    if not enough or seconds.sum() < CAMERA.min_proven * sum(
        item.end - item.start for item in seen
    ):
        return run
    if run.component == 1 and zooms:
        return run
    if run.component == 0:
        lead = float(np.average([item.lead[0] for item in along], weights=seconds))
        lead *= np.sign(run.net)
        if lead <= -CAMERA.min_against and not zooms:
            return replace(run, word=ARCS[run.word])
        if lead < CAMERA.min_lead:
            return run
    return replace(run, word=TRAVELS[run.word])


def _posed_word(run: _Run, steps: Sequence[PoseStep], *, zooms: bool) -> Primitive:
    """What poses call a movement: the larger part of it; an arc turns against its travel."""
    turn, travel = net_motion(steps, run.component)
    travels = abs(travel) > abs(turn)
    smaller, larger = sorted([abs(turn), abs(travel)])
    against = turn * travel < 0 and smaller >= MIN_ARC[travels] * larger
    if run.component == 0 and against and not zooms:
        return ARCS[_word(0, turn)]
    return TRAVELS[run.word] if travels else run.word


def ordered(words: set[Primitive]) -> list[Primitive]:
    """The words in a fixed order: by component, a turn before a travel before an arc."""
    kinds = ({name: name for pair in NAMES for name in pair}, TRAVELS, ARCS)
    return [
        kind[name] for pair in NAMES for kind in kinds for name in pair if kind.get(name) in words
    ]


def _segments(
    runs: Sequence[_Run], times: Array, *, start: float, end: float
) -> list[CameraSegment]:
    """The shot cut where the set of movements changes."""
    edges = sorted({0, len(times) - 1, *(r.first for r in runs), *(r.last for r in runs)})
    segments: list[CameraSegment] = []
    for first, last in pairwise(edges):
        words = {run.word for run in runs if run.first <= first and run.last >= last}
        motion = ordered(words) or ["static"]
        stop = end if last == len(times) - 1 else float(times[last])
        begin = segments[-1].end if segments else start
        if segments and (segments[-1].motion == motion or stop - begin < CAMERA.smoothing):
            segments[-1] = segments[-1].model_copy(update={"end": round(stop, 3)})
        else:
            segments.append(CameraSegment(start=begin, end=round(stop, 3), motion=motion))
    return segments


def _union(motions: Sequence[list[Primitive]], durations: Sequence[float]) -> list[Primitive]:
    """The clip's movements: those of shots that make up a tenth of it or more."""
    total = sum(durations) or 1.0
    share: dict[Primitive, float] = {}
    for motion, duration in zip(motions, durations, strict=True):
        for word in motion:
            share[word] = share.get(word, 0.0) + duration / total
    words = ordered({word for word, part in share.items() if part >= 0.1})
    return words or (["static"] if any(motions) else [])
