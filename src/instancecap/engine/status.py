"""Where a run stands, read from its ledger while it runs or afterwards."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instancecap.engine.ledger import is_locked, private_folder
from instancecap.errors import UsageError

RECENT = 300.0
"""Seconds over which the present rate is taken."""


@dataclass(slots=True)
class Status:
    """What a ledger says, over all shards of an output.

    Attributes:
        running: a run is at work on the output now.
        total: clips of the run that began last.
        per_minute: clips that ended in the last five minutes of the run, per minute.
        left_seconds: until the run will be through at this rate; None where it cannot be told.
        reasons: why clips failed, the most frequent first, numbers in them left out.
        cost: what models were asked, in sum.
        quality: what was counted of the captions of the run that began last.
    """

    running: bool = False
    total: int = 0
    done: int = 0
    failed: int = 0
    per_minute: float = 0.0
    left_seconds: float | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def read_status(out: str) -> Status:
    """The status of an output. Raises :class:`UsageError` where no run ever wrote one."""
    folder = private_folder(Path(out))
    ledgers = sorted(folder.glob("ledger*.sqlite"))
    if not ledgers:
        raise UsageError(f"{out}: no run has written here; name the OUT of a caption run")
    status, reasons, recent = Status(), Counter[str](), 0
    for path in ledgers:
        recent += _add(path, status, reasons)
    status.running = any(is_locked(path) for path in folder.glob("lock*"))
    status.reasons = dict(reasons.most_common(10))
    status.cost = {name: round(value, 3) for name, value in status.cost.items()}
    status.per_minute = round(recent / (RECENT / 60), 2)
    left = status.total - status.done - status.failed
    if status.running and recent and left > 0:
        status.left_seconds = round(left / recent * RECENT)
    return status


def _add(path: Path, status: Status, reasons: Counter[str]) -> int:
    """Add one ledger; returns how many of its clips ended of late."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            notes = {key: json.loads(value) for key, value in db.execute("SELECT * FROM run")}
            rows = db.execute("SELECT state, reason, cost, finished FROM clips")
            until = notes.get("ended") or time.time()
            began = notes.get("began") or 0.0
            before = notes.get("before") or {}
            status.done += before.get("done", 0)
            status.failed += before.get("failed", 0)
            recent = 0
            for state, reason, cost, finished in rows:
                if finished >= began:
                    status.done += state == "done"
                    status.failed += state == "failed"
                recent += finished >= max(began, until - RECENT)
                if reason:
                    reasons["".join("#" if one.isdigit() else one for one in reason)] += 1
                for unit, amount in json.loads(cost).items():
                    status.cost[unit] = status.cost.get(unit, 0) + amount
            status.total += notes.get("total") or 0
            _merge(status.quality, notes.get("quality") or {})
            span = min(RECENT, max(1.0, until - began))
            return round(recent * RECENT / span)
    except sqlite3.Error as error:
        raise UsageError(f"{path}: the ledger cannot be read ({error})") from error


def _merge(total: dict[str, float], part: dict[str, float]) -> None:
    """Add the counts of one part of a run to those of the others; the mean length is weighted."""
    first, second = total.get("captions", 0.0), part.get("captions", 0.0)
    if not second:
        return
    mean = (first * total.get("mean_words", 0.0) + second * part["mean_words"]) / (first + second)
    for name, value in part.items():
        total[name] = total.get(name, 0) + value
    total["mean_words"] = round(mean, 1)
