"""What is done is known again, whatever became of the files' names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from instancecap.engine.ledger import Ledger
from instancecap.engine.store import Entry
from instancecap.errors import UsageError
from instancecap.io.identity import Identity, partial_hash
from instancecap.io.inputs import Job, private_folder
from instancecap.video import Clip


def job(path: Path, name: str = "", *, start: float = 0.0) -> Job:
    return Job(Clip.open(path, start=start), name or path.name)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(os.urandom(300_000))
    return path


def test_entry_comes_back_as_it_was_recorded(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "notes"
    ledger = Ledger(folder)
    identity = Identity.of(str(clip), content=True)
    ledger.record(
        Entry.of(job(clip), identity, config="c1", parts=("#1", "#2"), digests={"#1": "abc"}),
    )
    lacking = {"": ("/background",)}
    ledger.record(
        Entry.of(
            job(clip, "b"),
            identity,
            config="c1",
            state="partial",
            reason="refused",
            missing=lacking,
        ),
    )
    ledger.close()
    again = Ledger(folder)
    first, second = again.entries()
    assert (first.name, first.identity, first.parts) == ("a.mp4", identity, ("#1", "#2"))
    assert first.digests == {"#1": "abc"}
    assert (second.state, second.reason, second.config) == ("partial", "refused", "c1")
    assert second.missing == lacking
    assert again.find(job(clip, "c")) is None
    again.close()


def test_moved_file_is_known_by_its_content_and_span(tmp_path: Path, clip: Path) -> None:
    ledger = Ledger(tmp_path / "notes")
    ledger.record(Entry.of(job(clip), Identity.of(str(clip), content=True), config="c"))
    moved = tmp_path / "moved.mp4"
    clip.rename(moved)
    identity = Identity.of(str(moved), content=True)
    assert ledger.knows_size(identity.size)
    found = ledger.find_moved(job(moved), identity, config="c")
    assert found is not None and found.name == "a.mp4"
    assert ledger.find_moved(job(moved, start=1.0), identity, config="c") is None
    assert ledger.find_moved(job(moved), identity, config="d") is None
    ledger.close()


@pytest.mark.parametrize(
    ("size", "place"),
    [(300_000, 0), (300_000, 150_000), (300_000, 299_999), (1, 0), (65_536, 65_535), (131_073, 9)],
)
def test_change_at_either_end_or_in_the_middle_is_seen(
    tmp_path: Path, size: int, place: int
) -> None:
    data = bytearray(os.urandom(size))
    hashes = set()
    for change in (0, 1):
        data[place] ^= change
        (tmp_path / "a").write_bytes(data)
        hashes.add(partial_hash(str(tmp_path / "a"), size))
    assert len(hashes) == 2


def test_a_missing_or_an_empty_file_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert Identity.of("no/such/file", content=True) == Identity(-1, -1)
    (tmp_path / "empty").touch()
    assert Identity.of(str(tmp_path / "empty"), content=True).size == 0


def test_second_run_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out" / "notes")
    program = (
        "from instancecap.engine.ledger import Ledger; from pathlib import Path;"
        f"Ledger(Path({str(tmp_path / 'out' / 'notes')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"another run (process {os.getpid()}) is writing there" in done.stderr
    ledger.close()
    Ledger(tmp_path / "out" / "notes").close()


def test_file_that_is_no_ledger_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("not a database, but long enough to be read as one")
    with pytest.raises(UsageError, match="the ledger is damaged"):
        Ledger(tmp_path)


@pytest.mark.parametrize(
    ("out", "folder"),
    [("x", "x/.instancecap"), ("t.parquet", "t.parquet/.instancecap"),
     ("d/t.jsonl", "d/.t.jsonl.instancecap")],
)  # fmt: skip
def test_notes_lie_inside_a_folder_and_beside_a_file(out: str, folder: str) -> None:
    assert private_folder(Path(out)) == Path(folder)
