"""Tables: ``.txt``, ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` and ``.parquet``, written.

Every table of captions or prompts that this package writes goes through here: to a disk by
:func:`open_table`, to object storage by :func:`encode_rows`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from instancecap.errors import UsageError
from instancecap.io.atomic import open_whole, part_of, write_whole, writing

ROWS_PER_SHARD = 10_000
"""Rows of one file of a Parquet table that is written."""


class TableWriter(ABC):
    """Takes rows one by one; :meth:`finish` makes the table appear, whole or not at all.

    Every method raises :class:`OutputError` where nothing can be written.
    """

    @abstractmethod
    def write(self, row: Any) -> None:
        """Add a row: cells by column, or a line of text for a ``.txt``."""

    @abstractmethod
    def finish(self) -> list[str]:
        """Put the table in its place, unless it has no rows; returns the paths."""

    @abstractmethod
    def drop(self) -> None:
        """Leave nothing of an unfinished table."""


def open_table(
    path: Path,
    *,
    columns: Sequence[str] = (),
    schema: Any = None,
    prefix: str = "part-",
    scratch: Path | None = None,
    brackets: str | tuple[str, str] = "",
    ascii: bool = False,
) -> TableWriter:
    """A writer for the container that the suffix of ``path`` names.

    ======== ======================================================================
    .txt     a line of text a row
    .csv     cells, with a header; values that are no text as JSON; .tsv with tabs between
    .jsonl   a JSON value a line
    .json    the value, or a list of them where there are several
    .parquet a folder of shards
    ======== ======================================================================

    Args:
        columns: of a ``.csv`` or ``.tsv``; those of the first row by default.
        schema: of a ``.parquet``, as an Arrow schema.
        prefix: how the names of a ``.parquet``'s shards begin; shards with another stay.
        scratch: folder for unfinished shards on the same disk; a hidden neighbor by default.
        brackets: a ``.json`` is always a list, ``[]``, or an object of all rows, ``{}``; or a
            list within something else: what stands before and after the rows.
        ascii: JSON is read alike in every locale, and no character in it ends a line.
    """
    if path.suffix.lower() == ".parquet":
        return _ParquetWriter(path, schema, prefix, scratch or part_of(path))
    return _FileWriter(path, columns, brackets, ascii)


class _Dropped(Exception):
    """Ends the writing of a file that nobody wants any more."""


class _FileWriter(TableWriter):
    """One text file, written beside its place and put there at the end."""

    def __init__(
        self, path: Path, columns: Sequence[str], brackets: str | tuple[str, str], ascii: bool
    ) -> None:
        if path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way of the file")
        self._path, self._rows = path, 0
        self._columns, self._brackets, self._ascii = columns, brackets, ascii
        self._whole = ExitStack()
        self._file: IO[str] = self._whole.enter_context(open_whole(path))
        self._kind = path.suffix.lower()
        self._first = ""  # of a .json: a single value stands alone

    def write(self, row: Any) -> None:
        text = self._encode(row)
        with writing(self._path):
            self._file.write(text)
        self._rows += 1

    def _encode(self, row: Any) -> str:
        """What is written for a row."""
        if self._kind == ".txt":
            return f"{row}\n"
        if self._kind in _CELL_MARKS:
            self._columns = self._columns or list(row)
            header = "" if self._rows else _csv_line(self._columns, self._kind)
            cells = text_cells(row)
            return header + _csv_line([cells[name] for name in self._columns], self._kind)
        if self._kind != ".json":
            return f"{_json(row, ascii=self._ascii)}\n"
        if self._brackets:
            text = _json(row, ascii=self._ascii)
            text = text[1:-1] if self._brackets == "{}" else text
            return f",\n{text}" if self._rows else f"{self._brackets[0]}\n{text}"
        text = _json(row, indent=2)
        if self._rows == 0:
            self._first = text
            return ""
        return f"[\n{self._first},\n{text}" if self._rows == 1 else f",\n{text}"

    def finish(self) -> list[str]:
        if not self._rows:
            self.drop()
            return []
        with self._whole:
            if self._kind == ".json":
                alone = self._rows == 1 and not self._brackets
                end = f"\n{(self._brackets or '[]')[1]}\n"
                self._file.write(f"{self._first}\n" if alone else end)
        return [str(self._path)]

    def drop(self) -> None:
        with suppress(_Dropped), self._whole:
            raise _Dropped


class FolderWriter(TableWriter):
    """A file for each row, which is its name and text, as soon as it is written."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix, self._written = folder, suffix, list[str]()

    def write(self, row: tuple[str, str]) -> None:
        name, text = row
        path = self._folder / f"{name}{self._suffix}"
        write_whole(path, text)
        self._written.append(str(path))

    def finish(self) -> list[str]:
        return self._written

    def drop(self) -> None:
        """What is written stays."""


class _ParquetWriter(TableWriter):
    """A folder of shards, written in ``scratch``; then each is put in its place."""

    def __init__(self, path: Path, schema: Any, prefix: str, scratch: Path) -> None:
        self._path, self._schema, self._prefix, self._scratch = path, schema, prefix, scratch
        self._rows: list[Mapping[str, Any]] = []
        self._shards: list[str] = []
        shutil.rmtree(scratch, ignore_errors=True)
        with writing(path):
            scratch.mkdir(parents=True)

    def write(self, row: Any) -> None:
        self._rows.append(row)
        if len(self._rows) == ROWS_PER_SHARD:
            self._flush()

    def _flush(self) -> None:
        name = f"{self._prefix}{len(self._shards):05d}.parquet"
        with writing(self._path), open(self._scratch / name, "wb") as file:
            _write_parquet(file, self._rows, self._schema)
        self._shards.append(name)
        self._rows.clear()

    def finish(self) -> list[str]:
        if self._rows:
            self._flush()
        if not self._shards:
            self.drop()
            return []
        try:
            with writing(self._path):
                self._path.mkdir(exist_ok=True)
                for name in self._shards:
                    os.replace(self._scratch / name, self._path / name)
                for stale in self._path.glob(f"{self._prefix}*.parquet"):
                    # Another part's table has more dashes in the names of its shards.
                    ours = stale.stem.count("-") == self._prefix.count("-")
                    if ours and stale.name not in self._shards:
                        stale.unlink()
        finally:
            self.drop()
        return [str(self._path)]

    def drop(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)


def encode_rows(kind: str, rows: Iterable[Mapping[str, Any]], *, schema: Any = None) -> bytes:
    """A whole table as the bytes of one object; ``kind`` is ``jsonl`` or ``parquet``."""
    if kind == "jsonl":
        return "".join(f"{_json(row)}\n" for row in rows).encode()
    buffer = io.BytesIO()
    _write_parquet(buffer, list(rows), schema)
    return buffer.getvalue()


def _write_parquet(file: IO[bytes], rows: Sequence[Mapping[str, Any]], schema: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file, compression="zstd")


def text_cells(row: Mapping[str, Any]) -> dict[str, str]:
    """The row with values that are no text as JSON."""
    return {key: one if isinstance(one, str) else _json(one) for key, one in row.items()}


_CELL_MARKS = {".csv": ",", ".tsv": "\t"}


def _csv_line(cells: Iterable[str], kind: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=_CELL_MARKS[kind], lineterminator="\n").writerow(cells)
    return line.getvalue()


def _json(value: Any, *, indent: int | None = None, ascii: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ascii, indent=indent)
