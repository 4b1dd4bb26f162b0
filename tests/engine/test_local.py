"""One bad clip, or a dead worker, costs that clip and no other."""

from __future__ import annotations

import asyncio
import concurrent.futures
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from instancecap.engine import local
from instancecap.engine.local import Outcome, run_jobs, threads_each
from instancecap.errors import MissingDependency, ModelError, ServerError
from instancecap.io.inputs import Job
from instancecap.models import weights
from instancecap.video import Clip
from tests.engine.stages import FunctionStage
from tests.engine.works import deed, look


def jobs(*names: str) -> list[Job]:
    return [Job(Clip(path=f"in/{name}.mp4"), name) for name in names]


def run(names: list[str], work: Callable[[Job], str], workers: int) -> dict[str, str]:
    """Each job's result, or its reason in brackets."""
    found: dict[str, str] = {}

    def take(outcome: Outcome[str]) -> None:
        failure = outcome.failure
        found[outcome.job.name] = f"<{failure.reason}>" if failure else str(outcome.result)
        assert names[outcome.index] == outcome.job.name

    run_jobs(enumerate(jobs(*names)), work, workers=workers, on_done=take)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_stay_with_their_clip(workers: int) -> None:
    assert run(["a", "bad", "bug", "b"], deed, workers) == {
        "a": "A",
        "bad": "<no frame can be decoded>",
        "bug": "<internal error: ZeroDivisionError: by zero>",
        "b": "B",
    }


def test_traceback_of_an_unforeseen_error_is_kept() -> None:
    traces: list[str] = []
    run_jobs(
        enumerate(jobs("bug", "bad")),
        deed,
        workers=2,
        on_done=lambda outcome: traces.append(outcome.failure.trace if outcome.failure else "?"),
    )
    assert sorted(bool(trace) for trace in traces) == [False, True]
    assert "works.py" in max(traces)


@pytest.mark.parametrize("workers", [1, 2])
def test_missing_prerequisite_ends_the_run(workers: int) -> None:
    with pytest.raises(MissingDependency, match="masks need pycocotools"):
        run(["need", "a"], deed, workers)


def test_second_interrupt_stops_the_workers_at_once() -> None:
    done: list[str] = []
    shutdowns: list[int] = []

    def take(outcome: Outcome[str]) -> None:
        done.append(outcome.job.name)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_jobs(
            enumerate(jobs("a", "hang", "hang")),
            deed,
            workers=2,
            on_done=take,
            on_shutdown=lambda: shutdowns.append(1),
        )
    assert (done, shutdowns) == (["a"], [1])
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_first_interrupt_finishes_what_is_in_flight(workers: int, name: signal.Signals) -> None:
    done: list[str] = []

    def take(outcome: Outcome[str]) -> None:
        if not done:
            signal.raise_signal(name)
        done.append(outcome.job.name)

    handler = signal.getsignal(name)
    many = jobs(*(f"job{number}" for number in range(30)))
    assert not run_jobs(enumerate(many), deed, workers=workers, on_done=take)
    assert 1 <= len(done) <= local.TASKS_PER_WORKER * workers
    assert signal.getsignal(name) is handler


@pytest.mark.parametrize("workers", [1, 2])
def test_calls_overlap_and_fail_alone(workers: int) -> None:
    running, most = 0, 0

    async def finish(job: Job, prepared: str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.3)
        running -= 1
        if job.name == "no":
            raise ModelError("no usable answer")
        return prepared + "!"

    found: dict[str, str] = {}

    def take(outcome: Outcome[str]) -> None:
        found[outcome.job.name] = outcome.failure.reason if outcome.failure else str(outcome.result)

    names = ["a", "no", "bad", "b", "c", "d"]
    run_jobs(
        enumerate(jobs(*names)),
        deed,
        stage=FunctionStage(finish),
        workers=workers,
        on_done=take,
    )
    assert found == {
        "a": "A!",
        "b": "B!",
        "c": "C!",
        "d": "D!",
        "no": "no usable answer",
        "bad": "no frame can be decoded",
    }
    assert most > 1


def test_server_that_cannot_be_used_ends_the_run_and_keeps_what_is_done() -> None:
    async def finish(job: Job, prepared: str) -> str:
        if job.name == "c":
            raise ServerError("no connection")
        return prepared

    done: list[str] = []
    stage = FunctionStage(finish)
    with pytest.raises(ServerError, match="no connection"):
        run_jobs(
            enumerate(jobs(*"abc", *(f"job{number}" for number in range(300)))),
            deed,
            stage=stage,
            on_done=lambda outcome: done.append(outcome.job.name),
        )
    assert "a" in done and "job299" not in done
    assert stage.closed


def test_workers_share_the_cores_and_know_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_missing", {"yunet": "not to be had"})
    seen: list[tuple[int, int, dict[str, str]]] = []

    def take(outcome: Outcome[tuple[int, int, dict[str, str]]]) -> None:
        assert outcome.result is not None
        seen.append(outcome.result)

    run_jobs(enumerate(jobs(*"abcd")), look, workers=2, on_done=take)
    processes, threads, missing = zip(*seen, strict=True)
    assert len(set(processes)) <= 2
    assert set(threads) == {threads_each(2)}
    assert missing[0] == {"yunet": "not to be had"}


def test_few_jobs_are_outstanding_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counting(running: list[Any], **options: Any) -> Any:
        counts.append(len(running))
        return concurrent.futures.wait(running, **options)

    monkeypatch.setattr(local, "wait", counting)
    run([f"job{number}" for number in range(20)], deed, 2)
    assert max(counts) == 2 * local.TASKS_PER_WORKER
