"""Where a run stands can be told while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancecap.engine.ledger import Ledger
from instancecap.engine.status import read_status
from instancecap.engine.store import Entry
from instancecap.errors import UsageError
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job, private_folder
from instancecap.video import Clip


def record(ledger: Ledger, name: str, reason: str = "") -> None:
    job = Job(Clip(path=f"in/{name}"), name)
    state = "failed" if reason else "done"
    what = {"config": "c", "state": state, "reason": reason, "cost": {"calls": 2.0}}
    ledger.record(Entry.of(job, Identity(1, 1, name), **what))  # type: ignore[arg-type]


@pytest.mark.parametrize("out", ["out", "out.jsonl", "out.parquet"])
def test_running_and_ended(tmp_path: Path, out: str) -> None:
    path = tmp_path / out
    ledger = Ledger(private_folder(path))
    ledger.note(total=5, began=0.0, ended=None)
    for name in "ab":
        record(ledger, name)
    for name, frame in (("c", 17), ("d", 18)):
        record(ledger, name, f"frame {frame} is damaged")
    ledger.note(total=5)
    status = read_status(str(path))
    assert (status.running, status.total, status.done, status.failed) == (True, 5, 2, 2)
    assert status.reasons == {"frame ## is damaged": 2}
    assert status.cost == {"calls": 8.0}
    assert status.per_minute > 0 and status.left_seconds is not None
    ledger.close()
    assert not read_status(str(path)).running


def test_parts_of_one_output_are_added_up(tmp_path: Path) -> None:
    for index in (1, 2):
        ledger = Ledger(private_folder(tmp_path), shard=f"{index}-of-2")
        record(ledger, f"a{index}")
        ledger.note(total=3)
        ledger.close()
    status = read_status(str(tmp_path))
    assert (status.total, status.done, status.running) == (6, 2, False)


def test_folder_that_no_run_wrote_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has written here"):
        read_status(str(tmp_path))
