"""From INPUT arguments to a finished run: find the clips, open the output, watch, do the work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self, TypeVar

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Events
from instancecap.engine.results import Run
from instancecap.engine.sinks import open_store
from instancecap.engine.watchers import open_journal, serve_metrics
from instancecap.engine.work import Work
from instancecap.errors import UsageError
from instancecap.io.inputs import Job, refuse_shared_names

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """The ``index``-th of ``count`` parts of a job list, for job arrays; counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``I/N``. Raises :class:`UsageError` for anything else."""
        first, _, second = text.partition("/")
        if first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second):
            return cls(int(first), int(second))
        raise UsageError(f"--shard {text}: write it as I/N with 1 <= I <= N, such as 3/16")

    @property
    def label(self) -> str:
        """For names of files."""
        return f"{self.index}-of-{self.count}"

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """This part: neighbors go to different parts, so that long clips spread evenly."""
        return items[self.index - 1 :: self.count]


def run_work(
    inputs: Sequence[str], work: Work, config: RunConfig, *, events: Events | None = None
) -> tuple[list[Job], Run]:
    """Do a work on every clip that the inputs stand for.

    Args:
        inputs: files, folders, glob patterns, manifests, tars, and addresses of such.

    Returns:
        The clips, in their order, and what came of them; inputs that are no clips are among the
        failures.

    Raises:
        UsageError: an option, or two inputs that would share an output; nothing was done.
        MissingDependency, ServerError: what would be the same for every clip.
    """
    part = Shard.parse(config.shard) if config.shard else None
    found, rejected = work.find(inputs, config)
    label = part.label if part else ""
    store = open_store(config.out, shard=label, format=config.format) if config.out else None
    if store is not None or config.keep:
        refuse_shared_names(found, fold=store is not None and store.sink.folds_names)
    jobs = list(part.of(found)) if part else found
    with ExitStack() as stack:
        watchers = [events or Events()]
        if config.log_json:
            watchers.append(stack.enter_context(open_journal(config.log_json)))
        if config.metrics_port is not None:
            watchers.append(stack.enter_context(serve_metrics(config.metrics_port)))
        watching = Events(watchers)
        for one in rejected:
            watching.rejected(one)
        if jobs and work.measures and (line := _fetch_weights()):
            watching.noted(line)
        run = run_batch(jobs, work, store=store, config=config, events=watching)
    run.failed[:0] = rejected
    return jobs, run


def _fetch_weights() -> str:
    """Get the default weights before any worker starts, so that one process waits for them.

    Returns one line that says what the run goes on without; empty when everything is there.
    """
    from instancecap.models import weights

    if not (missing := weights.fetch_defaults()):
        return ""
    without = " and ".join(missing)
    return f"going on without {without}; 'instancecap models pull all' gets what is missing"
