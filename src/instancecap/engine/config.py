"""How a run over many clips is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from instancecap.engine.sound import SoundOptions
from instancecap.errors import UsageError
from instancecap.formats.table_rows import OURS
from instancecap.io.atomic import require_writable

BY_HAND = "changed by hand"
"""Why an output is kept; what is wrong with it may follow."""


class RunConfig(BaseModel):
    """How many clips are done; the command line's options are made of it.

    Raises :class:`UsageError` for what cannot be.

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

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: str = ""
    format: str = OURS
    workers: Annotated[int, Field(ge=0)] = 1
    engine: Literal["local", "ray"] = "local"
    resume: bool = True
    retry_failed: bool = False
    overwrite_human: bool = False
    time_limit: Annotated[float, Field(ge=0)] = 3600.0
    max_failure_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    shard: str = ""
    images: bool = False
    video_root: str | None = None
    hint_column: str = ""
    log_json: str = ""
    metrics_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    keep: bool = False

    @model_validator(mode="wrap")
    @classmethod
    def _one_line(cls, values: Any, check: Callable[[Any], Self]) -> Self:
        """The first thing that is wrong, as every wrong usage is said."""
        try:
            config = check(values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                known = ", ".join(cls.model_fields)
                raise UsageError(f"no option {name!r}; choose among {known}") from error
            option = f"--{name.replace('_', '-')} {first['input']}"
            raise UsageError(
                f"{option}: {first['msg'].removeprefix('Value error, ').lower()}"
            ) from error
        if not config.out and config.format != OURS:
            raise UsageError(f"--format {config.format} needs --out OUT")
        return config


class CaptionConfig(RunConfig):
    """How many clips are captioned: :class:`RunConfig`, and more.

    Attributes:
        max_instances: instances to describe, at most; None for the captioner's own number.
        split_shots: one caption a shot, named ``NAME#1``, ``NAME#2``, ….
        report: HTML page to look at the results; empty for none.
        sound: whether clips are listened to, and who transcribes speech.
        dry_run: measure only, and foretell what questions would cost; nothing is written.
    """

    max_instances: Annotated[int | None, Field(ge=0)] = None
    split_shots: bool = False
    report: str = ""
    dry_run: bool = False
    sound: SoundOptions = SoundOptions()

    @model_validator(mode="after")
    def _check_report(self) -> Self:
        if self.report and self.split_shots:
            raise UsageError("--report shows whole clips: leave out --split-shots")
        check_report(self.report)
        return self


def check_report(path: str) -> None:
    """Raise :class:`UsageError` where no page can be written; an empty path is none."""
    if Path(path).is_dir() and path:
        raise UsageError(f"--report {path}: name a file, such as report.html, not a folder")
    if path:
        require_writable(Path(path).parent, option="--report")


class RunOptions(TypedDict, total=False):
    """The fields of :class:`CaptionConfig` as keywords."""

    out: str
    format: str
    workers: int
    engine: Literal["local", "ray"]
    resume: bool
    retry_failed: bool
    overwrite_human: bool
    time_limit: float
    max_failure_rate: float
    shard: str
    images: bool
    video_root: str | None
    hint_column: str
    log_json: str
    metrics_port: int | None
    keep: bool
    max_instances: int | None
    split_shots: bool
    report: str
    dry_run: bool
    sound: SoundOptions
