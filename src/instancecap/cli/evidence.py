"""``instancecap evidence``: measure only."""

from __future__ import annotations

from typing import Annotated

import typer

from instancecap.cli import options, terminal
from instancecap.cli.options import Images, Inputs, Json, Quiet, Verbose, VideoRoot, Workers
from instancecap.errors import UsageError


def evidence(
    inputs: Inputs,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            show_default=False,
            help="Folder for one JSON file per clip.",
        ),
    ],
    masks: Annotated[
        bool, typer.Option("--masks", help="Add a mask per instance for every analyzed frame.")
    ] = False,
    workers: Workers = 1,
    resume: options.Resume = True,
    retry_failed: options.RetryFailed = False,
    time_limit: options.TimeLimit = options.TIME_LIMIT,
    max_failure_rate: options.MaxFailureRate = 1.0,
    shard: options.Shard = "",
    log_json: options.LogJson = None,
    metrics_port: options.MetricsPort = None,
    images: Images = False,
    video_root: VideoRoot = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Measure clips: shots, camera path, instances, faces, light. Numbers, no prose."""
    if verbose:
        terminal.log_to_stderr()
    from instancecap.engine.shards import Shard
    from instancecap.engine.work import EvidenceWork
    from instancecap.io.inputs import find_jobs, refuse_shared_names
    from instancecap.io.outputs import open_sink

    if out.lower().endswith((".jsonl", ".parquet")):
        raise UsageError(f"--out {out}: evidence goes to a folder, one JSON file per clip")
    jobs, rejected = find_jobs(inputs, images=images, video_root=video_root)
    label = Shard.parse(shard).label if shard else ""
    sink = open_sink(out, shard=label)
    refuse_shared_names(jobs, fold=sink.folds_names)
    batch = terminal.run_visibly(
        list(Shard.parse(shard).of(jobs)) if shard else jobs,
        rejected,
        EvidenceWork(masks=masks),
        sink=sink,
        options=options.run_options(
            workers=workers,
            resume=resume,
            retry_failed=retry_failed,
            time_limit=time_limit,
            max_failure_rate=max_failure_rate,
            shard=shard,
        ),
        log_json=log_json,
        metrics_port=metrics_port,
        quiet=quiet,
    )
    if json:
        terminal.print_json(terminal.account(batch))
    raise typer.Exit(terminal.exit_status(batch))
