"""Captions written to files and tables, in any format.

===========  ==================================================================================
OUT          what is written
===========  ==================================================================================
a folder     a file for each caption, ``NAME.json`` or, for text, ``NAME.txt``
``.json``    the caption, or a list where there are several
``.jsonl``   an object a line: the caption itself where it names its video, else a row
``.csv``     rows
``.parquet`` a folder of shards with the same rows
``.txt``     text, a caption a line
===========  ==================================================================================

A row has ``id``, ``path`` and the caption: as ``structural_caption`` for SkyCaptioner (the column
of its own scripts), ``caption_json`` for Cosmos 3 and for our own, ``structured_caption`` for
InstanceVid, ``caption`` for text; MiraData has its own columns. Everything appears whole or not at
all; only in a folder each file does so by itself.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any, Protocol

from instancecap.datasets.captions import Row
from instancecap.errors import OutputError, UsageError
from instancecap.formats import miradata
from instancecap.io.outputs import require_writable
from instancecap.io.table_outputs import ROWS_PER_SHARD, flatten, table_schema
from instancecap.schema.base import write_whole

CELLS = {
    "instancecap": "caption_json",
    "instancevid": "structured_caption",
    "skycaptioner": "structural_caption",
    "cosmos3": "caption_json",
    "text": "caption",
}
"""The column of a table that holds the caption; MiraData has six."""

NAMES_ITS_VIDEO = {"instancecap", "instancevid"}

Plain = dict[str, Any] | str


class Writer(Protocol):
    """Takes captions one by one; :meth:`finish` makes a single output appear.

    Attributes:
        by_name: outputs are files by the rows' names, which must differ.
    """

    by_name: bool

    def put(self, row: Row, plain: Plain) -> None:
        """Write the caption of a row, given as a plain object. Raises :class:`OutputError`."""

    def finish(self) -> list[str]:
        """Close the output and return its paths. Raises :class:`OutputError`."""

    def drop(self) -> None:
        """Leave nothing of an unfinished output."""


def open_writer(out: str, *, format: str) -> Writer:
    """The writer for OUT. Raises :class:`UsageError` if nothing can be written there."""
    if not out:
        raise UsageError("--out is empty: name a file or a folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return ParquetTable(path, format)
    kind = {".csv": CsvFile, ".json": JsonFile, ".jsonl": JsonLines, ".txt": TextFile}.get(suffix)
    if kind is None or path.is_dir():
        return Folder(path, format)
    if suffix == ".txt" and format != "text":
        raise UsageError(f"--out {out}: a .txt file takes --to text only")
    if suffix == ".json" and format == "text":
        raise UsageError(f"--out {out}: text goes to a folder, .txt, .jsonl, .csv or .parquet")
    return kind(path, format)


def table_row(row: Row, plain: Plain, *, format: str) -> dict[str, Any]:
    """A table's row: name, path, and the caption as a value or in MiraData's columns."""
    video = row.caption.video if row.caption else None
    start = {"id": row.name, "path": video.path if video else ""}
    if isinstance(plain, dict) and format == "miradata":
        return start | plain
    return start | {CELLS[format]: plain}


def text_cells(fields: dict[str, Any]) -> dict[str, str]:
    """The row with nested values as JSON text."""
    return {key: one if isinstance(one, str) else _json(one) for key, one in fields.items()}


def columns(format: str) -> list[str]:
    """The columns of a format's table."""
    own = miradata.COLUMNS if format == "miradata" else (CELLS[format],)
    return ["id", "path", *own]


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


class Folder:
    """``NAME.json`` for each caption, or ``NAME.txt``, as soon as it is put."""

    by_name = True

    def __init__(self, folder: Path, format: str) -> None:
        require_writable(folder)
        self._folder = folder
        self._suffix = ".txt" if format == "text" else ".json"
        self._written: list[str] = []

    def put(self, row: Row, plain: Plain) -> None:
        """One file."""
        path = self._folder / f"{row.name}{self._suffix}"
        write_whole(path, f"{plain if isinstance(plain, str) else _json(plain, indent=2)}\n")
        self._written.append(str(path))

    def finish(self) -> list[str]:
        """The files, each of which is there already."""
        return self._written

    def drop(self) -> None:
        """What is done is kept."""


