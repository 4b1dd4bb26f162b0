"""The document of a result: figures with intervals, every sample, and what reproduces it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from instancecap.errors import FormatError
from instancecap.evals import statistics
from instancecap.evals.statistics import STATISTICS, Array, Interval
from instancecap.evals.task import Figure, Method, Sample, Score, Task, digest
from instancecap.io.finder import Rejected
from instancecap.schema.base import Document, StrictModel
from instancecap.version import __version__

Number = float | None
"""None: there was nothing to take it of."""


class FigureResult(StrictModel):
    """A figure, its 95 % interval, and how it is computed from the samples' values."""

    row: str
    column: str = ""
    value: Number
    low: Number
    high: Number
    clips: int = Field(description="that it is over")
    statistic: str
    parts: list[str]
    better: Literal["more", "less", ""] = "more"

    @property
    def name(self) -> str:
        """``row``, or ``row column``."""
        return f"{self.row} {self.column}".strip()


class SampleResult(StrictModel):
    """One sample's values, and what a person would want to see beside them."""

    id: str
    clip: str
    video: str = ""
    values: dict[str, float | list[float]]
    detail: dict[str, Any] = {}


class Failed(StrictModel):
    """An input that was not scored; it counts in no figure."""

    input: str
    reason: str


def libraries() -> dict[str, str]:
    """Versions of what computes figures, as far as it is loaded."""
    loaded = ("numpy", "scipy", "cv2", "av", "torch", "transformers", "diffusers")
    modules = {name: sys.modules[name] for name in loaded if name in sys.modules}
    return {name: str(getattr(one, "__version__", "")) for name, one in modules.items()}


class MadeBy(StrictModel):
    """What reproduces a result."""

    version: str = __version__
    libraries: dict[str, str] = Field(default_factory=libraries)
    models: dict[str, str] = {}
    seed: int = 0
    prompts: str = Field(default="", description="hash of what was asked")
    inputs: str = Field(description="hash of the samples")
    options: dict[str, Any] = {}


class Result(Document):
    """What ``result.json`` holds."""

    kind: ClassVar[str] = "result of an evaluation"

    schema_: Literal["instancecap.eval/1"] = Field(default="instancecap.eval/1", alias="schema")
    task: str
    method: Method = "correct"
    figures: list[FigureResult]
    samples: list[SampleResult]
    failed: list[Failed] = []
    notes: list[str] = []
    made_by: MadeBy
    cost: dict[str, float] = {}


def summarize(
    task: Task,
    scored: Sequence[tuple[Sample, Score]],
    *,
    seed: int = 0,
    failed: Sequence[Rejected] = (),
    model: str = "",
    cost: dict[str, float] | None = None,
) -> Result:
    """The result of a task whose samples were scored.

    Args:
        seed: of the bootstrap.
        failed: samples without an answer, beside what the task rejects.
        model: that was asked.
    """
    samples = [
        SampleResult(
            id=sample.id,
            clip=sample.clip or sample.id,
            video=sample.video,
            values={name: one for name, one in score.values.items() if _is_known(one)},
            detail=score.detail,
        )
        for sample, score in scored
    ]
    asked = {"asked": model} if model else {}
    return Result(
        task=task.name,
        method=task.method,
        figures=[_figure(one, samples, seed) for one in task.figures],
        samples=samples,
        failed=[Failed(input=one.source, reason=one.reason) for one in (*task.rejected, *failed)],
        notes=list(task.notes),
        made_by=MadeBy(
            models={**task.models, **asked},
            seed=seed,
            prompts=task.prompts,
            inputs=digest([one.content for one in task.samples]),
            options=dict(task.options),
        ),
        cost=cost or {},
    )


def _is_known(value: float | list[float]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, list) else math.isfinite(value)


def _figure(figure: Figure, samples: Sequence[SampleResult], seed: int) -> FigureResult:
    having = with_parts(samples, figure.parts)
    found = statistics.interval(
        STATISTICS[figure.statistic],
        values_of(having, figure.parts),
        [one.clip for one in having],
        seed=seed,
    )
    return FigureResult(
        row=figure.row,
        column=figure.column,
        statistic=figure.statistic,
        parts=list(figure.parts),
        better=figure.better,
        **as_numbers(found),
    )


def as_numbers(found: Interval) -> dict[str, Any]:
    """For a document, in which there is no NaN."""
    numbers = {"value": found.value, "low": found.low, "high": found.high}
    known = {name: None if math.isnan(one) else round(one, 9) for name, one in numbers.items()}
    return {**known, "clips": found.clips}


def with_parts(samples: Sequence[SampleResult], parts: Sequence[str]) -> list[SampleResult]:
    """Those that have every part."""
    return [one for one in samples if all(part in one.values for part in parts)]


def values_of(samples: Sequence[SampleResult], parts: Sequence[str]) -> Array:
    """Shape (samples, numbers of the parts): parts side by side, lists spread out.

    Raises :class:`FormatError` where the samples' lists differ in length.
    """
    if not samples:
        return np.empty((0, len(parts)))
    rows = [np.hstack([np.atleast_1d(one.values[part]) for part in parts]) for one in samples]
    if len({row.shape for row in rows}) > 1:
        raise FormatError(f"the samples' lists of {', '.join(parts)} differ in length")
    return np.array(rows, dtype=np.float64)
