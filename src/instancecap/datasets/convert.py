"""Captions from one format to another, file by file or table by table."""

from __future__ import annotations

import glob
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row, read_captions
from instancecap.errors import InputError, UsageError
from instancecap.formats import check_format, lost, to_format
from instancecap.formats.table_rows import (
    OURS,
    arrow_schema,
    columns_of,
    flatten,
    json_line,
    table_row,
)
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.table_writers import TableWriter, open_table, text_cells


@dataclass(frozen=True, slots=True)
class Converted:
    """One caption that was written.

    Attributes:
        lost: JSON pointers of what the format does not hold.
        problems: what had to be put right or left out to read it.
    """

    name: str
    source: str
    lost: list[str]
    problems: list[str]


@dataclass(slots=True)
class Conversion:
    """What came of a run."""

    captions: list[Converted] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def lost_by_kind(self) -> Counter[str]:
        """Captions by what they lost, instances and list entries taken together."""
        return Counter(kind for one in self.captions for kind in _kinds(one.lost))

    def problems_by_kind(self) -> Counter[str]:
        """Captions by what had to be put right in them."""
        return Counter(problem for one in self.captions for problem in set(one.problems))


def _kinds(pointers: Sequence[str]) -> dict[str, None]:
    """Pointers with ``*`` for every number, each once, in their order."""
    return dict.fromkeys(re.sub(r"/\d+(?=/|$)", "/*", pointer) for pointer in pointers)


def convert(
    paths: Sequence[str],
    *,
    to: str,
    out: str,
    from_: str = "",
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Conversion:
    """Read captions of any format and write them in another.

    Args:
        paths: as :func:`~instancecap.datasets.captions.read_captions` takes them.
        to: the format to write.
        out: a folder (a file for each caption), or one file as
            :func:`~instancecap.io.table_writers.open_table` lists them.
        from_: the format that is read; seen from each caption where it is empty.
        on_failure: told the file and row of every caption that fails, and why.

    Raises:
        UsageError: no such format, or ``out`` cannot be written or holds the captions themselves.
        OutputError: the output cannot be completed; nothing of a single file is left.
    """
    check_format(to, option="--to")
    if from_:
        check_format(from_, option="--from")
    _refuse_own_inputs(paths, out)
    writer = _open_output(out, to)
    done = Conversion()
    seen: dict[str, str] = {}
    try:
        for row in read_captions(paths, format=from_):
            reason = row.error or _write(row, to, writer, seen, done)
            if reason:
                done.failed.append((row.source, reason))
                on_failure(row.source, reason)
        done.outputs = writer.finish()
    except BaseException:
        writer.drop()
        raise
    return done


def _write(row: Row, to: str, writer: _Output, seen: dict[str, str], done: Conversion) -> str:
    """Write one caption. Returns why it cannot be written, or an empty string."""
    assert row.caption is not None
    if isinstance(writer, _Folder) and row.name in seen:
        return f"its output {row.name} is that of {seen[row.name]} too"
    try:
        writer.put(row, to_format(row.caption, to))
        missing = lost(row.caption, to)
    except InputError as error:
        return str(error)
    seen[row.name] = row.source
    done.captions.append(Converted(row.name, row.source, missing, list(row.problems)))
    return ""


def _refuse_own_inputs(paths: Sequence[str], out: str) -> None:
    """Captions may not be written over while they are read."""
    target = os.path.realpath(out)
    for path in paths:
        for one in [path] if os.path.lexists(path) else glob.glob(path, recursive=True):
            place = os.path.realpath(one)
            own_file = place.endswith((".json", ".txt")) and os.path.dirname(place) == target
            if place == target or own_file:
                raise UsageError(f"--out {out}: it would write over {one}; choose another place")


Plain = dict[str, Any] | str


class _Folder:
    """``NAME.json`` for each caption, or ``NAME.txt``, as soon as it is put; what is done stays."""

    def __init__(self, folder: Path, format: str) -> None:
        require_writable(folder)
        self._folder = folder
        self._suffix = ".txt" if format == "text" else ".json"
        self._written: list[str] = []

    def put(self, row: Row, plain: Plain) -> None:
        path = self._folder / f"{row.name}{self._suffix}"
        text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, indent=2)
        write_whole(path, f"{text}\n")
        self._written.append(str(path))

    def finish(self) -> list[str]:
        return self._written

    def drop(self) -> None:
        pass


class _Table:
    """One file or table; what a row is follows from its container and from the format."""

    def __init__(self, path: Path, format: str) -> None:
        require_writable(path.parent)
        self._path, self._format = path, format
        self._table: TableWriter = open_table(
            path, columns=columns_of(format), schema=arrow_schema(format)
        )

    def put(self, row: Row, plain: Plain) -> None:
        self._table.write(self._row(row, plain))

    def _row(self, row: Row, plain: Plain) -> Any:
        suffix = self._path.suffix.lower()
        if suffix in (".txt", ".json"):
            return plain
        if suffix == ".jsonl":
            return json_line(row.name, row.caption, plain, format=self._format)
        if suffix == ".parquet" and self._format == OURS and row.caption is not None:
            return flatten(row.caption) | {"id": row.name}
        return text_cells(table_row(row.name, row.caption, plain, format=self._format))

    def finish(self) -> list[str]:
        return [str(self._path)] if self._table.finish() else []

    def drop(self) -> None:
        self._table.drop()


_Output = _Folder | _Table


def _open_output(out: str, format: str) -> _Output:
    """Where captions go. Raises :class:`UsageError` if nothing can be written there."""
    if not out:
        raise UsageError("--out is empty: name a file or a folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        held = os.listdir(path) if path.is_dir() else []
        if path.is_file() or any(not one.endswith(".parquet") for one in held):
            raise UsageError(f"--out {path}: something else than a table is in the way")
        return _Table(path, format)
    if suffix not in (".csv", ".tsv", ".json", ".jsonl", ".txt") or path.is_dir():
        return _Folder(path, format)
    if suffix == ".txt" and format != "text":
        raise UsageError(f"--out {out}: a .txt file takes --to text only")
    if suffix == ".json" and format == "text":
        raise UsageError(f"--out {out}: text goes to a folder, .txt, .jsonl, .csv or .parquet")
    return _Table(path, format)
