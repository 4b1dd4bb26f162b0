"""Manifests: lists of clips in ``.txt``, ``.csv``, ``.jsonl`` and ``.parquet``."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from instancecap.errors import FormatError, InputError, UsageError
from instancecap.io.remote import filesystem, is_url, naming, open_binary, strip_file_scheme
from instancecap.io.webdataset import split_member
from instancecap.video.probe import check_regular_file

BATCH_ROWS = 10_000
"""Rows of a Parquet manifest that are held at a time."""

MANIFEST_SUFFIXES = (".txt", ".csv", ".jsonl", ".parquet")
FIELDS = ("path", "start", "end", "id")


class Row(NamedTuple):
    """One row, checked by itself; no file was looked at.

    Attributes:
        where: ``line 3`` or ``row 3``, counted from 1 (a table's header is not counted).
        fault: why the row cannot be used; empty for a good one.
        id: empty where the manifest gives none.
        hint: what the manifest's column of hints says; empty where there is none.
    """

    where: str
    path: str = ""
    start: float = 0.0
    end: float | None = None
    id: str = ""
    hint: str = ""
    fault: str = ""


def read_manifest(path: str, *, hint_column: str = "") -> Iterator[Row]:
    """The rows of a manifest, good and bad.

    Args:
        hint_column: name of the column with hints; empty for none.

    Raises:
        FormatError: none can be read.
        UsageError: no row has the column of hints.
    """
    readers: dict[str, Callable[[str], Iterator[tuple[str, Any]]]] = {
        ".txt": _read_txt,
        ".csv": _read_csv,
        ".jsonl": _read_jsonl,
        ".parquet": partial(_read_parquet, extra=hint_column),
    }
    reader = readers[Path(path).suffix.lower()]
    names: set[str] = set()
    try:
        for where, fields in reader(path):
            if hint_column and isinstance(fields, dict):
                names |= fields.keys()
            if hint_column and hint_column not in names and not path.lower().endswith(".jsonl"):
                break
            yield _check_row(where, fields, hint_column)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: the manifest is not UTF-8 text") from error
    except csv.Error as error:
        raise FormatError(f"{path}: not a valid CSV file: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{path}: the manifest cannot be read: {reason}") from error
    if hint_column and names and hint_column not in names:
        found = ", ".join(sorted(names))
        raise UsageError(f"{path}: no column {hint_column!r} for --hint-column; it has: {found}")


@contextmanager
def _open_text(path: str, *, newline: str) -> Iterator[IO[str]]:
    with open_binary(path) as file:
        yield io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline)


def _lines(path: str) -> Iterator[tuple[str, str]]:
    # A byte order mark is dropped; only newlines end a line, as names may hold other separators.
    with _open_text(path, newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"line {number}", line.rstrip("\r\n")


def _read_txt(path: str) -> Iterator[tuple[str, Any]]:
    for where, line in _lines(path):
        yield where, {"path": line}


def _read_jsonl(path: str) -> Iterator[tuple[str, Any]]:
    for where, line in _lines(path):
        try:
            yield where, json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            yield where, None


def _read_csv(path: str) -> Iterator[tuple[str, Any]]:
    with _open_text(path, newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        _check_columns(path, header)
        for number, cells in enumerate((row for row in reader if row), 1):
            yield f"row {number}", dict(zip(header, cells, strict=False))


def _read_parquet(path: str, *, extra: str = "") -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    fs, key = filesystem(path) if is_url(path) else (None, path)
    try:
        with naming(path) if fs is not None else nullcontext():
            files = pq.ParquetDataset(key, filesystem=fs).files
        for name in files:
            with pq.ParquetFile(name, filesystem=fs, buffer_size=1 << 20) as file:
                header = file.schema_arrow.names
                _check_columns(path, header)
                columns = [one for one in (*FIELDS, extra) if one in header]
                for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                    for fields in batch.to_pylist():
                        number += 1
                        yield f"row {number}", fields
    except pa.ArrowException as error:
        raise FormatError(f"{path}: not a valid Parquet file") from error


def _check_columns(path: str, header: list[str]) -> None:
    if "path" not in header:
        found = ", ".join(header) or "none"
        raise FormatError(f"{path}: a manifest needs a column named 'path'; its columns: {found}")


def _check_row(where: str, fields: Any, hint_column: str = "") -> Row:
    if not isinstance(fields, dict):
        return Row(where, fault="not a JSON object")
    path = fields.get("path")
    if not isinstance(path, str) or not path or path.isspace():
        return Row(where, fault=f"'path' must be a file name, got {path!r}")
    try:
        start = _seconds("start", fields.get("start")) or 0.0
        end = _seconds("end", fields.get("end"))
        if end is not None and end <= start:
            raise ValueError(f"'end' must lie after 'start' ({start} s), got {end}")
        name = _id(fields.get("id"))
    except ValueError as error:
        return Row(where, path=path, fault=str(error))
    hint = _hint(fields.get(hint_column)) if hint_column else ""
    return Row(where, path, start, end, name, hint)


def _hint(value: Any) -> str:
    """A cell as text; several tags with commas between them."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return ", ".join(map(_hint, value)) if isinstance(value, list) else str(value).strip()


def _seconds(field: str, value: Any) -> float | None:
    """A time, or None for an empty cell (a table's missing number may be NaN)."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            if value.isspace():
                return None
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        elif value != value:
            return None
        seconds = float(value)
        if 0 <= seconds < math.inf:
            return seconds + 0.0  # -0.0 and 0.0 are one time and must give one name
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{field!r} must be a number of seconds >= 0, got {value!r}")


def _id(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"'id' must be text, got {value!r}")
    return str(value)


def resolve(path: str, manifest: str) -> tuple[str, bool]:
    """A row's file, beside the manifest or else in the current folder; empty where it is neither.

    Also says whether it needs no further look: it is a good file, or lies elsewhere.
    """
    path = strip_file_scheme(path)
    if is_url(path):
        return path, True
    if is_url(manifest):
        return f"{manifest.rpartition('/')[0]}/{path}", True
    beside = os.path.join(os.path.dirname(manifest), path)
    try:
        check_regular_file(beside)
    except InputError:
        for place in (beside, path):
            if split_member(place) is not None:
                return place, True
            if os.path.lexists(place):
                return place, False
        return "", False
    return beside, True
