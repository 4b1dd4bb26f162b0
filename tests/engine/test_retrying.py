"""A model server that dies and comes back costs time and no clip."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Ended, Events
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Documents
from instancecap.errors import ModelError
from instancecap.io.inputs import Job, find_jobs
from instancecap.mllm.base import Message, Request
from instancecap.mllm.openai import OpenAIBackend
from tests.engine.stages import FunctionStage
from tests.engine.test_survival import fill
from tests.engine.works import Poisoned, caption_of
from tests.mllm.server import MODEL, serve


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
    backend = OpenAIBackend(
        urls=[url], model=MODEL, retries=1, backoff=0.05, wait=30.0, concurrency=4
    )

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
        def open_stage(self) -> FunctionStage:
            return FunctionStage(finish)

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
