"""Work that takes long, or that must not be done in the server: worker processes with limits.

A job is a function that can be sent to another process and takes a :class:`Progress` first. Its
worker may be killed, by a limit or by the user; the app goes on.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from instancecap.engine.local import count_cores, threads_each
from instancecap.engine.pools import Failure, WorkerPool, WorkersLost
from instancecap.errors import InputError, InstanceCapError, UsageError
from instancecap.web.app.config import Limits
from instancecap.web.app.files import Workspace

log = logging.getLogger(__name__)

FINISHED_KEPT = 64
"""Jobs whose outcome is remembered, the latest ones."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Tells how a job goes; every call is a line that the browser gets."""

    path: str

    def __call__(self, stage: str, share: float | None = None, **data: Any) -> None:
        """``stage`` is a short phrase; ``share`` of the job is done, 0..1, where that is known."""
        event = {"stage": stage, "share": share, **data}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")

    def events(self) -> list[dict[str, Any]]:
        """What was told so far."""
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except OSError:
            return []
        whole = text[: text.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]


@dataclass(slots=True)
class Job:
    """One job and what is known of it."""

    future: Future[Any]
    progress: Progress
    began: float = field(default_factory=time.monotonic)
    outcome: Any = None
    state: str = ""


class Jobs:
    """Jobs of one app. Methods can be called from any thread."""

    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self._limits = limits
        workers = max(1, count_cores() // 2)
        self._pool = _pool(workers, limits.job_seconds, limits)
        self._quick = _pool(1, limits.quick_seconds, limits)
        _, self._folder = workspace.new()
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Start the workers before anybody waits for them."""
        for pool in (self._pool, self._quick):
            pool.submit(_warm_up)

    def start(self, function: Callable[..., Any], *args: Any) -> str:
        """Begin ``function(progress, *args)`` in a worker; returns the job's id.

        Raises :class:`UsageError` where too many are waiting.
        """
        for job in [*self._jobs.values()]:  # a page that was closed asks for its job no more
            self._finish(job)
        with self._lock:
            open_jobs = [job for job in self._jobs.values() if not job.state]
            if len(open_jobs) >= self._limits.waiting:
                raise UsageError(f"{len(open_jobs)} jobs are waiting already; try again later")
            id = secrets.token_urlsafe(12)
            self._folder.mkdir(exist_ok=True)
            progress = Progress(str(self._folder / f"{id}.jsonl"))
            future = self._pool.submit(_call, function, progress, *args)
            self._jobs[id] = Job(future, progress)
            for old in [one for one, job in self._jobs.items() if job.state][:-FINISHED_KEPT]:
                Path(self._jobs.pop(old).progress.path).unlink(missing_ok=True)
        return id

    def quick(self, function: Callable[..., Any], *args: Any) -> Any:
        """What ``function(*args)`` returns, in a worker that long jobs do not block.

        Raises the function's own :class:`InputError`, or one that says how the worker ended.
        """
        outcome = _outcome_of(self._quick, self._quick.submit(_call, function, None, *args))
        if isinstance(outcome, Failure):
            raise InputError(outcome.reason)
        return outcome

    def status(self, id: str, *, since: int = 0) -> dict[str, Any]:
        """``state`` (waiting, running, done, failed, cancelled), ``seconds``, ``error``, ``events``
        from the ``since``-th on, and ``result`` where that can be written as JSON."""
        job = self._get(id)
        self._finish(job)
        state = job.state or ("running" if job.future.running() else "waiting")
        failed = isinstance(job.outcome, Failure)
        return {
            "state": state,
            "seconds": round(time.monotonic() - job.began, 1),
            "events": job.progress.events()[since:],
            "error": job.outcome.reason if failed else "",
            "result": None if failed else job.outcome,
        }

    def cancel(self, id: str) -> None:
        """End a job, whatever it does; nothing where it is done."""
        job = self._get(id)
        self._finish(job)
        with self._lock:
            if not job.state:
                job.state = "cancelled"
                job.future.cancel()

    def close(self) -> None:
        """End all workers."""
        for pool in (self._pool, self._quick):
            pool.stop()

    def _get(self, id: str) -> Job:
        try:
            return self._jobs[id]
        except KeyError:
            raise InputError("that job is not known any more") from None

    def _finish(self, job: Job) -> None:
        with self._lock:
            if job.state or not job.future.done():
                return
            job.outcome = _outcome_of(self._pool, job.future)
            job.state = "failed" if isinstance(job.outcome, Failure) else "done"


def _pool(workers: int, seconds: float, limits: Limits) -> WorkerPool:
    return WorkerPool(
        workers,
        threads=threads_each(workers),
        time_limit=seconds,
        memory_limit=limits.memory_bytes,
    )


def _outcome_of(pool: WorkerPool, future: Future[Any]) -> Any:
    try:
        outcome = pool.result(future)
    except WorkersLost:
        outcome = Failure("the worker process could not be started; try again")
    if isinstance(outcome, Failure) and outcome.trace:
        log.error("a job failed: %s\n%s", outcome.reason, outcome.trace)
    return outcome


def _warm_up() -> None:
    """Load what captioning needs; the module itself cannot be sent back."""
    import_module("instancecap.api")


def _call(function: Callable[..., Any], progress: Progress | None, *args: Any) -> Any:
    """Run in the worker: what goes wrong becomes one line."""
    import traceback

    try:
        return function(*args) if progress is None else function(progress, *args)
    except InstanceCapError as error:
        return Failure(str(error))
    except MemoryError:
        return Failure("needs more memory than a job may have")
    except Exception as error:
        what = f"{type(error).__name__}: {error}".split(os.linesep)[0]
        return Failure(f"something unforeseen happened ({what})", traceback.format_exc())
