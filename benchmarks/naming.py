"""How right the names of tracks are, and the fit behind them: ``python -m benchmarks.naming``.

``--clips DIR`` is the folder of the labelled clips. Tracks of some of them were judged by eye
(``benchmarks/labels/naming.jsonl``: clip, class, whether the ``class``, only its ``category`` or
``none`` is right, and a few boxes, ``[t, x0, y0, x1, y1]``). The clips are measured with the
detector at hand, its tracks take over the verdict of the judged one that they overlap, and a
logistic function is fitted to what :func:`instancecap.evidence.tracking.naming.features` says of
them, one clip left out at a time. What no judged track covers, or has another class than
one that was judged wrong, is left out.

Prints log loss and the share that is right by probability, of the constants in use and of the fit
on the clips left out, of people also how many have a face in closer looks, and the constants of a
fit to all; one JSON line on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from benchmarks.truth import LABELS
from instancecap.evals.boxes import iou
from instancecap.evidence.build import EXPERTS, video_of
from instancecap.evidence.cluster import load_models
from instancecap.evidence.experts.detection import span_of
from instancecap.evidence.streaming import Pass
from instancecap.evidence.thresholds import NAMING, NAMING_YOLOV3, NamingThresholds
from instancecap.evidence.tracking.naming import features, voted_class
from instancecap.evidence.tracking.tracker import link
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip, ClipReader

Array = NDArray[np.float64]

COVERS = 0.45
"""Mean overlap from which a track is the judged one."""

NEAR = 0.1
"""Seconds within which two boxes are compared."""

RIDGE = 0.003
"""Weight of the squared constants in the loss: few clips have the rare categories."""

BINS = (0.0, 0.3, 0.4, 0.55, 0.7, 0.8, 0.85, 0.92, 1.01)


@dataclass(frozen=True, slots=True)
class Row:
    """A name of a track: its class, or its category alone, and whether that is right."""

    clip: str
    category: str
    any_kind: bool
    features: dict[str, float]
    right: bool


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; 1 where a clip is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder of the labelled clips")
    options = parser.parse_args(arguments)
    judged: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (LABELS / "naming.jsonl").read_text().splitlines():
        one = json.loads(line)
        judged[one["clip"]].append(one)
    missing = [name for name in judged if not (options.clips / name).is_file()]
    if missing:
        print(f"not in {options.clips}: {', '.join(missing)}", file=sys.stderr)
        return 1
    detector = load_models().detector.name
    used = NAMING_YOLOV3 if detector == "yolov3-tiny" else NAMING
    rows = [
        row
        for name, labels in judged.items()
        for row in judge_tracks(name, tracks_of(options.clips / name), labels, used)
    ]
    print(json.dumps({"detector": detector, **report(rows, used)}))
    return 0


def tracks_of(path: Path) -> Iterator[tuple[Track, int]]:
    """The tracks of a clip, and how many samples of their shot were searched."""
    experts = [make(load_models()) for make in EXPERTS[:4]]
    with ClipReader(Clip.open(path), threads=1) as reader:
        observed = Pass(experts, aspect=reader.info.aspect, beside=False)
        for frame in reader:
            observed.add(frame)
        evidence = Evidence(video=video_of(reader))
        observed.facts(evidence, end=reader.end)
    for shot in evidence.shots:
        samples = observed.scene.detections.within(*span_of(shot))
        for track in link(samples):
            yield track, len(samples)


def judge_tracks(
    clip: str,
    tracks: Iterator[tuple[Track, int]],
    labels: list[dict[str, Any]],
    used: NamingThresholds,
) -> Iterator[Row]:
    """The names of tracks whose verdict is known."""
    for track, samples in tracks:
        label = max(labels, key=lambda one: overlap(track, one["track"]))
        name = CLASSES[voted_class(track)]
        if overlap(track, label["track"]) < COVERS:
            continue
        if name != label["class"] and label["right"] != "class":
            continue
        category = CATEGORIES[name]
        kinds = (False, True) if category in ("animal", "vehicle") else (False,)
        for any_kind in kinds:
            found = features(track, samples=samples, any_kind=any_kind, fit=used)
            right = name == label["class"] and label["right"] == "class"
            if any_kind:
                right = label["right"] != "none" and category == CATEGORIES[label["class"]]
            yield Row(clip, category, any_kind, found, right)


def overlap(track: Track, boxes: list[list[float]]) -> float:
    """Mean overlap (0..1) of a judged track's boxes with a track; 0 where they are never both."""
    seen = [
        (track.boxes[index], box)
        for t, *box in boxes
        for index in [int(np.abs(np.array(track.times) - t).argmin())]
        if abs(track.times[index] - t) <= NEAR
    ]
    if len(seen) < 0.5 * len(boxes):
        return 0.0
    return float(iou(np.array([one for one, _ in seen]), np.array([two for _, two in seen])).mean())


