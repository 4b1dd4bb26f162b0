"""The side file of a reviewed set: a SQLite file that holds what captions have no room for.

Whatever is acknowledged is on the disk: SQLite writes its log through (``synchronous=FULL``). Each
call opens a connection of its own, so that threads and processes share nothing but the file. It
lies on a local disk, as WAL mode demands; people on several machines use one server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instancecap.errors import OutputError, UsageError

VERSION = 1
"""Of the tables below; kept as SQLite's ``user_version``."""

PATIENCE = 30.0
"""Seconds to wait for someone else who is writing."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS captions (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    place TEXT NOT NULL,
    stamp TEXT NOT NULL,
    error TEXT NOT NULL,
    rank INTEGER NOT NULL,
    confidence REAL NOT NULL,
    flags TEXT NOT NULL,
    classes TEXT NOT NULL,
    camera TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_doubt ON captions (rank, confidence, number);
CREATE INDEX IF NOT EXISTS by_words ON captions (words);
CREATE TABLE IF NOT EXISTS texts (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
    name TEXT PRIMARY KEY, text BLOB NOT NULL, written TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS unwritten (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edits (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    time TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    edit TEXT NOT NULL,
    batch TEXT NOT NULL,
    before BLOB NOT NULL,
    version_before TEXT NOT NULL,
    version_after TEXT NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS edits_by_name ON edits (name);
CREATE INDEX IF NOT EXISTS edits_by_batch ON edits (batch) WHERE batch != '';
CREATE TABLE IF NOT EXISTS verdicts (
    name TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    state TEXT NOT NULL,
    time TEXT NOT NULL,
    PRIMARY KEY (name, reviewer)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS critiques (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    time TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS critiques_by_name ON critiques (name);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Database:
    """The side file of one set; made where there is none."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`UsageError` where it cannot be written, or is another version's."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.reading() as db:
                db.execute("PRAGMA journal_mode=WAL")
                (version,) = db.execute("PRAGMA user_version").fetchone()
                if version not in (0, VERSION):
                    raise UsageError(
                        f"{path}: written by another version of instancecap; go on with that one"
                    )
                db.executescript(_SCHEMA)
                db.execute(f"PRAGMA user_version={VERSION}")
        except (OSError, sqlite3.OperationalError) as error:
            raise UsageError(f"{path}: cannot be written: {error}") from error
        except sqlite3.Error as error:
            raise UsageError(
                f"{path}: the review's side file is damaged ({error}); put it aside: verdicts and "
                "critiques in it are lost, captions are not"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection; what is written through it is kept by its own ``commit``."""
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous=FULL")
            yield db
        finally:
            db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writes beside; kept whole or, with an error, not at all.

        Raises :class:`OutputError` where it cannot be kept.
        """
        with self.reading() as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutputError(f"{self.path}: cannot be written: {error}") from error
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
