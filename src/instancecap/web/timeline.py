"""What happens when: filmstrip, shots, instances and the camera's path on one axis of time.

Every row becomes static markup, so that it prints and needs no script; the script only moves the
playhead over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraSample
from instancecap.video.sampling import pick_evenly
from instancecap.web.pictures import Pictures

LONGEST_GAP = 0.6
"""Seconds without a sighting after which an instance counts as out of sight."""
CURVE_POINTS = 400
NICE_STEPS = (1.0, 2.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity of the camera's path, as a row of the timeline.

    Attributes:
        name: what the row is called.
        step: its change from one sample to the next, in the camera's own direction.
        least: the smallest value that the top of the row may stand for, so that a camera that
            stands still looks still.
        ahead, back: what a value above and below the zero line means, in words; called with the
            value's size.
    """

    name: str
    step: Callable[[CameraSample], float]
    least: float
    ahead: Callable[[float], str]
    back: Callable[[float], str]


# The path says how the picture moves; the camera moves the other way, but for zoom.
CURVES = (
    Curve("Pan", lambda s: -s.dx, 0.1, lambda v: f"right {v:.0%}", lambda v: f"left {v:.0%}"),
    Curve("Tilt", lambda s: s.dy, 0.1, lambda v: f"up {v:.0%}", lambda v: f"down {v:.0%}"),
    Curve(
        "Zoom",
        lambda s: math.log(max(s.zoom, 1e-3)),
        math.log(1.1),
        lambda v: f"in \N{MULTIPLICATION SIGN}{math.exp(v):.2f}",
        lambda v: f"out \N{MULTIPLICATION SIGN}{math.exp(-v):.2f}",
    ),
    Curve("Roll", lambda s: -s.roll, 2.0, lambda v: f"cw {v:g}°", lambda v: f"ccw {v:g}°"),
)


