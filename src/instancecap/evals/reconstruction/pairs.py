"""``eval reconstruct``: what was generated from captions, against the videos they were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from instancecap.errors import UsageError
from instancecap.evals.asking import Asker
from instancecap.evals.pairing import Named, named_captions, named_videos, pair
from instancecap.evals.reconstruction.metric import (
    METRICS,
    WITHOUT_WEIGHTS,
    AskingMetric,
    MetricOptions,
    check_metrics,
    open_metric,
)
from instancecap.evals.reconstruction.vqascore import PUBLISHED_QUESTION, QUESTION
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task, digest
from instancecap.formats.text import paragraph
from instancecap.io.finder import Rejected
from instancecap.video.clip import Clip


@dataclass(frozen=True, slots=True)
class Pair:
    """A video, what was generated from its caption, and the caption as text."""

    original: str
    generated: str
    text: str


@dataclass(frozen=True, slots=True)
class ToAsk:
    """What a metric has seen, and a model is yet to be asked about."""

    metric: AskingMetric
    seen: Any


def reconstruct(
    originals: Sequence[str],
    generated: Sequence[str],
    *,
    metrics: tuple[str, ...] = WITHOUT_WEIGHTS,
    captions: Sequence[str] = (),
    options: MetricOptions | None = None,
) -> Task:
    """The task of comparing videos of the same names.

    Args:
        captions: that the videos were generated from, for metrics that compare with a text.

    Raises:
        UsageError: a metric is not known, or needs captions and there are none.
    """
    options = options or MetricOptions()
    check_metrics(metrics)
    pairs = pair(
        named_videos(originals), named_videos(generated), kinds=("original", "generated video")
    )
    texts, rejected = texts_for(metrics, captions, dict.fromkeys(pairs.found))
    samples = [
        Sample(id=name, input=Pair(*paths, texts.get(name, "")), video=paths[1])
        for name, paths in pairs.found.items()
        if name in texts or not captions
    ]
    return Task(
        name="reconstruct",
        samples=samples,
        solver=solver_of(metrics, partial(look_at_pair, metrics=metrics, options=options)),
        scorer=values_of(metrics),
        figures=[one for name in metrics for one in _figures(name)],
        rejected=[*pairs.rejected, *rejected],
        method=options.method,
        **settings_of(metrics, options),
    )


def texts_for(
    metrics: tuple[str, ...], captions: Sequence[str], names: Mapping[str, object]
) -> tuple[dict[str, str], list[Rejected]]:
    """The captions' texts by the videos' names, and names without one.

    Raises :class:`UsageError` where a metric compares with a text and there are no captions.
    """
    wanting = [name for name in metrics if METRICS[name].by_text]
    if wanting and not captions:
        raise UsageError(f"--metric {wanting[0]} compares with captions: give --captions")
    if not captions:
        return {}, []
    found = pair(Named(dict(names), []), named_captions(captions), kinds=("video", "caption"))
    return {name: paragraph(two) for name, (_, two) in found.found.items()}, found.rejected


def settings_of(metrics: tuple[str, ...], options: MetricOptions) -> dict[str, Any]:
    """What of a task reproduces the metrics."""
    models = {job: getattr(options, of) for m in metrics for job, of in METRICS[m].models.items()}
    asks = any(METRICS[name].asks for name in metrics)
    return {
        "options": {"metrics": list(metrics), "seed": options.seed},
        "models": models,
        "prompts": digest([QUESTION, PUBLISHED_QUESTION]) if asks else "",
    }


def solver_of(metrics: tuple[str, ...], look: Any) -> Solver:
    """Computes in worker processes; asks where a metric does."""
    return Solver(
        look,
        ask_rest if any(METRICS[name].asks for name in metrics) else None,
        measures=any(METRICS[name].measures for name in metrics),
    )


@lru_cache(maxsize=8)
def opened(name: str, options: MetricOptions) -> Any:
    """A metric, kept in its process: so are the models that it loads."""
    return open_metric(name, options)


def look_at_pair(
    sample: Sample, metrics: tuple[str, ...], options: MetricOptions
) -> dict[str, Any]:
    """Values by name, or what is still to be asked."""
    given: Pair = sample.input
    clips = [Clip(path=path, id=sample.id) for path in (given.original, given.generated)]
    found: dict[str, Any] = {}
    for name in metrics:
        metric = opened(name, options)
        if METRICS[name].asks:
            found[name] = ToAsk(metric, metric.look(clips[1], given.text))
        else:
            found |= metric.compare(*(metric.look(clip, given.text) for clip in clips))
    return found


async def ask_rest(asker: Asker, sample: Sample, ready: Any) -> Any:
    """What was looked at, with a value in the place of everything that is to be asked."""
    if isinstance(ready, ToAsk):
        return await ready.metric.ask(asker, ready.seen)
    if isinstance(ready, dict):
        return {name: await ask_rest(asker, sample, one) for name, one in ready.items()}
    if isinstance(ready, list):
        return [await ask_rest(asker, sample, one) for one in ready]
    return ready


def values_of(metrics: tuple[str, ...]) -> Scorer:
    """The values as they are."""

    def score(sample: Sample, answer: Any) -> Score:
        given: Pair = sample.input
        detail = {"original": given.original, "generated": given.generated}
        return Score(dict(answer), detail | ({"caption": given.text} if given.text else {}))

    return score


def _figures(name: str) -> list[Figure]:
    info = METRICS[name]
    parts = [name, *(f"{name} {part}" for part in info.parts)]
    return [Figure(one, "mean", (one,), better=info.better) for one in parts]
