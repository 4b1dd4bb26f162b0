"""What of a run is done already: by name, by file, and by content where files were moved."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from instancecap.engine.edits import mark_stale, take_edits
from instancecap.engine.store import Entry, Records, Store
from instancecap.errors import InputError
from instancecap.io.addresses import is_url
from instancecap.io.finder import Rejected
from instancecap.io.identity import Identity, is_elsewhere
from instancecap.io.inputs import Earlier, Job

LOOKS_AT_ONCE = 32
"""Requests to object storage in flight while a run is planned."""

LOOKED_AHEAD = 1024
"""Jobs whose objects are asked about together."""


class Todo:
    """Numbers and jobs in order: eight bytes each beside the jobs themselves.

    Attributes:
        earlier: what is known of those that are done in part, by number; they are handed out
            with what they have and what they lack.
    """

    def __init__(self, jobs: Sequence[Job], numbers: Iterable[int] = ()) -> None:
        """``numbers`` of those among ``jobs`` that are to be done."""
        self._jobs, self._numbers = jobs, array("q", numbers)
        self.earlier: dict[int, Callable[[], dict[str, Earlier]]] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[tuple[int, Job]]:
        for number in self._numbers:
            job = self._jobs[number]
            load = self.earlier.get(number)
            yield number, job if load is None else replace(job, earlier=load())

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
        kept: outputs that a person changed, and why that is told; they are not written over.
        stale: outputs whose clips are gone.
    """

    todo: Todo
    skipped: list[tuple[int, Job]] = field(default_factory=list)
    parts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    failed: list[tuple[int, Rejected]] = field(default_factory=list)
    kept: list[Rejected] = field(default_factory=list)
    stale: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resuming:
    """How a run goes on where others ended.

    Attributes:
        config: hash of what results depend on beside the clips.
        resume: pass over what is done.
        retry_failed: try again what failed.
        overwrite_human: write over what a person changed.
        rewrites: results are earlier ones with some fields anew, so a person's work stays in them.
    """

    config: str
    resume: bool = True
    retry_failed: bool = False
    overwrite_human: bool = False
    rewrites: bool = False


def plan_run(jobs: Sequence[Job], store: Store, how: Resuming) -> Plan:
    """Compare jobs with what is known of earlier runs under the same configuration.

    The output of a clip whose file was moved or renamed is put under its new name. What a person
    changed is marked as theirs, and kept.
    """
    plan = Plan(Todo(jobs))
    empty = store.records.is_empty()
    if not empty:
        store.sink.find_edits(store.records.entries())
    for index, job, identity in _looked_at(jobs, look=not empty):
        entry = None if empty else store.records.find(job)
        if entry is not None and _keeps(entry, job, store, how, plan):
            _skip(plan, index, job, entry)
            continue
        if empty or not how.resume:
            plan.todo.add(index)
            continue
        known = config_of(job, how.config)
        entry = _settled(job, entry, store.records, known, identity=identity)
        if entry is None:
            plan.todo.add(index)
        elif entry.state == "failed":
            if how.retry_failed:
                plan.todo.add(index)
            else:
                plan.failed.append((index, Rejected(job.clip.path, entry.reason)))
        elif not _is_there(job, entry, store):
            plan.todo.add(index)
        elif entry.state == "partial":
            plan.todo.add(index)
            plan.todo.earlier[index] = partial(_earlier, job.name, entry, store)
        else:
            _skip(plan, index, job, entry)
    if not empty and not store.records.is_shared:
        plan.stale += _find_stale(jobs, store)
    return plan


def _skip(plan: Plan, index: int, job: Job, entry: Entry) -> None:
    plan.skipped.append((index, job))
    if entry.parts != ("",):
        plan.parts[index] = entry.parts


def _keeps(entry: Entry, job: Job, store: Store, how: Resuming, plan: Plan) -> bool:
    """Whether a clip is left alone because a person has changed its output."""
    if how.overwrite_human or entry.state == "failed":
        return False
    edits = take_edits(store, entry)
    if not edits and not entry.by_hand:
        return False
    if not entry.by_hand:
        store.records.record(replace(entry, by_hand=True), cost={})
    faults = [fault for fault in edits.values() if fault]
    if not faults and (how.rewrites or entry.state == "partial"):
        return False
    if edits or not how.resume or entry.config != config_of(job, how.config):
        where = store.sink.where(entry.name + entry.parts[0])
        plan.kept.append(Rejected(where, "; ".join(["changed by hand", *faults])))
    return all(store.sink.has(entry.name + part) for part in entry.parts)


def _earlier(name: str, entry: Entry, store: Store) -> dict[str, Earlier]:
    """The documents of a clip that is done in part, and what they lack."""
    found = {}
    for part in entry.parts:
        if text := store.sink.get(name + part):
            found[part] = Earlier(text, entry.missing.get(part, ()))
    return found


def _find_stale(jobs: Sequence[Job], store: Store) -> Iterator[Rejected]:
    """Outputs of clips that were moved away or removed; they are marked as such."""
    names: set[str] | None = None
    for entry in list(store.records.entries()):
        if entry.state == "failed" or is_elsewhere(entry.path) or os.path.exists(entry.path):
            continue
        names = names if names is not None else {job.name for job in jobs}
        if entry.name in names or not store.sink.piecewise:
            continue
        for part in entry.parts:
            if store.sink.has(entry.name + part):
                mark_stale(store, entry, part)
                where = store.sink.where(entry.name + part)
                yield Rejected(where, f"its clip {entry.path} is gone")


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


def _settled(
    job: Job, entry: Entry | None, records: Records, config: str, *, identity: Identity | None
) -> Entry | None:
    """The entry that still holds for the job's file: its own, or that of another name."""
    identity = identity or Identity.of(job.clip.path)
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
    by_hand = bool(take_edits(store, entry)) or entry.by_hand
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
        by_hand=by_hand,
    )
    store.records.record(moved, cost={})
    return True
