"""What of a run is done already: by name, by file, and by content where files were moved.

A person's work on an earlier output is taken over, marked, and kept.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from instancecap.datasets.edits import mark_edits
from instancecap.engine.config import BY_HAND, RunConfig
from instancecap.engine.store import Entry, Store
from instancecap.engine.work import fingerprint
from instancecap.errors import FormatError, InputError, OutputError
from instancecap.formats import Caption, caption_from
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
        skipped: number and job of those whose output is there.
        parts: what follows their names in their outputs, by number.
        failed: those that failed before and are not tried again.
        kept: outputs that a person changed, and why that is told; they are not written over.
        stale: outputs whose clips are gone.
        cost: what models were asked for those that are passed over.
    """

    todo: Todo
    skipped: list[tuple[int, Job]] = field(default_factory=list)
    parts: dict[int, tuple[str, ...]] = field(default_factory=dict)
    failed: list[tuple[int, Rejected]] = field(default_factory=list)
    kept: list[Rejected] = field(default_factory=list)
    stale: list[Rejected] = field(default_factory=list)
    cost: dict[str, float] = field(default_factory=dict)

    def skip(self, index: int, job: Job, entry: Entry) -> None:
        """The job is done, as the entry says."""
        self.skipped.append((index, job))
        if entry.parts != ("",):
            self.parts[index] = entry.parts
        for unit, amount in entry.cost.items():
            self.cost[unit] = self.cost.get(unit, 0) + amount


def plan_run(
    jobs: Sequence[Job], store: Store, config: RunConfig, *, key: str, rewrites: bool = False
) -> Plan:
    """Compare jobs with what is known of earlier runs under the same configuration.

    The output of a clip whose file was moved or renamed is put under its new name. What a person
    changed is marked as theirs, and kept.

    Args:
        key: hash of what results depend on beside the clips.
        rewrites: results are earlier ones with some fields anew, so a person's work stays in them.
    """
    plan = Plan(Todo(jobs))
    if store.records.is_empty():
        plan.todo = Todo(jobs, range(len(jobs)))
        return plan
    store.sink.find_edits(store.records.entries())
    planner = _Planner(store, config, key, rewrites, plan)
    for index, job, identity in _looked_at(jobs):
        planner.add(index, job, identity)
    if not store.records.is_shared:
        plan.stale += _find_stale(jobs, store)
    return plan


@dataclass(frozen=True, slots=True)
class _Planner:
    """Sorts jobs into a plan, one by one."""

    store: Store
    how: RunConfig
    key: str
    rewrites: bool
    plan: Plan

    def add(self, index: int, job: Job, identity: Identity | None) -> None:
        """``identity`` is what an object elsewhere is now."""
        plan, entry = self.plan, self.store.records.find(job)
        if entry is not None and self._keeps(entry, job):
            plan.skip(index, job, entry)
            return
        if self.how.resume:
            entry = self._settled(job, entry, identity or Identity.of(job.clip.path))
            if entry is not None and entry.state == "failed" and not self.how.retry_failed:
                plan.failed.append((index, Rejected(job.clip.path, entry.reason)))
                return
            if entry is not None and entry.state == "failed":
                entry = None
            if entry is not None and not self._is_lost(entry) and self._is_there(job, entry):
                if entry.state == "done":
                    plan.skip(index, job, entry)
                    return
                plan.todo.earlier[index] = partial(_earlier, job.name, entry, self.store)
        plan.todo.add(index)

    def _keeps(self, entry: Entry, job: Job) -> bool:
        """Whether a clip is left alone because a person has changed its output."""
        store, how = self.store, self.how
        if how.overwrite_human or entry.state == "failed":
            return False
        edits = take_edits(store, entry)
        if not edits and not entry.by_hand:
            return False
        faults = [fault for fault in edits.values() if fault]
        if not faults and (self.rewrites or entry.state == "partial"):
            return False
        if edits or not how.resume or entry.config != config_of(job, self.key):
            where = store.sink.where(entry.name + entry.parts[0])
            self.plan.kept.append(Rejected(where, "; ".join([BY_HAND, *faults])))
        return all(map(store.sink.has, entry.documents))

    def _is_lost(self, entry: Entry) -> bool:
        """Whether a person's work on a clip's output is to be written over."""
        sink, digests = self.store.sink, entry.digests
        return self.how.overwrite_human and (
            entry.by_hand
            or any(sink.is_edited(entry.name + one, digests.get(one, "")) for one in entry.parts)
        )

    def _settled(self, job: Job, entry: Entry | None, now: Identity) -> Entry | None:
        """The entry that still holds for the job's file: its own, or that of another name."""
        records, config = self.store.records, config_of(job, self.key)
        if entry is not None:
            known = entry.identity
            if (known.size, known.mtime_ns) == (now.size, now.mtime_ns):
                return entry if entry.config == config else None
        if now.size < 0 or not records.knows_size(now.size):
            return None
        now = Identity.of(job.clip.path, content=True)
        if entry is None or entry.identity.content != now.content:
            return records.find_moved(job, now, config=config)
        return entry if entry.config == config else None

    def _is_there(self, job: Job, entry: Entry) -> bool:
        """Whether the output of a done entry is there; it is put under the job's name if needed."""
        store = self.store
        if entry.name == job.name and entry.path == job.clip.path:
            return all(map(store.sink.has, entry.documents))
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
        store.records.record(moved)
        return True


