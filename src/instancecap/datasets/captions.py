"""Captions from wherever they lie: files, folders and tables, one at a time.

    for row in read_captions(["captions/", "more.parquet"]):
        if row.caption is None:
            print(f"failed: {row.source}: {row.error}")

Nothing that a file holds is fatal: what cannot be read is a row with an ``error``.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instancecap.datasets.edits import mark_by_ledger
from instancecap.datasets.entries import (
    WHOLE_COLUMNS,
    Item,
    items_of_row,
    maps_names,
    named,
    of_row,
    safe_name,
    several,
    unwrap,
    wanted_columns,
)
from instancecap.datasets.videos import OF_ITS_FOLDER, beside, names_video
from instancecap.errors import FormatError
from instancecap.formats import caption_from
from instancecap.formats.salvage import SALVAGED, decode_text, salvage
from instancecap.io.tables import NOT_UTF8, read_json_list, read_rows
from instancecap.schema.caption import Caption, Video

SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".caption")

LISTS = re.compile(r"(?:prompts?|captions?|labels?|texts?)\.txt", re.IGNORECASE)
"""Names of files of a caption a line, as trainers have them; ``videos.txt`` beside them names the
clips. Any other ``.txt`` in a folder is the caption of one clip."""

NO_CAPTIONS = re.compile(
    r"(?:(?:balance|concepts|config|dataset_info|instructions|multidatabackend|summary|training)\.json|"
    r"videos\.txt|readme.*|licen[sc]e.*)",
    re.IGNORECASE,
)
"""Files in a folder of captions that hold none: settings of trainers, sums, notes."""

RECORD_OF_EXPORT = (".instancecap", "export.json")
"""What lies in a folder that ``export`` wrote, by which it is known."""

ROWS_AT_A_TIME = 256
"""Rows of a Parquet table in memory; a caption with its tracks is some ten kilobytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A caption, or why there is none.

    Attributes:
        name: relative path to name an output by, without suffix: ``woman_dog.mp4``.
        source: the file, and in a table the row, counted from 1: ``captions.csv: row 3``.
        error: one line; empty for a good row.
        problems: what had to be put right or left out; it stands in the caption's warnings too.
    """

    name: str
    caption: Caption | None
    source: str
    error: str = ""
    problems: tuple[str, ...] = ()


def read_captions(
    paths: Sequence[str],
    *,
    format: str = "",
    on_salvaged: Callable[[str, str], None] = lambda source, problem: None,
) -> Iterator[Row]:
    """Every caption in files, folders and patterns, in their order, read as they are asked for.

    A ``.json`` holds a caption, a list, or names with captions; a ``.txt`` the caption of the clip
    that it lies beside, else a caption a line. Of a folder its ``.json`` files are read, else its
    ``.parquet`` shards, tables, texts. ``format`` is seen from each caption where it is empty.
    ``on_salvaged`` is told the file and row of broken JSON that was read as far as it goes.
    """
    for path in paths:
        for item in _items_of(path):
            row = _row(item, format)
            for problem in row.problems:
                if problem.startswith(SALVAGED):
                    on_salvaged(row.source, problem)
            yield row


def _row(item: Item, format: str) -> Row:
    if item.error:
        return Row(item.name, None, item.source, item.error)
    try:
        problems = [f"{SALVAGED}{one}" for one in item.problems]
        caption = caption_from(item.value, format=format, fields=item.fields, problems=problems)
    except FormatError as error:
        return Row(item.name, None, item.source, str(error))
    if item.column in WHOLE_COLUMNS and _is_prose(caption, item.value):
        problems.append(f"prose in {item.column}, taken for the global description")
        caption.warnings.append(problems[-1])
    mark_by_ledger(caption, item.source, name=item.name)
    name = item.name
    if item.video and (caption.video is None or not caption.video.path):
        caption.video = Video.named(item.video)
    if item.numbered and caption.video is not None:
        name = safe_name(caption.video.id) or name
    return Row(name, caption, item.source, problems=tuple(problems))


def _is_prose(caption: Caption, value: Any) -> bool:
    """Whether the caption was read from a text without structure."""
    return isinstance(value, str) and caption.global_description == " ".join(value.split())


def _items_of(path: str) -> Iterator[Item]:
    if os.path.isdir(path):
        yield from _folder(path)
    elif os.path.lexists(path):
        yield from _file(path, _stem(path))
    elif matches := sorted(glob.glob(path, recursive=True)):
        for match in matches:
            yield from _items_of(match)
    else:
        yield Item(_stem(path), path, error="there is no such file or folder")


def _folder(folder: str) -> Iterator[Item]:
    """A folder's captions; hidden files and folders hold what is not for readers."""
    kinds = ((".json",), (".parquet",), (".jsonl", ".csv", ".tsv"), (".txt", ".caption"))
    found: dict[tuple[str, ...], list[str]] = {kind: [] for kind in kinds}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            kind = next((kind for kind in kinds if suffix in kind), None)
            if kind and not (name.startswith(".") or NO_CAPTIONS.fullmatch(name)):
                found[kind].append(os.path.join(root, name))
    paths = next((some for some in found.values() if some), [])
    if not paths:
        known = ", ".join(suffix for kind in kinds for suffix in kind)
        yield Item(_stem(folder), folder, error=f"no caption in this folder (looked for {known})")
    if paths and paths is not found[kinds[-1]]:
        paths += _only_texts(found[kinds[-1]], paths)
    for path in paths:
        stem = _stem(os.path.relpath(path, folder), keep_folders=True)
        if os.path.exists(path) and not os.path.isfile(path):
            yield Item(stem, path, error="a pipe or a device, no file")
        elif Path(path).suffix.lower() in kinds[-1] and not LISTS.fullmatch(os.path.basename(path)):
            yield from _sidecar(path, stem, beside(path) or os.path.basename(stem))
        else:
            yield from _file(path, stem)


