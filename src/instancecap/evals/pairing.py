"""Inputs paired by name, and by nothing else: what has no partner, or two, is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from instancecap.datasets.captions import read_captions
from instancecap.datasets.edits import file_of
from instancecap.datasets.videos import find_video, names_video
from instancecap.errors import FormatError, InputError
from instancecap.evals.task import Sample
from instancecap.io.finder import Rejected
from instancecap.io.inputs import find_jobs
from instancecap.io.tables import Row, read_rows
from instancecap.schema.caption import Caption

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """Inputs by name, and those that cannot be used; ``sources``: the files of captions."""

    found: dict[str, T]
    rejected: list[Rejected]
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pairs(Generic[T, U]):
    """Pairs by the name of the first, and what has no partner."""

    found: dict[str, tuple[T, U]]
    rejected: list[Rejected]


def named_captions(paths: Sequence[str]) -> Named[Caption]:
    """Captions of any format, from files, folders and tables."""
    found: dict[str, Caption] = {}
    sources: dict[str, str] = {}
    rejected = []
    for row in read_captions(paths):
        if row.caption is None:
            rejected.append(Rejected(row.source, row.error))
        elif row.name in found:
            rejected.append(Rejected(row.source, f"a second caption named {row.name!r}"))
        else:
            found[row.name], sources[row.name] = row.caption, row.source
    return Named(found, rejected, sources)


def video_of(caption: Caption, source: str, video_root: str | None) -> str:
    """The path of a caption's video. Raises :class:`InputError` where it is not to be found."""
    file = file_of(source)
    return find_video(caption, caption_file=file, video_root=video_root)


def named_videos(inputs: Sequence[str]) -> Named[str]:
    """Paths of videos, from files, folders, patterns and lists."""
    jobs, rejected = find_jobs(inputs)
    found: dict[str, str] = {}
    for job in jobs:
        if job.name in found:
            rejected.append(Rejected(job.clip.path, f"a second video named {job.name!r}"))
        found.setdefault(job.name, job.clip.path)
    return Named(found, rejected)


def named_rows(path: str, *, keys: Sequence[str]) -> Named[list[dict[str, object]]]:
    """Rows of a table by the first of ``keys`` that the row has; a name may have several rows."""
    found: dict[str, list[dict[str, object]]] = {}
    rejected = []
    try:
        for row in read_rows(path):
            where = f"{path}: {row.where}"
            name = _name_of(row, keys)
            if row.error or not name:
                wanted = f"no {' or '.join(keys)} in this row"
                rejected.append(Rejected(where, row.error or wanted))
            else:
                found.setdefault(name, []).append(row.value)
    except FormatError as error:
        rejected.append(Rejected(path, str(error).removeprefix(f"{path}: ")))
    return Named(found, rejected)


def _name_of(row: Row, keys: Sequence[str]) -> str:
    value = row.value if isinstance(row.value, dict) else {}
    return next((str(value[key]) for key in keys if value.get(key) not in (None, "")), "")


def pair(
    first: Named[T], second: Named[U], *, kinds: tuple[str, str] = ("caption", "reference")
) -> Pairs[T, U]:
    """Pairs of the same name; where a name is not there whole, without the suffix of a video.

    ``kinds``: what the first and the second are, for the reasons.
    """
    found: dict[str, tuple[T, U]] = {}
    rejected = [*first.rejected, *second.rejected]
    here, there = _stems(first.found), _stems(second.found)
    taken: set[str] = set()
    for name, one in first.found.items():
        other = name if name in second.found else ""
        if not other:
            namesakes, ours = there.get(_stem(name), []), here[_stem(name)]
            if len(namesakes) > 1 or (namesakes and len(ours) > 1):
                both = ", ".join(sorted({*namesakes, *ours}))
                rejected.append(Rejected(name, f"which {kinds[1]} is meant is not clear: {both}"))
                taken.update(namesakes)
                continue
            other = namesakes[0] if namesakes else ""
        if not other:
            rejected.append(Rejected(name, f"no {kinds[1]} of this name"))
            continue
        taken.add(other)
        found[name] = one, second.found[other]
    rejected += [
        Rejected(name, f"no {kinds[0]} of this name") for name in second.found if name not in taken
    ]
    return Pairs(found, rejected)


def _stem(name: str) -> str:
    return Path(name).with_suffix("").as_posix() if names_video(name) else name


def _stems(names: Mapping[str, object]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_stem(name), []).append(name)
    return found


def pair_samples(
    captions: Sequence[str],
    references: Sequence[str],
    make: Callable[[Caption, U], tuple[Any, Any]],
    *,
    read: Callable[[Sequence[str]], Named[U]],
) -> tuple[list[Sample], list[Rejected]]:
    """A sample for each caption with a reference, and what has none or can't be scored.

    Args:
        make: gives input and target. Raises :class:`InputError` where the reference can't be used.
        read: the references.
    """
    pairs = pair(named_captions(captions), read(references))
    samples, rejected = [], list(pairs.rejected)
    for name, (said, reference) in pairs.found.items():
        try:
            given, target = make(said, reference)
        except InputError as error:
            rejected.append(Rejected(name, str(error)))
            continue
        path = said.video.path if said.video else ""
        samples.append(Sample(name, given, target, video=path))
    return samples, rejected