def config_of(job: Job, key: str) -> str:
    """What a job's result depends on beside its file: the run's configuration, and its hint."""
    return fingerprint(config=key, hint=job.hint) if job.hint else key


def _earlier(name: str, entry: Entry, store: Store) -> dict[str, Earlier]:
    """The documents of a clip that is done in part, and what they lack."""
    texts = {part: store.sink.get(name + part) for part in entry.parts}
    return {
        part: Earlier(text, entry.missing.get(part, ())) for part, text in texts.items() if text
    }


def _looked_at(jobs: Iterable[Job]) -> Iterator[tuple[int, Job, Identity | None]]:
    """Jobs with their number and, for objects elsewhere, what they are now.

    Each object costs a request, so many are asked about at a time.
    """
    numbered = enumerate(jobs)
    with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
        while chunk := list(islice(numbered, LOOKED_AHEAD)):
            paths = {job.clip.path for _, job in chunk if is_url(job.clip.path)}
            found = dict(zip(paths, pool.map(Identity.of, paths), strict=True))
            for index, job in chunk:
                yield index, job, found.get(job.clip.path)


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
                _mark_stale(store, entry, part)
                where = store.sink.where(entry.name + part)
                yield Rejected(where, f"its clip {entry.path} is gone")


def _mark_stale(store: Store, entry: Entry, part: str) -> None:
    """Warn in a caption whose clip is gone; one that a person changed is left as it is."""
    name, digest = entry.name + part, entry.digests.get(part, "")
    text = store.sink.current(name)
    if text is None or store.sink.is_edited(name, digest) or part not in entry.leaves:
        return
    line = f"stale: its video {entry.path} is gone; delete this caption, or put the video back"
    try:
        caption = Caption.from_json(text)
    except FormatError:  # of another format, or a run that wrote it left half of it
        return
    if line not in caption.warnings:
        caption.warnings.append(line)
        digests = {**entry.digests, part: store.sink.put(name, caption.to_json())}
        store.records.record(replace(entry, digests=digests))


def take_edits(store: Store, entry: Entry) -> dict[str, str]:
    """Mark what a person changed in the documents of a clip since they were written.

    From then on the store's sink gives, and writes, the person's version. One that cannot be read
    is left as it is.

    Returns:
        By the name of each document that was changed, what is wrong with it; mostly nothing.
    """
    faults, digests = dict[str, str](), dict(entry.digests)
    for part in entry.parts:
        if store.sink.is_edited(entry.name + part, entry.digests.get(part, "")):
            faults[entry.name + part] = _take(store, entry, part, digests)
    if faults:
        store.records.record(replace(entry, by_hand=True, digests=digests))
    return faults


def _take(store: Store, entry: Entry, part: str, digests: dict[str, str]) -> str:
    """Mark one document; returns what is wrong with it."""
    name, written = entry.name + part, entry.leaves.get(part)
    text = store.sink.current(name)
    if not text or written is None:  # another format, or no caption
        return f"kept as it is, as {store.sink.format} does not hold a whole caption"
    problems: list[str] = []
    try:
        caption = caption_from(json.loads(text), format="instancecap", problems=problems)
        caption.warnings = [one for one in caption.warnings if one not in problems]
        marked = mark_edits(caption, written)
        if problems:  # writing it back would lose what is not understood
            return "; ".join(problems)
        if marked or not store.sink.piecewise:
            digests[part] = store.sink.put(name, caption.to_json())
    except (ValueError, RecursionError):
        return "not valid JSON"
    except (FormatError, OutputError) as error:
        return str(error)
    return ""
