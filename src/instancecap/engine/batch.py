"""One run over many clips: do the work, keep what is done, account for what is not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from instancecap.engine.durations import Durations
from instancecap.engine.gates import Gates
from instancecap.engine.ledger import Identity, Ledger, Records, config_of
from instancecap.engine.local import Outcome, run_jobs, threads_each
from instancecap.engine.ray import run_on_ray
from instancecap.engine.resume import Plan, Todo, plan_run
from instancecap.engine.work import Documents, Work, fingerprint
from instancecap.errors import FormatError, OutputError
from instancecap.io.inputs import Job, Rejected, reason_of
from instancecap.io.outputs import Sink
from instancecap.io.remote_tables import RemoteSink
from instancecap.io.table_outputs import OURS

log = logging.getLogger(__name__)

ISOLATED_FROM = 8
"""Jobs from which one worker, too, is a process of its own: a crash then costs one clip. Fewer
are done sooner than a process starts."""

FEWEST_TRIED = 20
"""Clips of a run before its failure rate may end it."""

MOST_UNWRITTEN = 10
"""Outputs in a row that cannot be written end a run: a full disk would cost every other clip."""

NOTE_EVERY = 2.0
"""Seconds between notes in the ledger of how the run stands."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a batch is run.

    Attributes:
        workers: processes.
        resume: pass over what an earlier run has done.
        retry_failed: try again what failed then.
        time_limit: seconds a clip may take in a worker process, 0 for no limit.
        max_failure_rate: share of failed clips, after the first 20, that ends the run.
        keep: hold the documents in memory for :attr:`Batch.results`.
        shard: ``I-of-N`` where this run does one part of the jobs.
        engine: ``local`` or ``ray``.
        open_finish: makes the second stage where it runs, for ``ray``; None without one.
    """

    workers: int = 1
    resume: bool = True
    retry_failed: bool = False
    time_limit: float = 0.0
    max_failure_rate: float = 1.0
    keep: bool = False
    shard: str = ""
    engine: str = "local"
    open_finish: Callable[[], Callable[[Job, Any], Coroutine[Any, Any, Documents]]] | None = None


@dataclass(slots=True)
class Batch:
    """What came of a run.

    Attributes:
        results: the documents of each clip, by its place among the jobs, where they are kept.
        failed: inputs without a result, and why.
        outputs: files and tables that were written.
        done: clips done by this run.
        skipped: clips that an earlier run had done.
        waiting: clips whose questions went into the next batch file.
        stopped: why the run ended before its last clip; empty for one that did not.
        interrupted: the user broke the run off; what was done until then is kept.
        stages: seconds by stage.
        cost: what models were asked, in sum.
        gates: what was counted of the captions' quality.
    """

    results: dict[int, Documents] = field(default_factory=dict)
    failed: list[Rejected] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    done: int = 0
    skipped: int = 0
    waiting: int = 0
    seconds: float = 0.0
    stopped: str = ""
    interrupted: bool = False
    stages: dict[str, Durations] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    gates: Gates = field(default_factory=Gates)


Told = Callable[[Job, str, Documents | None], None]


def run_batch(
    jobs: Sequence[Job],
    work: Work,
    *,
    sink: Sink | None,
    options: RunOptions,
    finish: Callable[[Job, Any], Coroutine[Any, Any, Documents]] | None = None,
    release: Callable[[], Coroutine[Any, Any, None]] | None = None,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_done: Told = lambda job, reason, documents: None,
    on_brake: Callable[[], None] = lambda: None,
    on_warning: Callable[[str], None] = lambda line: None,
) -> Batch:
    """Do ``work``, and then ``finish`` where there is one, on every job that is not done yet.

    Args:
        sink: where the caption goes, or the evidence where there is no caption.
        release: gives back what ``finish`` holds, such as connections.
        on_plan: told what is left to do, before it begins.
        on_done: told each job as it ends, why it failed (empty for a success), what came of it.
        on_brake: told of the first Ctrl-C.
        on_warning: told when the captions' quality leaves its band.
    """
    run = _Run(jobs, work, sink, options, on_done, on_warning)
    try:
        plan = run.plan()
        on_plan(plan)
        workers = max(1, min(options.workers, len(plan.todo)))
        threads = threads_each(workers)
        if options.engine == "ray":
            complete = run_on_ray(
                plan.todo,
                replace(run.work, threads=threads),
                open_finish=options.open_finish,
                workers=workers,
                threads=threads,
                time_limit=options.time_limit,
                on_done=run.take,
                on_brake=on_brake,
            )
        else:
            complete = run_jobs(
                plan.todo,
                replace(run.work, threads=threads if workers > 1 else 0),
                finish=finish,
                release=release,
                workers=workers,
                isolated=len(plan.todo) >= ISOLATED_FROM,
                time_limit=options.time_limit,
                on_done=run.take,
                on_brake=on_brake,
            )
        run.whole = complete and not run.batch.stopped
        run.batch.interrupted = not complete and not run.batch.stopped
    except KeyboardInterrupt:
        run.batch.interrupted = True
    finally:
        run.close()
    return run.batch


class _Run:
    """One run: where results go as they come."""

    def __init__(
        self,
        jobs: Sequence[Job],
        work: Work,
        sink: Sink | None,
        options: RunOptions,
        on_done: Told,
        on_warning: Callable[[str], None],
    ) -> None:
        self.batch, self.whole = Batch(), False
        self._started = self._noted = time.monotonic()
        self._jobs, self._sink, self._options = jobs, sink, options
        self._on_done, self._on_warning = on_done, on_warning
        self._failures: dict[int, Rejected] = {}
        self._failed_now = self._unwritten = 0
        self._parts: dict[int, tuple[str, ...]] = {}
        self._ledger: Records | None = None
        self._config = ""
        self.work = work
        if sink is not None:
            self._config = work.config()
            if sink.format != OURS:
                self._config = fingerprint(config=self._config, format=sink.format)
            if isinstance(sink, RemoteSink):
                self._ledger = sink.open(jobs)
            else:
                self.work = work.cached_in(str(sink.private / "evidence"))
                self._ledger = Ledger(sink.private, shard=options.shard)

    def plan(self) -> Plan:
        """What is left to do; what is done is counted."""
        if self._ledger is None or self._sink is None:
            return Plan(Todo(self._jobs, range(len(self._jobs))))
        self._sink.sweep()
        if self._options.resume:
            plan = plan_run(
                self._jobs,
                self._ledger,
                self._sink,
                config=self._config,
                retry_failed=self._options.retry_failed,
            )
        else:
            self._sink.forget()
            plan = Plan(Todo(self._jobs, range(len(self._jobs))))
        if self._options.keep:
            self._fetch_skipped(plan)
        if isinstance(self._sink, RemoteSink):
            self._sink.begin(plan.todo)
        self.batch.skipped = len(plan.skipped)
        self._failures.update(plan.failed)
        self._parts.update(plan.parts)
        self._ledger.note(
            total=len(self._jobs),
            before={"done": len(plan.skipped), "failed": len(plan.failed)},
            began=time.time(),
            ended=None,
            quality={},
        )
        return plan

    def _fetch_skipped(self, plan: Plan) -> None:
        """Load what an earlier run wrote; without its evidence a clip is done again."""
        from instancecap.engine.work import stamp_of

        assert self._sink is not None
        fetched = []
        for index, job in plan.skipped:
            parts = plan.parts.get(index, ("",))
            captions = {part: self._sink.get(job.name + part) or "" for part in parts}
            evidence = self.work.cache.get(job, stamp=stamp_of(job))
            if not all(captions.values()) or evidence is None:
                plan.todo.add(index)
            else:
                self.batch.results[index] = Documents(captions, evidence.to_json())
                fetched.append((index, job))
        plan.skipped = fetched
        plan.todo.sort()

    def take(self, outcome: Outcome[Documents]) -> bool:
        """Keep a result or its failure; True when the run should take no more jobs."""
        if outcome.result is not None and outcome.result.waiting:
            self.batch.waiting += 1
            self._on_done(outcome.job, "", outcome.result)
            return False
        began = time.perf_counter()
        reason, documents = self._store(outcome), outcome.result
        if reason:
            self._failures[outcome.index] = Rejected(outcome.job.clip.path, reason)
            self._failed_now += 1
        else:
            self.batch.done += 1
            assert documents is not None
            self._count(documents, time.perf_counter() - began)
        self._on_done(outcome.job, reason, None if reason else documents)
        if self._ledger is not None and time.monotonic() - self._noted > NOTE_EVERY:
            self._noted = time.monotonic()
            self._ledger.note(quality=self.batch.gates.summary())
        return self._is_hopeless(reason)

    def _store(self, outcome: Outcome[Documents]) -> str:
        """Write a result, then its row; returns why there is none, or an empty string.

        What cannot be written has no row, so that the next run tries it again.
        """
        job, failure = outcome.job, outcome.failure
        if failure is not None and failure.trace:
            log.debug("%s\n%s", job.clip.path, failure.trace)
        reason = failure.reason if failure is not None else ""
        documents = outcome.result or Documents()
        try:
            if self._sink is not None and not reason:
                try:
                    self._put(outcome.index, job, documents, self._sink)
                except FormatError as error:
                    reason = str(error)
            if self._ledger is not None:
                self._ledger.record(
                    job,
                    documents.identity or Identity.of(job.clip.path, content=True),
                    config=config_of(job, self._config),
                    parts=documents.outputs,
                    reason=reason,
                    seconds=sum(documents.seconds.values()),
                    cost=documents.cost,
                )
        except OutputError as error:
            self._unwritten += 1
            return reason or reason_of(error, job.clip.path)
        if not reason:
            self._unwritten = 0
        if self._options.keep and not reason:
            self.batch.results[outcome.index] = documents
        return reason

    def _put(self, index: int, job: Job, documents: Documents, sink: Sink) -> None:
        for part, text in documents.outputs.items():
            sink.put(job.name + part, text)
        if list(documents.outputs) != [""]:
            self._parts[index] = tuple(documents.outputs)

    def _count(self, documents: Documents, writing: float) -> None:
        for stage, seconds in {**documents.seconds, "writing": writing}.items():
            self.batch.stages.setdefault(stage, Durations()).add(seconds)
        for unit, amount in documents.cost.items():
            self.batch.cost[unit] = self.batch.cost.get(unit, 0) + amount
        for text in documents.captions.values():
            for line in self.batch.gates.add(text):
                self._on_warning(line)

    def _is_hopeless(self, reason: str) -> bool:
        tried = self.batch.done + self._failed_now
        limit = self._options.max_failure_rate
        if self._unwritten >= MOST_UNWRITTEN:
            self.batch.stopped = f"{MOST_UNWRITTEN} outputs in a row failed: {reason}"
        elif tried >= FEWEST_TRIED and self._failed_now / tried > limit:
            self.batch.stopped = self.batch.stopped or (
                f"{self._failed_now} of {tried} clips failed, more than "
                f"--max-failure-rate {limit:g} allows"
            )
        return bool(self.batch.stopped)

    def close(self) -> None:
        """Make tables appear and give everything free."""
        self.batch.failed = [one for _, one in sorted(self._failures.items(), key=itemgetter(0))]
        try:
            if self._sink is not None and (self.whole or self._sink.piecewise):
                self.batch.outputs = self._sink.finish(self._names())
        finally:
            self.batch.seconds = time.monotonic() - self._started
            if self._ledger is not None:
                self._ledger.note(ended=time.time(), quality=self.batch.gates.summary())
                self._ledger.close()
            if self._sink is not None:
                self._sink.close()

    def _names(self) -> Iterator[str]:
        for index, job in enumerate(self._jobs):
            if index in self._failures:  # what an earlier run wrote holds no more
                continue
            for part in self._parts.get(index, ("",)):
                yield job.name + part


def fetch_weights() -> str:
    """Get the default weights before any worker starts, so that one process waits for them.

    Returns one line that says what the run goes on without; empty when everything is there.
    """
    from instancecap.models import weights

    if not (missing := weights.fetch_defaults()):
        return ""
    without = " and ".join(missing)
    return f"going on without {without}; 'instancecap models pull all' gets what is missing"
