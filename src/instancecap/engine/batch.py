"""One run over many clips: do the work, keep what is done, account for what is not."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter

from instancecap.datasets.edits import is_by_hand, leaf_digests
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Ended, Events
from instancecap.engine.local import Outcome, count_cores, run_jobs, threads_each
from instancecap.engine.monitor import Durations
from instancecap.engine.ray import run_on_ray
from instancecap.engine.results import Run
from instancecap.engine.resume import Plan, Todo, config_of, plan_run
from instancecap.engine.store import Entry, Store
from instancecap.engine.work import Documents, Stage, Work, fingerprint, stamp_of
from instancecap.errors import FormatError, OutputError
from instancecap.formats.table_rows import OURS
from instancecap.io.finder import Rejected, reason_of
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job
from instancecap.schema import Caption

log = logging.getLogger(__name__)

ISOLATED_FROM = 8
"""Jobs from which one worker, too, is a process of its own: a crash then costs one clip. Fewer
are done sooner than a process starts."""

FEWEST_TRIED = 20
"""Clips of a run before its failure rate may end it."""

MOST_UNWRITTEN = 10
"""Outputs in a row that cannot be written end a run: a full disk would cost every other clip."""

NOTE_EVERY = 2.0
"""Seconds between notes in the records of how the run stands."""

RECENT = 300.0
"""Seconds over which the present rate is taken."""


def run_batch(
    jobs: Sequence[Job],
    work: Work,
    *,
    store: Store | None,
    config: RunConfig,
    events: Events | None = None,
) -> Run:
    """Do ``work``, both of its halves, on every job that is not done yet.

    Args:
        store: where the caption goes, or the evidence where there is no caption.
        events: told how the run goes.

    Raises:
        UsageError: the output cannot be used.
        MissingDependency, ServerError: what would be the same for every job.
    """
    batch = _Batch(jobs, work, store, config, events or Events())
    run, complete = batch.run, False
    try:
        plan = batch.plan()
        stage = batch.work.open_stage() if config.engine != "ray" else None
        complete = batch.do(plan, stage)
        if stage is not None:
            run.batch_files, run.open_questions = stage.finish()
            run.outputs += run.batch_files
        run.interrupted = not complete and not run.stopped
    except KeyboardInterrupt:
        run.interrupted = True
    finally:
        batch.close(whole=complete and not run.stopped)
    return run


class _Batch:
    """One run: where results go as they come."""

    def __init__(
        self, jobs: Sequence[Job], work: Work, store: Store | None, how: RunConfig, events: Events
    ) -> None:
        self.run, self.work = Run(total=len(jobs)), work
        self._started = time.monotonic()
        self._ended = deque([(self._started, 0)])  # clips that had ended, at the latest notes
        self._reasons: Counter[str] = Counter()
        self._cost_before: dict[str, float] = {}
        self._jobs, self._how, self._events = jobs, how, events
        self._failures: dict[int, Rejected] = {}
        self._unloaded: list[Rejected] = []
        self._partial: dict[int, Rejected] = {}
        self._failed_now = self._unwritten = 0
        self._parts: dict[int, tuple[str, ...]] = {}
        self._store = store.begin(jobs) if store is not None else None
        self._config = ""
        if store is not None:
            self._config = work.config()
            if store.sink.format != OURS:
                self._config = fingerprint(config=self._config, format=store.sink.format)
            if store.cache:
                self.work = work.cached_in(store.cache)

    def plan(self) -> Plan:
        """What is left to do; what is done is counted."""
        plan = Plan(Todo(self._jobs, range(len(self._jobs))))
        if (store := self._store) is not None:
            store.sink.sweep()
            plan = plan_run(
                self._jobs, store, self._how, key=self._config, rewrites=self.work.rewrites
            )
            if self._how.keep:
                self._fetch_skipped(plan, store)
            store.records.begin(plan.todo)
            self.run.skipped = len(plan.skipped)
            self.run.kept, self.run.stale = plan.kept, plan.stale
            self._failures.update(plan.failed)
            self._parts.update(plan.parts)
            self._reasons.update(one.reason for _, one in plan.failed)
            self._cost_before = plan.cost
            self._note(store, urgent=True)
        self._events.planned(plan)
        return plan

    def _note(self, store: Store, *, ended: float = 0.0, urgent: bool = False) -> None:
        """Write down how the run stands."""
        run, now = self.run, time.monotonic()
        self._ended.append((now, run.done + len(self._partial) + self._failed_now))
        while len(self._ended) > 2 and self._ended[0][0] < now - RECENT:
            self._ended.popleft()
        (since, before), (_, count) = self._ended[0], self._ended[-1]
        units = {*run.cost, *self._cost_before}
        notes = {
            "total": run.total,
            "done": run.done + run.skipped,
            "before": run.skipped,
            "kept": len(run.kept),
            "partial": len(self._partial),
            "failed": len(self._failures),
            "per_minute": 60 * (count - before) / max(1.0, now - since),
            "reasons": dict(self._reasons.most_common(100)),
            "cost": {u: run.cost.get(u, 0) + self._cost_before.get(u, 0) for u in sorted(units)},
            "quality": run.quality.summary(),
            "empty": run.quality.empty,
            "written": time.time(),
            "ended": ended,
        }
        store.records.note(notes, urgent=urgent)

    def _fetch_skipped(self, plan: Plan, store: Store) -> None:
        """Load what an earlier run wrote; without its evidence a clip is done again.

        What a person changed is never done again: where it cannot be loaded, it is a failure.
        """
        fetched = []
        for index, job in plan.skipped:
            parts = plan.parts.get(index, ("",))
            captions = {part: store.sink.get(job.name + part) or "" for part in parts}
            evidence = self.work.cache.get(job, stamp=stamp_of(job))
            entry = store.records.find(job)
            if entry is not None and entry.by_hand:
                fault = "" if evidence is not None else "what was measured of its clip is gone"
                if fault := fault or _fault_in(captions.values()):
                    where = store.sink.where(job.name + parts[0])
                    one = Rejected(where, f"{fault}; mend it, or delete it to have it written anew")
                    plan.kept = [other for other in plan.kept if other.source != where]
                    self._unloaded.append(one)
                    self._events.rejected(one)
                    fetched.append((index, job))
                    continue
            if not all(captions.values()) or evidence is None:
                plan.todo.add(index)
            else:
                self.run.results[index] = Documents(captions, evidence.to_json())
                fetched.append((index, job))
        plan.skipped = fetched
        plan.todo.sort()

    def do(self, plan: Plan, stage: Stage | None) -> bool:
        """Run the jobs; returns whether every one of them was taken."""
        how = self._how
        workers = max(1, min(how.workers or count_cores(), len(plan.todo)))
        threads = threads_each(workers)
        if how.engine == "ray":
            return run_on_ray(
                plan.todo,
                replace(self.work, threads=threads),
                workers=workers,
                time_limit=how.time_limit,
                on_done=self._take,
                on_shutdown=self._events.stopping,
            )
        return run_jobs(
            plan.todo,
            replace(self.work, threads=threads if workers > 1 else 0),
            stage=stage,
            workers=workers,
            isolated=len(plan.todo) >= ISOLATED_FROM,
            time_limit=how.time_limit,
            on_done=self._take,
            on_shutdown=self._events.stopping,
        )

    def _take(self, outcome: Outcome[Documents]) -> bool:
        """Keep a result or its failure; True when the run should take no more jobs."""
        job, documents = outcome.job, outcome.result
        if documents is not None and documents.waiting:
            self.run.waiting += 1
            self._events.ended(Ended(job, "waiting", documents=documents))
            return False
        began = time.perf_counter()
        reason = self._keep(outcome)
        if reason or documents is None:
            self._failures[outcome.index] = Rejected(job.clip.path, reason)
            self._failed_now += 1
            self._reasons[reason] += 1
            self._events.ended(Ended(job, "failed", reason))
        else:
            self._count(documents, time.perf_counter() - began)
            lacking = _lacking(documents)
            if lacking:
                self._partial[outcome.index] = Rejected(job.clip.path, lacking)
                self._reasons[lacking] += 1
            else:
                self.run.done += 1
            self._events.ended(Ended(job, _state(documents, ""), lacking, documents))
        if self._store is not None and time.monotonic() - self._ended[-1][0] > NOTE_EVERY:
            self._note(self._store)
        return self._is_hopeless(reason)

    def _keep(self, outcome: Outcome[Documents]) -> str:
        """Write a result, then its record; returns why there is none, or an empty string.

        What cannot be written has no record, so that the next run tries it again.
        """
        job, failure = outcome.job, outcome.failure
        if failure is not None and failure.trace:
            log.debug("%s\n%s", job.clip.path, failure.trace)
        reason = failure.reason if failure is not None else ""
        documents = outcome.result or Documents()
        if self._store is not None:
            try:
                reason = self._write(outcome.index, job, documents, self._store, reason)
            except OutputError as error:
                self._unwritten += 1
                return reason or reason_of(error, job.clip.path)
        if not reason:
            self._unwritten = 0
            if self._how.keep or self._store is None:
                self.run.results[outcome.index] = documents
        return reason

    def _write(self, index: int, job: Job, documents: Documents, store: Store, reason: str) -> str:
        digests: dict[str, str] = {}
        captions: dict[str, Caption] = {}
        leaves: dict[str, dict[str, str]] = {}
        if not reason:
            captions = {part: Caption.from_json(text) for part, text in documents.captions.items()}
            try:
                for part, text in documents.outputs.items():
                    digests[part] = store.sink.put(job.name + part, text)
                if list(documents.outputs) != [""]:
                    self._parts[index] = tuple(documents.outputs)
                for part, caption in captions.items():
                    leaves[part] = leaf_digests(caption, format=store.sink.format)
            except FormatError as error:
                reason = str(error)
        entry = Entry.of(
            job,
            documents.identity or Identity.of(job.clip.path, content=True),
            config=config_of(job, self._config),
            parts=tuple(documents.outputs),
            state=_state(documents, reason),
            reason=reason or _lacking(documents),
            missing=documents.missing,
            digests=digests,
            leaves=leaves,
            by_hand=any(map(is_by_hand, captions.values())),
            seconds=round(sum(documents.seconds.values()), 4),
            cost=documents.cost,
        )
        store.records.record(entry)
        return reason

    def _count(self, documents: Documents, writing: float) -> None:
        for stage, seconds in {**documents.seconds, "writing": writing}.items():
            self.run.stages.setdefault(stage, Durations()).add(seconds)
        for unit, amount in documents.cost.items():
            self.run.cost[unit] = self.run.cost.get(unit, 0) + amount
        for text in documents.captions.values():
            for line in self.run.quality.add(text):
                self._events.warned(line)

    def _is_hopeless(self, reason: str) -> bool:
        tried = self.run.done + len(self._partial) + self._failed_now
        limit = self._how.max_failure_rate
        if self._unwritten >= MOST_UNWRITTEN:
            self.run.stopped = f"{MOST_UNWRITTEN} outputs in a row failed: {reason}"
        elif tried >= FEWEST_TRIED and self._failed_now / tried > limit:
            self.run.stopped = self.run.stopped or (
                f"{self._failed_now} of {tried} clips failed, more than "
                f"--max-failure-rate {limit:g} allows"
            )
        return bool(self.run.stopped)

    def close(self, *, whole: bool) -> None:
        """Make outputs appear, tables of a whole run only, and give everything free."""
        run, store = self.run, self._store
        run.failed = [one for _, one in sorted(self._failures.items(), key=itemgetter(0))]
        run.failed += self._unloaded
        run.partial = [one for _, one in sorted(self._partial.items(), key=itemgetter(0))]
        try:
            if store is not None and (whole or store.sink.piecewise):
                run.outputs[:0] = store.finish(self._names())
        finally:
            run.seconds = time.monotonic() - self._started
            if store is not None:
                self._note(store, ended=time.time(), urgent=True)
                store.close()

    def _names(self) -> Iterator[str]:
        for index, job in enumerate(self._jobs):
            if index in self._failures:  # what an earlier run wrote holds no more
                continue
            for part in self._parts.get(index, ("",)):
                yield job.name + part


def _fault_in(captions: Iterable[str]) -> str:
    """Why one of these cannot be read as a caption; empty where all can."""
    try:
        for text in captions:
            Caption.from_json(text)
    except FormatError as error:
        return reason_of(error, "text")
    return ""


def _state(documents: Documents, reason: str) -> str:
    return "failed" if reason else "partial" if documents.missing else "done"


def _lacking(documents: Documents) -> str:
    """One line on what is missing and why; empty for a whole result."""
    if not documents.missing:
        return ""
    pointers = list(dict.fromkeys(one for some in documents.missing.values() for one in some))
    shown = ", ".join(pointers[:4]) + (", …" if len(pointers) > 4 else "")
    why = "; ".join(documents.reasons[:3])
    return f"no usable answer for {shown}" + (f": {why}" if why else "")
