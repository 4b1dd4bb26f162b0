"""Where jobs run: worker processes, this process, an event loop; and what Ctrl-C does."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from instancecap.errors import MissingDependency

TASKS_PER_PROCESS = 500
"""Jobs after which a worker is replaced: what native libraries leak stays bounded."""

MOST_RENEWALS = 3
"""Times in a row, with no result between them, that all workers are started anew."""

PATIENCE = 5.0
"""Seconds that a call which is called off gets to end."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job came to nothing: one line, and the traceback of what was not foreseen."""

    reason: str
    trace: str = ""


class WorkersLost(Exception):
    """The worker processes ended while none was at work on a job: no job is to blame."""


class WorkerPool:
    """Processes that can crash, or be stopped at their time limit, one by one."""

    def __init__(
        self, workers: int, *, threads: int, time_limit: float = 0.0, memory_limit: int = 0
    ) -> None:
        """``memory_limit``: bytes that a worker may have where the system can hold it to them."""
        self._workers, self._threads, self._time_limit = workers, threads, time_limit
        self._memory_limit = memory_limit
        self._renewals = 0
        self._pool = self._start()

    def _start(self) -> Any:
        from pebble import ProcessPool

        from instancecap.models import weights

        return ProcessPool(
            max_workers=self._workers,
            max_tasks=TASKS_PER_PROCESS,
            initializer=_start_worker,
            initargs=(self._threads, weights.known_missing(), self._memory_limit),
            # A fork would copy this process's threads and locks half-way; spawn starts clean.
            context=multiprocessing.get_context("spawn"),
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start a call in a worker, as soon as one is free.

        Raises:
            MissingDependency: workers cannot be kept alive.
        """
        while True:
            try:
                future: Future[Any] = self._pool.schedule(
                    function, args=args, timeout=self._time_limit or None
                )
            except RuntimeError:  # what pebble says of a pool whose workers are lost
                self._renew()
            else:
                return future

    @property
    def lost(self) -> bool:
        """The workers ended, and calls that wait for them would wait forever."""
        return not self._pool.active

    def _renew(self) -> None:
        self._renewals += 1
        if self._renewals > MOST_RENEWALS:
            raise MissingDependency(
                "worker processes end before they do anything; run 'instancecap doctor', and see "
                f"whether there is memory for --workers {self._workers}"
            )
        self.stop()
        self._pool = self._start()

    def result(self, future: Future[Any]) -> Any:
        """What the call returned, or a :class:`Failure` that says how its worker ended.

        Raises:
            WorkersLost: the call was never begun.
        """
        from pebble import ProcessExpired

        try:
            result = future.result()
        except ProcessExpired as error:
            result = Failure(f"the worker process died ({_how(error.exitcode)})")
        except FutureTimeout:
            result = Failure(f"not done after {self._time_limit:g} s, the limit of --time-limit")
        except CancelledError:
            result = Failure("called off")
        except BrokenProcessPool as error:
            raise WorkersLost from error
        self._renewals = 0
        return result

    def close(self) -> None:
        """Wait for the workers to end."""
        self._pool.close()
        self._pool.join()

    def stop(self) -> None:
        """End the workers, whatever they do."""
        self._pool.stop()
        self._pool.join()


def _how(code: int | None) -> str:
    """How a process ended, by its exit status as Python gives it."""
    if code is None or code >= 0:
        return f"exit status {code}: a crash"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    out_of_memory = ", perhaps out of memory" if name == "SIGKILL" else ""
    return f"signal {name}: a crash{out_of_memory}"


class InProcess:
    """Calls made at once, in this process."""

    lost = False

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Make the call."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def result(self, future: Future[Any]) -> Any:
        """What the call returned."""
        return future.result()

    def close(self) -> None:
        """Nothing runs any more."""

    stop = close


class AskingPool:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asking", daemon=True)
        self._thread.start()

    def submit(self, call: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Start a coroutine."""
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def close(self, release: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Cancel what still runs, give back what the calls held, and end the loop."""
        try:
            self.submit(_cancel_others()).result(PATIENCE)
            if release is not None:
                self.submit(release()).result(PATIENCE)
        except FutureTimeout:  # a call that never waits holds the loop; it ends with the process
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


@contextmanager
def graceful_shutdown(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C, or SIGTERM, only asks to stop; the second one interrupts.

    Yields whether that was asked. Outside the main thread, where no signals arrive, it never is.
    """
    requests: list[int] = []

    def request(number: int, frame: FrameType | None) -> None:
        if requests:
            raise KeyboardInterrupt
        requests.append(number)
        on_first()

    is_main = threading.current_thread() is threading.main_thread()
    names = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    before = {name: signal.signal(name, request) for name in names}
    try:
        yield lambda: bool(requests)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _start_worker(threads: int, missing: dict[str, str], memory_limit: int) -> None:
    """Keep a worker to its share of the cores, and to what its parent found missing."""
    import cv2

    from instancecap.models import weights

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")  # where memory runs out, Linux shall end a worker, not the run
    if memory_limit:
        _limit_memory(memory_limit)
    cv2.setNumThreads(threads)
    weights.assume_missing(missing)


def _limit_memory(most: int) -> None:
    """Let what asks for more memory fail; Windows, and where it is forbidden, go without."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(
            resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1])
        )


def _end_with_parent() -> None:
    """A parent that is killed cannot end its workers, and one that is busy would work on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