def _only_texts(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """The texts that lie beside a clip which has no other file of its name."""
    known = {os.path.splitext(path)[0] for path in others}
    return [one for one in texts if os.path.splitext(one)[0] not in known and beside(one)]


def _file(path: str, stem: str) -> Iterator[Item]:
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        known = ", ".join(SUFFIXES)
        yield Item(stem, path, error=f"captions are read from {known} files and from folders")
        return
    try:
        yield from reader(path, stem)
    except OSError as error:
        yield Item(stem, path, error=f"cannot be read: {error.strerror or error}")


LARGE = 1 << 24
"""Bytes of a ``.json`` from which a list in it is read item by item."""


def _read_json(path: str, stem: str) -> Iterator[Item]:
    if os.path.getsize(path) >= LARGE and _begins_a_list(path):
        try:
            for row in read_json_list(path):
                source, name = f"{path}: {row.where}", f"{stem}-{row.where.rpartition(' ')[2]}"
                error = Item(name, source, error=row.error)
                yield from [error] if row.error else items_of_row(source, name, row.value)
        except UnicodeError:
            yield Item(stem, path, error=NOT_UTF8)
        return
    text = decode_text(Path(path).read_bytes())
    if text is None:
        yield Item(stem, path, error=NOT_UTF8)
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield _broken(stem, path, text)
        return
    value = unwrap(value)
    if maps_names(value):
        yield from named(path, stem, value)
        return
    if not isinstance(value, list):
        for item in items_of_row(path, stem, value):
            yield replace(item, name=stem, numbered=False, video=beside(path))
        return
    for number, one in enumerate(value, 1):
        yield from items_of_row(f"{path}: item {number}", f"{stem}-{number}", one)


def _begins_a_list(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _broken(name: str, source: str, text: str) -> Item:
    """An entry that is not valid JSON, as far as it can be read."""
    try:
        value, problems = salvage(text)
    except FormatError as error:
        return Item(name, source, error=f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return Item(name, source, error="not valid JSON, and no caption can be made out in it")
    item = of_row(source, name, value)
    return replace(item, problems=(*problems, *item.problems))


def _sidecar(path: str, stem: str, video: str) -> Iterator[Item]:
    """The caption of one clip, on as many lines as it takes; in a set that ``export`` wrote each
    line is a caption."""
    name = stem if names_video(stem) else stem + Path(video).suffix * names_video(video)
    text = decode_text(Path(path).read_bytes())
    fault = NOT_UTF8 if text is None else "" if text.strip() else "an empty caption"
    item = Item(name, path, text, error=fault, video=video)
    if text and os.path.isfile(os.path.join(os.path.dirname(path), *RECORD_OF_EXPORT)):
        yield from several(item, text.strip().splitlines())
    else:
        yield item


def _read_txt(path: str, stem: str) -> Iterator[Item]:
    """The caption of the clip that it lies beside, else a caption a line.

    A blank line is an error: it would shift what follows.
    """
    is_list = LISTS.fullmatch(os.path.basename(path)) is not None
    if not is_list and (video := beside(path)):
        yield from _sidecar(path, stem, video)
        return
    lines = list(read_rows(path))
    while lines and not lines[-1].error and not lines[-1].value.strip():
        lines.pop()
    if not lines:
        yield Item(stem, path, error="the file is empty")
    videos = _videos_of(path, len(lines)) if is_list else [""] * len(lines)
    for number, (row, video) in enumerate(zip(lines, videos, strict=True), 1):
        name = safe_name(video) or (stem if len(lines) == 1 else f"{stem}-{number}")
        fault = row.error or ("" if row.value.strip() else "an empty caption")
        yield Item(name, f"{path}: {row.where}", row.value, error=fault, video=video)


def _videos_of(path: str, count: int) -> list[str]:
    """The clips that ``videos.txt`` beside a list of captions names; empty where none fits."""
    other = Path(path).with_name("videos.txt")
    rows = list(read_rows(str(other))) if other.is_file() else []
    names = [str(row.value).strip() for row in rows if not row.error]
    return names if len(names) == count else [""] * count


def _read_table(path: str, stem: str) -> Iterator[Item]:
    """The rows of a ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``."""
    try:
        rows = read_rows(path, choose=wanted_columns, rows_at_a_time=ROWS_AT_A_TIME)
        for row in rows:
            where, name = f"{path}: {row.where}", f"{stem}-{row.where.rpartition(' ')[2]}"
            if row.text:
                yield _broken(name, where, row.text)
            elif row.error:
                yield Item(name, where, error=row.error)
            else:
                yield from items_of_row(where, name, row.value)
    except FormatError as error:
        yield Item(stem, path, error=str(error).removeprefix(f"{path}: "))


def _stem(path: str, *, keep_folders: bool = False) -> str:
    """A file's name without its suffix, below the folder that was given."""
    if os.path.basename(path) == OF_ITS_FOLDER:
        path = os.path.dirname(path if keep_folders else os.path.abspath(path)) or "captions"
    name = Path(os.path.normpath(path)) if keep_folders else Path(Path(path).name or "captions")
    known = name.suffix.lower() in SUFFIXES
    return (name.with_suffix("") if known else name).as_posix()


_READERS = {
    ".json": _read_json,
    **dict.fromkeys((".txt", ".caption"), _read_txt),
    **dict.fromkeys((".jsonl", ".csv", ".tsv", ".parquet"), _read_table),
}
