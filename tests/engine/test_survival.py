"""A run survives what its clips, its disk and the machine do to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.engine import make_clips, survive
from instancecap.engine.batch import MOST_UNWRITTEN, run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.ledger import Ledger
from instancecap.engine.results import Run
from instancecap.engine.sinks import open_store
from instancecap.engine.watchers import open_journal
from instancecap.errors import UsageError
from instancecap.io.inputs import find_jobs, private_folder
from tests.engine.outputs import do
from tests.engine.works import Poisoned

POISONS = {
    "segfault": "the worker process died (signal SIGSEGV: a crash)",
    "exit": "the worker process died (exit status 7: a crash)",
    "hang": "not done after 4 s, the limit of --time-limit",
    "memory": "out of memory",
    "grows": "the file changed while it was read; run again",
    "bug": "internal error: ZeroDivisionError: by zero",
    "bad": "no frame can be decoded",
}


def fill(folder: Path, count: int, *names: str) -> Path:
    """Files that no decoder sees."""
    folder.mkdir(parents=True)
    for name in [*(f"{number:03d}" for number in range(count)), *names]:
        (folder / f"{name}.mp4").write_bytes(name.encode())
    return folder


def run(clips: Path, out: Path, *, words: int = 2, **options: object) -> Run:
    return do(clips, out, Poisoned(words=words), **options)


def test_killed_run_goes_on_and_writes_the_same_bytes(tmp_path: Path) -> None:
    make_clips(tmp_path / "clips", 16)
    figures = survive(tmp_path, name="out.jsonl", kills=1, seed=0)
    assert figures["same_bytes"]
    assert figures["kills"] == 1


def test_every_poison_is_named_and_costs_its_clip_only(tmp_path: Path) -> None:
    clips = fill(tmp_path / "clips", 293, *(f"{index * 40}-{name}" for index, name in
                                            enumerate(POISONS)))  # fmt: skip
    batch = run(clips, tmp_path / "out", workers=2, time_limit=4.0)
    found = {Path(one.source).stem.split("-")[1]: one.reason for one in batch.failed}
    assert found == POISONS
    assert (batch.done, batch.stopped) == (293, "")
    assert len(list((tmp_path / "out").glob("*.json"))) == 293


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    clips = fill(tmp_path / "clips", 0, "hang1", "hang2")
    program = f"""
        import multiprocessing, threading, time
        from pathlib import Path
        from tests.engine.test_survival import run

        def tell():
            while len(found := multiprocessing.active_children()) < 2:
                time.sleep(0.1)
            time.sleep(2)
            print(*(one.pid for one in found), flush=True)

        if __name__ == "__main__":
            threading.Thread(target=tell, daemon=True).start()
            run(Path({str(clips)!r}), Path({str(tmp_path / "out")!r}), workers=2)
        """
    (tmp_path / "program.py").write_text(textwrap.dedent(program))
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout is not None
    workers = [int(one) for one in parent.stdout.readline().split()]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not any(map(lives, workers)))


def lives(process: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fail unless something comes true in time."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("out", ["out", "out.jsonl"])
def test_full_disk_ends_the_run_and_nothing_is_lost(
    tmp_path: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = fill(tmp_path / "clips", 60)
    sink = open_store(str(tmp_path / out)).sink
    put = type(sink).put

    def full(self: object, name: str, text: str) -> str:
        if int(name[:3]) >= 20:
            raise_full(name)
        return put(self, name, text)  # type: ignore[arg-type]

    monkeypatch.setattr(type(sink), "put", full)
    batch = run(clips, tmp_path / out)
    assert batch.done == 20
    assert MOST_UNWRITTEN <= len(batch.failed) < 2 * MOST_UNWRITTEN
    assert "outputs in a row failed" in batch.stopped
    assert "No space left on device" in batch.stopped
    monkeypatch.undo()
    again = run(clips, tmp_path / out)
    assert (again.done, again.skipped, again.failed) == (40, 20, [])


def raise_full(name: str) -> None:
    """What a full disk raises, by way of a device that always is."""
    from instancecap.errors import OutputError

    try:
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")
    except OSError as error:
        raise OutputError(f"{name}: cannot be written: {error.strerror}") from error


def test_limit_on_the_size_of_files_costs_what_does_not_fit(tmp_path: Path) -> None:
    """A real error of the file system, met by a whole run in a process of its own."""
    clips = fill(tmp_path / "clips", 40)
    program = f"""
        import json, resource, signal
        from pathlib import Path
        from tests.engine.test_survival import run

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        batch = run(Path({str(clips)!r}), Path({str(tmp_path / "out.jsonl")!r}), words=2000)
        print(json.dumps([batch.done, batch.stopped, batch.failed[0].reason]))
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    count, stopped, reason = json.loads(done.stdout)
    assert 0 < count < 40
    assert "cannot be written: disk I/O error" in stopped and "disk I/O error" in reason
    assert run(clips, tmp_path / "out.jsonl", words=2000).done == 40 - count
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    ids = [json.loads(line)["video"]["id"] for line in lines]
    assert ids == sorted({path.name for path in clips.iterdir()})


def test_log_that_cannot_be_written_costs_no_clip(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = fill(tmp_path / "clips", 3)
    jobs, _ = find_jobs([str(clips)])
    with open_journal("/dev/full") as journal:
        batch = run_batch(jobs, Poisoned(), store=None, config=RunConfig(), events=journal)
    assert batch.done == 3
    assert caplog.text.count("--log-json: cannot be written: No space left on device") == 1


def test_damaged_ledger_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    clips = fill(tmp_path / "clips", 300)
    out = tmp_path / "out"
    run(clips, out)
    path = out / ".instancecap" / "ledger.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)  # the schema is whole, the rows are not
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"the ledger is damaged \(.*\); delete it and run again"):
        run(clips, out)
    path.unlink()
    assert run(clips, out).done == 300


def test_interrupt_while_planning_leaves_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = fill(tmp_path / "clips", 4)
    run(clips, tmp_path / "out.jsonl")
    before = (tmp_path / "out.jsonl").read_bytes()

    def interrupt(self: Ledger, job: object) -> None:
        raise KeyboardInterrupt  # what Ctrl-C is before the calls begin

    monkeypatch.setattr(Ledger, "find", interrupt)
    assert run(clips, tmp_path / "out.jsonl").interrupted
    assert (tmp_path / "out.jsonl").read_bytes() == before
    monkeypatch.undo()
    assert run(clips, tmp_path / "out.jsonl").skipped == 4


def test_runs_of_parts_and_of_the_whole_do_not_mix(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "out")
    parts = [Ledger(folder, shard=f"{index}-of-2") for index in (1, 2)]
    for shard in ("", "1-of-2"):
        with pytest.raises(UsageError, match="another run"):
            Ledger(folder, shard=shard)
    for part in parts:
        part.close()
    whole = Ledger(folder)
    with pytest.raises(UsageError, match="another run"):
        Ledger(folder, shard="1-of-2")
    whole.close()
