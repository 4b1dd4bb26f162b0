"""Files, folders, patterns, manifests, tars and addresses: what an INPUT argument stands for."""

from __future__ import annotations

import glob
import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from instancecap.errors import FormatError, InputError, UsageError
from instancecap.io.addresses import (
    basename_of,
    find_objects,
    is_pattern,
    is_url,
    strip_file_scheme,
    suffix_of,
)
from instancecap.io.tables import NOT_UTF8, TABLE_SUFFIXES, Row, read_rows
from instancecap.io.webdataset import TAR_SUFFIX, Member, read_hints, scan, split_member
from instancecap.video.probe import check_regular_file

VIDEO_SUFFIXES = frozenset(
    [".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
     ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"]
)  # fmt: skip
IMAGE_SUFFIXES = frozenset([".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])

REMEMBERED = 100_000
"""Paths of which it is remembered that they are good files; many rows may name one."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that cannot be used, and why, without the source's name in the reason."""

    source: str
    reason: str


class Found(NamedTuple):
    """A file that an INPUT stands for; ``name`` is empty where only its own name is known.

    ``checked``: it is known to be there, or nobody but the worker that fetches it will know.
    """

    path: str
    name: str
    source: str
    start: float = 0.0
    end: float | None = None
    id: str = ""
    hint: str = ""
    checked: bool = False


def reason_of(error: InputError, path: str) -> str:
    """The error's one line without the path that it starts with."""
    return str(error).removeprefix(" ".join(path.split()) + ": ")


@dataclass(frozen=True)
class Finder:
    """Finds the clips that arguments stand for."""

    images: bool
    hint_column: str

    @property
    def suffixes(self) -> frozenset[str]:
        """Of the files that are taken out of folders."""
        return VIDEO_SUFFIXES | IMAGE_SUFFIXES if self.images else VIDEO_SUFFIXES

    def expand(self, argument: str) -> Iterator[Found | Rejected]:
        """What an argument stands for."""
        suffix = suffix_of(argument)
        if is_manifest(argument):
            yield from self._manifest(argument)
        elif is_url(argument):
            yield from self._url(argument)
        elif suffix == TAR_SUFFIX and os.path.isfile(argument):
            yield from self._tar(argument)
        elif os.path.isdir(argument):
            yield from self._folder(argument)
        elif not os.path.lexists(argument) and glob.has_magic(argument):
            finder = replace(self, images=self.images or suffix in IMAGE_SUFFIXES)
            yield from finder._pattern(argument)
        else:
            yield Found(argument, "", argument)

    def _url(self, url: str) -> Iterator[Found | Rejected]:
        """An object, or what a folder or a pattern in object storage holds."""
        suffix = suffix_of(url)
        if suffix == TAR_SUFFIX and not is_pattern(url):
            yield from self._tar(url)
            return
        if suffix in VIDEO_SUFFIXES | IMAGE_SUFFIXES and not is_pattern(url):
            yield Found(url, "", url, checked=True)
            return
        try:
            objects = find_objects(url)
        except InputError as error:
            yield Rejected(url, reason_of(error, url))
            return
        empty = True
        for path, name in objects:
            suffix = suffix_of(path)
            if suffix in self.suffixes:
                empty = False
                yield Found(path, name, path, checked=True)
            elif suffix == TAR_SUFFIX and is_pattern(url):
                empty = False
                yield from self._tar(path)
        if empty:
            yield Rejected(url, "no video there")

    def _tar(self, tar: str) -> Iterator[Found | Rejected]:
        """Each video in a tar, named by the tar and by the key of its sample."""
        members: list[Member] = []
        broken = None
        try:
            for member in scan(tar):
                members.append(member)
        except InputError as error:
            broken = Rejected(tar, reason_of(error, tar))
        hints = read_hints(tar, members, self.hint_column) if self.hint_column and members else {}
        label = basename_of(tar).removesuffix(TAR_SUFFIX)
        seen: set[str] = set()
        for one in members:
            path = f"{tar}/{one.name}"
            if suffix_of(one.name) not in self.suffixes:
                continue
            if one.key in seen:
                yield Rejected(path, f"the tar has another video of the key {one.key!r}")
            elif one.size == 0:
                yield Rejected(path, "the file is empty (0 bytes)")
            else:
                hint = hints.get(one.key, "")
                yield Found(path, "", path, id=f"{label}/{one.key}", hint=hint, checked=True)
            seen.add(one.key)
        if broken is not None:
            yield broken
        elif not seen:
            yield Rejected(tar, "no video in this tar")

    def _manifest(self, manifest: str) -> Iterator[Found | Rejected]:
        empty = True
        place = lru_cache(REMEMBERED)(partial(_place_of, manifest=manifest))
        try:
            for row in _read_manifest(manifest, self.hint_column):
                empty = False
                source = f"{manifest}, {row.where}"
                if row.error and not row.text:
                    yield Rejected(source, row.error)
                    continue
                try:
                    yield _found(source, row.value, place, self.hint_column)
                except ValueError as error:
                    yield Rejected(source, str(error))
        except InputError as error:
            yield Rejected(manifest, reason_of(error, manifest))
            return
        if empty:
            yield Rejected(manifest, "the manifest is empty")

    def _folder(self, folder: str) -> Iterator[Found | Rejected]:
        found: list[str] = []
        faults: list[Rejected] = []
        _search(folder, self.suffixes, found, faults)
        for path in sorted(found, key=lambda path: path.split(os.sep)):
            yield Found(path, Path(os.path.relpath(path, folder)).as_posix(), path)
        yield from faults
        if not found and not faults:
            hint = "" if self.images else " (--images takes still images too)"
            yield Rejected(folder, f"no video in this folder{hint}")

    def _pattern(self, pattern: str) -> Iterator[Found | Rejected]:
        """Media files that match are taken, folders that match are searched.

        ``**`` already reaches into every folder, so there the folders themselves are left out.
        """
        empty = True
        for path in sorted(glob.glob(pattern, recursive=True)):
            if os.path.isdir(path):
                if "**" not in pattern:
                    empty = False
                    yield from self._folder(path)
            elif Path(path).suffix.lower() in self.suffixes:
                empty = False
                yield Found(path, "", path)
            elif suffix_of(path) == TAR_SUFFIX:
                empty = False
                yield from self._tar(path)
        if empty:
            yield Rejected(pattern, "no such file, and no video matches it as a pattern")


def _search(
    folder: str, suffixes: frozenset[str], found: list[str], faults: list[Rejected]
) -> None:
    """Collect the files below ``folder``; hidden files and folders are passed over.

    Links to folders are followed, but each real folder is searched once, so loops end; links
    come last, so that a file is named by its real place where that lies in ``folder`` too.
    """
    seen: set[str] = set()
    pending = deque([folder])
    while pending:
        current = pending.popleft()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        try:
            names = os.listdir(current)
        except OSError as error:
            faults.append(Rejected(current, f"the folder cannot be searched: {error.strerror}"))
            continue
        for name in names:
            path = os.path.join(current, name)
            if name.startswith("."):
                continue
            if os.path.isdir(path):
                (pending.append if os.path.islink(path) else pending.appendleft)(path)
            elif Path(name).suffix.lower() in suffixes:
                found.append(path)


# Manifests ---------------------------------------------------------------------------------------


def is_manifest(argument: str) -> bool:
    """Whether it is a list of clips. A ``.parquet`` address is one object or a folder of them."""
    if suffix_of(argument) not in TABLE_SUFFIXES or is_pattern(argument):
        return os.path.isfile(argument) and suffix_of(argument) in TABLE_SUFFIXES
    return is_url(argument) or os.path.isfile(argument) or _is_table(argument)


def _is_table(argument: str) -> bool:
    return os.path.isdir(argument) and bool(glob.glob(f"{glob.escape(argument)}/*.parquet"))


def _read_manifest(path: str, hint_column: str) -> Iterator[Row]:
    """The rows of a manifest, blank lines aside.

    Raises :class:`FormatError`: none can be read. :class:`UsageError`: no row has the hints.
    """
    names: set[str] = set()

    def choose(header: list[str]) -> list[str]:
        if "path" not in header:
            found = ", ".join(header) or "none"
            raise FormatError(
                f"{path}: a manifest needs a column named 'path'; its columns: {found}"
            )
        names.update(header)
        return [one for one in ("path", "start", "end", "id", hint_column) if one in header]

    for row in read_rows(path, choose=choose):
        if row.error == NOT_UTF8:
            raise FormatError(f"{path}: the manifest is {NOT_UTF8}")
        if isinstance(row.value, str):
            if not row.value.strip():
                continue
            row = row._replace(value={"path": row.value})
        if hint_column and isinstance(row.value, dict):
            names |= row.value.keys()
        if hint_column and hint_column not in names and suffix_of(path) != ".jsonl":
            break
        yield row
    if hint_column and names and hint_column not in names:
        found = ", ".join(sorted(names))
        raise UsageError(f"{path}: no column {hint_column!r} for --hint-column; it has: {found}")


def _found(
    source: str, fields: Any, place: Callable[[str], tuple[str, bool]], hint_column: str
) -> Found:
    """The clip of a row. Raises :class:`ValueError` that says what is wrong with it."""
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    given, id = fields.get("path"), fields.get("id")
    if not isinstance(given, str) or not given or given.isspace():
        raise ValueError(f"'path' must be a file name, got {given!r}")
    start = _seconds("start", fields.get("start")) or 0.0
    end = _seconds("end", fields.get("end"))
    if end is not None and end <= start:
        raise ValueError(f"'end' must lie after 'start' ({start} s), got {end}")
    if isinstance(id, bool) or not (id is None or isinstance(id, str | int)):
        raise ValueError(f"'id' must be text, got {id!r}")
    path, checked = place(given)
    if not path:
        raise ValueError(f"{given}: no such file, beside the manifest or in this folder")
    hint = _hint(fields.get(hint_column)) if hint_column else ""
    return Found(path, "", source, start, end, "" if id is None else str(id), hint, checked)


def _hint(value: Any) -> str:
    """A cell as text; several tags with commas between them."""
    if value is None or value != value:  # a table's missing cell may be NaN
        return ""
    return ", ".join(map(_hint, value)) if isinstance(value, list) else str(value).strip()


def _seconds(field: str, value: Any) -> float | None:
    """A time, or None for an empty cell (a table's missing number may be NaN)."""
    empty = value is None or value != value or (isinstance(value, str) and not value.strip())
    if empty:
        return None
    with suppress(ValueError, OverflowError):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            seconds = float(value)
            if 0 <= seconds < math.inf:
                return seconds + 0.0  # -0.0 and 0.0 are one time and must give one name
    raise ValueError(f"{field!r} must be a number of seconds >= 0, got {value!r}")


def _place_of(path: str, manifest: str) -> tuple[str, bool]:
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
