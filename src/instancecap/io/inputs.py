"""From the INPUT arguments of a command to a list of clips, each with a name for its outputs."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from instancecap.errors import InputError, UsageError
from instancecap.io.addresses import (
    basename_of,
    find_objects,
    is_pattern,
    is_url,
    strip_file_scheme,
    suffix_of,
)
from instancecap.io.manifest import MANIFEST_SUFFIXES, read_manifest, resolve
from instancecap.io.webdataset import TAR_SUFFIX, Member, read_hints, scan
from instancecap.video import Clip
from instancecap.video.probe import check_regular_file

VIDEO_SUFFIXES = frozenset(
    [".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
     ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"]
)  # fmt: skip
IMAGE_SUFFIXES = frozenset([".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])

PRIVATE_FOLDER = ".instancecap"
"""Where a run keeps its own notes inside OUT; no output may be named into it."""

REMEMBERED = 100_000
"""Paths of which it is remembered that they are good files; many rows may name one."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run left of a clip.

    Attributes:
        document: a caption, as JSON.
        missing: JSON pointers of what it lacks.
    """

    document: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to work on.

    Attributes:
        name: of its output, less ``.json``; ``/`` parts folders.
        hint: what somebody said about the clip: a title, tags, a caption; may be wrong.
        earlier: of a clip that is done in part, what there is, by what follows the name.
    """

    clip: Clip
    name: str
    hint: str = ""
    earlier: Mapping[str, Earlier] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that cannot be used, and why, without the source's name in the reason."""

    source: str
    reason: str


class _Found(NamedTuple):
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


def find_jobs(
    inputs: Sequence[str],
    *,
    images: bool = False,
    video_root: str | None = None,
    hint_column: str = "",
) -> tuple[list[Job], list[Rejected]]:
    """What the INPUT arguments stand for, in their order, and what of them cannot be used.

    A clip that is reached twice under one name is done once.

    Args:
        inputs: files, folders, glob patterns, manifests, tars, and addresses of such.
        images: take still images out of folders too; one that is named itself is always taken.
        video_root: folder that names are relative to, instead of the INPUT folder.
        hint_column: column of manifests that :attr:`Job.hint` is taken from; empty for none.
    """
    if video_root is not None and not os.path.isdir(video_root):
        raise UsageError(f"--video-root {video_root}: not a folder")
    if hint_column and not any(_is_manifest(one) or TAR_SUFFIX in one for one in inputs):
        raise UsageError(
            "--hint-column needs a manifest with columns (.csv, .jsonl, .parquet) or a .tar"
        )
    jobs = _Jobs(video_root)
    rejected: list[Rejected] = []
    for argument in map(strip_file_scheme, inputs):
        for found in _expand(argument, images=images, hint_column=hint_column):
            if isinstance(found, Rejected):
                rejected.append(found)
                continue
            try:
                jobs.add(found)
            except InputError as error:
                # A manifest's row is named by its number, so the reason keeps the path.
                rejected.append(Rejected(found.source, reason_of(error, found.source)))
    return jobs.found, rejected


class _Jobs:
    """Jobs as they are found, each once."""

    def __init__(self, video_root: str | None) -> None:
        self.found: list[Job] = []
        self._root = video_root
        self._places: dict[str, int] = {}  # the first job of a name
        self._namesakes: dict[str, set[tuple[str, float, float | None]]] = {}
        self._good: set[str] = set()

    def add(self, found: _Found) -> None:
        """Raises :class:`InputError` for a file that cannot be used."""
        if found.path not in self._good:
            self._check(found)
        name = found.id or _relative_name(found, self._root)
        if found.start or found.end is not None:
            name += f"@{found.start}-{'end' if found.end is None else found.end}"
        _check_name(name)
        place = len(self.found)
        if self._places.setdefault(name, place) == place or self._is_new(found, name):
            clip = Clip(path=found.path, start=found.start, end=found.end, id=name)
            self.found.append(Job(clip, name, found.hint))

    def _check(self, found: _Found) -> None:
        if not found.checked:
            check_regular_file(found.path)
        if len(self._good) >= REMEMBERED:
            self._good.clear()
        self._good.add(found.path)

    def _is_new(self, found: _Found, name: str) -> bool:
        """Whether no job of this name has this file and span; only now are links followed."""
        first = self.found[self._places[name]].clip
        known = self._namesakes.setdefault(name, {(_real(first.path), first.start, first.end)})
        key = (_real(found.path), found.start, found.end)
        if key in known:
            return False
        known.add(key)
        return True


