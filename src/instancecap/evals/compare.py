"""Two results of one metric, sample by sample: with and without, before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from instancecap.errors import FormatError, UsageError
from instancecap.evals import statistics
from instancecap.evals.report import RESULT
from instancecap.evals.result import (
    Failed,
    FigureResult,
    MadeBy,
    Result,
    SampleResult,
    as_numbers,
    values_of,
)
from instancecap.evals.statistics import STATISTICS, Array, Interval
from instancecap.evals.task import digest

FIRST, SECOND, DIFFERENCE = "A", "B", "A - B"


def read_result(path: str) -> Result:
    """From ``result.json``, or the folder that it lies in. Raises :class:`FormatError`."""
    place = Path(path)
    return Result.read(place / RESULT if place.is_dir() else place)


def compare(first: Result, second: Result, *, names: Sequence[str], seed: int = 0) -> Result:
    """The figures of both over the samples that both have, and their paired difference.

    The samples where they differ most come first. ``names``: what the results are called.

    Raises:
        UsageError: they are of different metrics, or have no sample in common.
    """
    if first.task != second.task:
        raise UsageError(
            f"{names[0]} is {first.task}, {names[1]} is {second.task}: "
            "only results of one metric are compared"
        )
    if first.method != second.method:
        raise UsageError(
            f"both are {first.task}, by two methods: {names[0]} is {first.method}, {names[1]} is "
            f"{second.method}; make both with --as-published, or both without"
        )
    theirs = {one.id: one for one in second.samples}
    pairs = [(one, theirs[one.id]) for one in first.samples if one.id in theirs]
    if not pairs:
        raise UsageError(f"{names[0]} and {names[1]} have no sample of the same name")
    shared = {one.id for one, _ in pairs}
    alone = [
        Failed(input=one.id, reason=f"not scored in {other}")
        for result, other in ((first, names[1]), (second, names[0]))
        for one in result.samples
        if one.id not in shared
    ]
    figures: list[FigureResult] = []
    differences: dict[str, dict[str, float]] = {}
    known = {one.name: one for one in second.figures}
    for one in first.figures:
        twin = known.get(one.name)
        if twin is None or (twin.statistic, twin.parts) != (one.statistic, one.parts):
            continue
        having = [pair for pair in pairs if all(p in s.values for s in pair for p in one.parts)]
        figures += _compared(one, having, seed)
        differences[one.name] = _by_sample(one, having)
    return Result(
        task=f"{first.task}: {names[0]} against {names[1]}",
        method=first.method,
        figures=figures,
        samples=_ordered(pairs, differences),
        failed=alone,
        notes=_cautions(first, second, names),
        made_by=MadeBy(
            models={
                f"{name} {job}": model
                for name, one in zip((FIRST, SECOND), (first, second), strict=True)
                for job, model in one.made_by.models.items()
            },
            seed=seed,
            inputs=digest([first.made_by.inputs, second.made_by.inputs]),
            options={FIRST: names[0], SECOND: names[1]},
        ),
    )


def _compared(
    figure: FigureResult, pairs: Sequence[tuple[SampleResult, SampleResult]], seed: int
) -> list[FigureResult]:
    """A figure of both, and its difference."""
    statistic = STATISTICS[figure.statistic]
    sides = [values_of([pair[side] for pair in pairs], figure.parts) for side in (0, 1)]
    clips = [one.clip for one, _ in pairs]
    found: dict[str, Interval] = {
        FIRST: statistics.interval(statistic, sides[0], clips, seed=seed),
        SECOND: statistics.interval(statistic, sides[1], clips, seed=seed),
        DIFFERENCE: statistics.difference(statistic, sides[0], sides[1], clips, seed=seed),
    }
    return [
        FigureResult(
            row=figure.name,
            column=column,
            statistic=figure.statistic,
            parts=figure.parts,
            better=figure.better,
            **as_numbers(one),
        )
        for column, one in found.items()
    ]


def _by_sample(
    figure: FigureResult, pairs: Sequence[tuple[SampleResult, SampleResult]]
) -> dict[str, float]:
    """The figure's difference on each sample alone, where it has one."""
    statistic = STATISTICS[figure.statistic]

    def alone(one: SampleResult) -> float:
        values: Array = values_of([one], figure.parts)
        return statistic(values, np.ones(1))

    found = {one.id: alone(one) - alone(other) for one, other in pairs}
    return {id: value for id, value in found.items() if not math.isnan(value)}


def _ordered(
    pairs: Sequence[tuple[SampleResult, SampleResult]], differences: dict[str, dict[str, float]]
) -> list[SampleResult]:
    """Pairs as samples; those that differ most first, each figure measured by its own range."""
    most = {
        name: max(map(abs, found.values()), default=0.0) or 1.0
        for name, found in differences.items()
    }
    samples = [
        SampleResult(
            id=one.id,
            clip=one.clip,
            video=one.video or other.video,
            values={
                name: round(found[one.id], 9)
                for name, found in differences.items()
                if one.id in found
            },
            detail={FIRST: one.detail, SECOND: other.detail},
        )
        for one, other in pairs
    ]

    def size(one: SampleResult) -> float:
        sizes = [abs(float(differences[name][one.id])) / most[name] for name in one.values]
        return sum(sizes) / max(len(sizes), 1)

    return sorted(samples, key=lambda one: (-size(one), one.id))


def _cautions(first: Result, second: Result, names: Sequence[str]) -> list[str]:
    """What makes the numbers hard to compare."""
    told = [
        f"A is {names[0]}, B is {names[1]}; values of a sample are A - B. Where higher is better, "
        "a difference above 0 is in favor of A; where lower is better, one below 0.",
        "Samples where A and B differ most come first: by the mean over the figures, each measured "
        "by the largest difference that it has on any sample.",
    ]
    for what, one, other in (
        ("models", first.made_by.models, second.made_by.models),
        ("questions", first.made_by.prompts, second.made_by.prompts),
        ("versions", first.made_by.version, second.made_by.version),
        ("options", first.made_by.options, second.made_by.options),
    ):
        if one != other:
            told.append(f"The {what} differ: {one} and {other}.")
    return told


def compare_files(first: str, second: str, *, seed: int = 0) -> Result:
    """As :func:`compare`, from files. Raises :class:`FormatError`, :class:`UsageError`."""
    if Path(first).resolve() == Path(second).resolve():
        raise FormatError(f"{first}: named twice; name two results")
    return compare(read_result(first), read_result(second), names=(first, second), seed=seed)