class _File:
    """One text file: written beside its place, then put there."""

    by_name = False

    def __init__(self, path: Path, format: str) -> None:
        if path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way")
        require_writable(path.parent)
        self._path, self._format = path, format
        self._part = path.with_name(f".{path.name}.part")
        self._rows = 0
        self._file: IO[str] = open(self._part, "w", encoding="utf-8", newline="")  # noqa: SIM115
        self.begin()

    def begin(self) -> None:
        """What stands before the first row."""

    def write(self, row: Row, plain: Plain) -> None:
        """One row."""
        raise NotImplementedError

    def end(self) -> None:
        """What stands after the last row."""

    def put(self, row: Row, plain: Plain) -> None:
        """Write one caption."""
        try:
            self.write(row, plain)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error
        self._rows += 1

    def finish(self) -> list[str]:
        """Put the file in its place, unless nothing was written."""
        if not self._rows:
            self.drop()
            return []
        try:
            self.end()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._part, self._path)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error
        return [str(self._path)]

    def drop(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._part.unlink(missing_ok=True)


class TextFile(_File):
    """A caption a line."""

    def write(self, row: Row, plain: Plain) -> None:
        self._file.write(f"{plain}\n")


class JsonLines(_File):
    """An object a line: the caption, or a row where the caption does not name its video."""

    def write(self, row: Row, plain: Plain) -> None:
        alone = self._format in NAMES_ITS_VIDEO
        value = plain if alone else table_row(row, plain, format=self._format)
        self._file.write(f"{_json(value)}\n")


class JsonFile(_File):
    """One object, or a list of them."""

    def begin(self) -> None:
        self._first = ""

    def write(self, row: Row, plain: Plain) -> None:
        text = _json(plain, indent=2)
        if self._rows == 0:
            self._first = text
            return
        self._file.write(f"[\n{self._first}" if self._rows == 1 else "")
        self._file.write(f",\n{text}")

    def end(self) -> None:
        self._file.write(f"{self._first}\n" if self._rows == 1 else "\n]\n")


class CsvFile(_File):
    """Rows; a nested caption as JSON in its cell."""

    def begin(self) -> None:
        self._table = csv.DictWriter(self._file, columns(self._format), lineterminator="\n")
        self._table.writeheader()

    def write(self, row: Row, plain: Plain) -> None:
        self._table.writerow(text_cells(table_row(row, plain, format=self._format)))


class ParquetTable:
    """A folder of shards. Our own captions have the columns of ``instancecap caption``; those of
    other formats are text, a nested caption as JSON in its cell."""

    by_name = False

    def __init__(self, path: Path, format: str) -> None:
        require_writable(path.parent)
        held = os.listdir(path) if path.is_dir() else []
        if path.is_file() or any(not one.endswith(".parquet") for one in held):
            raise UsageError(f"--out {path}: something else than a table is in the way")
        self._path, self._format = path, format
        self._part = path.with_name(f".{path.name}.part")
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir()
        self._rows: list[dict[str, Any]] = []
        self._shards = 0

    def put(self, row: Row, plain: Plain) -> None:
        """Keep a row until its shard is full."""
        if self._format == "instancecap" and row.caption is not None:
            self._rows.append(flatten(row.caption) | {"id": row.name})
        else:
            self._rows.append(text_cells(table_row(row, plain, format=self._format)))
        if len(self._rows) == ROWS_PER_SHARD:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        words = [(name, pa.string()) for name in columns(self._format)]
        schema = table_schema() if self._format == "instancecap" else pa.schema(words)
        table = pa.Table.from_pylist(self._rows, schema=schema)
        shard = self._part / f"part-{self._shards:05d}.parquet"
        try:
            pq.write_table(table, shard, compression="zstd")
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error}") from error
        self._shards += 1
        self._rows.clear()

    def finish(self) -> list[str]:
        """Put the folder in its place, unless nothing was written."""
        if self._rows:
            self._flush()
        if not self._shards:
            self.drop()
            return []
        old = self._path.with_name(f".{self._path.name}.old.part")
        try:
            shutil.rmtree(old, ignore_errors=True)
            if self._path.exists():
                os.replace(self._path, old)
            os.replace(self._part, self._path)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error
        shutil.rmtree(old, ignore_errors=True)
        return [str(self._path)]

    def drop(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self._part, ignore_errors=True)
