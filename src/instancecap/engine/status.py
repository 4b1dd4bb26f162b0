"""Where a run stands, read from what it notes beside its output, while it runs or afterwards."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instancecap.engine.ledger import is_locked, read_ledger_notes
from instancecap.engine.object_storage import read_notes
from instancecap.errors import InputError, UsageError
from instancecap.io.addresses import is_url, strip_file_scheme
from instancecap.io.inputs import private_folder

SILENT = 900.0
"""Seconds without a sign of life after which a run into object storage is taken for dead."""


COUNTS = ("total", "done", "before", "kept", "partial", "failed", "per_minute")
"""What is added up over the shards."""


@dataclass(slots=True)
class Status:
    """What the runs that began last have noted, over all shards of an output.

    Attributes:
        held: clips of these and of earlier runs by their state, ``done``, ``partial``, ``failed``;
            none in object storage.
        running: a run is at work on the output now.
        total: clips of the run.
        done: with those that earlier runs had done.
        before: those that earlier runs had done.
        kept: of these, those that stay as a person left them.
        partial: clips whose captions lack something that was asked for.
        per_minute: clips that ended in the last five minutes of the run, per minute.
        left_seconds: until the run will be through at this rate; None where it cannot be told.
        reasons: why clips failed or are partial, the most frequent first, numbers in them left out.
        cost: what models were asked, in sum.
        quality: what was counted of the captions of the run.
        empty: ids of the first clips whose captions are empty.
    """

    held: dict[str, int] = field(default_factory=dict)
    running: bool = False
    total: int = 0
    done: int = 0
    before: int = 0
    kept: int = 0
    partial: int = 0
    failed: int = 0
    per_minute: float = 0.0
    left_seconds: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def read_status(out: str) -> Status:
    """The status of an output. Raises :class:`UsageError` where no run ever wrote one."""
    status = Status()
    if is_url(out := strip_file_scheme(out)):
        try:
            notes = read_notes(out)
        except InputError as error:
            raise UsageError(str(error)) from error
        status.running = any(
            not one["ended"] and time.time() - one["written"] < SILENT for one in notes
        )
    else:
        folder = private_folder(Path(out))
        notes = [read_ledger_notes(path) for path in sorted(folder.glob("ledger*.sqlite"))]
        status.running = any(is_locked(path) for path in folder.glob("lock*"))
    if not notes:
        raise UsageError(f"{out}: no run has written here; name the OUT of a caption run")
    reasons = Counter[str]()
    for one in filter(None, notes):
        for name in COUNTS:
            setattr(status, name, getattr(status, name) + one.get(name, 0))
        for state, count in one.get("held", {}).items():
            status.held[state] = status.held.get(state, 0) + count
        for reason, count in one["reasons"].items():  # those that differ in a number only are one
            reasons["".join("#" if letter.isdigit() else letter for letter in reason)] += count
        for unit, amount in one["cost"].items():
            status.cost[unit] = round(status.cost.get(unit, 0) + amount, 3)
        _merge(status.quality, one["quality"])
        status.empty += one.get("empty", [])
    status.reasons = dict(reasons.most_common(10))
    left = status.total - status.done - status.partial - status.failed
    if status.running and status.per_minute and left > 0:
        status.left_seconds = round(60 * left / status.per_minute)
    status.per_minute = round(status.per_minute, 2)
    return status


def _merge(total: dict[str, float], part: dict[str, float]) -> None:
    """Add the counts of one part of a run to those of the others; the mean length is weighted."""
    first, second = total.get("captions", 0.0), part.get("captions", 0.0)
    if not second:
        return
    mean = (first * total.get("mean_words", 0.0) + second * part["mean_words"]) / (first + second)
    for name, value in part.items():
        total[name] = total.get(name, 0) + value
    total["mean_words"] = round(mean, 1)
