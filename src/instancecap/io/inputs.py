"""From the INPUT arguments of a command to a list of clips, each with a name for its outputs."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from instancecap.errors import InputError, UsageError
from instancecap.io.addresses import basename_of, is_url, strip_file_scheme
from instancecap.io.finder import REMEMBERED, Finder, Found, Rejected, is_manifest, reason_of
from instancecap.io.webdataset import TAR_SUFFIX
from instancecap.video import Clip
from instancecap.video.probe import check_regular_file

PRIVATE_FOLDER = ".instancecap"
"""Where a run keeps its own notes inside OUT; no output may be named into it."""


def private_folder(out: Path) -> Path:
    """Where the run's own notes lie: inside an output folder, beside an output file."""
    if out.suffix.lower() == ".jsonl":
        return out.with_name(f".{out.name}{PRIVATE_FOLDER}")
    return out / PRIVATE_FOLDER


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run left of a clip: a caption as JSON, and JSON pointers of what it lacks."""

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
    earlier: Mapping[str, Earlier] | None = None


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
        images: take still images out of folders too; one that is named itself is always taken.
        video_root: folder that names are relative to, instead of the INPUT folder.
        hint_column: column of manifests that :attr:`Job.hint` is taken from; empty for none.
    """
    if video_root is not None and not os.path.isdir(video_root):
        raise UsageError(f"--video-root {video_root}: not a folder")
    if hint_column and not any(is_manifest(one) or TAR_SUFFIX in one for one in inputs):
        raise UsageError(
            "--hint-column needs a manifest with columns (.csv, .jsonl, .parquet) or a .tar"
        )
    jobs = _Jobs(video_root)
    rejected: list[Rejected] = []
    finder = Finder(images, hint_column)
    for argument in map(strip_file_scheme, inputs):
        for found in finder.expand(argument):
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
        self._check = lru_cache(REMEMBERED)(check_regular_file)  # many rows may name one file

    def add(self, found: Found) -> None:
        """Raises :class:`InputError` for a file that cannot be used."""
        if not found.checked:
            self._check(found.path)
        name = found.id or _relative_name(found, self._root)
        if found.start or found.end is not None:
            name += f"@{found.start}-{'end' if found.end is None else found.end}"
        _check_name(name)
        place = len(self.found)
        if self._places.setdefault(name, place) == place or self._is_new(found, name):
            clip = Clip(path=found.path, start=found.start, end=found.end, id=name)
            self.found.append(Job(clip, name, found.hint))

    def _is_new(self, found: Found, name: str) -> bool:
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


def _relative_name(found: Found, video_root: str | None) -> str:
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
