"""Manifests: lists of clips in ``.txt``, ``.csv``, ``.jsonl`` and ``.parquet``."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from instancecap.errors import FormatError, InputError, UsageError
from instancecap.io.addresses import is_url, strip_file_scheme, suffix_of
from instancecap.io.tables import NOT_UTF8, TABLE_SUFFIXES, read_rows
from instancecap.io.webdataset import split_member
from instancecap.video.probe import check_regular_file

MANIFEST_SUFFIXES = TABLE_SUFFIXES
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
    names: set[str] = set()

    def choose(header: list[str]) -> list[str]:
        _check_columns(path, header)
        names.update(header)
        return [one for one in (*FIELDS, hint_column) if one in header]

    for row in read_rows(path, choose=choose):
        if row.error == NOT_UTF8:
            raise FormatError(f"{path}: the manifest is {NOT_UTF8}")
        fields = row.value
        if isinstance(fields, str):
            if not fields.strip():
                continue
            fields = {"path": fields}
        if hint_column and isinstance(fields, dict):
            names |= fields.keys()
        if hint_column and hint_column not in names and suffix_of(path) != ".jsonl":
            break
        if row.error and not row.text:
            yield Row(row.where, fault=row.error)
        else:
            yield _check_row(row.where, fields, hint_column)
    if hint_column and names and hint_column not in names:
        found = ", ".join(sorted(names))
        raise UsageError(f"{path}: no column {hint_column!r} for --hint-column; it has: {found}")


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
