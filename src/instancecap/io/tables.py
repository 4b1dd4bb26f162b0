"""Tables: ``.txt``, ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet``, read row by row and written.

Every list of clips, captions or prompts that this package reads or writes goes through here. Paths
may be addresses of objects where they are read; :func:`encode_rows` makes objects to write.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from instancecap.errors import FormatError, UsageError
from instancecap.io.addresses import filesystem, is_url, naming, open_binary, suffix_of
from instancecap.io.atomic import part_of, replace, writing

TABLE_SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")

ROWS_AT_A_TIME = 10_000
"""Rows of a Parquet file that are read at a time, at most."""

ROWS_PER_SHARD = 10_000
"""Rows of one file of a Parquet table that is written."""

LONGEST_CELL = 2**31 - 1
"""Bytes of a CSV cell; the csv module's own limit, 131,072, is less than a caption with tracks."""

NOT_UTF8 = "not UTF-8 text"
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        where: ``line 3`` or ``row 3``, counted from 1; the header is not counted.
        value: a line of text, a parsed JSON value, or cells by column; None where ``error`` says
            why there is none.
        text: the line itself where it is not valid JSON.
    """

    where: str
    value: Any = None
    error: str = ""
    text: str = ""


Choose = Callable[[list[str]], list[str] | None]


def read_rows(
    path: str, *, choose: Choose = lambda header: None, rows_at_a_time: int = ROWS_AT_A_TIME
) -> Iterator[Row]:
    """The rows of a table, good and bad; blank lines of a ``.jsonl`` are passed over.

    Text is UTF-8, or UTF-16 with a byte order mark. The columns of a CSV file are parted by
    whichever of comma, semicolon, tab and bar its header has most of.

    Args:
        path: a file or an address; for Parquet a folder of shards too.
        choose: told the header of a CSV or Parquet file; it may raise, and may name the columns
            that are read of a Parquet file (all by default).
        rows_at_a_time: rows of a Parquet file that are in memory at a time.

    Raises:
        FormatError: nothing, or nothing more, can be read.
        InputError: an object cannot be read.
    """
    suffix = suffix_of(path)
    try:
        if suffix == ".parquet":
            yield from _read_parquet(path, choose, rows_at_a_time)
        elif suffix in (".csv", ".tsv"):
            yield from _read_csv(path, choose)
        elif suffix == ".jsonl":
            yield from _read_jsonl(path)
        else:
            yield from _read_lines(path)
    except csv.Error as error:
        raise FormatError(f"{path}: not a valid CSV file: {error}") from error
    except UnicodeError as error:
        raise FormatError(f"{path}: {NOT_UTF8}") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error


@contextmanager
def _open(path: str) -> Iterator[tuple[io.BufferedReader[Any], str]]:
    """A text file and its encoding, by the byte order mark. Not every address can be rewound."""
    with open_binary(path) as file:
        source: Any = file
        buffered = source if isinstance(file, io.BufferedReader) else io.BufferedReader(source)
        start = buffered.peek(3)
        yield buffered, encoding_of(start)


def encoding_of(start: bytes) -> str:
    """The encoding of a text by its first bytes: a byte order mark, or the zeros of UTF-16."""
    zeros = {b"\0": "utf-16-be"}.get(start[:1]) or {b"\0": "utf-16-le"}.get(start[1:2], "utf-8")
    return next((name for mark, name in _MARKS if start.startswith(mark)), zeros)


def _read_lines(path: str) -> Iterator[Row]:
    """Lines of text: only newlines end one, as names may hold other separators."""
    with _open(path) as (file, encoding):
        if encoding.startswith("utf-16"):
            text: Iterable[str | bytes] = io.TextIOWrapper(file, encoding=encoding, newline="\n")
        else:
            text = file
        for number, line in enumerate(text, 1):
            where = f"line {number}"
            try:
                decoded = line if isinstance(line, str) else line.decode("utf-8-sig")
            except UnicodeDecodeError:
                yield Row(where, error=NOT_UTF8)
            else:
                yield Row(where, decoded.rstrip("\r\n"))


def _read_jsonl(path: str) -> Iterator[Row]:
    for row in _read_lines(path):
        if row.error or not row.value.strip():
            if row.error:
                yield row
            continue
        try:
            yield Row(row.where, json.loads(row.value))
        except (ValueError, RecursionError):
            yield Row(row.where, error="not valid JSON", text=row.value)


def _read_csv(path: str, choose: Choose) -> Iterator[Row]:
    with _open(path) as (file, encoding):
        # What is not UTF-8 costs its own row: undecodable bytes get through as lone surrogates.
        errors = "strict" if encoding.startswith("utf-16") else "surrogateescape"
        text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
        first = text.readline()
        mark = max(",;\t|", key=first.count)
        if first[:4].lower() == "sep=" and first[4:5]:  # as Excel writes it
            mark, first = first[4], text.readline()
        reader = csv.reader(chain([first], text), delimiter=mark)
        rows = _unlimited(reader)
        header = [name.strip() for name in next(rows, [])]
        choose(header)
        before, number = reader.line_num, 0
        for cells in rows:
            lines, before = f"lines {before + 1} to {reader.line_num}", reader.line_num
            if not cells:
                continue
            number += 1
            where = f"row {number}"
            if any(not _is_utf8(cell) for cell in cells):
                yield Row(where, error=NOT_UTF8)
            elif any(cells[len(header) :]):
                # Which cell is in the wrong column cannot be known: none is read.
                fault = f"{len(cells)} cells for {len(header)} columns in {lines}"
                hint = "a comma or a quote in a cell is not escaped"
                yield Row(where, error=f"{fault}: {hint}")
            else:
                yield Row(where, dict(zip(header, cells, strict=False)))


def _unlimited(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows whose cells may be long, without changing the limit that others in the process have."""
    while True:
        before = csv.field_size_limit(LONGEST_CELL)
        try:
            cells = next(reader, None)
        finally:
            csv.field_size_limit(before)
        if cells is None:
            return
        yield cells


