"""Files, folders, patterns, manifests, tars and addresses: what an INPUT argument stands for."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from instancecap.errors import InputError
from instancecap.io.addresses import basename_of, find_objects, is_pattern, is_url, suffix_of
from instancecap.io.manifest import MANIFEST_SUFFIXES, read_manifest, resolve
from instancecap.io.webdataset import TAR_SUFFIX, Member, read_hints, scan

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
        places: dict[str, tuple[str, bool]] = {}
        try:
            for row in read_manifest(manifest, hint_column=self.hint_column):
                empty = False
                if row.fault:
                    yield Rejected(f"{manifest}, {row.where}", row.fault)
                    continue
                if (found := places.get(row.path)) is None:
                    if len(places) >= REMEMBERED:
                        places.clear()
                    found = places[row.path] = resolve(row.path, manifest)
                path, checked = found
                source = f"{manifest}, {row.where}"
                if not path:
                    yield Rejected(
                        source, f"{row.path}: no such file, beside the manifest or in this folder"
                    )
                else:
                    yield Found(path, "", source, row.start, row.end, row.id, row.hint, checked)
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


def is_manifest(argument: str) -> bool:
    """Whether it is a list of clips. A ``.parquet`` address is one object or a folder of them."""
    if suffix_of(argument) not in MANIFEST_SUFFIXES or is_pattern(argument):
        return os.path.isfile(argument) and suffix_of(argument) in MANIFEST_SUFFIXES
    return is_url(argument) or os.path.isfile(argument) or _is_table(argument)


def _is_table(argument: str) -> bool:
    return os.path.isdir(argument) and bool(glob.glob(f"{glob.escape(argument)}/*.parquet"))


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
