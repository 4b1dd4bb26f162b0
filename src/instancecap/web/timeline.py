"""What happens when: filmstrip, shots, instances and the camera's path on one axis of time.

Every row becomes static markup, so that it prints and needs no script; the script only moves the
playhead over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instancecap.evidence.experts.sound import SILENCE
from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraSample
from instancecap.video.sampling import pick_evenly
from instancecap.web.pictures import Pictures

CURVE_POINTS = 400
NICE_STEPS = (1.0, 2.0, 2.5, 5.0)


CURVES: dict[str, tuple[Callable[[CameraSample], float], float, str, str]] = {
    "Pan": (lambda s: -s.dx, 0.1, "right {:.0%}", "left {:.0%}"),
    "Tilt": (lambda s: s.dy, 0.1, "up {:.0%}", "down {:.0%}"),
    "Zoom": (lambda s: math.log(max(s.zoom, 1e-3)), math.log(1.1), "in", "out"),
    "Roll": (lambda s: -s.roll, 2.0, "cw {:g}°", "ccw {:g}°"),
}
"""Rows of the camera's path: its change from one sample to the next, in the camera's own direction
(the picture moves the other way, but for zoom); the least that the top of the row may stand for, so
that a camera that stands still looks still; and what is above and below the zero line, in words."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the axis, in percent of it, with what stands in it and what is said of it."""

    left: float
    width: float
    text: str = ""
    words: str = ""
    transition: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """When an instance is visible; the times are those of the first and the last sighting."""

    name: str
    color: int
    bars: list[Bar]
    times: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class DrawnCurve:
    """A curve over time: ``x,y`` of its points in a box of 1000 by 100, a line a shot.

    ``top`` and ``bottom`` say what the ends of the row stand for, ``words`` what it shows; ``base``
    is the height that it is filled up from.
    """

    name: str
    lines: list[list[str]]
    top: str
    bottom: str
    words: str
    base: int = 50


@dataclass(frozen=True, slots=True)
class Timeline:
    """All rows of one clip; ``span`` is the length of the axis in seconds.

    Attributes:
        film: pictures, evenly spread over the axis, as data URLs.
        speech: where somebody speaks, with the words where they are known.
        loudness: of the sound, where it was measured.
        ticks: seconds that are written below.
    """

    span: float
    film: list[str]
    shots: list[Bar]
    segments: list[Bar]
    lanes: list[Lane]
    speech: list[Bar]
    loudness: DrawnCurve | None
    curves: list[DrawnCurve]
    ticks: list[float]
    has_cuts: bool


def timeline(
    caption: Caption,
    evidence: Evidence,
    pictures: Pictures | None,
    *,
    span: float,
    tracks: dict[int, list[list[TrackPoint]]],
    colors: dict[int, int],
) -> Timeline:
    """All rows of one clip; ``span`` is the length of the axis in seconds, more than 0."""
    cuts = [shot.start for shot in evidence.shots[1:]]
    path = evidence.camera.path
    step = _nice(span / 5)
    return Timeline(
        span=span,
        film=_film(pictures, span) if pictures else [],
        shots=_shots(caption, evidence, span),
        segments=[
            _bar(one.start, one.end, span, text=str(number), words=one.description)
            for number, one in enumerate(caption.segments, 1)
        ],
        lanes=[
            _lane(f"#{one.id} {one.class_}", tracks.get(one.id, []), colors[one.id], span)
            for one in caption.instances
        ],
        speech=[
            _bar(a, b, span, words=f"{a:.1f} to {b:.1f} s{said}")
            for a, b, said in _spoken(caption, evidence)
        ],
        loudness=_loudness(evidence, span) if evidence.audio.loudness else None,
        curves=[_draw(name, path, cuts, span) for name in CURVES] if path else [],
        ticks=[round(index * step, 3) for index in range(int(span / step + 1e-9) + 1)],
        has_cuts=bool(cuts),
    )


def _film(pictures: Pictures, span: float) -> list[str]:
    """As many thumbnails as fit side by side."""
    cells = max(4, min(14, round(14 * pictures.height / pictures.width)))
    times = [(cell + 0.5) * span / cells for cell in range(cells)]
    return [pictures.frames[pictures.nearest(t)].thumbnail() for t in times]


def _bar(start: float, end: float, span: float, **what: str) -> Bar:
    """Between two times; one that is too short to be seen is made longer."""
    left, right = (100 * min(max(t / span, 0.0), 1.0) for t in (start, end))
    return Bar(left, max(right - left, 0.4), **what)