def _is_utf8(cell: str) -> bool:
    if cell.isascii():
        return True
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_parquet(path: str, choose: Choose, rows_at_a_time: int) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    fs, key = filesystem(path) if is_url(path) else (None, path)
    try:
        with naming(path) if fs is not None else nullcontext():
            files = pq.ParquetDataset(key, filesystem=fs).files
        for name in files:
            with pq.ParquetFile(name, filesystem=fs, buffer_size=1 << 20) as file:
                columns = choose(file.schema_arrow.names)
                for batch in file.iter_batches(batch_size=rows_at_a_time, columns=columns):
                    for cells in batch.to_pylist():
                        number += 1
                        yield Row(f"row {number}", cells)
    except pa.ArrowException as error:
        after = f" after row {number}" if number else ""
        raise FormatError(f"{path}: not a valid Parquet file{after}") from error


# Writing -----------------------------------------------------------------------------------------


class TableWriter(ABC):
    """Takes rows one by one; :meth:`finish` makes the table appear, whole or not at all.

    Every method raises :class:`OutputError` where nothing can be written.
    """

    @abstractmethod
    def write(self, row: Any) -> None:
        """Add a row: cells by column, or a line of text for a ``.txt``."""

    @abstractmethod
    def finish(self) -> bool:
        """Put the table in its place, unless it has no rows; returns whether it has."""

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
        columns: of a ``.csv`` or ``.tsv``.
        schema: of a ``.parquet``, as an Arrow schema.
        prefix: how the names of a ``.parquet``'s shards begin; shards with another stay.
        scratch: folder for unfinished shards on the same disk; a hidden neighbor by default.
    """
    if path.suffix.lower() == ".parquet":
        return _ParquetWriter(path, schema, prefix, scratch or part_of(path))
    return _FileWriter(path, columns)


class _FileWriter(TableWriter):
    """One text file, written beside its place and put there at the end."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        if path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way of the file")
        self._path, self._part, self._rows = path, part_of(path), 0
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = open(self._part, "w", encoding="utf-8", newline="")  # noqa: SIM115
        kind = path.suffix.lower()
        # A list is begun when its second value comes: a single one stands alone.
        self._first, self._is_list = "", kind == ".json"
        self._encode: Callable[[Any], str] = {
            ".txt": lambda row: f"{row}\n",
            **dict.fromkeys(_CELL_MARKS, lambda row: _csv_line(_cells(row, columns), kind)),
            ".json": lambda row: _json(row, indent=2),
        }.get(kind, lambda row: f"{_json(row)}\n")
        if kind in _CELL_MARKS:
            self._file.write(_csv_line(columns, kind))

    def write(self, row: Any) -> None:
        text = self._encode(row)
        with writing(self._path):
            if self._is_list and self._rows == 0:
                self._first, text = text, ""
            elif self._is_list:
                text = f"[\n{self._first},\n{text}" if self._rows == 1 else f",\n{text}"
            self._file.write(text)
        self._rows += 1

    def finish(self) -> bool:
        if not self._rows:
            self.drop()
            return False
        try:
            with writing(self._path):
                if self._is_list:
                    self._file.write(f"{self._first}\n" if self._rows == 1 else "\n]\n")
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            replace(self._part, self._path)
        except BaseException:
            self.drop()
            raise
        return True

    def drop(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


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

    def finish(self) -> bool:
        if self._rows:
            self._flush()
        if not self._shards:
            self.drop()
            return False
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
        return True

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


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    cells = text_cells(row)
    return [cells[name] for name in columns]


def _csv_line(cells: Iterable[str], kind: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=_CELL_MARKS[kind], lineterminator="\n").writerow(cells)
    return line.getvalue()


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
