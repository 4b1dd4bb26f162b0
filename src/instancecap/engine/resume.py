"""What of a run is done already: by name, by file, and by content where files were moved."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from instancecap.engine.store import Entry, Records, Store
from instancecap.errors import InputError
from instancecap.io.addresses import is_url
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job, Rejected

LOOKS_AT_ONCE = 32
"""Requests to object storage in flight while a run is planned."""

LOOKED_AHEAD = 1024
"""Jobs whose objects are asked about together."""


class Todo:
    """Numbers and jobs in order: eight bytes each beside the jobs themselves."""

    def __init__(self, jobs: Sequence[Job], numbers: Iterable[int] = ()) -> None:
        """``numbers`` of those among ``jobs`` that are to be done."""
        self._jobs, self._numbers = jobs, array("q", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[int, Job]]:
        return ((number, self._jobs[number]) for number in self._numbers)

    def add(self, number: int) -> None:
        """One more, at the end."""
        self._numbers.append(number)

    def sort(self) -> None:
        """In the order of the jobs again."""
        self._numbers = array("q", sorted(self._numbers))


@dataclass(slots=True)
class Plan:
    """What is left to do.

    Attributes:
        todo: what is to be done.
        skipped: number and job of those whose output is there.
        parts: what follows their names in their outputs, by number.
        failed: those that failed before and are not tried again.
    """

    todo: Todo
    skipped: list[tuple[int, Job]] = field(default_factory=list)
    parts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    failed: list[tuple[int, Rejected]] = field(default_factory=list)


def plan_run(jobs: Sequence[Job], store: Store, *, config: str, retry_failed: bool = False) -> Plan:
    """Compare jobs with what is known of earlier runs under the same configuration.

    The output of a clip whose file was moved or renamed is put under its new name.
    """
    plan = Plan(Todo(jobs))
    empty = store.records.is_empty()
    for index, job, identity in _looked_at(jobs, look=not empty):
        known = config_of(job, config)
        entry = None if empty else _settled(job, store.records, known, identity=identity)
        if entry is None:
            plan.todo.add(index)
        elif entry.state == "failed":
            if retry_failed:
                plan.todo.add(index)
            else:
                plan.failed.append((index, Rejected(job.clip.path, entry.reason)))
        elif _is_there(job, entry, store):
            plan.skipped.append((index, job))
            if entry.parts != ("",):
                plan.parts[index] = entry.parts
        else:
            plan.todo.add(index)
    return plan


def config_of(job: Job, config: str) -> str:
    """What a job's result depends on beside its file: the run's configuration, and its hint."""
    if not job.hint:
        return config
    return hashlib.sha256(f"{config}\0{job.hint}".encode()).hexdigest()[:16]


def entry_of(job: Job, identity: Identity, *, config: str, **what: Any) -> Entry:
    """An entry about a job; ``what`` came of it."""
    clip = job.clip
    return Entry(
        name=job.name,
        path=clip.path,
        start=clip.start,
        end=clip.end,
        identity=identity,
        config=config,
        **what,
    )


def _looked_at(jobs: Iterable[Job], *, look: bool) -> Iterator[tuple[int, Job, Identity | None]]:
    """Jobs with their number and, for objects elsewhere, what they are now.

    Each object costs a request, so many are asked about at a time.
    """
    numbered = enumerate(jobs)
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        while chunk := list(islice(numbered, LOOKED_AHEAD)):
            paths = {job.clip.path for _, job in chunk if look and is_url(job.clip.path)}
            found = dict(zip(paths, pool.map(Identity.of, paths), strict=True))
            for index, job in chunk:
                yield index, job, found.get(job.clip.path)


def _settled(job: Job, records: Records, config: str, *, identity: Identity | None) -> Entry | None:
    """The entry that still holds for the job's file, under its own name or another."""
    identity = identity or Identity.of(job.clip.path)
    entry = records.find(job)
    if entry is not None and (entry.identity.size, entry.identity.mtime_ns) == (
        identity.size,
        identity.mtime_ns,
    ):
        return entry if entry.config == config else None
    if identity.size < 0 or not records.knows_size(identity.size):
        return None
    identity = Identity.of(job.clip.path, content=True)
    if entry is None or entry.identity.content != identity.content:
        return records.find_moved(job, identity, config=config)
    return entry if entry.config == config else None


def _is_there(job: Job, entry: Entry, store: Store) -> bool:
    """Whether the output of a done entry is there; it is put under the job's name if need be."""
    if entry.name == job.name and entry.path == job.clip.path:
        return all(store.sink.has(job.name + part) for part in entry.parts)
    digests = {}
    try:
        for part in entry.parts:
            document = json.loads(store.sink.get(entry.name + part) or "")
            document["video"] |= {"id": job.name + part, "path": job.clip.path}
            text = json.dumps(document, ensure_ascii=False, indent=2)
            digests[part] = store.sink.put(job.name + part, text)
    except (InputError, ValueError, LookupError, TypeError):  # gone, edited, or no room for it
        return False
    moved = replace(
        entry,
        name=job.name,
        path=job.clip.path,
        identity=Identity.of(job.clip.path, content=True),
        digests=digests,
    )
    store.records.record(moved, cost={})
    return True
