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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from instancecap.datasets.videos import beside, names_video
from instancecap.errors import FormatError
from instancecap.formats import caption_from, decode, detect
from instancecap.formats.salvage import salvage
from instancecap.io.tables import NOT_UTF8, read_rows
from instancecap.schema.caption import Caption, Video

SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".caption")

LISTS = re.compile(r"(?:prompts?|captions?|labels?|texts?)\.txt", re.IGNORECASE)
"""Names of files of a caption a line, as trainers have them; ``videos.txt`` beside them names the
clips. Any other ``.txt`` in a folder is the caption of one clip."""

ROWS_AT_A_TIME = 256
"""Rows of a Parquet table in memory; a caption with its tracks is some ten kilobytes."""

WHOLE_COLUMNS = ("caption_json", "structural_caption", "structured_caption")
"""Columns that hold a structured caption, the best first."""

MISSING_CELLS = frozenset({"nan", "none", "null", "n/a", "na", "<na>"})
"""What Python and pandas write into a cell that has no value, in small letters."""

TEXT_COLUMNS = ("caption", "text", "prompt")
"""Columns that hold a caption in prose, or a structured one."""

NAME_COLUMNS = ("id", "name", "clip_id", "path", "file_name", "video_path", "video", "media_path")
"""Columns that may say what a row is about, the best first."""


@dataclass(frozen=True, slots=True)
class Row:
    """A caption, or why there is none.

    Attributes:
        name: relative path to name an output by, without suffix: ``woman_dog.mp4``.
        caption: None where ``error`` says why.
        source: the file, and in a table the row: ``captions.csv: row 3``. Lines and rows count
            from 1, a table's header is not counted.
        error: one line; empty for a good row.
        problems: what had to be put right or left out; it stands in the caption's warnings too.
    """

    name: str
    caption: Caption | None
    source: str
    error: str = ""
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    """An entry of a file that is not looked into yet.

    Attributes:
        value: a plain object, or a text.
        fields: the other columns of a table's row.
        problems: what had to be put right to get at the value.
        numbered: the name is a number only; the caption's own name is better.
        column: where in a table's row the value stood; empty for the row itself.
        video: the clip that the file lies beside, where the caption names none.
    """

    name: str
    source: str
    value: Any = None
    fields: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    numbered: bool = False
    column: str = ""
    error: str = ""
    video: str = ""


def read_captions(paths: Sequence[str], *, format: str = "") -> Iterator[Row]:
    """Every caption in files, folders and patterns, in their order, read as they are asked for.

    Args:
        paths: ``.json`` (a caption, a list, or names with captions), ``.jsonl``, ``.csv``,
            ``.tsv``, ``.parquet`` (a file or a folder of shards), ``.txt`` (the caption of the clip
            that it lies beside, else a caption a line), a folder (its ``.json`` files, else its
            ``.parquet`` shards, tables, ``.txt`` files), or a glob pattern.
        format: what the captions are written in, such as ``instancevid``; seen from each caption
            where it is empty.
    """
    for path in paths:
        for item in _items_of(path):
            yield _row(item, format)


def _row(item: _Item, format: str) -> Row:
    if item.error:
        return Row(item.name, None, item.source, item.error)
    try:
        problems = [f"broken JSON was read: {one}" for one in item.problems]
        caption = caption_from(item.value, format=format, fields=item.fields, problems=problems)
    except FormatError as error:
        return Row(item.name, None, item.source, str(error))
    if item.column in WHOLE_COLUMNS and _is_prose(caption, item.value):
        problems.append(f"prose in {item.column}, taken for the global description")
        caption.warnings.append(problems[-1])
    name = item.name
    if item.video and (caption.video is None or not caption.video.path):
        caption.video = Video.named(item.video)
    if item.numbered and caption.video is not None:
        name = _safe_name(caption.video.id) or name
    return Row(name, caption, item.source, problems=tuple(problems))


def _is_prose(caption: Caption, value: Any) -> bool:
    """Whether the caption was read from a text without structure."""
    return isinstance(value, str) and caption.global_description == " ".join(value.split())


def _items_of(path: str) -> Iterator[_Item]:
    if os.path.isdir(path):
        yield from _folder(path)
    elif os.path.lexists(path):
        yield from _file(path, _stem(path))
    elif matches := sorted(glob.glob(path, recursive=True)):
        for match in matches:
            yield from _items_of(match)
    else:
        yield _Item(_stem(path), path, error="there is no such file or folder")


