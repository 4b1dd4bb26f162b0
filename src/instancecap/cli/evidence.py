"""``instancecap evidence``: measure only."""

from __future__ import annotations

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Filled, offered
from instancecap.engine.config import RunConfig
from instancecap.engine.run import run_work
from instancecap.engine.sound import SoundOptions
from instancecap.engine.work import EvidenceWork
from instancecap.errors import UsageError
from instancecap.evidence.choice import Cluster

CONFIG = Filled(RunConfig, dict.fromkeys(("out", "format", "engine", "hint_column", "keep"), ""))
CLUSTER, SOUND = Filled(Cluster, {"preset": "cluster"}), Filled(SoundOptions)


@offered("evidence", CONFIG, CLUSTER, SOUND)
def evidence(
    inputs: list[str],
    *,
    out: str,
    masks: bool = False,
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Measure clips."""
    if verbose:
        terminal.log_to_stderr()
    if out.lower().endswith((".jsonl", ".parquet")):
        raise UsageError(f"--out {out}: evidence goes to a folder, one JSON file per clip")
    config = CONFIG.fill(options, out=out)
    work = EvidenceWork(masks=masks, cluster=CLUSTER.fill(options), sound=SOUND.fill(options))
    with terminal.watching(told=True, quiet=quiet, verbose=verbose) as watcher:
        _, done = run_work(inputs, work, config, events=watcher)
    watcher.conclude(done)
    if json:
        terminal.print_json(done.as_dict())
    raise typer.Exit(terminal.exit_status(done))
