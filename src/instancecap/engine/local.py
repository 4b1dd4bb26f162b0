"""Runs jobs on this machine: in this process, or in worker processes that may die alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from instancecap.engine.inputs import Job, reason_of
from instancecap.errors import InputError, MissingDependency, UsageError

T = TypeVar("T")
Work = Callable[[Job], T]

TASKS_PER_WORKER = 2
"""Jobs handed to the pool ahead of time for each worker; the rest wait here, at no cost."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job came to nothing: one line, and the traceback of what was not foreseen."""

    reason: str
    trace: str = ""


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
    jobs: Sequence[Job],
    work: Work[T],
    *,
    workers: int = 1,
    on_done: Callable[[Outcome[T]], None],
) -> None:
    """Do ``work`` on every job and report each to ``on_done``, in this thread, as it is done.

    A job that fails is reported and the others go on. :class:`UsageError` and
    :class:`MissingDependency` would be the same for every job: they end the run and are raised.
    So is KeyboardInterrupt, once the workers are stopped.

    Args:
        work: picklable where ``workers`` is more than 1; so is what it returns.
        workers: processes; 1 works in this process.
    """
    if workers <= 1 or len(jobs) <= 1:
        for index, job in enumerate(jobs):
            on_done(_outcome(index, job, _attempt(work, job)))
    else:
        _run_in_processes(jobs, work, min(workers, len(jobs)), on_done)


def _attempt(work: Work[T], job: Job) -> T | Failure:
    """The one place where anything may go wrong with a clip without stopping the others."""
    try:
        return work(job)
    except (UsageError, MissingDependency):
        raise
    except InputError as error:
        return Failure(reason_of(error, job.clip.path))
    except Exception as error:
        return Failure(f"internal error: {type(error).__name__}: {error}", traceback.format_exc())


def _outcome(index: int, job: Job, result: T | Failure) -> Outcome[T]:
    if isinstance(result, Failure):
        return Outcome(index, job, None, result)
    return Outcome(index, job, result, None)


def _run_in_processes(
    jobs: Sequence[Job], work: Work[T], workers: int, on_done: Callable[[Outcome[T]], None]
) -> None:
    from pebble import ProcessPool

    from instancecap.models import weights

    pool: Any = ProcessPool(
        max_workers=workers,
        initializer=_start_worker,
        initargs=(threads_each(workers), weights.known_missing()),
        # A fork would copy this process's threads and locks half-way; spawn starts clean.
        context=multiprocessing.get_context("spawn"),
    )
    waiting = iter(enumerate(jobs))
    running: dict[Future[Any], tuple[int, Job]] = {}
    try:
        while True:
            for index, job in islice(waiting, TASKS_PER_WORKER * workers - len(running)):
                running[pool.schedule(_attempt, args=(work, job))] = index, job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                index, job = running.pop(future)
                on_done(_outcome(index, job, _result(future)))
        pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()


def _result(future: Future[Any]) -> Any:
    from pebble import ProcessExpired

    try:
        return future.result()
    except ProcessExpired as error:
        code = error.exitcode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return Failure(f"the worker process died ({how}): a crash, or out of memory")
    except (BrokenProcessPool, CancelledError) as error:
        return Failure(f"the worker processes could not go on: {error}")


def _start_worker(threads: int, missing: dict[str, str]) -> None:
    """Keep a worker to its share of the cores, and to what its parent found missing."""
    import cv2

    from instancecap.models import weights

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    cv2.setNumThreads(threads)
    weights.assume_missing(missing)
