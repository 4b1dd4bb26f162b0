"""Runs jobs on a Ray cluster: the same stages as the local engine, as a Ray Data pipeline.

The driver plans, and writes results through the same store as they stream in, so that
outputs and resuming are those of a local run. Inside each actor of the first stage a clip is done
in a process of its own, as the local engine has it: what would crash an actor, and have Ray try
the clip again without end, costs that clip only.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from instancecap.engine.local import FATAL, Outcome, attempt, attempt_stage
from instancecap.engine.pools import Failure, WorkerPool, graceful_shutdown
from instancecap.engine.work import Work
from instancecap.errors import MissingDependency
from instancecap.io.inputs import Job

Row = dict[str, Any]

ASKED_AT_A_TIME = 64
"""Clips whose questions one asking actor has in flight; their pictures are held in memory."""

JOBS_PER_BLOCK = 16
"""Jobs that travel together; fewer, where there would be too few blocks for the actors."""


def run_on_ray(
    jobs: Iterable[tuple[int, Job]],
    work: Work,
    *,
    workers: int = 1,
    time_limit: float = 0.0,
    on_done: Callable[[Outcome[Any]], bool | None],
    on_shutdown: Callable[[], None] = lambda: None,
) -> bool:
    """Do every job and report each to ``on_done``, as :func:`instancecap.engine.local.run_jobs`.

    Joins the cluster that ``RAY_ADDRESS`` names, or starts Ray on this machine. Ray Data's own
    back-pressure bounds what waits between the stages.

    Args:
        work: is sent to the actors; its second stage, if it has one, is opened in the one that
            asks.
        workers: actors of the first stage, each on as many cores as the work has threads.

    Returns:
        Whether every job was done.
    """
    ray = _import_ray()
    todo = list(jobs)
    if not todo:
        return True
    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    threads = work.threads or 1
    rows = [{"index": index, "job": pickle.dumps(job)} for index, job in todo]
    blocks = max(1, min(len(rows), max(4 * workers, len(rows) // JOBS_PER_BLOCK)))
    pipeline = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        _Prepare,
        fn_constructor_args=(work, threads, time_limit),
        batch_size=1,
        num_cpus=threads,
        compute=ray.data.ActorPoolStrategy(size=workers),
    )
    if work.has_stage:
        pipeline = pipeline.map_batches(
            _Ask,
            fn_constructor_args=(work,),
            batch_size=1,
            num_cpus=0,
            compute=ray.data.ActorPoolStrategy(size=1),
            max_concurrency=ASKED_AT_A_TIME,
        )
    by_index = dict(todo)
    with graceful_shutdown(on_shutdown) as is_stopping:
        for batch in pipeline.iter_batches(batch_size=1, prefetch_batches=0):
            index = int(batch["index"][0])
            result = pickle.loads(batch["result"][0])
            if isinstance(result, Fatal):
                raise result.error
            failure = result if isinstance(result, Failure) else None
            outcome = Outcome(index, by_index.pop(index), None if failure else result, failure)
            if on_done(outcome) or is_stopping():
                break
    return not by_index


@dataclass(frozen=True, slots=True)
class Fatal:
    """What would be the same for every job."""

    error: Exception


def _import_ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingDependency("--engine ray needs Ray: pip install 'instancecap[ray]'") from error
    return ray


class _Prepare:
    """The first stage in an actor, which keeps one worker process."""

    def __init__(self, work: Work, threads: int, time_limit: float) -> None:
        self._work = work
        self._pool = WorkerPool(1, threads=threads, time_limit=time_limit)

    def __call__(self, batch: Row) -> Row:
        job = pickle.loads(batch["job"][0])
        result: Any
        try:
            result = self._pool.result(self._pool.submit(attempt, self._work, job))
        except FATAL as error:
            result = Fatal(error)
        except Exception as error:  # an error row, never a failed pipeline
            result = Failure(f"internal error: {type(error).__name__}: {error}")
        return {**batch, "result": [pickle.dumps(result)]}


class _Ask:
    """The second stage: an asynchronous actor with many clips in flight."""

    def __init__(self, work: Work) -> None:
        stage = work.open_stage()
        assert stage is not None, "a work with a second stage"
        self._stage = stage

    async def __call__(self, batch: Row) -> AsyncIterator[Row]:
        job, ready = (pickle.loads(batch[name][0]) for name in ("job", "result"))
        result: Any = ready
        if not isinstance(ready, Fatal | Failure):
            try:
                result = await attempt_stage(self._stage, job, ready)
            except FATAL as error:
                result = Fatal(error)
        yield {"index": batch["index"], "job": [b""], "result": [pickle.dumps(result)]}
