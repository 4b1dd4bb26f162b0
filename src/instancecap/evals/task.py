"""A metric is a task: samples, a solver that asks or computes, a scorer, and figures.

::

    def exact() -> Scorer:
        def score(sample: Sample, answer: Any) -> Score:
            return Score({"right": float(answer == sample.target)})
        return score

    task = Task(
        name="places", samples=samples, scorer=exact(),
        figures=(Figure("place", "mean", ("right",)),),
    )
    result = evaluate(task)

The shape is that of inspect_ai: a scorer is a factory that returns one function.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from instancecap.evals.asking import Asker
from instancecap.io.finder import Rejected
from instancecap.io.identity import Identity

Method = Literal["correct", "as-published"]
"""Whether a published metric is computed as it is described, or as its code really does it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing that is scored.

    Attributes:
        id: its name, a relative path; results are paired by it.
        input: what the solver works on; without a solver, the answer. Picklable.
        target: what is right, for the scorer.
        clip: what is drawn anew by the bootstrap: samples of one clip go together; empty: the id.
        video: path of the clip's file, which the page shows; empty for none.
    """

    id: str
    input: Any = None
    target: Any = None
    clip: str = ""
    video: str = ""

    @property
    def digest(self) -> str:
        """A short hash of what the answer depends on."""
        return digest([self.id, self.input, self.video])

    @property
    def content(self) -> str:
        """A short hash of all that is scored: of its video what it holds, not where it lies."""
        text = as_json([self.id, self.input, self.target])
        if not self.video:
            return digest(text)
        holds = Identity.of(self.video, content=True).content
        return digest([text.replace(json.dumps(self.video)[1:-1], holds), holds])


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer says of one sample.

    Attributes:
        values: numbers by name, or lists of numbers; a figure leaves samples out that lack one of
            its parts.
        detail: what a person would want to see beside them, as JSON.
    """

    values: dict[str, float | list[float]]
    detail: dict[str, Any] = field(default_factory=dict)


Scorer = Callable[[Sample, Any], Score]
"""From a sample and its answer to a score; pure and quick, for it runs in this process."""


@dataclass(frozen=True, slots=True)
class Solver:
    """How samples are answered.

    Attributes:
        compute: runs in a worker process, where it may decode and measure; it and what it returns
            are picklable. What it returns is the answer, as JSON, where nobody is asked.
        ask: then asks a model, in an event loop; returns the answer as JSON.
        measures: ``compute`` measures clips, for which weights are fetched first.
    """

    compute: Callable[[Sample], Any] | None = None
    ask: Callable[[Asker, Sample, Any], Awaitable[Any]] | None = None
    measures: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A number over all samples.

    Attributes:
        row: its line in the table.
        statistic: name in :data:`instancecap.evals.statistics.STATISTICS`.
        parts: the values that it is made of.
        column: its column in the table; a table of one column needs none.
        better: whether more is better, or less; empty where that is not said.
    """

    row: str
    statistic: str
    parts: tuple[str, ...]
    column: str = ""
    better: Literal["more", "less", ""] = "more"

    @property
    def name(self) -> str:
        """``row``, or ``row column``."""
        return f"{self.row} {self.column}".strip()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A metric and what it is computed on.

    Attributes:
        name: as on the command line: ``fields``.
        solver: None where the inputs already are the answers.
        rejected: inputs that cannot be scored, and why: they are named, and never count.
        method: of metrics whose published code computes something else than its paper says.
        options: settings that change the figures.
        models: by job, those that take part beside the one that is asked.
        prompts: hash of what is asked.
        notes: sentences that a reader of the figures has to know.
    """

    name: str
    samples: Sequence[Sample]
    scorer: Scorer
    figures: Sequence[Figure]
    solver: Solver | None = None
    rejected: Sequence[Rejected] = ()
    method: Method = "correct"
    options: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    prompts: str = ""
    notes: Sequence[str] = ()


def as_json(value: Any) -> str:
    """A value as JSON; what is none by its ``repr``."""
    return json.dumps(value, sort_keys=True, default=repr)


def digest(value: Any) -> str:
    """The first 16 digits of the SHA-256 over a value as JSON."""
    return hashlib.sha256(as_json(value).encode()).hexdigest()[:16]
