"""From INPUT arguments to a finished run: find the clips, open the output, watch, do the work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from instancecap.engine.batch import Run, fetch_weights, run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Events
from instancecap.engine.journal import open_journal
from instancecap.engine.metrics import serve_metrics
from instancecap.engine.shards import Shard
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Work
from instancecap.io.inputs import Job, refuse_shared_names


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
    found, rejected = work.find(inputs, config)
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
        watching = Events(watchers)
        for one in rejected:
            watching.rejected(one)
        if jobs and work.measures and (line := fetch_weights()):
            watching.noted(line)
        run = run_batch(jobs, work, store=store, config=config, events=watching)
    run.failed[:0] = rejected
    return jobs, run
