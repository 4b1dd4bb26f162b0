"""Where a run stands can be told while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancecap.engine import batch
from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Ended, Events
from instancecap.engine.sinks import open_store
from instancecap.engine.status import Status, read_status
from instancecap.errors import UsageError
from instancecap.io.inputs import find_jobs
from tests.engine.works import Quick


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Four clips, of which one cannot be read."""
    monkeypatch.setattr(batch, "NOTE_EVERY", 0.0)
    (tmp_path / "clips").mkdir()
    for name, content in (("a", "1"), ("b", "2"), ("bad", "bad 17"), ("c", "3")):
        (tmp_path / "clips" / f"{name}.mp4").write_text(content)
    return [str(tmp_path / "clips")]


@pytest.mark.parametrize("name", ["out", "out.jsonl", "out.parquet"])
def test_running_and_ended(tmp_path: Path, clips: list[str], name: str) -> None:
    out, during = str(tmp_path / name), list[Status]()

    class Look(Events):
        def ended(self, one: Ended) -> None:
            during.append(read_status(out))

    jobs, _ = find_jobs(clips)
    run_batch(jobs, Quick(), store=open_store(out), config=RunConfig(), events=Look())
    then, after = during[-1], read_status(out)
    assert (then.running, then.total, then.done, then.failed) == (True, 4, 2, 1)
    assert then.per_minute > 0 and then.left_seconds is not None
    assert (after.running, after.done, after.failed, after.left_seconds) == (False, 3, 1, None)
    assert after.reasons == {"no frame": 1}
    run_batch(jobs, Quick(), store=open_store(out), config=RunConfig())
    again = read_status(out)
    assert (again.total, again.done, again.failed, again.reasons) == (4, 3, 1, {"no frame": 1})
    assert (after.before, again.before, again.kept) == (0, 3, 0)


def test_parts_of_one_output_are_added_up(tmp_path: Path, clips: list[str]) -> None:
    jobs, _ = find_jobs(clips)
    for index in (0, 1):
        store = open_store(str(tmp_path / "out"), shard=f"{index + 1}-of-2")
        run_batch(jobs[index::2], Quick(), store=store, config=RunConfig())
    status = read_status(str(tmp_path / "out"))
    assert (status.total, status.done, status.failed, status.running) == (4, 3, 1, False)
    store = open_store(str(tmp_path / "out"), shard="1-of-2")
    run_batch(jobs[:1], Quick(), store=store, config=RunConfig())
    assert read_status(str(tmp_path / "out")).held == {"done": 3, "failed": 1}


def test_costs_and_reasons_that_differ_in_a_number_are_added_up(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "out")).begin([])
    reasons = {"frame 17 is damaged": 1, "frame 18 is damaged": 1}
    counts = dict.fromkeys(("total", "done", "partial", "failed", "per_minute"), 2)
    store.records.note({**counts, "reasons": reasons, "cost": {"calls": 8.0}, "quality": {}})
    store.close()
    status = read_status(str(tmp_path / "out"))
    assert (status.reasons, status.cost) == ({"frame ## is damaged": 2}, {"calls": 8.0})


def test_folder_that_no_run_wrote_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has written here"):
        read_status(str(tmp_path))