def _real(path: str) -> str:
    return path if is_url(path) else os.path.realpath(path)


def refuse_shared_names(jobs: Iterable[Job], *, fold: bool = False) -> None:
    """Raise :class:`UsageError` naming two clips whose outputs would be one file.

    ``fold``: names that differ only in case, or in how Unicode composes a letter, count as one,
    because the file system that they go to cannot tell them apart.
    """
    jobs = jobs if isinstance(jobs, Sequence) else list(jobs)
    if not fold and len({job.name for job in jobs}) == len(jobs):
        return
    seen: dict[str, Job] = {}
    for job in jobs:
        key = unicodedata.normalize("NFC", job.name).casefold() if fold else job.name
        other = seen.setdefault(key, job)
        if other is not job:
            raise UsageError(
                f"{other.clip.path} and {job.clip.path} would share the output name "
                f"{job.name!r}; use --video-root DIR, or give each an id in a manifest"
            )


def reason_of(error: InputError, path: str) -> str:
    """The error's one line without the path that it starts with."""
    return str(error).removeprefix(" ".join(path.split()) + ": ")


def _expand(argument: str, *, images: bool, hint_column: str = "") -> Iterator[_Found | Rejected]:
    suffix = suffix_of(argument)
    if _is_manifest(argument):
        yield from _expand_manifest(argument, hint_column)
    elif is_url(argument):
        yield from _expand_url(argument, images=images, hint_column=hint_column)
    elif suffix == TAR_SUFFIX and os.path.isfile(argument):
        yield from _expand_tar(argument, images=images, hint_column=hint_column)
    elif os.path.isdir(argument):
        yield from _expand_folder(argument, images=images)
    elif not os.path.lexists(argument) and glob.has_magic(argument):
        images = images or suffix in IMAGE_SUFFIXES
        yield from _expand_pattern(argument, images=images, hint_column=hint_column)
    else:
        yield _Found(argument, "", argument)


def _is_manifest(argument: str) -> bool:
    """Whether it is a list of clips. A ``.parquet`` address is one object or a folder of them."""
    if suffix_of(argument) not in MANIFEST_SUFFIXES or is_pattern(argument):
        return os.path.isfile(argument) and suffix_of(argument) in MANIFEST_SUFFIXES
    return is_url(argument) or os.path.isfile(argument) or _is_table(argument)


def _is_table(argument: str) -> bool:
    return os.path.isdir(argument) and bool(glob.glob(f"{glob.escape(argument)}/*.parquet"))


def _expand_url(url: str, *, images: bool, hint_column: str) -> Iterator[_Found | Rejected]:
    """An object, or what a folder or a pattern in object storage holds."""
    suffix, suffixes = suffix_of(url), VIDEO_SUFFIXES | IMAGE_SUFFIXES
    if suffix == TAR_SUFFIX and not is_pattern(url):
        yield from _expand_tar(url, images=images, hint_column=hint_column)
        return
    if suffix in suffixes and not is_pattern(url):
        yield _Found(url, "", url, checked=True)
        return
    try:
        objects = find_objects(url)
    except InputError as error:
        yield Rejected(url, reason_of(error, url))
        return
    empty = True
    for path, name in objects:
        suffix = suffix_of(path)
        if suffix in (suffixes if images else VIDEO_SUFFIXES):
            empty = False
            yield _Found(path, name, path, checked=True)
        elif suffix == TAR_SUFFIX and is_pattern(url):
            empty = False
            yield from _expand_tar(path, images=images, hint_column=hint_column)
    if empty:
        yield Rejected(url, "no video there")


