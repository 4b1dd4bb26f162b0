"""Runs jobs on this machine: clips in worker processes that may die alone, calls in one loop.

A job has up to two stages. ``prepare`` computes: it runs in a worker process. ``finish`` waits,
for a model server say: it runs in an event loop beside the workers. Both are bounded, so memory
does not grow with the number of jobs.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from instancecap.engine.pools import (
    AskingPool,
    Failure,
    InProcess,
    WorkerPool,
    WorkersLost,
    graceful_shutdown,
)
from instancecap.engine.work import Stage
from instancecap.errors import InputError, MissingDependency, ServerError, UsageError
from instancecap.io.finder import reason_of
from instancecap.io.inputs import Job
from instancecap.io.local_copy import local_copy

T = TypeVar("T")
Prepare = Callable[[Job], Any]

TASKS_PER_WORKER = 2
"""Jobs handed to the pool ahead of time for each worker; the rest wait here, at no cost."""

MOST_ASKED = 64
"""Jobs that may wait for answers at a time; each holds its pictures in memory."""

CHECK_EVERY = 30.0
"""Seconds between looks whether the workers that are waited for still are there."""

FATAL = (UsageError, MissingDependency, ServerError)
"""What would be the same for every job: it ends the run."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of the ``index``-th job: ``result``, or ``failure`` where that is not None."""

    index: int
    job: Job
    result: T | None
    failure: Failure | None


def count_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_each(workers: int) -> int:
    """Threads for each of ``workers`` processes, so that together they use every core once."""
    return max(1, count_cores() // workers)


def run_jobs(
    jobs: Iterable[tuple[int, Job]],
    prepare: Prepare,
    *,
    stage: Stage | None = None,
    workers: int = 1,
    isolated: bool = False,
    time_limit: float = 0.0,
    on_done: Callable[[Outcome[T]], bool | None],
    on_shutdown: Callable[[], None] = lambda: None,
) -> bool:
    """Do every job and report each to ``on_done``, in this thread, as it is done.

    A job that fails is reported and the others go on. :data:`FATAL` errors end the run and are
    raised, after what is in flight has been reported. Ctrl-C, or SIGTERM, finishes what is in
    flight and takes no more; a second one raises KeyboardInterrupt at once.

    Args:
        jobs: pairs of a number, for the outcome, and a job; taken as they are needed.
        prepare: picklable where workers are processes; so is what it returns.
        stage: the second stage, if there is one; it is closed at the end.
        workers: processes.
        isolated: use a process even for one worker, so that a crash costs one job only.
        time_limit: seconds that ``prepare`` may take in a worker process, 0 for no limit.
        on_done: told each outcome; True asks for no more jobs.
        on_shutdown: told of the first Ctrl-C.

    Returns:
        Whether every job was taken.
    """
    in_processes = workers > 1 or isolated
    pool: WorkerPool | InProcess = (
        WorkerPool(workers, threads=threads_each(workers), time_limit=time_limit)
        if in_processes
        else InProcess()
    )
    asking = AskingPool() if stage is not None else None
    loop = _Loop(iter(jobs), prepare, stage, pool, asking, on_done)
    try:
        with graceful_shutdown(on_shutdown) as is_stopping:
            complete = loop.run(
                is_stopping, ahead=TASKS_PER_WORKER * workers if in_processes else 1
            )
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        if asking is not None:
            asking.close(stage.close if stage is not None else None)
    return complete


@dataclass(slots=True)
class _Loop(Generic[T]):
    """What is in flight, and what to do with each future that is done."""

    _jobs: Iterator[tuple[int, Job]]
    _prepare: Prepare
    _stage: Stage | None
    _pool: WorkerPool | InProcess
    _asking: AskingPool | None
    _on_done: Callable[[Outcome[T]], bool | None]
    _preparing: dict[Future[Any], tuple[int, Job]] = field(default_factory=dict)
    _asked: dict[Future[Any], tuple[int, Job]] = field(default_factory=dict)
    _again: list[tuple[int, Job]] = field(default_factory=list)
    _fatal: Exception | None = None
    _enough: bool = False

    def run(self, is_stopping: Callable[[], bool], *, ahead: int) -> bool:
        while True:
            if not (is_stopping() or self._fatal is not None or self._enough):
                self._begin(min(ahead - len(self._preparing), MOST_ASKED - len(self._asked)))
            in_flight = [*self._preparing, *self._asked]
            if not in_flight:
                break
            done = wait(in_flight, timeout=CHECK_EVERY, return_when=FIRST_COMPLETED).done
            for future in done:
                self._settle(future)
            if not done and self._pool.lost:
                self._again.extend(self._preparing.values())
                self._preparing.clear()
        if self._fatal is not None:
            raise self._fatal
        return not self._again and next(self._jobs, None) is None

    def _begin(self, room: int) -> None:
        """Hand out jobs: first those that lost their workers, then new ones."""
        for _ in range(room):
            taken = self._again.pop() if self._again else next(self._jobs, None)
            if taken is None:
                return
            self._preparing[self._pool.submit(attempt, self._prepare, taken[1])] = taken

    def _settle(self, future: Future[Any]) -> None:
        asked = future in self._asked
        index, job = (self._asked if asked else self._preparing).pop(future)
        try:
            result = self._pool.result(future)
        except FATAL as error:
            self._fatal = self._fatal or error
            return
        except WorkersLost:
            self._again.append((index, job))
            return
        if isinstance(result, Failure):
            self._report(Outcome(index, job, None, result))
        elif asked or self._asking is None or self._stage is None:
            self._report(Outcome(index, job, result, None))
        else:
            call = attempt_stage(self._stage, job, result)
            self._asked[self._asking.submit(call)] = index, job

    def _report(self, outcome: Outcome[T]) -> None:
        self._enough = bool(self._on_done(outcome)) or self._enough


def attempt(work: Callable[[Job], T], job: Job) -> T | Failure:
    """The one place where anything may go wrong with a clip without stopping the others."""
    try:
        with local_copy(job.clip) as clip:
            return work(job if clip is job.clip else replace(job, clip=clip))
    except FATAL:
        raise
    except Exception as error:
        return _failure(error, job)


async def attempt_stage(stage: Stage, job: Job, prepared: Any) -> Any:
    """As :func:`attempt`, for the second stage."""
    try:
        return await stage(job, prepared)
    except FATAL:
        raise
    except Exception as error:
        return _failure(error, job)


def _failure(error: Exception, job: Job) -> Failure:
    if isinstance(error, InputError):
        return Failure(reason_of(error, job.clip.path))
    if isinstance(error, MemoryError):
        return Failure("out of memory")
    return Failure(f"internal error: {type(error).__name__}: {error}", traceback.format_exc())
