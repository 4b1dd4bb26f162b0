"""``eval distortions``: does a metric get worse as a video does?

Each video is blurred, compressed, masked, made noisy, darkened and shifted, at rising strength, and
compared with itself. A metric that is worth anything falls in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import UsageError
from instancecap.evals.frames import evenly
from instancecap.evals.pairing import named_videos
from instancecap.evals.reconstruction.metric import METRICS, MetricOptions, check_metrics
from instancecap.evals.reconstruction.pairs import (
    ToAsk,
    opened,
    settings_of,
    solver_of,
    texts_for,
)
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import fit_within

SIDE = 640
"""Pixels of the longer side at which videos are distorted; strengths in pixels are of these."""

MOST_FRAMES = 150
"""Frames of a clip that are taken; of a longer clip its beginning."""

BLOCK = 16
"""Squares to the longer side, of which some are masked."""

Films = NDArray[np.uint8]
"""RGB frames, shape (frames, height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Distortion:
    """A way to spoil a video.

    Attributes:
        apply: a film and a strength to a film; the generator is for what is drawn by lot.
        strengths: from weak to strong.
        unit: what a strength is.
    """

    apply: Callable[[Films, float, np.random.Generator], Films]
    strengths: tuple[float, ...]
    unit: str


def _each(change: Callable[[Picture], Any], films: Films) -> Films:
    return np.stack([np.asarray(change(one), np.uint8) for one in films])


def blur(films: Films, strength: float, random: np.random.Generator) -> Films:
    """Gaussian, by its deviation."""
    return _each(lambda one: cv2.GaussianBlur(one, (0, 0), strength), films)


def jpeg(films: Films, strength: float, random: np.random.Generator) -> Films:
    """Each frame as a JPEG file; the strength is 100 less the quality."""

    def change(one: Picture) -> Any:
        _, data = cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, round(100 - strength)])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)

    return _each(change, films)


