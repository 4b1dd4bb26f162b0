"""What became of every clip of an output, kept beside it so that a run can go on.

A SQLite file in WAL mode, on a local disk: SQLite says itself that WAL is unsafe on network file
systems. One run at a time has it, or several that each do a part and have a ledger of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from instancecap.engine.store import Entry, Records
from instancecap.errors import OutputError, UsageError
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job

COMMIT_EVERY = 0.5
"""Seconds between commits. What a crash loses is looked at again; outputs come before the rows."""

VERSION = 2
"""Of the tables below; kept as SQLite's ``user_version``."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS clips (
    name TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    start REAL NOT NULL,
    end REAL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content TEXT NOT NULL,
    config TEXT NOT NULL,
    parts TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'partial', 'failed')),
    reason TEXT NOT NULL,
    missing TEXT NOT NULL,
    digests TEXT NOT NULL,
    leaves TEXT NOT NULL,
    by_hand INTEGER NOT NULL,
    seconds REAL NOT NULL,
    cost TEXT NOT NULL,
    finished REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_content ON clips (size, content);
CREATE TABLE IF NOT EXISTS run (key TEXT PRIMARY KEY, value TEXT NOT NULL);
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
        self._committed = time.monotonic()

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
            unlock(lock)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.commit()
        self._db.close()
        self._unlock()

    def _first(self, query: str, values: tuple[object, ...] = ()) -> Any:
        try:
            return self._db.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def find(self, job: Job) -> Entry | None:
        row = self._first(f"{_SELECT} WHERE name = ?", (job.name,))
        return None if row is None else _entry(row)

    def find_moved(self, job: Job, identity: Identity, *, config: str) -> Entry | None:
        row = self._first(
            f"{_SELECT} WHERE size = ? AND content = ? AND start = ? AND end IS ? AND config = ? "
            "AND state != 'failed' ORDER BY name LIMIT 1",
            (identity.size, identity.content, job.clip.start, job.clip.end, config),
        )
        return None if row is None else _entry(row)

    def knows_size(self, size: int) -> bool:
        return self._first("SELECT 1 FROM clips WHERE size = ? LIMIT 1", (size,)) is not None

    def record(self, entry: Entry, *, seconds: float = 0.0, cost: dict[str, float]) -> None:
        identity = entry.identity
        values = (
            entry.name, entry.path, entry.start, entry.end, identity.size, identity.mtime_ns,
            identity.content, entry.config, json.dumps(entry.parts), entry.state, entry.reason,
            json.dumps(entry.missing), json.dumps(entry.digests), json.dumps(entry.leaves),
            int(entry.by_hand), round(seconds, 4), json.dumps(cost), time.time(),
        )  # fmt: skip
        try:
            self._db.execute(
                f"INSERT OR REPLACE INTO clips VALUES ({','.join('?' * len(values))})", values
            )
            if time.monotonic() - self._committed > COMMIT_EVERY:
                self._db.commit()
                self._committed = time.monotonic()
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: cannot be written: {error}") from error

    def note(self, **values: object) -> None:
        with contextlib.suppress(sqlite3.Error):  # they are of use only while they can be had
            self._db.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in values.items()],
            )
            self._db.commit()

    def entries(self) -> Iterator[Entry]:
        try:
            yield from map(_entry, self._db.execute(f"{_SELECT} ORDER BY name"))
        except sqlite3.Error as error:
            raise self._damaged(error) from error


_SELECT = (
    "SELECT name, path, start, end, size, mtime_ns, content, config, parts, state, reason, "
    "missing, digests, leaves, by_hand FROM clips"
)


def _entry(row: tuple[Any, ...]) -> Entry:
    name, path, start, end, size, mtime_ns, content, config, parts, state, reason = row[:11]
    missing, digests, leaves = map(json.loads, row[11:14])
    return Entry(
        name=name,
        path=path,
        start=start,
        end=end,
        identity=Identity(size, mtime_ns, content),
        config=config,
        parts=tuple(json.loads(parts)),
        state=state,
        reason=reason,
        missing={part: tuple(pointers) for part, pointers in missing.items()},
        digests=digests,
        leaves=leaves,
        by_hand=bool(row[14]),
    )


def lock_for_writing(folder: Path, name: str, *, shared: bool = False) -> int | None:
    """Lock an output for this run. Raises :class:`UsageError` while another run has it.

    ``shared``: others that ask for the same may have it too.

    Returns what :func:`unlock` takes; the lock ends with the process, however that ends.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(f"--out {folder.parent}: cannot be written: {error.strerror}") from error
    try:
        import fcntl

        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except ImportError:  # no such locks on Windows
        pass
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise UsageError(
            f"--out {folder.parent}: another run (process {holder}) is writing there; wait for "
            "it, choose another OUT, or split the work with --shard I/N"
        ) from error
    except OSError:  # a file system without locks
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


def unlock(lock: int | None) -> None:
    """Give an output free."""
    if lock is not None:
        os.close(lock)