def visible_runs(track: Sequence[TrackPoint]) -> list[list[TrackPoint]]:
    """Cut a track where the instance is out of sight, so that nothing is drawn in between."""
    steps = sorted(b.t - a.t for a, b in pairwise(track))
    longest = max(LONGEST_GAP, 3 * steps[len(steps) // 2]) if steps else LONGEST_GAP
    runs: list[list[TrackPoint]] = []
    for point in track:
        if runs and point.t - runs[-1][-1].t <= longest:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the axis, in percent of it."""

    left: float
    width: float

    @classmethod
    def of(cls, start: float, end: float, span: float) -> Bar:
        """From two times; one that is too short to be seen is made longer."""
        left, right = (100 * min(max(t / span, 0.0), 1.0) for t in (start, end))
        return cls(left, max(right - left, 0.4))


@dataclass(frozen=True, slots=True)
class ShotBar:
    """A shot, what stands in it, and how it is told to who cannot see it."""

    bar: Bar
    transition: str
    text: str
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """When an instance is visible."""

    name: str
    color: int
    bars: list[Bar]
    label: str
    scale: str


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """A curve of the camera's path: ``x,y`` of its points in a box of 1000 by 100, a line a shot.

    ``top`` and ``bottom`` say what the ends of the row stand for.
    """

    name: str
    label: str
    lines: list[list[str]]
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """All rows of one clip; ``span`` is the length of the axis in seconds.

    Attributes:
        film: pictures, evenly spread over the axis, as data URLs.
        ticks: seconds that are written below.
    """

    span: float
    film: list[str]
    shots: list[ShotBar]
    lanes: list[Lane]
    curves: list[DrawnCurve]
    ticks: list[float]
    has_cuts: bool


def timeline(
    caption: Caption,
    evidence: Evidence,
    pictures: Pictures,
    *,
    span: float,
    tracks: dict[int, list[list[TrackPoint]]],
    colors: dict[int, int],
) -> Timeline:
    """All rows of one clip; ``span`` is the length of the axis in seconds, more than 0."""
    cells = max(4, min(14, round(14 * pictures.height / pictures.width)))
    times = [(cell + 0.5) * span / cells for cell in range(cells)]
    cuts = [shot.start for shot in evidence.shots[1:]]
    path = evidence.camera.path
    step = _nice(span / 5)
    return Timeline(
        span=span,
        film=[pictures.frames[pictures.nearest(t)].thumbnail() for t in times],
        shots=_shots(caption, evidence, span),
        lanes=[
            _lane(f"#{one.id} {one.class_}", tracks.get(one.id, []), colors[one.id], span)
            for one in caption.instances
        ],
        curves=[_draw(curve, path, cuts, span) for curve in CURVES] if path else [],
        ticks=[round(index * step, 3) for index in range(int(span / step + 1e-9) + 1)],
        has_cuts=bool(cuts),
    )


def _shots(caption: Caption, evidence: Evidence, span: float) -> list[ShotBar]:
    motions = {round(shot.start, 2): ", ".join(shot.motion) for shot in caption.shots}
    bars = []
    for number, shot in enumerate(evidence.shots, 1):
        motion = motions.get(round(shot.start, 2), "").replace("_", " ")
        text = f"{number} · {motion}" if motion else f"{number}"
        times = f"{shot.start:.2f} to {shot.end:.2f} s"
        bars.append(
            ShotBar(
                Bar.of(shot.start, shot.end, span),
                shot.transition,
                text,
                title=f"Shot {text}, {times}",
                words=f"shot {text}: {times} ({shot.transition})",
            )
        )
    return bars


def _lane(name: str, runs: Sequence[Sequence[TrackPoint]], color: int, span: float) -> Lane:
    bars = [Bar.of(run[0].t, run[-1].t, span) for run in runs]
    if not runs:
        return Lane(name, color, bars, f"{name} has no track", "not tracked")
    spans = ", ".join(f"{run[0].t:.2f} to {run[-1].t:.2f} s" for run in runs)
    scale = f"{runs[0][0].t:.1f}\N{EN DASH}{runs[-1][-1].t:.1f} s"
    return Lane(name, color, bars, f"{name} is visible: {spans}", scale)


def _draw(
    curve: Curve, path: Sequence[CameraSample], cuts: Sequence[float], span: float
) -> DrawnCurve:
    runs = _accumulate(curve, path, cuts)
    values = [value for run in runs for _, value in run]
    top = _nice_at_least(max(curve.least, *(abs(value) for value in values)), curve)
    most = " and ".join(
        (curve.ahead if value >= 0 else curve.back)(round(abs(value), 2))
        for value in sorted({max(values), min(values)})
        if value
    )
    keep = max(2, CURVE_POINTS // len(runs))
    lines = [
        [
            f"{1000 * t / span:.1f},{50 - 46 * value / top:.1f}"
            for t, value in (run[index] for index in pick_evenly(len(run), keep))
        ]
        for run in runs
    ]
    label = f"{curve.name} of the camera over time: " + (f"at most {most}" if most else "none")
    return DrawnCurve(curve.name, label, lines, curve.ahead(top), curve.back(top))


def _accumulate(
    curve: Curve, path: Sequence[CameraSample], cuts: Sequence[float]
) -> list[list[tuple[float, float]]]:
    """Running sums, one run a shot: what lies across a cut is no movement of the camera."""
    runs: list[list[tuple[float, float]]] = [[(0.0, 0.0)]]
    left = list(cuts)
    total = 0.0
    for sample in path:
        if left and sample.t >= left[0]:
            while left and sample.t >= left[0]:
                left.pop(0)
            total = 0.0
            runs.append([])
        else:
            total += curve.step(sample)
        runs[-1].append((sample.t, total))
    return runs


def _nice_at_least(value: float, curve: Curve) -> float:
    if curve.name == "Zoom":  # a logarithm: what has to be nice is the factor
        factors = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)
        return next((math.log(f) for f in factors if math.log(f) >= value - 1e-9), value)
    return _nice(value)


def _nice(value: float) -> float:
    """The next number up that reads well on an axis: 1, 2, 2.5 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((s * power for s in NICE_STEPS if s * power >= value - 1e-9), 10 * power)
