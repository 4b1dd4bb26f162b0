"""Things followed from one box: ``python -m benchmarks.follow --clips ../shared/clips/masks``.

Each labelled sequence is followed both ways from the true box of one middle picture. Then the same
pictures again with a departure made of them, forward and backward in time: ``slides`` cuts a
narrower picture out that turns away from the thing, ``hides`` paints the thing over with what is
around it. One JSON line on stdout: the share of visible pictures with IoU of .5 or more, the share
of pictures without the thing that are told as such, and how many of the departures are told.
``--fit`` also prints the weights of ``PRESENCE`` and what they say of sequences left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.cluster import load_models
from instancecap.evidence.geometry import pairwise_ious
from instancecap.evidence.tracking.box_trackers import NanoTracker, Seed
from instancecap.evidence.tracking.film import RATE, SIDE, Film
from instancecap.evidence.tracking.follow import Colors, follow_in
from instancecap.models.detector import Detector
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import Ticker, fit_within

Array = NDArray[np.float64]

LARGE = 2 * SIDE
"""Longer side of the pictures that departures are cut out of."""

WIDTH = 0.4
"""Share of the width that ``slides`` leaves of a picture."""

GOES_AT = 0.45
"""Share of a clip after which ``slides`` turns away; ``hides`` does it at .6."""


@dataclass
class Labelled:
    """Pictures, and the true box on each; None where the thing is not to be seen.

    Attributes:
        shares: how much of the thing is in the picture, 0..1.
    """

    name: str
    times: list[float]
    pictures: list[Picture]
    boxes: list[Array | None]
    shares: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="DAVIS-like folder")
    parser.add_argument("--fit", action="store_true", help="fit PRESENCE anew")
    options = parser.parse_args(arguments)
    plain, departures = [], []
    for path in sorted(options.clips.glob("*.mp4")):
        sequence, masks = _read(path)
        plain.append(_small(sequence))
        for backward in (False, True):
            departures.append(_slides(sequence, backward=backward))
            departures.append(_hides(sequence, masks, backward=backward))
    detector = load_models().detector
    rows = {one.name: _score(one, detector, at=0.5) for one in plain}
    for name, row in rows.items():
        print(name, row, file=sys.stderr)
    gone = [_score(one, detector, at=0.4) for one in departures]
    visible = sum(row["visible"] for row in rows.values())
    result: dict[str, Any] = {
        "benchmark": "follow",
        "sequences": len(plain),
        "visible_pictures": visible,
        "iou_half": round(sum(row["right"] for row in rows.values()) / visible, 3),
        "sequences_at_75": sum(row["right"] >= 0.75 * row["visible"] for row in rows.values()),
        "departures": sum(row["absent"] > 0 for row in gone),
        "departures_told": sum(row["absent"] > 0 and row["told"] for row in gone),
        "absent_pictures": sum(row["absent"] for row in gone),
        "absent_told": round(
            sum(row["caught"] for row in gone) / sum(row["absent"] for row in gone), 3
        ),
        "visible_kept_beside": round(
            sum(row["kept"] for row in gone) / sum(row["visible"] for row in gone), 3
        ),
    }
    if options.fit:
        result |= _fit(departures)
    print(json.dumps(result))
    return 0


def _read(path: Path) -> tuple[Labelled, list[NDArray[np.uint8]]]:
    """The pictures that things are followed on, larger, and the masks of the thing."""
    found = Labelled(path.stem, [], [], [], [])
    masks: list[NDArray[np.uint8]] = []
    ticker = Ticker(RATE)
    with ClipReader(Clip.open(path)) as reader:
        for frame in reader:
            if not ticker.due(frame.t):
                continue
            mask = cv2.imread(str(path.with_suffix("") / f"{frame.index:05d}.png"), 0)
            assert mask is not None, path
            ys, xs = np.nonzero(mask > 127)
            height, width = mask.shape
            box = None
            if len(xs):
                box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], float)
                box /= np.array([width, height, width, height])
            found.times.append(frame.t)
            found.pictures.append(frame.bgr(fit_within(reader.info.aspect, LARGE)))
            found.boxes.append(box)
            found.shares.append(float(box is not None))
            masks.append(np.asarray(mask, np.uint8))
    return found, masks


def _resized(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    size = fit_within(width / height, SIDE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _small(one: Labelled) -> Labelled:
    pictures = [_resized(picture) for picture in one.pictures]
    return Labelled(one.name, one.times, pictures, one.boxes, one.shares)


def _ordered(count: int, *, backward: bool) -> list[int]:
    return list(reversed(range(count))) if backward else list(range(count))


def _slides(one: Labelled, *, backward: bool) -> Labelled:
    """A narrower picture that keeps the thing in its middle, then turns away to the free side."""
    order = _ordered(len(one.times), backward=backward)
    found = Labelled(f"{one.name} slides", one.times, [], [], [])
    late = [box for index in order[len(order) // 2 :] if (box := one.boxes[index]) is not None]
    left_is_free = sum(box[0] for box in late) > sum(1 - box[2] for box in late)
    for place, index in enumerate(order):
        box, picture = one.boxes[index], one.pictures[index]
        assert box is not None, one.name
        away = max(0.0, (place / len(order) - GOES_AT) / 0.3) * WIDTH
        start = (box[0] + box[2]) / 2 - WIDTH / 2 + (-away if left_is_free else away)
        start = float(np.clip(start, 0, 1 - WIDTH))
        width = picture.shape[1]
        part = picture[:, round(start * width) : round((start + WIDTH) * width)]
        found.pictures.append(_resized(np.ascontiguousarray(part)))
        inside = (np.clip(box[[0, 2]], start, start + WIDTH) - start) / WIDTH
        share = float((inside[1] - inside[0]) * WIDTH / (box[2] - box[0]))
        found.shares.append(share)
        seen = np.array([inside[0], box[1], inside[1], box[3]])
        found.boxes.append(seen if share > 0 else None)
    return found


def _hides(one: Labelled, masks: list[NDArray[np.uint8]], *, backward: bool) -> Labelled:
    """The thing is painted over from .6 of the clip on."""
    order = _ordered(len(one.times), backward=backward)
    found = Labelled(f"{one.name} hides", one.times, [], [], [])
    for place, index in enumerate(order):
        picture = _resized(one.pictures[index])
        hidden = place / len(order) > 0.6
        if hidden:
            mask = cv2.resize(masks[index], picture.shape[1::-1])
            wide = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) > 60).astype(np.uint8)
            picture = np.asarray(cv2.inpaint(picture, wide, 5, cv2.INPAINT_TELEA), np.uint8)
        found.pictures.append(picture)
        found.boxes.append(None if hidden else one.boxes[index])
        found.shares.append(float(not hidden))
    return found


def _film(one: Labelled) -> Film:
    film = Film()
    for t, picture in zip(one.times, one.pictures, strict=True):
        film.add(t, picture)
    return film


def _score(one: Labelled, detector: Detector, *, at: float) -> dict[str, Any]:
    """Followed from the true box at a share ``at`` of the clip."""
    first = int(at * len(one.times))
    box = one.boxes[first]
    assert box is not None, one.name
    seed = Seed(one.times[first], tuple(box.tolist()))
    found = follow_in(_film(one), {0: [seed]}, detector=detector)[0]
    track = {round(point.t, 3): np.array(point.box) for point in found.track}
    visible = right = kept = absent = caught = 0
    for t, true, share in zip(one.times, one.boxes, one.shares, strict=True):
        followed = track.get(round(t, 3))
        if true is not None and share >= 0.5:
            visible += 1
            kept += followed is not None
            right += followed is not None and pairwise_ious(followed[None], true[None])[0] >= 0.5
        elif share <= 0.05:
            absent += 1
            caught += followed is None
    told = bool(found.absent) and found.absent[-1][1] >= one.times[-1] - 0.1
    return {"visible": visible, "right": int(right), "kept": kept, "absent": absent,
            "caught": caught, "told": told}  # fmt: skip


# The presence model --------------------------------------------------------------------------


def _features(one: Labelled) -> Iterator[tuple[float, float, bool]]:
    """Share of own colors, likeness, and whether the thing is there, where that is plain."""
    first = int(0.4 * len(one.times))
    box = one.boxes[first]
    assert box is not None, one.name
    seed = Colors.of(one.pictures[first], box)
    own = np.clip((seed.inside - seed.around) / (seed.inside + seed.around + 1e-3), 0, 1)
    for way in (range(first + 1, len(one.times)), range(first - 1, -1, -1)):
        tracker = NanoTracker(one.pictures[first], box)
        for index in way:
            followed = tracker.update(one.pictures[index])
            true, share = one.boxes[index], one.shares[index]
            right = true is not None and pairwise_ious(followed[None], true[None])[0] >= 0.5
            if share <= 0.05 or (right and share >= 0.3):
                now = Colors.of(one.pictures[index], followed)
                rest = (own @ now.inside) / (own @ seed.inside + 1e-6)
                alike = float(np.sqrt(now.inside * seed.inside).sum())
                yield min(float(rest), 1.3), alike, share > 0.05


def _fit(sequences: Sequence[Labelled]) -> dict[str, Any]:
    """Weights over all, and how right such weights are of a clip that they were not fitted on."""
    rows = [(one.name.split()[0], *row) for one in sequences for row in _features(one)]
    names = np.array([row[0] for row in rows])
    values = np.array([row[1:3] for row in rows])
    there = np.array([row[3] for row in rows])
    scores = np.zeros(len(rows))
    for name in np.unique(names):
        left_out = names == name
        weights = _logistic(values[~left_out], there[~left_out])
        scores[left_out] = values[left_out] @ weights[:2] + weights[2]
    return {
        "presence": [round(float(one), 3) for one in _logistic(values, there)],
        "left_out_kept": round(float((scores[there] > 0).mean()), 3),
        "left_out_caught": round(float((scores[~there] <= 0).mean()), 3),
    }


def _logistic(values: Array, there: NDArray[np.bool_], *, rounds: int = 4000) -> Array:
    """Weights and constant of a logistic regression; both answers count the same."""
    mean, spread = values.mean(axis=0), values.std(axis=0)
    inputs = np.c_[(values - mean) / spread, np.ones(len(values))]
    weights, share = np.zeros(inputs.shape[1]), there.mean()
    importance = np.where(there, 0.5 / share, 0.5 / (1 - share))
    for _ in range(rounds):
        error = 1 / (1 + np.exp(-inputs @ weights)) - there
        weights -= 0.5 * (inputs.T @ (importance * error) / len(values) + 1e-3 * weights)
    slopes = weights[:-1] / spread
    return np.append(slopes, weights[-1] - slopes @ mean)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    raise SystemExit(main())