def report(rows: list[Row], used: NamingThresholds) -> dict[str, Any]:
    """Figures of the constants in use and of a new fit, on the clips left out; printed too."""
    names = list(rows[0].features)
    x = np.array([[row.features[name] for name in names] for row in rows])
    right = np.array([row.right for row in rows], float)
    clips = np.array([row.clip for row in rows])
    # Ten tracks of one clip are not ten clips.
    weights = np.array([1 / np.sqrt(n) for n in map(Counter(clips).get, clips)])
    left_out = np.zeros(len(rows))
    for clip in set(clips):
        out = clips == clip
        left_out[out] = expit(x[out] @ fitted(x[~out], right[~out], weights[~out]))
    now = expit(x @ [getattr(used, name) for name in names])
    figures: dict[str, Any] = {
        "tracks": sum(not row.any_kind for row in rows),
        "clips": len(set(clips)),
    }
    for label, chance in (("used", now), ("left_out", left_out)):
        for any_kind in (False, True):
            part = np.array([row.any_kind == any_kind for row in rows])
            key = f"{label}_{'category' if any_kind else 'class'}"
            figures[key] = reliability(chance[part], right[part], weights[part])
            print(key, figures[key], file=sys.stderr)
    people = np.array([row.category == "human" for row in rows])
    figures["left_out_people"] = reliability(left_out[people], right[people], weights[people])
    figures["faces"] = {"people": seen_of(rows, right=True), "others": seen_of(rows, right=False)}
    print("people", figures["left_out_people"], figures["faces"], file=sys.stderr)
    constants = fitted(x, right, weights)
    figures["fit"] = dict(zip(names, np.round(constants, 2).tolist(), strict=True))
    print(figures["fit"], file=sys.stderr)
    return figures


def seen_of(rows: list[Row], *, right: bool) -> str:
    """Of what is called a person and was looked at for a face, how much has one."""
    chosen = [row.features for row in rows if row.right == right]
    seen, unseen = (int(sum(one[name] for one in chosen)) for name in ("face", "faceless"))
    return f"{seen}/{seen + unseen}"


def fitted(x: Array, right: Array, weights: Array) -> Array:
    """Constants (k,) of the logistic function of ``x`` (n, k), whose first column is 1."""
    share = weights / weights.sum()

    def loss(constants: Array) -> tuple[float, Array]:
        z = x @ constants
        free = np.concatenate([[0.0], constants[1:]])
        value = -share @ (right * log_expit(z) + (1 - right) * log_expit(-z))
        return value + RIDGE / 2 * free @ free, x.T @ (share * (expit(z) - right)) + RIDGE * free

    return np.asarray(minimize(loss, np.zeros(x.shape[1]), jac=True).x)


def reliability(chance: Array, right: Array, weights: Array) -> dict[str, Any]:
    """Log loss, and right of all by probability."""
    loss = -(right * np.log(chance) + (1 - right) * np.log(1 - chance))
    bins = {
        f"{low:g}-": f"{int(right[inside].sum())}/{int(inside.sum())}"
        for low, high in pairwise(BINS)
        for inside in [(chance >= low) & (chance < high)]
    }
    return {"log_loss": round(float(np.average(loss, weights=weights)), 4), **bins}


if __name__ == "__main__":
    sys.exit(main())
