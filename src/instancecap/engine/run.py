"""From INPUT arguments to a finished run: find the clips, open the output, watch, do the work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.engine.batch import Run, RunOptions, fetch_weights, run_batch
from instancecap.engine.events import Broadcast, Events
from instancecap.engine.journal import open_journal
from instancecap.engine.local import count_cores
from instancecap.engine.metrics import serve_metrics
from instancecap.engine.shards import Shard
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Work
from instancecap.errors import UsageError
from instancecap.formats.table_rows import OURS
from instancecap.io.inputs import Job, find_jobs, refuse_shared_names

Engine = Literal["local", "ray"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How many clips are done; the command line's options of the same names.

    Attributes:
        out: a folder, a ``.jsonl`` or a ``.parquet``, on a local disk or in object storage; empty
            to keep the results in memory only.
        format: of the captions that are written.
        workers: processes, 0 for one a core.
        engine: ``local``, or ``ray`` for a cluster.
        resume: pass over what an earlier run into ``out`` has done.
        retry_failed: try again what failed then.
        overwrite_human: write over outputs that a person changed since they were written.
        time_limit: seconds that a clip may take in a worker process, 0 for no limit.
        max_failure_rate: share of failed clips, 0..1, after the first 20, that ends the run.
        shard: ``I/N``: do the I-th of N parts of the clips.
        images: take still images out of folders too.
        video_root: folder that outputs are named relative to, instead of the INPUT folder.
        hint_column: column of the manifest with what somebody said about the clip.
        log_json: file that a line is added to for each clip.
        metrics_port: serve counters for Prometheus there; 0 takes a free port.
        keep: hold the results in memory too.
    """

    out: str = ""
    format: str = OURS
    workers: int = 1
    engine: Engine = "local"
    resume: bool = True
    retry_failed: bool = False
    overwrite_human: bool = False
    time_limit: float = 3600.0
    max_failure_rate: float = 1.0
    shard: str = ""
    images: bool = False
    video_root: str | None = None
    hint_column: str = ""
    log_json: str = ""
    metrics_port: int | None = None
    keep: bool = False

    def __post_init__(self) -> None:
        if self.engine not in get_args(Engine):
            raise UsageError(f"--engine {self.engine}: choose local or ray")
        if self.workers < 0:
            raise UsageError(f"--workers {self.workers}: a number of processes, 0 for one a core")
        if not self.out and self.format != OURS:
            raise UsageError(f"--format {self.format} needs --out OUT")

    @property
    def keeps(self) -> bool:
        """Whether results are held in memory."""
        return self.keep or not self.out


def run_work(
    inputs: Sequence[str], work: Work, config: RunConfig, *, events: Events | None = None
) -> tuple[list[Job], Run]:
    """Do a work on every clip that the inputs stand for.

    Args:
        inputs: files, folders, glob patterns, manifests, tars, and addresses of such.

    Returns:
        The clips, in their order, and what came of them; inputs that are no clips are among the
        failures.

    Raises:
        UsageError: an option, or two inputs that would share an output; nothing was done.
        MissingDependency, ServerError: what would be the same for every clip.
    """
    part = Shard.parse(config.shard) if config.shard else None
    found, rejected = find_jobs(
        inputs, images=config.images, video_root=config.video_root, hint_column=config.hint_column
    )
    label = part.label if part else ""
    store = open_store(config.out, shard=label, format=config.format) if config.out else None
    if store is not None or config.keep:
        refuse_shared_names(found, fold=store is not None and store.sink.folds_names)
    jobs = list(part.of(found)) if part else found
    with ExitStack() as stack:
        watchers = [events or Events()]
        if config.log_json:
            watchers.append(stack.enter_context(open_journal(config.log_json)))
        if config.metrics_port is not None:
            watchers.append(stack.enter_context(serve_metrics(config.metrics_port)))
        watching = Broadcast(watchers)
        for one in rejected:
            watching.rejected(one)
        if jobs and (line := fetch_weights()):
            watching.noted(line)
        options = RunOptions(
            workers=config.workers or count_cores(),
            resume=config.resume,
            retry_failed=config.retry_failed,
            overwrite_human=config.overwrite_human,
            time_limit=config.time_limit,
            max_failure_rate=config.max_failure_rate,
            keep=config.keeps,
            engine=config.engine,
        )
        run = run_batch(jobs, work, store=store, options=options, events=watching)
    run.failed[:0] = rejected
    return jobs, run
