"""Outputs in object storage: bounded shards, each there as a whole or not at all.

A ledger in WAL mode is unsafe there. The jobs of a run, in their order, are cut into shards of
:data:`JOBS_PER_SHARD`; a shard's documents wait in memory and are written as one object when its
last job has ended, and after it a marker: a JSON object that says under which configuration, what
was done, what failed and why. A run goes on by the markers; what of a shard was in flight when a
run died is done again.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instancecap.engine.store import ENTRY, Entry, Records, Sink, Store
from instancecap.errors import InputError, OutputError, UsageError
from instancecap.formats.table_rows import OURS, arrow_schema, flatten
from instancecap.io.addresses import filesystem, naming
from instancecap.io.identity import digest_of
from instancecap.io.inputs import PRIVATE_FOLDER, Job
from instancecap.io.table_writers import encode_rows
from instancecap.schema import Caption

JOBS_PER_SHARD = 1000
"""At about 10 kB a caption a shard is an object of 10 MB, and a crash costs at most minutes."""

MARKER = "instancecap.shard/3"

NOTE_EVERY = 30.0
"""Seconds between notes of where a run stands; each costs a request."""

log = logging.getLogger(__name__)


def open_object_store(url: str, *, shard: str = "", format: str = OURS) -> Store:
    """The store of an address. ``shard`` keeps the names of parallel runs apart.

    ``OUT/part-….jsonl`` or ``OUT/part-….parquet`` for an OUT of that suffix; ``OUT/NAME.json``
    for each document of any other OUT. Markers lie in ``OUT/.instancecap/``. Two runs may write
    to one OUT at a time: what both do is done twice and is written under one name.

    Raises :class:`UsageError` where nothing can be written.
    """
    if format != OURS:
        raise UsageError(
            f"--format {format}: object storage takes our own format; convert it afterwards"
        )
    try:
        bucket = _Bucket(url.rstrip("/"))
        bucket.make(PRIVATE_FOLDER)
    except InputError as error:
        raise UsageError(f"--out {error}") from error
    sink = ObjectSink(bucket)
    return Store(sink, lambda jobs: ShardMarkers(sink, jobs, label=f"{shard}-" if shard else ""))


class _Bucket:
    """Objects below one address. Failures are :class:`InputError`, or :class:`OutputError`."""

    def __init__(self, url: str) -> None:
        from fsspec.implementations.dirfs import DirFileSystem

        fs, root = filesystem(url)
        self.url, self._fs = url, DirFileSystem(root, fs)

    def make(self, name: str) -> None:
        """A folder, where the storage has such."""
        with naming(f"{self.url}/{name}", "written"):
            self._fs.makedirs(name, exist_ok=True)

    def find(self, pattern: str) -> list[str]:
        """Names that match, in order."""
        with naming(self.url):
            self._fs.invalidate_cache()
            return sorted(self._fs.glob(pattern))

    def read(self, name: str) -> bytes:
        with naming(f"{self.url}/{name}"):
            return bytes(self._fs.cat_file(name))

    def write(self, name: str, content: bytes) -> None:
        try:
            with naming(f"{self.url}/{name}", "written"):
                self._fs.pipe_file(name, content)
        except InputError as error:
            raise OutputError(str(error)) from error

    def remove(self, name: str) -> None:
        with naming(f"{self.url}/{name}", "removed"):
            self._fs.rm_file(name)


class ObjectSink(Sink):
    """Takes documents: an object each, or in memory until :meth:`write_table` packs a shard.

    Attributes:
        kind: ``jsonl`` or ``parquet``; empty for an object a document.
        places: the object that holds a document, by the document's name; empty for its own.
    """

    def __init__(self, bucket: _Bucket) -> None:
        self.bucket = bucket
        self.kind = next(
            (one for one in ("jsonl", "parquet") if bucket.url.endswith(f".{one}")), ""
        )
        self.places: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._held: tuple[str, dict[str, str]] = "", {}

    def put(self, name: str, text: str) -> str:
        if self.kind:
            self._texts[name] = text
        else:
            self.bucket.write(f"{name}.json", f"{text}\n".encode())
        return digest_of(self._row(text))

    def get(self, name: str) -> str | None:
        try:
            if self.kind:
                return self._load(self.places[name]).get(name)
            return self.bucket.read(f"{name}.json").decode()
        except (KeyError, OSError, InputError):
            return None

    def has(self, name: str) -> bool:
        return name in self.places

    def where(self, name: str) -> str:
        return self.bucket.url if self.kind else f"{self.bucket.url}/{name}.json"

    def finish(self, names: Iterable[str]) -> list[str]:
        return [self.bucket.url]

    def close(self) -> None:
        self._texts.clear()

    def write_table(self, name: str, documents: Sequence[str]) -> None:
        """One object of these documents, in this order; some may be of an earlier run.

        Raises :class:`OutputError` where one of them is gone.
        """
        texts = [self._texts.get(one) or self.get(one) for one in documents]
        for one, text in zip(documents, texts, strict=True):
            if text is None:
                raise OutputError(f"{one}: an earlier run's document is gone; --no-resume")
        rows = (self._row(text) for text in texts if text is not None)
        self.bucket.write(name, encode_rows(self.kind, rows, schema=arrow_schema()))
        for one in documents:
            self._texts.pop(one, None)

    def _row(self, text: str) -> dict[str, Any]:
        if self.kind == "parquet":
            return flatten(Caption.from_json(text))
        return dict(json.loads(text))

    def _load(self, name: str) -> dict[str, str]:
        """The documents of an object by their names; the last one is kept at hand."""
        if self._held[0] != name:
            content = self.bucket.read(name)
            if self.kind == "jsonl":
                texts = content.decode().splitlines()
            else:
                import pyarrow.parquet as pq

                table = pq.read_table(io.BytesIO(content), columns=["caption_json"])
                texts = table.column("caption_json").to_pylist()
            self._held = name, {json.loads(text)["video"]["id"]: text for text in texts}
        return self._held[1]


@dataclass(slots=True)
class _Shard:
    """A stretch of the job list."""

    jobs: Sequence[Job]
    stem: str
    pending: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def marker(self) -> str:
        return f"{PRIVATE_FOLDER}/shard-{self.stem}.json"


class ShardMarkers(Records):
    """Records of a run: an object for each shard, written after the shard's documents."""

    def __init__(self, sink: ObjectSink, jobs: Sequence[Job], *, label: str = "") -> None:
        """Read the markers of earlier runs, and cut the jobs into shards."""
        self._sink, self._bucket, self._label = sink, sink.bucket, label
        self.is_shared = bool(label)
        self._noted = 0.0
        self._before: dict[str, Entry] = {}
        self._old: set[str] = set()
        self._written: set[str] = set()
        self._read_markers()
        self._shards: list[_Shard] = []
        self._shard_of: dict[str, _Shard] = {}
        for start in range(0, len(jobs), JOBS_PER_SHARD):
            part = jobs[start : start + JOBS_PER_SHARD]
            # A hash of the jobs: a shard of other jobs never overwrites this one.
            digest = hashlib.sha256("\0".join(job.name for job in part).encode()).hexdigest()
            shard = _Shard(part, f"{label}{len(self._shards):05d}.{digest[:8]}")
            self._shard_of.update((job.name, shard) for job in part)
            self._shards.append(shard)

    def _read_markers(self) -> None:
        for name in self._bucket.find(f"{PRIVATE_FOLDER}/shard-{self._label}*.json"):
            if self._label.count("-") != name.rpartition("/shard-")[2].count("-"):
                continue  # another array's
            marker = json.loads(self._bucket.read(name))
            self._old.add(name)
            if marker["schema"] != MARKER:
                continue
            for entry in map(ENTRY.validate_python, marker["done"] + marker["failed"]):
                self._before[entry.name] = entry
                self._sink.places |= dict.fromkeys(entry.documents, marker["object"])

    def find(self, job: Job) -> Entry | None:
        entry = self._before.get(job.name)
        return entry if entry is not None and entry.is_of(job) else None

    def entries(self) -> Iterator[Entry]:
        return iter(self._before.values())

    def begin(self, todo: Iterable[tuple[int, Job]]) -> None:
        waiting = {job.name for _, job in todo}
        for shard in self._shards:
            for job in shard.jobs:
                if job.name in waiting:
                    shard.pending += 1
                else:
                    shard.entries[job.name] = self._before[job.name]

    def record(self, entry: Entry) -> None:
        if (shard := self._shard_of.get(entry.name)) is None:
            return  # of a clip that is gone
        shard.pending -= entry.name not in shard.entries
        shard.entries[entry.name] = entry
        if shard.pending == 0:
            self._write(shard)

    def note(self, values: Mapping[str, object], *, urgent: bool = False) -> None:
        if time.monotonic() - self._noted < NOTE_EVERY and not urgent:
            return
        self._noted = time.monotonic()
        name = f"{PRIVATE_FOLDER}/run-{self._label}status.json"
        try:
            self._bucket.write(name, json.dumps(values).encode())
        except OutputError as error:  # what matters will fail by itself, and say so
            log.debug("%s", error)

    def finish(self) -> None:
        for shard in self._shards:
            if shard.pending == 0 and shard.marker not in self._old | self._written:
                self._write(shard)
        if all(shard.pending == 0 for shard in self._shards):
            for name in self._old - {shard.marker for shard in self._shards}:
                stem = name.rpartition("/shard-")[2].removesuffix(".json")
                if self._sink.kind:
                    self._bucket.remove(f"part-{stem}.{self._sink.kind}")
                self._bucket.remove(name)

    def close(self) -> None:
        self._shards.clear()

    def _write(self, shard: _Shard) -> None:
        kind = self._sink.kind
        table = f"part-{shard.stem}.{kind}" if kind else ""
        entries = [shard.entries[job.name] for job in shard.jobs]
        if table:
            self._sink.write_table(table, [name for entry in entries for name in entry.documents])
        marker = {
            "schema": MARKER,
            "config": sorted({entry.config for entry in entries}),
            "object": table,
            "written": round(time.time(), 3),
            "done": [ENTRY.dump_python(one) for one in entries if one.state != "failed"],
            "failed": [ENTRY.dump_python(one) for one in entries if one.state == "failed"],
        }
        self._bucket.write(shard.marker, json.dumps(marker).encode())
        self._written.add(shard.marker)


def read_notes(out: str) -> list[dict[str, Any]]:
    """What the runs into an address noted last, one for each part of a job array."""
    bucket = _Bucket(out.rstrip("/"))
    names = bucket.find(f"{PRIVATE_FOLDER}/run-*status.json")
    return [json.loads(bucket.read(name)) for name in names]