def _folder(folder: str) -> Iterator[_Item]:
    """A folder's captions; hidden files and folders hold what is not for readers."""
    kinds = ((".json",), (".parquet",), (".jsonl", ".csv", ".tsv"), (".txt", ".caption"))
    found: dict[tuple[str, ...], list[str]] = {kind: [] for kind in kinds}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            kind = next((kind for kind in kinds if suffix in kind), None)
            if kind and not name.startswith(".") and name != "videos.txt":
                found[kind].append(os.path.join(root, name))
    paths = next((some for some in found.values() if some), [])
    if not paths:
        known = ", ".join(suffix for kind in kinds for suffix in kind)
        yield _Item(_stem(folder), folder, error=f"no caption in this folder (looked for {known})")
    for path in paths:
        stem = _stem(os.path.relpath(path, folder), keep_folders=True)
        if Path(path).suffix.lower() in kinds[-1] and not LISTS.fullmatch(os.path.basename(path)):
            yield _sidecar(path, stem, beside(path) or os.path.basename(stem))
        else:
            yield from _file(path, stem)


def _file(path: str, stem: str) -> Iterator[_Item]:
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        known = ", ".join(SUFFIXES)
        yield _Item(stem, path, error=f"captions are read from {known} files and from folders")
        return
    try:
        yield from reader(path, stem)
    except OSError as error:
        yield _Item(stem, path, error=f"cannot be read: {error.strerror or error}")


def _read_json(path: str, stem: str) -> Iterator[_Item]:
    text = decode(Path(path).read_bytes())
    if text is None:
        yield _Item(stem, path, error=NOT_UTF8)
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield _broken(stem, path, text)
        return
    if _maps_names(value):
        yield from _named(path, stem, value)
        return
    if not isinstance(value, list):
        item = _of_table(path, stem, value)
        yield replace(item, name=stem, numbered=False, video=beside(path))
        return
    for number, one in enumerate(value, 1):
        yield _of_table(f"{path}: item {number}", f"{stem}-{number}", one)


def _maps_names(value: Any) -> bool:
    """Whether it is an object of captions by the names of their clips."""
    if not isinstance(value, dict) or not value or detect(value):
        return False
    if any(key in value for key in (*TEXT_COLUMNS, *WHOLE_COLUMNS)):
        return False
    return all(_is_caption(name, one) for name, one in value.items())


def _is_caption(name: str, value: Any) -> bool:
    """Whether a value under a clip's name is its caption, a list of its captions or a row."""
    if isinstance(value, list):
        return bool(value) and all(_is_caption(name, one) for one in value)
    if isinstance(value, dict):
        return bool(detect(value)) or any(key in value for key in TEXT_COLUMNS)
    return isinstance(value, str) and (names_video(name) or len(value.split()) > 1)


def _named(path: str, stem: str, value: dict[str, Any]) -> Iterator[_Item]:
    """The captions of an object by name; of several for one clip the later ones have a number."""
    for name, captions in value.items():
        own = _safe_name(name) or stem
        for number, one in enumerate(captions if isinstance(captions, list) else [captions], 1):
            item = _of_table(f"{path}: {name}", own, one)
            yield replace(
                item, name=own if number == 1 else f"{own}-{number}", numbered=False, video=name
            )


