"""Tables: ``.txt``, ``.csv``, ``.tsv``, ``.jsonl`` and ``.parquet``, read row by row.

Every list of clips or captions that this package reads goes through here, from a disk or from an
address.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any, NamedTuple

from instancecap.errors import FormatError
from instancecap.io.addresses import filesystem, is_url, naming, open_binary, suffix_of

TABLE_SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")

ROWS_AT_A_TIME = 10_000
"""Rows of a Parquet file that are read at a time, at most."""

LONGEST_CELL = 2**31 - 1
"""Bytes of a CSV cell; the csv module's own limit, 131,072, is less than a caption with tracks."""

CHARACTERS_AT_A_TIME = 1 << 20
"""Of a JSON list that is read item by item."""

LONGEST_ITEM = 1 << 26
"""Characters of one item of such a list; what is longer is not read to its end."""

NOT_UTF8 = "not UTF-8 text"
_SPACE = re.compile(r"[ \t\r\n]*")
_UNDECODED = re.compile("[\ud800-\udfff]")
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


def read_json_list(path: str) -> Iterator[Row]:
    """The items of a ``.json`` that is one list, without holding more than a few of them.

    An item that is not valid JSON is the last row: what follows it cannot be told apart.

    Raises:
        UnicodeError: the file is no text.
        OSError: the file cannot be read.
    """
    decode = json.JSONDecoder().raw_decode
    number = 0
    with _open(path) as (file, encoding):
        source = io.TextIOWrapper(file, encoding=encoding)
        text = source.read(CHARACTERS_AT_A_TIME)
        at = text.index("[") + 1
        while True:
            at = _skip(text, at)
            try:
                value, end = (None, at) if text[at : at + 1] == "]" else decode(text, at)
                end = _skip(text, end)
            except ValueError:
                end = len(text)
            if text[end : end + 1] not in (",", "]") or end == len(text):  # perhaps cut off here
                more = source.read(CHARACTERS_AT_A_TIME) if len(text) - at < LONGEST_ITEM else ""
                if not more:
                    yield Row(f"item {number + 1}", error="not valid JSON, nor what follows it")
                    return
                text, at = text[at:] + more, 0
                continue
            if end > at:
                number += 1
                yield Row(f"item {number}", value)
            if text[end] == "]":
                return
            at = end + 1


def _skip(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


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
            if any(map(_UNDECODED.search, cells)):
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