def _expand_tar(tar: str, *, images: bool, hint_column: str) -> Iterator[_Found | Rejected]:
    """Each video in a tar, named by the tar and by the key of its sample."""
    suffixes = VIDEO_SUFFIXES | IMAGE_SUFFIXES if images else VIDEO_SUFFIXES
    members: list[Member] = []
    broken = None
    try:
        for member in scan(tar):
            members.append(member)
    except InputError as error:
        broken = Rejected(tar, reason_of(error, tar))
    hints = read_hints(tar, members, hint_column) if hint_column and members else {}
    label = basename_of(tar).removesuffix(TAR_SUFFIX)
    seen: set[str] = set()
    for one in members:
        path = f"{tar}/{one.name}"
        if suffix_of(one.name) not in suffixes:
            continue
        if one.key in seen:
            yield Rejected(path, f"the tar has another video of the key {one.key!r}")
        elif one.size == 0:
            yield Rejected(path, "the file is empty (0 bytes)")
        else:
            hint = hints.get(one.key, "")
            yield _Found(path, "", path, id=f"{label}/{one.key}", hint=hint, checked=True)
        seen.add(one.key)
    if broken is not None:
        yield broken
    elif not seen:
        yield Rejected(tar, "no video in this tar")


def _expand_manifest(manifest: str, hint_column: str) -> Iterator[_Found | Rejected]:
    empty = True
    places: dict[str, tuple[str, bool]] = {}
    try:
        for row in read_manifest(manifest, hint_column=hint_column):
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
                yield _Found(path, "", source, row.start, row.end, row.id, row.hint, checked)
    except InputError as error:
        yield Rejected(manifest, reason_of(error, manifest))
        return
    if empty:
        yield Rejected(manifest, "the manifest is empty")


def _expand_folder(folder: str, *, images: bool) -> Iterator[_Found | Rejected]:
    found: list[str] = []
    faults: list[Rejected] = []
    _search(folder, VIDEO_SUFFIXES | IMAGE_SUFFIXES if images else VIDEO_SUFFIXES, found, faults)
    for path in sorted(found, key=lambda path: path.split(os.sep)):
        yield _Found(path, Path(os.path.relpath(path, folder)).as_posix(), path)
    yield from faults
    if not found and not faults:
        hint = "" if images else " (--images takes still images too)"
        yield Rejected(folder, f"no video in this folder{hint}")


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


def _expand_pattern(pattern: str, *, images: bool, hint_column: str) -> Iterator[_Found | Rejected]:
    """Media files that match are taken, folders that match are searched.

    ``**`` already reaches into every folder, so there the folders themselves are left out.
    """
    suffixes = VIDEO_SUFFIXES | IMAGE_SUFFIXES if images else VIDEO_SUFFIXES
    empty = True
    for path in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isdir(path):
            if "**" not in pattern:
                empty = False
                yield from _expand_folder(path, images=images)
        elif Path(path).suffix.lower() in suffixes:
            empty = False
            yield _Found(path, "", path)
        elif suffix_of(path) == TAR_SUFFIX:
            empty = False
            yield from _expand_tar(path, images=images, hint_column=hint_column)
    if empty:
        yield Rejected(pattern, "no such file, and no video matches it as a pattern")


def _relative_name(found: _Found, video_root: str | None) -> str:
    if is_url(found.path):
        return found.name or basename_of(found.path)
    if video_root is None:
        return found.name or os.path.basename(found.path)
    # The plain path first: a folder of links is named by the links, not by where they lead.
    for place in (os.path.abspath, os.path.realpath):
        path, root = Path(place(found.path)), Path(place(video_root))
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    raise InputError(f"{found.path}: not inside --video-root {video_root}")


def _check_name(name: str) -> None:
    """An output stays inside OUT, apart from the run's own notes, and JSON can hold its name."""
    parts = name.split("/")
    rooted = os.sep != "/" and os.path.isabs(name)
    if "" in parts or "." in parts or ".." in parts or "\0" in name or rooted:
        raise InputError(f"{name!r} cannot name an output: it must be a relative path without '..'")
    if parts[0] == PRIVATE_FOLDER:
        raise InputError(f"{name!r} cannot name an output: {PRIVATE_FOLDER} is reserved")
    if name.isascii():
        return
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"the file name {name!r} is not UTF-8 text; rename the file") from None
