"""What is done is known again, whatever became of the files' names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from instancecap.engine.ledger import Ledger
from instancecap.errors import UsageError
from instancecap.io.identity import Identity, partial_hash
from instancecap.io.inputs import private_folder


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
