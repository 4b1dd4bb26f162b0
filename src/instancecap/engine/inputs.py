"""From the INPUT arguments of a command to a list of clips, each with a name for its outputs."""

from __future__ import annotations

import glob
import os
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instancecap.engine.manifest import MANIFEST_SUFFIXES, read_manifest, resolve
from instancecap.errors import InputError, UsageError
from instancecap.video import Clip
from instancecap.video.probe import check_regular_file

VIDEO_SUFFIXES = frozenset(
    [
        ".3gp",
        ".asf",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogv",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
    ]
)
IMAGE_SUFFIXES = frozenset(
    [
        ".bmp",
        ".jpeg",
        ".jpg",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
    ]
)

PRIVATE_FOLDER = ".instancecap"
"""Where a run keeps its own notes inside OUT; no output may be named into it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to work on. ``name`` is that of its output, less ``.json``; ``/`` parts folders."""

    clip: Clip
    name: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that cannot be used, and why, without the source's name in the reason."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that an INPUT stands for; ``name`` is empty where only its own name is known."""

    path: str
    name: str
    source: str
    start: float = 0.0
    end: float | None = None
    id: str = ""


def find_jobs(
    inputs: Sequence[str], *, images: bool = False, video_root: str | None = None
) -> tuple[list[Job], list[Rejected]]:
    """What the INPUT arguments stand for, in their order, and what of them cannot be used.

    A clip that is reached twice under one name is done once.

    Args:
        inputs: files, folders, glob patterns and manifests.
        images: take still images out of folders too; one that is named itself is always taken.
        video_root: folder that names are relative to, instead of the INPUT folder.
    """
    if video_root is not None and not os.path.isdir(video_root):
        raise UsageError(f"--video-root {video_root}: not a folder")
    jobs: dict[tuple[str, str, float, float | None], Job] = {}
    rejected: list[Rejected] = []
    for argument in inputs:
        for found in _expand(argument, images=images):
            if isinstance(found, Rejected):
                rejected.append(found)
                continue
            try:
                job = _make_job(found, video_root)
            except InputError as error:
                # A manifest's row is named by its number, so the reason has to keep the path.
                rejected.append(Rejected(found.source, reason_of(error, found.source)))
                continue
            key = (job.name, os.path.realpath(found.path), found.start, found.end)
            jobs.setdefault(key, job)
    return list(jobs.values()), rejected


def refuse_shared_names(jobs: Iterable[Job], *, fold: bool = False) -> None:
    """Raise :class:`UsageError` naming two clips whose outputs would be one file.

    ``fold``: names that differ only in case, or in how Unicode composes a letter, count as one,
    because the file system that they go to cannot tell them apart.
    """
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


def _expand(argument: str, *, images: bool) -> Iterator[_Found | Rejected]:
    suffix = Path(argument).suffix.lower()
    if suffix in MANIFEST_SUFFIXES and (os.path.isfile(argument) or _is_table(argument)):
        yield from _expand_manifest(argument)
    elif os.path.isdir(argument):
        yield from _expand_folder(argument, images=images)
    elif not os.path.lexists(argument) and glob.has_magic(argument):
        yield from _expand_pattern(argument, images=images or suffix in IMAGE_SUFFIXES)
    else:
        yield _Found(argument, "", argument)


def _is_table(argument: str) -> bool:
    return os.path.isdir(argument) and bool(glob.glob(f"{glob.escape(argument)}/*.parquet"))


def _expand_manifest(manifest: str) -> Iterator[_Found | Rejected]:
    empty = True
    try:
        for row in read_manifest(manifest):
            empty = False
            source = f"{manifest}, {row.where}"
            path = resolve(row.path, manifest) if row.path else None
            if row.fault:
                yield Rejected(source, row.fault)
            elif path is None:
                yield Rejected(
                    source, f"{row.path}: no such file, beside the manifest or in this folder"
                )
            else:
                yield _Found(path, "", source, row.start, row.end, row.id)
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


def _expand_pattern(pattern: str, *, images: bool) -> Iterator[_Found | Rejected]:
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
    if empty:
        yield Rejected(pattern, "no such file, and no video matches it as a pattern")


def _make_job(found: _Found, video_root: str | None) -> Job:
    check_regular_file(found.path)
    name = found.id or _relative_name(found, video_root)
    if found.start or found.end is not None:
        name += f"@{found.start}-{'end' if found.end is None else found.end}"
    _check_name(name)
    clip = Clip(path=found.path, start=found.start, end=found.end, id=name)
    return Job(clip, name)


def _relative_name(found: _Found, video_root: str | None) -> str:
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
    if any(part in ("", ".", "..") for part in parts) or "\0" in name or os.path.isabs(name):
        raise InputError(f"{name!r} cannot name an output: it must be a relative path without '..'")
    if parts[0] == PRIVATE_FOLDER:
        raise InputError(f"{name!r} cannot name an output: {PRIVATE_FOLDER} is reserved")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"the file name {name!r} is not UTF-8 text; rename the file") from None
