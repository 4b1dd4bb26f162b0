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
    overwrite_human: options.OverwriteHuman = False,
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
    from instancecap.engine.config import RunConfig
    from instancecap.engine.run import run_work
    from instancecap.engine.work import EvidenceWork

    if out.lower().endswith((".jsonl", ".parquet")):
        raise UsageError(f"--out {out}: evidence goes to a folder, one JSON file per clip")
    config = RunConfig(
        out=out, workers=workers, resume=resume, retry_failed=retry_failed,
        overwrite_human=overwrite_human, time_limit=time_limit,
        max_failure_rate=max_failure_rate, shard=shard, log_json=log_json or "",
        metrics_port=metrics_port, images=images, video_root=video_root,
    )  # fmt: skip
    with terminal.watching(told=True, quiet=quiet, verbose=verbose) as watcher:
        _, done = run_work(inputs, EvidenceWork(masks=masks), config, events=watcher)
    watcher.conclude(done)
    if json:
        terminal.print_json(done.as_dict())
    raise typer.Exit(terminal.exit_status(done))
