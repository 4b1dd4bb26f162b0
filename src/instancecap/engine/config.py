"""How a run over many clips is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.errors import UsageError
from instancecap.formats.table_rows import OURS

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
