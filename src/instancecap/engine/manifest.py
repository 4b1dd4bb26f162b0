"""Manifests: lists of clips in ``.txt``, ``.csv``, ``.jsonl`` and ``.parquet``."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.errors import FormatError

MANIFEST_SUFFIXES = (".txt", ".csv", ".jsonl", ".parquet")
FIELDS = ("path", "start", "end", "id")


@dataclass(frozen=True, slots=True)
class Row:
    """One row, checked by itself; no file was looked at.

    Attributes:
        where: ``line 3`` or ``row 3``, counted from 1 (a table's header is not counted).
        fault: why the row cannot be used; empty for a good one.
        id: empty where the manifest gives none.
    """

    where: str
    path: str = ""
    start: float = 0.0
    end: float | None = None
    id: str = ""
    fault: str = ""


def read_manifest(path: str) -> Iterator[Row]:
    """The rows of a manifest, good and bad. Raises :class:`FormatError` when none can be read."""
    reader = {
        ".txt": _read_txt,
        ".csv": _read_csv,
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }[Path(path).suffix.lower()]
    try:
        for where, fields in reader(path):
            yield _check_row(where, fields)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: the manifest is not UTF-8 text") from error
    except csv.Error as error:
        raise FormatError(f"{path}: not a valid CSV file: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(f"{path}: the manifest cannot be read: {reason}") from error


def _lines(path: str) -> Iterator[tuple[str, str]]:
    # A byte order mark is dropped; only newlines end a line, as names may hold other separators.
    with open(path, encoding="utf-8-sig", newline="\n") as file:
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
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        _check_columns(path, header)
        for number, cells in enumerate((row for row in reader if row), 1):
            yield f"row {number}", dict(zip(header, cells, strict=False))


def _read_parquet(path: str) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        header = pq.ParquetDataset(path).schema.names
        _check_columns(path, header)
        table = pq.read_table(path, columns=[name for name in FIELDS if name in header])
    except pa.ArrowException as error:
        raise FormatError(f"{path}: not a valid Parquet file") from error
    for number, fields in enumerate(table.to_pylist(), 1):
        yield f"row {number}", fields


def _check_columns(path: str, header: list[str]) -> None:
    if "path" not in header:
        found = ", ".join(header) or "none"
        raise FormatError(f"{path}: a manifest needs a column named 'path'; its columns: {found}")


def _check_row(where: str, fields: Any) -> Row:
    if not isinstance(fields, dict):
        return Row(where, fault="not a JSON object")
    path = fields.get("path")
    if not isinstance(path, str) or not path.strip():
        return Row(where, fault=f"'path' must be a file name, got {path!r}")
    try:
        start = _seconds("start", fields.get("start")) or 0.0
        end = _seconds("end", fields.get("end"))
        if end is not None and end <= start:
            raise ValueError(f"'end' must lie after 'start' ({start} s), got {end}")
        name = _id(fields.get("id"))
    except ValueError as error:
        return Row(where, path=path, fault=str(error))
    return Row(where, path=path, start=start, end=end, id=name)


def _seconds(field: str, value: Any) -> float | None:
    """A time, or None for an empty cell (a table's missing number may be NaN)."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    fault = f"{field!r} must be a number of seconds >= 0, got {value!r}"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(fault)
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        raise ValueError(fault) from None
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(fault)
    return seconds + 0.0  # -0.0 and 0.0 are one time and must give one name


def _id(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"'id' must be text, got {value!r}")
    return str(value)


def resolve(path: str, manifest: str) -> str | None:
    """A row's file: looked for beside the manifest first, then in the current folder."""
    beside = os.path.join(os.path.dirname(manifest), path)
    return next((place for place in (beside, path) if os.path.lexists(place)), None)
