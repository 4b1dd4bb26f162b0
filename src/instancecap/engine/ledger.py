"""What became of every clip of an output, kept beside it so that a run can go on; and the documents
of a table that is not whole yet.

A SQLite file in WAL mode, on a local disk: SQLite says itself that WAL is unsafe on network file
systems. One run at a time has it, or several that each do a part and have a ledger of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from instancecap.engine.store import ENTRY, Entry, Records
from instancecap.errors import OutputError, UsageError
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job

COMMIT_EVERY = 0.5
"""Seconds between commits. What a crash loses is looked at again; outputs come before the rows."""

VERSION = 3
"""Of the tables below; kept as SQLite's ``user_version``."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS clips (
    name TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    content TEXT NOT NULL,
    start REAL NOT NULL,
    end REAL,
    finished REAL NOT NULL,
    entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_content ON clips (size, content);
CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, notes TEXT NOT NULL);
"""


class Ledger(Records):
    """The ledger of one output; made where there is none, locked until :meth:`close`.

    Every method raises :class:`UsageError` where the file turns out to be damaged.
    """

    def __init__(self, folder: Path, *, shard: str = "") -> None:
        """``folder`` is the output's private folder; ``shard`` keeps parallel runs apart.

        Raises:
            UsageError: another run is at work on this output, or nothing can be written there.
        """
        self.folder, self.is_shared = folder, bool(shard)
        self._locks = [lock_for_writing(folder, "lock", shared=bool(shard))]
        self.path = folder / f"ledger{f'-{shard}' if shard else ''}.sqlite"
        try:
            if shard:
                self._locks.append(lock_for_writing(folder, f"lock-{shard}"))
            self._db = sqlite3.connect(self.path)
            self._open()
        except sqlite3.OperationalError as error:
            self._unlock()
            raise UsageError(f"{self.path}: cannot be written: {error}") from error
        except sqlite3.Error as error:
            self._unlock()
            raise self._damaged(error) from error
        except BaseException:
            self._unlock()
            raise
        self._committed, self._has_document = time.monotonic(), False

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise UsageError(
                f"{self.path}: written by another version of instancecap; go on with that one, or "
                "choose another OUT"
            )
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={VERSION}")

    def _damaged(self, error: sqlite3.Error) -> UsageError:
        return UsageError(
            f"{self.path}: the ledger is damaged ({error}); delete it and run again: clips are "
            "done anew, from the evidence that is kept beside it"
        )

    def _unlock(self) -> None:
        for lock in self._locks:
            os.close(lock)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.commit()
        self._db.close()
        self._unlock()

    def _select(self, what: str, *values: object) -> Iterator[Any]:
        """The first column of the rows that a query on the clips finds."""
        try:
            for (value,) in self._db.execute(f"SELECT {what}", values):
                yield value
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def find(self, job: Job) -> Entry | None:
        found = self._select("entry FROM clips WHERE name = ?", job.name)
        return next(map(ENTRY.validate_json, found), None)

    def find_moved(self, job: Job, identity: Identity, *, config: str) -> Entry | None:
        found = self._select(
            "entry FROM clips WHERE size = ? AND content = ? AND start = ? AND end IS ? "
            "ORDER BY name",
            *(identity.size, identity.content, job.clip.start, job.clip.end),
        )
        entries = map(ENTRY.validate_json, found)
        return next((e for e in entries if e.config == config and e.state != "failed"), None)

    def knows_size(self, size: int) -> bool:
        return any(self._select("1 FROM clips WHERE size = ? LIMIT 1", size))

    def entries(self) -> Iterator[Entry]:
        return map(ENTRY.validate_json, self._select("entry FROM clips ORDER BY name"))

    def record(self, entry: Entry) -> None:
        identity = entry.identity
        values = (
            *(entry.name, identity.size, identity.content, entry.start, entry.end, time.time()),
            ENTRY.dump_json(entry).decode(),
        )
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO clips VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if self._has_document or time.monotonic() - self._committed > COMMIT_EVERY:
                self._db.commit()
                self._committed, self._has_document = time.monotonic(), False

    def put_document(self, name: str, text: str) -> None:
        """Keep a document of a table that is not whole yet. Raises :class:`OutputError`.

        It is there for good when its clip's entry is: where the disk is full, no other is lost.
        """
        compact = json.dumps(json.loads(text), ensure_ascii=False)
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (name, compact))
            self._has_document = True

    def find_document(self, name: str) -> str | None:
        """The document that was kept under this name."""
        return next(self._select("text FROM documents WHERE name = ?", name), None)

    def has_document(self, name: str) -> bool:
        """Whether there is one."""
        return any(self._select("1 FROM documents WHERE name = ?", name))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeEncodeError) as error:
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise OutputError(f"{self.path}: cannot be written: {error}") from error

    def note(self, values: Mapping[str, object], *, urgent: bool = False) -> None:
        with contextlib.suppress(sqlite3.Error):  # they are of use only while they can be had
            self._db.execute("INSERT OR REPLACE INTO run VALUES (1, ?)", (json.dumps(values),))
            self._db.commit()


def read_ledger_notes(path: Path) -> dict[str, Any]:
    """What the last run with this ledger noted, and under ``held`` how many clips of all runs are
    in which state; nothing is locked. Raises :class:`UsageError`."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            row = db.execute("SELECT notes FROM run").fetchone()
            held = db.execute("SELECT entry ->> 'state', count(*) FROM clips GROUP BY 1").fetchall()
    except sqlite3.Error as error:
        raise UsageError(f"{path}: the ledger cannot be read ({error})") from error
    return {**json.loads(row[0]), "held": dict(held)} if row else {}


def lock_for_writing(folder: Path, name: str, *, shared: bool = False) -> int:
    """Lock an output for this run. Raises :class:`UsageError` while another run has it.

    ``shared``: others that ask for the same may have it too.

    Returns a file to close; the lock ends with the process, however that ends.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(f"--out {folder.parent}: cannot be written: {error.strerror}") from error
    try:
        import fcntl

        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise UsageError(
            f"--out {folder.parent}: another run (process {holder}) is writing there; wait for "
            "it, choose another OUT, or split the work with --shard I/N"
        ) from error
    except (ImportError, OSError):  # no such locks: Windows, some file systems
        pass
    with contextlib.suppress(OSError):  # the number is for people; the disk may be full
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    return lock


def is_locked(path: Path) -> bool:
    """Whether a living run holds this lock."""
    try:
        import fcntl

        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        pass
    return False