def mask(films: Films, strength: float, random: np.random.Generator) -> Films:
    """Squares black in all frames, this share of the picture; a stronger one has the weaker's."""
    height, width = films.shape[1:3]
    side = max(1, max(height, width) // BLOCK)
    rows, columns = -(-height // side), -(-width // side)
    hidden = np.zeros(rows * columns, bool)
    hidden[random.permutation(rows * columns)[: round(strength * rows * columns)]] = True
    grid = hidden.reshape(rows, columns).repeat(side, 0).repeat(side, 1)[:height, :width]
    return np.where(grid[..., None], np.uint8(0), films)


def noise(films: Films, strength: float, random: np.random.Generator) -> Films:
    """Gaussian, new in each frame, by its deviation of 0..255."""

    def change(one: Picture) -> Any:
        drawn = random.standard_normal(one.shape, np.float32) * strength
        return np.clip(one + drawn, 0, 255).round()

    return _each(change, films)


def brightness(films: Films, strength: float, random: np.random.Generator) -> Films:
    """Darker by this share."""
    return _each(lambda one: (one * (1 - strength)).round(), films)


def shift(films: Films, strength: float, random: np.random.Generator) -> Films:
    """To the right and down, in pixels; the edge is drawn out."""
    matrix = np.array([[1, 0, strength], [0, 1, strength]], np.float32)
    height, width = films.shape[1:3]
    mode = cv2.BORDER_REPLICATE
    return _each(lambda one: cv2.warpAffine(one, matrix, (width, height), borderMode=mode), films)


DISTORTIONS = {
    "blur": Distortion(blur, (1, 3, 9), "pixels, deviation"),
    "jpeg": Distortion(jpeg, (70, 85, 95), "100 less the quality"),
    "masking": Distortion(mask, (0.1, 0.25, 0.5), "share of the picture"),
    "noise": Distortion(noise, (10, 25, 60), "of 255, deviation"),
    "brightness": Distortion(brightness, (0.25, 0.5, 0.75), "share that is taken"),
    "shift": Distortion(shift, (5, 15, 45), "pixels to the right and down"),
}
"""Strengths around those of the published table: quality 30 to 5, noise of 25, half the
brightness, shifts of 10 pixels."""

COLUMNS = ("none", "weak", "medium", "strong")
ORDER = "in order"
"""The column that says whether the means are in the order of the strengths: 1 if so."""


def distortions(
    videos: Sequence[str],
    metric: str,
    *,
    captions: Sequence[str] = (),
    options: MetricOptions | None = None,
) -> Task:
    """The task of watching a metric get worse.

    Args:
        captions: of the videos, for a metric that compares with a text.

    Raises:
        UsageError: the metric is not known, or needs captions and there are none.
    """
    options = options or MetricOptions()
    if not metric:
        raise UsageError(f"name one with --metric: {', '.join(METRICS)}")
    check_metrics((metric,))
    named = named_videos(videos)
    texts, rejected = texts_for((metric,), captions, named.found)
    samples = [
        Sample(id=name, input=texts.get(name, ""), video=path)
        for name, path in named.found.items()
        if name in texts or not captions
    ]
    told = "; ".join(
        f"{name} {', '.join(f'{s:g}' for s in one.strengths)} ({one.unit})"
        for name, one in DISTORTIONS.items()
    )
    return Task(
        name=f"distortions {metric}",
        samples=samples,
        solver=solver_of((metric,), partial(look_at_distorted, metric=metric, options=options)),
        scorer=by_strength(),
        figures=[one for kind in DISTORTIONS for one in _figures(kind, METRICS[metric].better)],
        rejected=[*named.rejected, *rejected],
        method=options.method,
        notes=(
            f"Strengths, at {SIDE} pixels: {told}.",
            f"“{ORDER}”: 1 where the means get worse from column to column, without a tie; its "
            "interval tells for how much of the resampled clips that holds.",
        ),
        **settings_of((metric,), options),
    )


def film_of(clip: Clip) -> tuple[Films, float]:
    """Frames at :data:`SIDE` pixels, and how many a second. Raises :class:`DecodeError`."""
    frames: list[Picture] = []
    with ClipReader(clip) as reader:
        limit = min(SIDE, max(reader.info.width, reader.info.height))
        size = fit_within(reader.info.aspect, limit)
        for frame in reader:
            frames.append(np.ascontiguousarray(frame.bgr(size)[..., ::-1]))
            if len(frames) == MOST_FRAMES:
                break
        return np.stack(frames), reader.info.fps or 25.0


def look_at_distorted(sample: Sample, metric: str, options: MetricOptions) -> dict[str, Any]:
    """By distortion, for no strength and for each, the value, or what is still to be asked."""
    films, fps = film_of(Clip(path=sample.video, id=sample.id))
    chosen, few = opened(metric, options), METRICS[metric].frames
    if few and options.method == "correct":  # the others would be spoiled for nothing
        films, fps = films[evenly(len(films), few)], fps * few / len(films)

    def look(spoiled: Films) -> Any:
        return chosen.look(Clip.from_frames(spoiled, fps, id=sample.id), sample.input)

    def value(seen: Any) -> Any:
        if METRICS[metric].asks:
            return ToAsk(chosen, seen)
        return chosen.compare(original, seen)[metric]

    original = look(films)
    return {
        kind: [
            value(original),
            *(
                value(look(one.apply(films, strength, np.random.default_rng(options.seed))))
                for strength in one.strengths
            ),
        ]
        for kind, one in DISTORTIONS.items()
    }


def by_strength() -> Scorer:
    """The values by column, and as one list for their order."""

    def score(sample: Sample, answer: Any) -> Score:
        values: dict[str, float | list[float]] = {}
        for kind, found in answer.items():
            values |= {f"{kind} {name}": v for name, v in zip(COLUMNS, found, strict=True)}
        return Score(values)

    return score


def _figures(kind: str, better: Any) -> list[Figure]:
    parts = tuple(f"{kind} {column}" for column in COLUMNS)
    order = "falling" if better == "more" else "rising"
    means = [
        Figure(kind, "mean", (part,), column, better)
        for part, column in zip(parts, COLUMNS, strict=True)
    ]
    return [*means, Figure(kind, order, parts, ORDER)]
