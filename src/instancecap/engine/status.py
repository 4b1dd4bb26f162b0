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

from instancecap.engine.ledger import is_locked
from instancecap.engine.object_storage import read_notes
from instancecap.errors import InputError, UsageError
from instancecap.io.addresses import is_url, strip_file_scheme
from instancecap.io.inputs import private_folder

NO_RUN = "{}: no run has written here; name the OUT of a caption run"

SILENT = 900.0
"""Seconds without a sign of life after which a run into object storage is taken for dead."""

RECENT = 300.0
"""Seconds over which the present rate is taken."""


@dataclass(slots=True)
class Status:
    """What a ledger says, over all shards of an output.

    Attributes:
        running: a run is at work on the output now.
        total: clips of the run that began last.
        partial: clips whose captions lack something that was asked for.
        per_minute: clips that ended in the last five minutes of the run, per minute.
        left_seconds: until the run will be through at this rate; None where it cannot be told.
        reasons: why clips failed or are partial, the most frequent first, numbers in them left out.
        cost: what models were asked, in sum.
        quality: what was counted of the captions of the run that began last.
    """

    running: bool = False
    total: int = 0
    done: int = 0
    partial: int = 0
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
    if is_url(out := strip_file_scheme(out)):
        try:
            notes = [_of_note(one) for one in read_notes(out)]
        except InputError as error:
            raise UsageError(str(error)) from error
    else:
        folder = private_folder(Path(out))
        running = any(is_locked(path) for path in folder.glob("lock*"))
        notes = [_of_ledger(path, running) for path in sorted(folder.glob("ledger*.sqlite"))]
    if not notes:
        raise UsageError(NO_RUN.format(out))
    status, reasons = Status(), Counter[str]()
    for one in notes:
        before = one.get("before") or {}
        status.total += one.get("total") or 0
        status.done += before.get("done", 0) + one["done"]
        status.partial += one["partial"]
        status.failed += before.get("failed", 0) + one["failed"]
        for reason, count in one["reasons"].items():
            reasons[_without_digits(reason)] += count
        for unit, amount in one["cost"].items():
            status.cost[unit] = round(status.cost.get(unit, 0) + amount, 3)
        _merge(status.quality, one.get("quality") or {})
        status.running |= one["running"]
        status.per_minute += 60 * one["rate"]
    status.reasons = dict(reasons.most_common(10))
    left = status.total - status.done - status.partial - status.failed
    if status.running and status.per_minute and left > 0:
        status.left_seconds = round(60 * left / status.per_minute)
    status.per_minute = round(status.per_minute, 2)
    return status


def _of_note(one: dict[str, Any]) -> dict[str, Any]:
    """What a run into object storage noted last, its rate with it."""
    runs = not one.get("ended") and time.time() - one["written"] < SILENT
    now = one["done"] + one["partial"] + one["failed"]
    rate = now / max(1.0, one["written"] - one.get("began", 0.0)) if runs else 0.0
    return {**one, "running": runs, "rate": rate}


def _of_ledger(path: Path, running: bool) -> dict[str, Any]:
    """The same of a ledger: clips that ended since its last run began."""
    counts, reasons, cost, recent = Counter[str](), Counter[str](), Counter[str](), 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            notes = {key: json.loads(value) for key, value in db.execute("SELECT * FROM run")}
            began, until = notes.get("began") or 0.0, notes.get("ended") or time.time()
            span = min(RECENT, max(1.0, until - began))
            for state, reason, spent, finished in db.execute(
                "SELECT entry ->> 'state', entry ->> 'reason', entry -> 'cost', finished FROM clips"
            ):
                counts[state] += finished >= began
                recent += finished >= max(began, until - RECENT)
                reasons[reason] += bool(reason)
                cost.update(json.loads(spent))
    except sqlite3.Error as error:
        raise UsageError(f"{path}: the ledger cannot be read ({error})") from error
    found = {state: counts[state] for state in ("done", "partial", "failed")}
    more = {"reasons": +reasons, "cost": cost, "running": running, "rate": recent / span}
    return {**notes, **found, **more}


def _without_digits(reason: str) -> str:
    """Reasons that differ in a number only are one."""
    return "".join("#" if one.isdigit() else one for one in reason)


def _merge(total: dict[str, float], part: dict[str, float]) -> None:
    """Add the counts of one part of a run to those of the others; the mean length is weighted."""
    first, second = total.get("captions", 0.0), part.get("captions", 0.0)
    if not second:
        return
    mean = (first * total.get("mean_words", 0.0) + second * part["mean_words"]) / (first + second)
    for name, value in part.items():
        total[name] = total.get(name, 0) + value
    total["mean_words"] = round(mean, 1)
