"""A model server that dies and comes back costs time and no clip."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Ended, Events
from instancecap.engine.model_stage import RetryingStage
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Documents
from instancecap.errors import ModelError, ServerError, ServerRefusal
from instancecap.io.inputs import Job, find_jobs
from instancecap.mllm.base import Message, Request
from instancecap.mllm.openai import OpenAIBackend
from instancecap.video import Clip
from tests.engine.stages import FunctionStage, answering
from tests.engine.test_survival import fill
from tests.engine.works import Poisoned, caption_of
from tests.mllm.server import MODEL, serve

JOB = Job(Clip(path="x"), "x")


def test_server_that_is_killed_and_started_again_loses_nothing(tmp_path: Path) -> None:
    jobs, _ = find_jobs([str(fill(tmp_path / "clips", 40))])
    first = serve()
    url = first.__enter__()
    port = int(url.split(":")[2].split("/")[0])
    second = serve(port=port)

    def restart() -> None:
        first.__exit__(None, None, None)
        time.sleep(1.0)
        second.__enter__()

    restarting = threading.Thread(target=restart)
    backend = OpenAIBackend(urls=[url], model=MODEL, retries=1, backoff=0.02, concurrency=4)

    async def finish(job: Job, prepared: Documents) -> Documents:
        (reply,) = await backend.complete([Request(messages=(Message("user", (job.name,)),))])
        if isinstance(reply, ModelError):
            raise reply
        await asyncio.sleep(0.05)
        asked.append(job.name)
        if len(asked) == len(jobs):
            await backend.close()
        return Documents({"": caption_of(job, global_description=f"{job.name}: {reply.text}")})

    asked: list[str] = []
    seen: list[str] = []

    class Restart(Events):
        def ended(self, one: Ended) -> None:
            seen.append(one.job.name)
            if len(seen) == 5:
                restarting.start()

    class Asked(Poisoned):
        def open_stage(self) -> RetryingStage:
            return RetryingStage(FunctionStage(finish), wait=30.0, pause=0.2)

        def __reduce__(self) -> tuple[type, tuple[()]]:
            return Poisoned, ()  # workers prepare only, and know nothing of this class

    batch = run_batch(
        jobs,
        Asked(),
        store=open_store(str(tmp_path / "out")),
        config=RunConfig(workers=2),
        events=Restart(),
    )
    restarting.join()
    second.__exit__(None, None, None)
    assert (batch.done, batch.failed) == (40, [])
    assert sorted(seen) == sorted(job.name for job in jobs)


def stage(*results: str) -> RetryingStage:
    """A stage that answers, or is gone, as told."""
    return RetryingStage(answering(*results), wait=0.3, pause=0.01)


def test_server_that_never_answered_ends_the_run_at_once() -> None:
    with pytest.raises(ServerError, match="no connection"):
        asyncio.run(stage("gone", "a")(JOB, ""))


def test_server_that_answered_is_waited_for_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = stage("a", "gone", "gone", "gone", "b")

    async def both() -> list[str]:
        return [(await asked(JOB, "")).evidence, (await asked(JOB, "")).evidence]

    assert asyncio.run(both()) == ["a", "b"]
    assert [record.message for record in caplog.records] == [
        "waiting up to 0.3 s for the server: no connection"
    ]


def test_wait_ends() -> None:
    now = 100.0
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        pauses.append(seconds)

    asked = RetryingStage(answering("a"), wait=600.0, pause=5.0, clock=lambda: now, sleep=sleep)

    async def both() -> None:
        await asked(JOB, "")
        await asked(JOB, "")

    with pytest.raises(ServerError):
        asyncio.run(both())
    assert pauses == [5.0] * 120


def test_a_refusal_is_not_waited_for() -> None:
    answered: list[Job] = []

    async def finish(job: Job, prepared: Any) -> Documents:
        if answered:
            raise ServerRefusal("refuses every question")
        answered.append(job)
        return Documents()

    async def both() -> None:
        asked = RetryingStage(FunctionStage(finish), wait=600.0)
        await asked(JOB, "")
        await asked(JOB, "")

    with pytest.raises(ServerRefusal):
        asyncio.run(both())
