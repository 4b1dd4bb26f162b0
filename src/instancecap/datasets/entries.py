"""What an entry of a file or table is: its caption, its name, its clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from instancecap.datasets.videos import names_video
from instancecap.formats import detect
from instancecap.formats.shape import loosely

WHOLE_COLUMNS = ("caption_json", "structural_caption", "structured_caption")
"""Columns that hold a structured caption, the best first."""

TEXT_COLUMNS = ("caption", "captions", "cap", "text", "prompt", "description")
"""Columns that hold a caption in prose, or a structured one."""

NAME_COLUMNS = ("id", "name", "clip_id", "path", "file_path", "file_name", "filename", "video_path",
                "video_file", "video", "videos", "media_path")  # fmt: skip
"""Columns that may say what a row is about, the best first."""

MISSING_CELLS = frozenset({"nan", "none", "null", "n/a", "na", "<na>"})
"""What Python and pandas write into a cell that has no value, in small letters."""

WRAPPERS = frozenset({"captions", "data", "annotations", "items", "samples", "videos"})
"""Keys under which a file may hold all its captions."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a file that is not looked into yet.

    Attributes:
        fields: the other columns of a table's row.
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


def unwrap(value: Any) -> Any:
    """The captions of a file that has them all under one key; else the value."""
    if isinstance(value, dict) and not detect(value):
        held = [one for name, one in value.items() if name in WRAPPERS and _many(one)]
        others = [one for one in value.values() if _many(one)]
        if len(held) == 1 == len(others):
            return held[0]
    return value


def _many(value: Any) -> bool:
    if isinstance(value, dict):
        return maps_names(value)
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def maps_names(value: Any) -> bool:
    """Whether it is an object of captions by the names of their clips."""
    if not isinstance(value, dict) or not value or detect(value):
        return False
    if any(key in value for key in (*TEXT_COLUMNS, *WHOLE_COLUMNS)):
        return False
    if not all(one is None or isinstance(one, str | list | dict) for one in value.values()):
        return False
    certain = all(map(names_video, value))
    return any(_is_caption(one, certain=certain) for one in value.values())


def _is_caption(value: Any, *, certain: bool) -> bool:
    """Whether a value is a caption, a list of them, or a row; a text is where that is certain."""
    if isinstance(value, list):
        return bool(value) and all(_is_caption(one, certain=certain) for one in value)
    if isinstance(value, dict):
        return bool(detect(value)) or any(key in value for key in TEXT_COLUMNS)
    return isinstance(value, str) and (certain or len(value.split()) > 1)


def named(path: str, stem: str, value: dict[str, Any]) -> Iterator[Item]:
    """The captions of an object by name; of several for one clip the later ones have a number."""
    for name, one in value.items():
        own, source = safe_name(name) or stem, f"{path}: {name}"
        if isinstance(one, dict) and isinstance(one.get("captions"), list):
            one = one["captions"]
        several = one if isinstance(one, list) and one else [one]
        for number, caption in enumerate(several, 1):
            label = own if number == 1 else f"{own}-{number}"
            item = of_row(source, own, caption)
            yield replace(item, name=label, numbered=False, video=name)


def wanted_columns(header: list[str]) -> list[str] | None:
    """Of a wide table only what names a clip and the best caption; all where none is whole."""
    whole = [column for column in WHOLE_COLUMNS if column in header][:1]
    return [*whole, *(one for one in header if one in NAME_COLUMNS)] if whole else None


def items_of_row(source: str, name: str, value: Any) -> Iterator[Item]:
    """The entries of a table's row, as :func:`of_row` reads it: several captions in a cell are one
    each."""
    item = of_row(source, name, value)
    texts = item.value
    if item.column and isinstance(texts, list) and all(isinstance(one, str) for one in texts):
        yield from several(item, texts)
    else:
        yield item


def several(item: Item, texts: Sequence[str]) -> Iterator[Item]:
    """An entry for each caption of one clip; the later ones have a number."""
    for number, text in enumerate(texts, 1):
        fault = item.error or ("" if text.strip() else "an empty caption")
        name = item.name if number == 1 else f"{item.name}-{number}"
        yield replace(item, name=name, value=text, error=fault)


def of_row(source: str, name: str, value: Any) -> Item:
    """An entry of a table: a caption itself, or a row with a caption, or several, in a cell."""
    if not isinstance(value, dict):
        return Item(name, source, value, numbered=True)
    if detect(value) in _ANNOTATED:
        return Item(name, source, value, numbered=True)
    cells = {loosely(key): one for key, one in value.items()}

    def first(columns: tuple[str, ...]) -> str:
        return next((key for key in columns if _is_given(cells.get(loosely(key)))), "")

    names = (safe_name(cells.get(loosely(key))) for key in NAME_COLUMNS)
    own = next(filter(None, names), "")
    column = first(WHOLE_COLUMNS)
    if not column and not detect(value):
        column = first(TEXT_COLUMNS)
    cell = cells[loosely(column)] if column else _nested(value)
    item = Item(own or name, source, value if cell is None else cell, numbered=not own)
    return replace(item, fields=value, column=column)


def _nested(value: dict[str, Any]) -> Any:
    """The caption in a window of Cosmos 3's training rows, or in the answer of a conversation."""
    windows = value.get("t2w_windows")
    if isinstance(windows, list) and windows and isinstance(windows[0], dict):
        return windows[0].get("caption_json") or windows[0].get("caption")
    turns = value.get("messages") or value.get("conversations")
    for turn in reversed(turns) if isinstance(turns, list) else ():
        if isinstance(turn, dict) and (turn.get("role") or turn.get("from")) in _ANSWERS:
            said = turn.get("content", turn.get("value"))
            parts = said if isinstance(said, list) else []
            texts = (part.get("text") for part in parts if isinstance(part, dict))
            return next(filter(None, texts), said)
    return None


_ANSWERS = ("assistant", "gpt")
"""Who answers in a conversation."""


_ANNOTATED = ("labelstudio", "fiftyone")
"""Formats whose ids and paths are those of the tool; the caption within names the clip."""


def _is_given(cell: Any) -> bool:
    """Whether a cell holds anything but one of the words for no value."""
    if isinstance(cell, str):
        return bool(cell) and cell.strip().casefold() not in MISSING_CELLS
    return bool(cell) and cell == cell  # not a number is not equal to itself


def safe_name(value: Any) -> str:
    """A relative path out of what a table or a caption calls its clip; empty where it is none.

    Of an absolute path only the file's own name is taken.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    path = PurePosixPath(str(value).strip().replace("\\", "/").replace("\0", ""))
    if path.is_absolute() or ":" in path.parts[0] if path.parts else False:
        return path.name
    return "/".join(part for part in path.parts if part not in (".", ".."))
