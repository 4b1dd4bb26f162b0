"""Where the captions of a reviewed set stand: in files of a folder, or in the rows of a table.

A file is written at once. A table is not: its edited captions are kept in the side file at once,
and the table is written anew, whole or not at all, soon after. Both are marked as this program's
tools expect it, so that a later ``instancecap caption`` keeps what people wrote.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from instancecap.datasets.captions import NO_CAPTIONS
from instancecap.engine.ledger import lock_for_writing
from instancecap.errors import FormatError, InputError, UsageError
from instancecap.formats.table_rows import flatten, unflatten
from instancecap.io.atomic import open_whole, write_whole
from instancecap.io.identity import digest_of
from instancecap.io.inputs import private_folder
from instancecap.io.tables import read_rows
from instancecap.schema.caption import Caption

OURS = "instancecap.caption/1"

LARGEST = 4_000_000
"""Bytes of a caption's file; a larger one would hold the index up for minutes."""

FOREIGN = (
    "not a caption in our own format; make a copy that can be edited: "
    "instancecap convert CAPTIONS --to instancecap --out DIR"
)


class Found(NamedTuple):
    """A caption of the set, as the index is told of it.

    Attributes:
        place: where it stands: a path below the folder, or the row of the table, from 0.
        stamp: changes when it is changed.
        load: reads the document. Raises :class:`InputError`.
    """

    name: str
    place: str
    stamp: str
    load: Callable[[], str]


class Documents(Protocol):
    """The documents of a set. Writing takes a transaction of the side file for its lock."""

    private: Path

    @abstractmethod
    def find(self, db: sqlite3.Connection) -> Iterator[Found]:
        """All that are there now, in order."""

    def settle(self, db: sqlite3.Connection) -> None:
        """All that :meth:`find` gave is in the side file."""
        return

    def keep(self, db: sqlite3.Connection, name: str, text: str) -> str:
        """Keep what :meth:`find` gave, where reading it again is slow.

        Returns the document as it counts: one that was edited here goes before its row.
        """
        return text

    @abstractmethod
    def read(self, db: sqlite3.Connection, name: str, place: str) -> str:
        """A document. Raises :class:`InputError` where it is gone or cannot be read."""

    @abstractmethod
    def write(self, db: sqlite3.Connection, name: str, place: str, text: str) -> str:
        """Put a document in its place; returns its stamp. Raises :class:`OutputError`."""

    def flush(self, db: sqlite3.Connection) -> int:
        """Write out what is not written yet; returns how many documents."""
        return 0


def open_documents(path: Path) -> Documents:
    """Those of a folder, a ``.jsonl`` or a ``.parquet``. Raises :class:`UsageError`."""
    if path.suffix.lower() in (".jsonl", ".parquet") and path.exists():
        return TableDocuments(path)
    if path.is_dir():
        return FolderDocuments(path)
    raise UsageError(f"{path}: review opens a folder of captions, a .jsonl or a .parquet")


