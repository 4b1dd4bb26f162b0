"""One run over many clips: do the work, keep what is done, account for what is not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from instancecap.engine.inputs import Job, Rejected, reason_of
from instancecap.engine.local import Outcome, run_jobs, threads_each
from instancecap.engine.outputs import Sink
from instancecap.engine.work import CaptionWork, Documents, EvidenceWork
from instancecap.errors import InstanceCapError, MissingDependency, OutputError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """What came of a run.

    Attributes:
        results: the documents of each clip that was done, by its place among the jobs.
        failed: inputs without a result, and why.
        outputs: files and tables that were written.
        interrupted: the user broke the run off; what was done until then is kept.
    """

    results: dict[int, Documents] = field(default_factory=dict)
    failed: list[Rejected] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    done: int = 0
    seconds: float = 0.0
    interrupted: bool = False


def run_batch(
    jobs: Sequence[Job],
    work: CaptionWork | EvidenceWork,
    *,
    sink: Sink | None,
    keep: bool,
    workers: int,
    on_done: Callable[[Job, str], None],
) -> Batch:
    """Do ``work`` on every job.

    Args:
        sink: where the caption goes, or the evidence where there is no caption.
        keep: hold the documents in memory for :attr:`Batch.results`.
        on_done: told each job as it ends, and why it failed; an empty reason is a success.
    """
    batch = Batch()
    failures: dict[int, Rejected] = {}
    started = time.monotonic()
    workers = min(workers, len(jobs))
    threads = threads_each(workers) if workers > 1 else 0

    def take(outcome: Outcome[Documents]) -> None:
        reason = _store(outcome, batch, sink, keep)
        if reason:
            failures[outcome.index] = Rejected(outcome.job.clip.path, reason)
        else:
            batch.done += 1
        on_done(outcome.job, reason)

    try:
        run_jobs(jobs, replace(work, threads=threads), workers=workers, on_done=take)
    except KeyboardInterrupt:
        batch.interrupted = True
    except InstanceCapError:
        if sink is not None:
            sink.finish(complete=False)
        raise
    if sink is not None:
        batch.outputs = sink.finish(complete=not batch.interrupted)
    batch.failed = [failure for _, failure in sorted(failures.items(), key=itemgetter(0))]
    batch.seconds = time.monotonic() - started
    return batch


def _store(outcome: Outcome[Documents], batch: Batch, sink: Sink | None, keep: bool) -> str:
    """Keep a result; returns why there is none, or an empty string."""
    if outcome.failure is not None:
        if outcome.failure.trace:
            log.debug("%s\n%s", outcome.job.clip.path, outcome.failure.trace)
        return outcome.failure.reason
    assert outcome.result is not None
    if sink is not None:
        try:
            text = outcome.result.caption or outcome.result.evidence
            sink.put(outcome.index, outcome.job.name, text)
        except OutputError as error:
            return reason_of(error, outcome.job.clip.path)
    if keep:
        batch.results[outcome.index] = outcome.result
    return ""


def fetch_weights() -> str:
    """Get the default weights before any worker starts, so that one process waits for them.

    Returns one line that says what the run goes on without; empty when everything is there.
    """
    from instancecap.models import weights

    missing = []
    for name in weights.KNOWN:
        try:
            weights.find(name)
        except MissingDependency as error:
            log.debug("%s", error)
            missing.append(name)
    if not missing:
        return ""
    return (
        f"going on without {' and '.join(missing)} (not found, and no download worked): things "
        "are found by their motion; 'instancecap models pull all' gets them"
    )