def _shots(caption: Caption, evidence: Evidence, span: float) -> list[Bar]:
    motions = {round(shot.start, 2): ", ".join(shot.motion) for shot in caption.shots}
    bars = []
    for number, shot in enumerate(evidence.shots, 1):
        motion = motions.get(round(shot.start, 2), "").replace("_", " ")
        text = f"{number} · {motion}" if motion else f"{number}"
        what = {"text": text, "words": f"{shot.start:.2f} to {shot.end:.2f} s"}
        bars.append(_bar(shot.start, shot.end, span, transition=shot.transition, **what))
    return bars


def _lane(name: str, runs: Sequence[Sequence[TrackPoint]], color: int, span: float) -> Lane:
    times = [(run[0].t, run[-1].t) for run in runs]
    return Lane(name, color, [_bar(start, end, span) for start, end in times], times)


def _draw(
    name: str, path: Sequence[CameraSample], cuts: Sequence[float], span: float
) -> DrawnCurve:
    _, least, *_ = CURVES[name]
    runs = _accumulate(name, path, cuts)
    values = [value for run in runs for _, value in run]
    top = _nice_at_least(max(least, *(abs(value) for value in values)), name)
    keep = max(2, CURVE_POINTS // len(runs))
    lines = [
        [
            f"{1000 * t / span:.1f},{50 - 46 * value / top:.1f}"
            for t, value in (run[index] for index in pick_evenly(len(run), keep))
        ]
        for run in runs
    ]
    ends = [value for value in sorted({max(values), min(values)}) if value]
    most = " and ".join(_words(name, round(value, 2)) for value in ends)
    words = f"{name} of the camera over time: " + (f"at most {most}" if most else "none")
    return DrawnCurve(name, lines, _words(name, top), _words(name, -top), words)


def _spoken(caption: Caption, evidence: Evidence) -> list[tuple[float, float, str]]:
    """Start, end, and words in quotes: as the caption tells them, else what was measured."""
    told = [
        (one.start, one.end, f': "{one.text}"' if one.text else "") for one in caption.audio.speech
    ]
    return told or [(one.start, one.end, "") for one in evidence.audio.speech]


def _loudness(evidence: Evidence, span: float) -> DrawnCurve:
    """The level of the sound, from silence at the bottom to the loudest that a file can hold."""
    levels = evidence.audio.loudness
    line = [
        f"{1000 * min(levels[i].t / span, 1):.1f},{100 * min(levels[i].dbfs / SILENCE, 1):.1f}"
        for i in pick_evenly(len(levels), CURVE_POINTS)
    ]
    end = f"1000.0,{line[-1].partition(',')[2]}"  # a figure holds for half a second
    most = max(one.dbfs for one in levels)
    words = f"Level of the sound over time: at most {most:.0f} dBFS"
    return DrawnCurve("Sound", [[*line, end]], "0 dB", f"{SILENCE:.0f} dB", words, base=100)


def _words(name: str, value: float) -> str:
    """A value of a curve, in words."""
    _, _, ahead, back = CURVES[name]
    if name == "Zoom":
        return f"{ahead if value >= 0 else back} \N{MULTIPLICATION SIGN}{math.exp(value):.2f}"
    return (ahead if value >= 0 else back).format(abs(value))


def _accumulate(
    name: str, path: Sequence[CameraSample], cuts: Sequence[float]
) -> list[list[tuple[float, float]]]:
    """Running sums, one run a shot: what lies across a cut is no movement of the camera."""
    runs: list[list[tuple[float, float]]] = [[(0.0, 0.0)]]
    step, left, total = CURVES[name][0], list(cuts), 0.0
    for sample in path:
        if left and sample.t >= left[0]:
            left = [t for t in left if t > sample.t]
            total = 0.0
            runs.append([])
        else:
            total += step(sample)
        runs[-1].append((sample.t, total))
    return runs


def _nice_at_least(value: float, name: str) -> float:
    if name == "Zoom":  # a logarithm: what has to be nice is the factor
        factors = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)
        return next((math.log(f) for f in factors if math.log(f) >= value - 1e-9), value)
    return _nice(value)


def _nice(value: float) -> float:
    """The next number up that reads well on an axis: 1, 2, 2.5 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((s * power for s in NICE_STEPS if s * power >= value - 1e-9), 10 * power)