class FolderDocuments(Documents):
    """``NAME.json`` below a folder; hidden files and folders are left out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.private = folder, private_folder(folder)

    def find(self, db: sqlite3.Connection) -> Iterator[Found]:
        for root, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.startswith(".") or not name.endswith(".json"):
                    continue
                path = Path(root, name)
                if NO_CAPTIONS.fullmatch(name) or not _is_plain(path):
                    continue
                place = path.relative_to(self.folder).as_posix()
                with contextlib.suppress(OSError):
                    stamp = _stamp(path)
                    yield Found(place.removesuffix(".json"), place, stamp, partial(_text, path))

    def read(self, db: sqlite3.Connection, name: str, place: str) -> str:
        return _text(self._inside(place))

    def write(self, db: sqlite3.Connection, name: str, place: str, text: str) -> str:
        path = self._inside(place)
        write_whole(path, text)
        return _stamp(path)

    def _inside(self, place: str) -> Path:
        """The file of a place. The side file came with the folder: what it says may be a trap."""
        path = self.folder / place
        strange = os.path.lexists(path) and not _is_plain(path)
        if strange or not path.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"{place}: a link, a pipe, or not inside {self.folder}")
        return path


class TableDocuments(Documents):
    """The rows of a ``.jsonl``, or of a folder of Parquet shards."""

    def __init__(self, path: Path) -> None:
        self.path, self.private, self._found = path, private_folder(path), ""

    def find(self, db: sqlite3.Connection) -> Iterator[Found]:
        """The rows; where the table is as it was when it was read last, as the side file has
        them."""
        self._found = self._stamp()
        known = db.execute("SELECT value FROM notes WHERE name = 'table'").fetchone()
        if known is not None and known["value"] == self._found:
            for row in db.execute("SELECT name, place, stamp FROM captions ORDER BY number"):
                load = partial(self.read, db, row["name"], row["place"])
                yield Found(row["name"], row["place"], row["stamp"], load)
            return
        names: set[str] = set()
        for number, row in enumerate(read_rows(str(self.path), rows_at_a_time=256)):
            text, fault = _document_of(row.value), row.error
            name = _unused(_name_of(row.value) or f"{self.path.stem}-{number + 1}", names)
            names.add(name)
            if fault or not text:
                yield Found(name, str(number), "", partial(_fail, fault or FOREIGN))
            else:
                yield Found(name, str(number), digest_of(text), partial(str, text))

    def settle(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT OR REPLACE INTO notes VALUES ('table', ?)", (self._found,))

    def keep(self, db: sqlite3.Connection, name: str, text: str) -> str:
        ours = db.execute("SELECT text, written FROM documents WHERE name = ?", (name,)).fetchone()
        written = digest_of(text)
        if ours is not None and ours["written"] != digest_of(_unpacked(ours["text"])):
            text = _unpacked(ours["text"])
        db.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (name, _packed(text), written)
        )
        return text

    def read(self, db: sqlite3.Connection, name: str, place: str) -> str:
        row = db.execute("SELECT text FROM documents WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"{name}: not a caption of {self.path} that can be edited")
        return _unpacked(row["text"])

    def write(self, db: sqlite3.Connection, name: str, place: str, text: str) -> str:
        db.execute("UPDATE documents SET text = ? WHERE name = ?", (_packed(text), name))
        db.execute("INSERT OR REPLACE INTO unwritten VALUES (?)", (name,))
        return digest_of(text)

    def flush(self, db: sqlite3.Connection) -> int:
        """Write the table anew with what was edited.

        Raises:
            UsageError: a run is at work on the table.
            OutputError: it cannot be written; nothing is lost, and the next flush tries again.
        """
        edited = dict(
            db.execute(
                "SELECT CAST(place AS INTEGER), name FROM unwritten JOIN captions USING (name)"
            )
        )
        if not edited:
            return 0
        known = db.execute("SELECT value FROM notes WHERE name = 'table'").fetchone()
        if known is None or known["value"] != self._stamp():
            raise InputError(f"{self.path}: changed by another program; open the review again")
        texts = {place: self.read(db, name, "") for place, name in edited.items()}
        lock = lock_for_writing(self.private, "lock")
        try:
            (self._flush_jsonl if self.path.is_file() else self._flush_shards)(texts)
        finally:
            os.close(lock)
        for place, name in edited.items():
            written = digest_of(texts[place])
            db.execute("UPDATE documents SET written = ? WHERE name = ?", (written, name))
        db.execute("DELETE FROM unwritten")
        db.execute("INSERT OR REPLACE INTO notes VALUES ('table', ?)", (self._stamp(),))
        return len(edited)

    def _flush_jsonl(self, texts: dict[int, str]) -> None:
        number = -1
        with self.path.open("rb") as lines, open_whole(self.path, binary=True) as file:
            for line in lines:
                number += bool(line.strip())
                if line.strip() and number in texts:
                    value = _put_back(json.loads(line), texts[number])
                    line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
                file.write(line)

    def _flush_shards(self, texts: dict[int, str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        first = 0
        for shard in self._files():
            count = pq.ParquetFile(shard).metadata.num_rows
            here = {at - first: text for at, text in texts.items() if first <= at < first + count}
            if here:
                table = pq.read_table(shard)
                rows = [
                    _put_back(row, here[at]) if at in here else row
                    for at, row in enumerate(table.to_pylist())
                ]
                with open_whole(shard, binary=True) as file:
                    changed = pa.Table.from_pylist(rows, schema=table.schema)
                    pq.write_table(changed, file, compression="zstd")
            first += count

    def _files(self) -> list[Path]:
        """The table's files, in the order that its rows are read in."""
        import pyarrow.parquet as pq

        if self.path.is_file():
            return [self.path]
        return [Path(one) for one in pq.ParquetDataset(str(self.path)).files]

    def _stamp(self) -> str:
        return " ".join(f"{path.name} {_stamp(path)}" for path in self._files())


def _is_plain(path: Path) -> bool:
    """Whether it is a file itself: no link, and no pipe, whose reading would never end."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        if os.path.getsize(path) > LARGEST:
            raise FormatError(f"{path.name}: larger than the {LARGEST / 1e6:g} MB of a caption")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path.name}: not UTF-8 text") from error


def _stamp(path: Path) -> str:
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns}"


def _fail(reason: str) -> str:
    raise FormatError(reason)


def _unused(name: str, names: set[str]) -> str:
    number, found = 1, name
    while found in names:
        number += 1
        found = f"{name} ({number})"
    return found


def _name_of(row: Any) -> str:
    if not isinstance(row, dict):
        return ""
    video = row.get("video")
    return str(row.get("id") or (video.get("id") if isinstance(video, dict) else "") or "")


def _document_of(row: Any) -> str:
    """The document of a row: itself, or a cell of it; empty where it is none of ours."""
    if not isinstance(row, dict):
        return ""
    found: Any = row
    if isinstance(row.get("caption_json"), str):
        with contextlib.suppress(ValueError):
            found = json.loads(unflatten(row))
    elif "caption_json" in row:
        found = row["caption_json"]
    if not isinstance(found, dict) or found.get("schema") != OURS:
        return ""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _put_back(row: dict[str, Any], text: str) -> dict[str, Any]:
    """The row with an edited document; its other columns stay, those of ours follow."""
    if row.get("schema") == OURS:
        value: dict[str, Any] = json.loads(text)
        return value
    flat = flatten(Caption.from_json(text))
    if not isinstance(row["caption_json"], str):
        flat["caption_json"] = json.loads(flat["caption_json"])
    return row | {name: value for name, value in flat.items() if name in row and name != "id"}


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode(), 1)


def _unpacked(data: bytes) -> str:
    return zlib.decompress(data).decode()
