"""Parts of a clip with what happens in each: does the order agree, and the time?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.errors import FormatError
from instancecap.evals.asking import Asker
from instancecap.evals.ballot import Ballot, Question, say, version
from instancecap.evals.camera import Counts
from instancecap.evals.equivalence import EQUIVALENCE, SHARED, shared_words
from instancecap.evals.pairing import named_captions, pair_samples
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task
from instancecap.schema.caption import Caption, Segment

NEAR = 0.5
"""Seconds within which a boundary is found."""

NOTE = (
    "overlap: the parts of both timelines are aligned in order so that their time IoU is largest "
    "in sum (as SODA, ECCV 2020, does), over the parts told (precision) and true (recall); "
    "told: a pair counts only where both tell the same. order: of the pairs of true parts that are "
    "both told, the share told in the true order. boundaries: starts within half a second."
)

Array = NDArray[np.float64]


def match_times(truth: Sequence[float], found: Sequence[float], tolerance: float) -> Counts:
    """One-to-one matches of times no further apart than ``tolerance``, in order of time."""
    true, said = sorted(truth), sorted(found)
    hits = i = j = 0
    while i < len(true) and j < len(said):
        if abs(true[i] - said[j]) <= tolerance:
            hits, i, j = hits + 1, i + 1, j + 1
        elif true[i] < said[j]:
            i += 1
        else:
            j += 1
    return Counts(hits, len(said) - hits, len(true) - hits)


def time_iou(first: Sequence[Segment], second: Sequence[Segment]) -> Array:
    """Overlap in time of every pair, shape (first, second)."""
    one, other = (np.array([(s.start, s.end) for s in some]).reshape(-1, 2)
                  for some in (first, second))  # fmt: skip
    low = np.maximum(one[:, None, 0], other[None, :, 0])
    high = np.minimum(one[:, None, 1], other[None, :, 1])
    shared = np.clip(high - low, 0, None)
    whole = np.maximum(one[:, None, 1], other[None, :, 1]) - np.minimum(
        one[:, None, 0], other[None, :, 0]
    )
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0))


def aligned(gains: Array) -> float:
    """The largest sum over pairs that are in the same order on both sides."""
    best = np.zeros((gains.shape[0] + 1, gains.shape[1] + 1))
    for i, j in np.ndindex(gains.shape):
        best[i + 1, j + 1] = max(best[i, j + 1], best[i + 1, j], best[i, j] + gains[i, j])
    return float(best[-1, -1])


def told_by_words(truth: Sequence[Segment], said: Sequence[Segment]) -> list[int]:
    """For each true part the place of the one that tells it, from 1, or 0: by shared words."""
    found = []
    for one in truth:
        alike = [shared_words(one.description, other.description) for other in said]
        best = int(np.argmax(alike)) if alike else 0
        found.append(best + 1 if alike and alike[best] >= SHARED else 0)
    return found


def told_by_judge() -> Solver:
    """A model says which part tells which event, all of a clip in one question."""

    async def ask(asker: Asker, sample: Sample, ready: Any) -> Any:
        truth, said = sample.input
        if not said:
            return [0] * len(truth)
        numbers = tuple(str(number) for number in range(len(said) + 1))
        questions = {
            f"part_{number}": Question(
                say("segments_question", number=number, text=one.description), numbers
            )
            for number, one in enumerate(truth, 1)
        }
        lines = [
            (f"{name} timeline", "\n".join(f"{n}. {s.description}" for n, s in enumerate(some, 1)))
            for name, some in (("First", truth), ("Second", said))
        ]
        answers = await Ballot(say("segments"), questions, lines).ask(asker)
        return [int(one) for one in answers.values()]

    return Solver(ask=ask)


def timeline() -> Scorer:
    """Overlap, order and boundaries of two timelines."""

    def score(sample: Sample, answer: Any) -> Score:
        truth, said = sample.target
        overlap = time_iou(truth, said)
        same = np.zeros_like(overlap)
        for i, number in enumerate(answer):
            if number:
                same[i, number - 1] = 1.0
        values: dict[str, float | list[float]] = {}
        for name, gains in (("overlap", overlap), ("told", overlap * same)):
            total = aligned(gains)
            # As hits, false and missed ones, so that F1 is taken over all clips.
            values[name] = [total, len(said) - total, len(truth) - total]
        known = [(i, number) for i, number in enumerate(answer) if number]
        pairs = [(a[1], b[1]) for a, b in combinations(known, 2) if a[1] != b[1]]
        if pairs:
            values["order"] = [float(sum(a < b for a, b in pairs)), float(len(pairs))]
        counts = match_times(
            [one.start for one in truth[1:]], [one.start for one in said[1:]], NEAR
        )
        values["boundaries"] = [counts.hits, counts.false, counts.missed]
        detail = {
            "true": [one.model_dump() for one in truth],
            "said": [one.model_dump() for one in said],
            "told by": list(answer),
        }
        return Score(values, detail)

    return score


def timed_task(captions: Sequence[str], references: Sequence[str], *, judge: bool) -> Task:
    """The parts of captions against those of reference captions."""

    def make(said: Caption, reference: Caption) -> tuple[Any, Any]:
        if not reference.segments:
            raise FormatError("its reference has no timed parts (segments)")
        both = tuple(sorted(one.segments, key=lambda s: s.start) for one in (reference, said))
        return both if judge else told_by_words(*both), both

    samples, rejected = pair_samples(captions, references, make, read=named_captions)
    return Task(
        name="timed",
        samples=samples,
        solver=told_by_judge() if judge else None,
        scorer=timeline(),
        figures=[
            Figure("overlap (F1)", "f1", ("overlap",)),
            Figure("told at its time (F1)", "f1", ("told",)),
            Figure("order", "share", ("order",)),
            Figure("boundaries (F1)", "f1", ("boundaries",)),
        ],
        rejected=rejected,
        options={"texts": "judge" if judge else "words"},
        prompts=version("segments", "segments_question") if judge else "",
        notes=[NOTE] if judge else [NOTE, EQUIVALENCE],
    )
