"""What happens when: filmstrip, shots, instances and the camera's path on one axis of time.

Every row is static markup, so that it prints and needs no script; the script only moves the
playhead over it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraSample
from instancecap.video.sampling import pick_evenly
from instancecap.web.markup import Html, join, markup
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


def timeline(
    caption: Caption,
    evidence: Evidence,
    pictures: Pictures,
    *,
    span: float,
    tracks: dict[int, list[list[TrackPoint]]],
    colors: dict[int, int],
) -> Html:
    """All rows of one clip; ``span`` is the length of the axis in seconds, more than 0."""
    rows = [_filmstrip(pictures, span), _shots(caption, evidence, span)]
    for instance in caption.instances:
        name = f"#{instance.id} {instance.class_}"
        runs = tracks.get(instance.id, [])
        rows.append(_lane(name, runs, colors[instance.id], span))
    cuts = [shot.start for shot in evidence.shots[1:]]
    if evidence.camera.path:
        rows += [_curve(curve, evidence.camera.path, cuts, span) for curve in CURVES]
    rows.append(_axis(span))
    return markup(
        '<div class="timeline" data-part="timeline">{rows}'
        '<div class="marks" data-part="marks" aria-hidden="true"></div>'
        '<div class="playhead" aria-hidden="true"></div></div>{note}',
        rows=join(rows),
        note=_note(bool(cuts)) if evidence.camera.path else "",
    )


def _note(has_cuts: bool) -> Html:
    return markup(
        '<p class="note">Pan, tilt, zoom and roll are where the camera has turned or moved to '
        "since the {since}, added up from frame to frame. Percentages are of the width and height "
        "of the frame. Directions are those of the camera: where it pans right, the background "
        "moves left. cw and ccw: clockwise and counter-clockwise.</p>",
        since="last cut" if has_cuts else "start",
    )


def _row(
    name: str, body: Html, *, kind: str, scale: Html | str = "", chip: Html | str = ""
) -> Html:
    return markup(
        '<div class="row {kind}"><div class="row-name">{chip}<span dir="auto">{name}</span></div>'
        '<div class="row-body">{body}</div><div class="row-scale">{scale}</div></div>',
        kind=kind,
        name=name,
        chip=chip,
        body=body,
        scale=scale,
    )


def _filmstrip(pictures: Pictures, span: float) -> Html:
    cells = max(4, min(14, round(14 * pictures.height / pictures.width)))
    times = [(cell + 0.5) * span / cells for cell in range(cells)]
    images = join(
        markup('<img src="{url}" alt="">', url=pictures.frames[pictures.nearest(t)].thumbnail())
        for t in times
    )
    label = f"Filmstrip: {cells} pictures from the start to {span:.2f} s"
    body = markup('<div class="cells" role="img" aria-label="{l}">{i}</div>', l=label, i=images)
    return _row("Frames", body, kind="film")


def _bar(start: float, end: float, span: float, *, color: int | None = None) -> str:
    left, right = (100 * min(max(t / span, 0.0), 1.0) for t in (start, end))
    hue = "" if color is None else f";--hue:var(--hue-{color})"
    return f"left:{left:.2f}%;width:{max(right - left, 0.4):.2f}%{hue}"


def _shots(caption: Caption, evidence: Evidence, span: float) -> Html:
    motions = {round(shot.start, 2): ", ".join(shot.motion) for shot in caption.shots}
    bars, words = [], []
    for number, shot in enumerate(evidence.shots, 1):
        motion = motions.get(round(shot.start, 2), "").replace("_", " ")
        text = f"{number} · {motion}" if motion else f"{number}"
        bars.append(
            markup(
                '<span class="shot {transition}" style="{style}" title="{words}">{text}</span>',
                transition=shot.transition,
                style=_bar(shot.start, shot.end, span),
                words=f"Shot {text}, {shot.start:.2f} to {shot.end:.2f} s",
                text=text,
            )
        )
        words.append(f"shot {text}: {shot.start:.2f} to {shot.end:.2f} s ({shot.transition})")
    return _row("Shots", _picture(bars, "; ".join(words) or "no shot"), kind="shots")


def _lane(name: str, runs: Sequence[Sequence[TrackPoint]], color: int, span: float) -> Html:
    bars = [
        markup('<span style="{s}"></span>', s=_bar(run[0].t, run[-1].t, span, color=color))
        for run in runs
    ]
    spans = ", ".join(f"{run[0].t:.2f} to {run[-1].t:.2f} s" for run in runs)
    scale = f"{runs[0][0].t:.1f}\N{EN DASH}{runs[-1][-1].t:.1f} s" if runs else "not tracked"
    return _row(
        name,
        _picture(bars, f"{name} is visible: {spans}" if runs else f"{name} has no track"),
        kind="lane",
        scale=scale,
        chip=chip(color),
    )


def chip(color: int) -> Html:
    """The swatch of an instance's colour; always stands beside its name."""
    return markup('<i class="chip" style="--hue:var(--hue-{c})" aria-hidden="true"></i>', c=color)


def _picture(bars: Iterable[Html], label: str) -> Html:
    body = '<div class="bars" role="img" aria-label="{label}">{bars}</div>'
    return markup(body, label=label, bars=join(bars))


def _curve(curve: Curve, path: Sequence[CameraSample], cuts: Sequence[float], span: float) -> Html:
    runs = _accumulate(curve, path, cuts)
    values = [value for run in runs for _, value in run]
    top = _nice_at_least(max(curve.least, *(abs(value) for value in values)), curve)
    label = f"{curve.name} of the camera over time: at most " + " and ".join(
        (curve.ahead if value >= 0 else curve.back)(round(abs(value), 2))
        for value in sorted({max(values), min(values)})
        if value
    )
    if not any(values):
        label = f"{curve.name} of the camera over time: none"
    keep = max(2, CURVE_POINTS // len(runs))
    lines = []
    for run in runs:
        points = [run[index] for index in pick_evenly(len(run), keep)]
        dots = [f"{1000 * t / span:.1f},{50 - 46 * value / top:.1f}" for t, value in points]
        first, last = dots[0].split(",")[0], dots[-1].split(",")[0]
        lines.append(
            markup(
                '<path class="area" d="M{a},50L{d}L{b},50Z"/><path class="curve" d="M{d}"/>',
                a=first,
                b=last,
                d="L".join(dots),
            )
        )
    body = markup(
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label="{label}">'
        '<path class="zero" d="M0,50H1000"/>{lines}</svg>',
        label=label,
        lines=join(lines),
    )
    scale = markup("<span>{a}</span><span>{b}</span>", a=curve.ahead(top), b=curve.back(top))
    return _row(curve.name, body, kind="curve-row", scale=scale)


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


def _axis(span: float) -> Html:
    step = _nice(span / 5)
    ticks = join(
        markup(
            '<span style="left:{left:.2f}%">{t:g}</span>',
            left=100 * index * step / span,
            t=round(index * step, 3),
        )
        for index in range(int(span / step + 1e-9) + 1)
    )
    return _row(
        "Time", markup('<div class="ticks">{ticks}</div>', ticks=ticks), kind="axis", scale="s"
    )
