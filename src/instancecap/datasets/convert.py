"""Captions from one format to another, file by file or table by table."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row, read_captions
from instancecap.errors import FormatError, InputError, UsageError
from instancecap.formats import check_format, lost, to_format
from instancecap.formats.labelstudio import labeling_config
from instancecap.formats.table_rows import (
    LISTS,
    OURS,
    arrow_schema,
    columns_of,
    flatten,
    json_line,
    table_row,
)
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.table_writers import FolderWriter, TableWriter, open_table, text_cells
from instancecap.schema.caption import Caption

Plain = dict[str, Any] | str
Encode = Callable[[Row, Plain], Any]
"""What a writer takes of a caption, given the caption in the format."""


@dataclass(frozen=True, slots=True)
class Converted:
    """One caption that was written; ``lost`` are JSON pointers of what the format does not hold."""

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

    def lost_in_words(self) -> list[str]:
        """What any caption lost, such as ``instances (colors, position)``; each part once."""
        parts: dict[str, dict[str, None]] = {}
        for pointer in (pointer for one in self.captions for pointer in one.lost):
            owner, *fields = [name for name in pointer[1:].split("/") if not name.isdigit()]
            parts.setdefault(owner, {}).update(dict.fromkeys(fields[:1]))
        return [_in_words(owner, list(some)) for owner, some in parts.items()]


_PARTS = {
    "provenance": "where each statement comes from",
    "producer": "who wrote it",
    "claims": "checked claims",
    "warnings": "warnings",
    "teachers": "what each teacher said",
}


def _in_words(owner: str, fields: Sequence[str]) -> str:
    some = f" ({', '.join(fields)})" if fields else ""
    return f"{_PARTS.get(owner, owner)}{some}".replace("_", " ")


def convert(
    paths: Sequence[str],
    *,
    to: str,
    out: str | None = None,
    from_: str = "",
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
    on_converted: Callable[[str, Plain], None] = lambda name, plain: None,
    change: Callable[[str, Caption], Caption] = lambda name, caption: caption,
) -> Conversion:
    """Read captions of any format and write them in another.

    Args:
        out: a folder (a file for each caption), or one file as ``open_table`` lists them; None to
            write nothing.
        from_: the format that is read; seen from each caption where it is empty.
        on_failure: told the file and row of every caption that fails, and why.
        on_converted: told the name of each other one, and the caption in the format.
        change: what is written of a caption, given its name; it may raise :class:`FormatError`.

    Raises:
        UsageError: no such format, or ``out`` cannot be written or holds the captions themselves.
        OutputError: the output cannot be completed; nothing of a single file is left.
    """
    check_format(to, option="--to")
    if from_:
        check_format(from_, option="--from")
    writer: TableWriter | None = None
    if out is not None:
        _refuse_own_inputs(paths, out)
        writer, encode = _open_output(out, to)
    done = Conversion()
    seen: dict[str, str] = {}
    classes: set[str] = set()
    try:
        for row in read_captions(paths, format=from_):
            try:
                if row.caption is None:
                    raise FormatError(row.error)
                if isinstance(writer, FolderWriter) and row.name in seen:
                    raise FormatError(f"its output {row.name} is that of {seen[row.name]} too")
                caption = change(row.name, row.caption)
                missing, plain = lost(caption, to), to_format(caption, to)
                classes |= {one.class_ for one in caption.instances}
                if writer is not None:
                    writer.write(encode(replace(row, caption=caption), plain))
            except InputError as error:
                done.failed.append((row.source, str(error)))
                on_failure(row.source, str(error))
            else:
                on_converted(row.name, plain)
                one = Converted(row.name, row.source, missing, list(row.problems))
                done.captions.append(one)
                seen[row.name] = row.source
        done.outputs = writer.finish() if writer is not None else []
        if done.outputs and out is not None and to == "labelstudio":
            done.outputs.append(_write_labeling_config(Path(out), classes))
    except BaseException:
        if writer is not None:
            writer.drop()
        raise
    return done


def _write_labeling_config(out: Path, classes: set[str]) -> str:
    """The configuration of a project for the tasks: in their folder, or beside their file."""
    path = out / "labeling_config.xml" if out.is_dir() else out.with_suffix(".xml")
    write_whole(path, labeling_config(sorted(classes)))
    return str(path)


def _refuse_own_inputs(paths: Sequence[str], out: str) -> None:
    """Captions may not be written over while they are read."""
    target = os.path.realpath(out)
    for path in paths:
        for one in [path] if os.path.lexists(path) else glob.glob(path, recursive=True):
            place = os.path.realpath(one)
            own_file = place.endswith((".json", ".txt")) and os.path.dirname(place) == target
            if place == target or own_file:
                raise UsageError(f"--out {out}: it would write over {one}; choose another place")


def _open_output(out: str, format: str) -> tuple[TableWriter, Encode]:
    """Where captions go, and what a caption is there: it follows from container and format.

    Raises :class:`UsageError` if nothing can be written there.
    """
    if not out:
        raise UsageError("--out is empty: name a file or a folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        held = os.listdir(path) if path.is_dir() else []
        if path.is_file() or any(not one.endswith(".parquet") for one in held):
            raise UsageError(f"--out {path}: something else than a table is in the way")
    elif suffix not in (".csv", ".tsv", ".json", ".jsonl", ".txt") or path.is_dir():
        require_writable(path)
        return FolderWriter(path, ".txt" if format == "text" else ".json"), _as_file
    if suffix == ".txt" and format != "text":
        raise UsageError(f"--out {out}: a .txt file takes --to text only")
    if suffix == ".json" and format == "text":
        raise UsageError(f"--out {out}: text goes to a folder, .txt, .jsonl, .csv or .parquet")
    require_writable(path.parent)
    table = open_table(
        path,
        columns=columns_of(format),
        schema=arrow_schema(format),
        brackets=LISTS.get(format, ""),
    )
    return table, partial(_as_row, suffix=suffix, format=format)


def _as_file(row: Row, plain: Plain) -> Any:
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, indent=2)
    return row.name, f"{text}\n"


def _as_row(row: Row, plain: Plain, *, suffix: str, format: str) -> Any:
    if suffix == ".json" and format in LISTS and isinstance(plain, dict):
        return plain["samples"][0]
    if suffix in (".txt", ".json"):
        return plain
    if suffix == ".jsonl":
        return json_line(row.name, row.caption, plain, format=format)
    if suffix == ".parquet" and format == OURS and row.caption is not None:
        return flatten(row.caption) | {"id": row.name}
    return text_cells(table_row(row.name, row.caption, plain, format=format))
