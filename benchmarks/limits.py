"""Limits and fits of the whole picture's facts, judged by clips left out.

``python -m benchmarks.limits --clips DIR [--saved DIR]`` takes every labelled clip of both sets in
turn, chooses on all others, and asks it of the one left out:

* **place, day** — the lowest limit of how much speaks for a fact from which 95 in 100 of the other
  clips are right;
* **camera** — the logistic fit of the probability that the largest movement, or that the camera
  rests, is right, from how far it goes and whether it is a zoom; told from ``SURE_CAMERA`` on.

It prints what is told of the clips left out and how much of that is right, and the fit over all.
``--saved`` keeps what was measured, as :mod:`benchmarks.evidence` does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.reliability import LIGHT
from benchmarks.truth import load_clips
from benchmarks.web import HINTS, load_web
from instancecap.captioners.measured.scene_selection import SURE_CAMERA
from instancecap.evals.camera import fold
from instancecap.evidence.build import measure
from instancecap.evidence.experts.camera_words import shot_motion
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip

Array = NDArray[np.float64]
Rule = TypeVar("Rule")

NEEDED, ENOUGH = 0.95, 10
"""Precision of the clips by which a limit is chosen, and how many must lie above it."""

SURE_LABEL = 0.45
"""Confidence of a label of the camera from which it is used; most are of 0.6 and more."""

SHRINK = 0.3
"""Weight of the squares of a fit's weights, but for its constant."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled clip and its truth; what is not known is empty."""

    name: str
    clip: Clip
    camera: frozenset[str]
    place: str
    time_of_day: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What might be told of one clip: the numbers that speak for it, and whether it is right."""

    clip: str
    numbers: tuple[float, ...]
    right: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="folder with the labelled clips")
    parser.add_argument("--saved", type=Path, help="folder to keep what was measured in")
    options = parser.parse_args(arguments)
    trials: dict[str, list[Trial]] = {name: [] for name in (*VALUES, "moves", "rests")}
    for case in labelled(options.clips):
        evidence = _measured(case, options.saved)
        for name, value in VALUES.items():
            truth = case.time_of_day if name == "day" else case.place
            if truth not in ("", "unknown"):
                trials[name].append(Trial(case.name, (value(evidence),), truth == name))
        for name, trial in _camera_trials(case, evidence):
            trials[name].append(trial)
    report = {name: leave_out(rows, choose_limit, above) for name, rows in trials.items()
              if name in VALUES}  # fmt: skip
    report |= {name: leave_out(trials[name], fit, likely) for name in ("moves", "rests")}
    for name, row in report.items():
        print(f"{name:<10}{row['right']:>4} of {row['told']} right, {row['of']} clips; "
              f"chosen on all: {row['chosen']}", file=sys.stderr)  # fmt: skip
    print(json.dumps({"benchmark": "limits", **report}))
    return 0


VALUES: dict[str, Callable[[Evidence], float]] = {
    "outdoor": lambda e: e.place.outdoor - 0.5 * e.place.indoor,
    "indoor": lambda e: (
        e.place.indoor - 0.5 * e.place.outdoor if e.place.indoor > e.place.outdoor + 0.3 else 0.0
    ),
    "day": lambda e: e.light.day,
}
"""How much speaks for a fact, as the experts weigh it."""


def labelled(folder: Path) -> Iterator[Labelled]:
    """The clips of both sets."""
    for case in load_web(folder):
        label = case.label
        light = LIGHT.get(label["light"], label["light"])
        yield Labelled(case.name, case.clip, _told(label), label["place"], light)
    for old in load_clips(folder):
        words = next(iter(old.truth.framing), None)
        place, light = (words.place, words.time_of_day) if words else ("", "")
        camera = fold(old.truth.camera) if old.truth.camera else frozenset[str]()
        yield Labelled(old.name, old.clip, camera, place, light)


def _told(label: dict[str, Any]) -> frozenset[str]:
    """What a viewer would tell of the camera; of one that hands only sway, that it rests."""
    words = set(label["camera"])
    if label["camera_confidence"] < SURE_LABEL or words & {"unknown", "orbit", "roll"}:
        return frozenset()
    return fold(words - HINTS) or (frozenset(["static"] if "handheld" in words else []))


def _measured(case: Labelled, saved: Path | None) -> Evidence:
    kept = saved / (case.name.replace("/", "__") + ".json") if saved else None
    if kept and kept.exists():
        return Evidence.from_json(kept.read_bytes(), source=str(kept))
    evidence = measure(case.clip)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(evidence.model_dump_json(by_alias=True))
    return evidence


def _camera_trials(case: Labelled, evidence: Evidence) -> Iterator[tuple[str, Trial]]:
    """Of clips of one shot, in which all that moves the picture is the camera."""
    if not case.camera or len(evidence.shots) != 1:
        return
    shot, aspect = evidence.shots[0], evidence.video.width / evidence.video.height
    found = shot_motion(evidence.camera.path, start=shot.start, end=shot.end, aspect=aspect)
    if found.features:
        kind = "rests" if found.motion == ["static"] else "moves"
        yield kind, Trial(case.name, found.features, fold(found.motion) <= case.camera)


def leave_out(
    trials: Sequence[Trial],
    choose: Callable[[Sequence[Trial]], Rule],
    tells: Callable[[Rule, Trial], bool],
) -> dict[str, object]:
    """What rules that were chosen on all other clips tell of each clip."""
    told = []
    for clip in dict.fromkeys(trial.clip for trial in trials):
        rule = choose([trial for trial in trials if trial.clip != clip])
        told += [trial for trial in trials if trial.clip == clip and tells(rule, trial)]
    right = sum(trial.right for trial in told)
    return {"right": right, "told": len(told), "of": len(trials), "chosen": choose(trials)}


def choose_limit(trials: Sequence[Trial]) -> float:
    """The lowest value from which enough trials are right; more than 1 where there is none."""
    best = 1.01
    for limit in sorted({trial.numbers[0] for trial in trials}, reverse=True):
        told = [trial.right for trial in trials if trial.numbers[0] >= limit]
        if len(told) >= ENOUGH and sum(told) >= NEEDED * len(told):
            best = limit
    return round(best, 3)


def above(limit: float, trial: Trial) -> bool:
    """Whether a trial reaches a limit."""
    return trial.numbers[0] >= limit


def fit(trials: Sequence[Trial]) -> list[float]:
    """Weights of the numbers in the log-odds that a trial is right."""
    rows = np.array([trial.numbers for trial in trials])
    sign = np.where([trial.right for trial in trials], 1.0, -1.0)

    def loss(weights: Array) -> float:
        return float(np.logaddexp(0, -sign * (rows @ weights)).sum()
                     + SHRINK * (weights[1:] ** 2).sum())  # fmt: skip

    found = minimize(loss, np.zeros(rows.shape[1])).x
    return [round(float(weight), 2) for weight in found]


def likely(weights: list[float], trial: Trial) -> bool:
    """Whether a trial is as probable as what captions tell."""
    return float(expit(np.dot(weights, trial.numbers))) >= SURE_CAMERA


if __name__ == "__main__":
    sys.exit(main())