def _broken(name: str, source: str, text: str) -> _Item:
    """An entry that is not valid JSON, as far as it can be read."""
    try:
        value, problems = salvage(text)
    except FormatError as error:
        return _Item(name, source, error=f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return _Item(name, source, error="not valid JSON, and no caption can be made out in it")
    item = _of_table(source, name, value)
    return replace(item, problems=(*problems, *item.problems))


def _sidecar(path: str, stem: str, video: str) -> _Item:
    """The caption of one clip, on as many lines as it takes."""
    name = stem if names_video(stem) else stem + Path(video).suffix * names_video(video)
    text = decode(Path(path).read_bytes())
    fault = NOT_UTF8 if text is None else "" if text.strip() else "an empty caption"
    return _Item(name, path, text, error=fault, video=video)


def _read_txt(path: str, stem: str) -> Iterator[_Item]:
    """The caption of the clip that it lies beside, else a caption a line.

    A blank line is an error: it would shift what follows.
    """
    is_list = LISTS.fullmatch(os.path.basename(path)) is not None
    if not is_list and (video := beside(path)):
        yield _sidecar(path, stem, video)
        return
    lines = list(read_rows(path))
    while lines and not lines[-1].error and not lines[-1].value.strip():
        lines.pop()
    if not lines:
        yield _Item(stem, path, error="the file is empty")
    videos = _videos_of(path, len(lines)) if is_list else [""] * len(lines)
    for number, (row, video) in enumerate(zip(lines, videos, strict=True), 1):
        name = _safe_name(video) or (stem if len(lines) == 1 else f"{stem}-{number}")
        fault = row.error or ("" if row.value.strip() else "an empty caption")
        yield _Item(name, f"{path}: {row.where}", row.value, error=fault, video=video)


def _videos_of(path: str, count: int) -> list[str]:
    """The clips that ``videos.txt`` beside a list of captions names; empty where none fits."""
    other = Path(path).with_name("videos.txt")
    rows = list(read_rows(str(other))) if other.is_file() else []
    names = [str(row.value).strip() for row in rows if not row.error]
    return names if len(names) == count else [""] * count


def _read_table(path: str, stem: str) -> Iterator[_Item]:
    """The rows of a ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``."""
    try:
        rows = read_rows(path, choose=_wanted_columns, rows_at_a_time=ROWS_AT_A_TIME)
        for row in rows:
            where, name = f"{path}: {row.where}", f"{stem}-{row.where.rpartition(' ')[2]}"
            if row.text:
                yield _broken(name, where, row.text)
            elif row.error:
                yield _Item(name, where, error=row.error)
            else:
                yield _of_table(where, name, row.value)
    except FormatError as error:
        yield _Item(stem, path, error=str(error).removeprefix(f"{path}: "))


def _wanted_columns(header: list[str]) -> list[str] | None:
    """Of a wide table only what names a clip and the best caption; all where none is whole."""
    whole = [column for column in WHOLE_COLUMNS if column in header][:1]
    return [*whole, *(one for one in header if one in NAME_COLUMNS)] if whole else None


def _of_table(source: str, name: str, value: Any) -> _Item:
    """An entry of a table: a caption itself, or a row with a caption in one of its cells."""
    if not isinstance(value, dict):
        return _Item(name, source, value, numbered=True)
    own = next((text for key in NAME_COLUMNS if (text := _safe_name(value.get(key)))), "")
    column = next((key for key in WHOLE_COLUMNS if _is_given(value.get(key))), "")
    cell = value[column] if column else None
    windows = value.get("t2w_windows")  # Cosmos 3 nests its captions so
    if isinstance(windows, list) and windows and isinstance(windows[0], dict):
        cell = windows[0].get("caption_json") or windows[0].get("caption")
    if cell is None and not detect(value):
        column = next((key for key in TEXT_COLUMNS if _is_given(value.get(key))), "")
        cell = value[column] if column else None
    item = _Item(own or name, source, value if cell is None else cell, numbered=not own)
    return replace(item, fields=value, column=column)


def _is_given(cell: Any) -> bool:
    """Whether a cell holds anything but one of the words for no value."""
    if isinstance(cell, str):
        return bool(cell) and cell.strip().casefold() not in MISSING_CELLS
    return bool(cell) and cell == cell  # not a number is not equal to itself


def _stem(path: str, *, keep_folders: bool = False) -> str:
    """A file's name without its suffix, below the folder that was given."""
    name = Path(os.path.normpath(path)) if keep_folders else Path(Path(path).name or "captions")
    known = name.suffix.lower() in SUFFIXES
    return (name.with_suffix("") if known else name).as_posix()


def _safe_name(value: Any) -> str:
    """A relative path out of what a table or a caption calls its clip; empty where it is none.

    Of an absolute path only the file's own name is taken.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    path = PurePosixPath(str(value).replace("\\", "/").replace("\0", ""))
    if path.is_absolute() or ":" in path.parts[0] if path.parts else False:
        return path.name
    return "/".join(part for part in path.parts if part not in (".", ".."))


_READERS = {
    ".json": _read_json,
    **dict.fromkeys((".txt", ".caption"), _read_txt),
    **dict.fromkeys((".jsonl", ".csv", ".tsv", ".parquet"), _read_table),
}
