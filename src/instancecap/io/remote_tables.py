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
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instancecap.engine.ledger import Entry, Identity
from instancecap.errors import InputError, OutputError, UsageError
from instancecap.io.inputs import PRIVATE_FOLDER, Job
from instancecap.io.remote import filesystem, naming
from instancecap.io.table_outputs import OURS, flatten, table_schema
from instancecap.schema import Caption

JOBS_PER_SHARD = 1000
"""At about 10 kB a caption a shard is an object of 10 MB, and a crash costs at most minutes."""

MARKER = "instancecap.shard/1"


NOTE_EVERY = 30.0
"""Seconds between notes of where a run stands; each costs a request."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Tally:
    """What became of the clips of this run so far."""

    done: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)

    def add(self, reason: str, cost: dict[str, float]) -> None:
        self.done += not reason
        self.failed += bool(reason)
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        for unit, amount in cost.items():
            self.cost[unit] = self.cost.get(unit, 0) + amount


@dataclass(slots=True)
class _Shard:
    """A stretch of the job list."""

    jobs: Sequence[Job]
    pending: int = 0
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


class RemoteSink:
    """The output and the ledger of a run in object storage, in one.

    ``OUT/part-….jsonl`` or ``OUT/part-….parquet`` for an OUT of that suffix; ``OUT/NAME.json``
    for each document of any other OUT. Markers lie in ``OUT/.instancecap/``. Two runs may write
    to one OUT at a time: what both do is done twice and is written under one name.
    """

    folds_names = False
    piecewise = True
    format = OURS

    def __init__(self, url: str, *, shard: str = "", format: str = OURS) -> None:
        """``shard`` keeps the names of parallel runs apart. Raises :class:`UsageError`."""
        if format != OURS:
            raise UsageError(
                f"--format {format}: object storage takes our own format; convert it afterwards"
            )
        self.url = url.rstrip("/")
        self._label = f"{shard}-" if shard else ""
        self._kind = next((one for one in ("jsonl", "parquet") if self.url.endswith(f".{one}")), "")
        try:
            self._fs, self._root = filesystem(self.url)
            with naming(f"{self.url}/{PRIVATE_FOLDER}", "written"):
                self._fs.makedirs(f"{self._root}/{PRIVATE_FOLDER}", exist_ok=True)
                self._fs.invalidate_cache()
        except InputError as error:
            raise UsageError(f"--out {error}") from error
        self._scratch = tempfile.TemporaryDirectory(prefix="instancecap-")
        self.private = Path(self._scratch.name)
        self._notes: dict[str, Any] = {}
        self._tally, self._noted = _Tally(), 0.0
        self._shards: list[_Shard] = []
        self._places: dict[str, int] = {}
        self._before: dict[str, tuple[dict[str, Any], str]] = {}  # entry and object, by name
        self._old: set[str] = set()
        self._written: set[str] = set()
        self._held: tuple[str, dict[str, str]] = "", {}

    # Part of the ledger: what an earlier run left.

    def open(self, jobs: Sequence[Job]) -> RemoteSink:
        """Read the markers, and cut the jobs into shards."""
        with self._naming("read"):
            found = self._fs.glob(f"{self._root}/{PRIVATE_FOLDER}/shard-{self._label}*.json")
        for path in sorted(found):
            if self._label.count("-") != path.rpartition("/shard-")[2].count("-"):
                continue  # another array's
            with self._naming("read"):
                marker = json.loads(self._fs.cat_file(path))
            self._old.add(path)
            for entry in marker["done"] + marker["failed"]:
                self._before[entry["name"]] = entry, marker["object"]
        for start in range(0, len(jobs), JOBS_PER_SHARD):
            shard = _Shard(jobs[start : start + JOBS_PER_SHARD])
            self._places.update((job.name, len(self._shards)) for job in shard.jobs)
            self._shards.append(shard)
        return self

    def is_empty(self) -> bool:
        """Whether no earlier run left anything."""
        return not self._before

    def find(self, job: Job) -> Entry | None:
        """What an earlier run says of a job of this name."""
        entry, _ = self._before.get(job.name, (None, ""))
        clip = job.clip
        if entry is None or [entry[one] for one in ("path", "start", "end")] != [
            clip.path,
            clip.start,
            clip.end,
        ]:
            return None
        identity = Identity(entry["size"], entry["stamp"], entry["content"])
        state = "failed" if entry["reason"] else "done"
        parts = tuple(entry["parts"])
        path, config = entry["path"], entry["config"]
        return Entry(job.name, path, identity, config, parts, state, entry["reason"])

    def find_moved(self, job: Job, identity: Identity, *, config: str) -> Entry | None:
        """Nothing: a moved object is done again."""
        return None

    def knows_size(self, size: int) -> bool:
        """No: clips are known by their names."""
        return False

    def begin(self, todo: Iterable[tuple[int, Job]]) -> None:
        """Learn what is left; jobs of the other shards keep what the markers say."""
        waiting = {job.name for _, job in todo}
        for shard in self._shards:
            for job in shard.jobs:
                if job.name in waiting:
                    shard.pending += 1
                else:
                    shard.entries[job.name] = self._before[job.name][0]

    def record(
        self,
        job: Job,
        identity: Identity,
        *,
        config: str,
        parts: Iterable[str] = ("",),
        reason: str = "",
        seconds: float = 0.0,
        cost: dict[str, float] | None = None,
    ) -> None:
        """A job has ended; the last one of a shard writes it. Raises :class:`OutputError`."""
        shard = self._shards[self._places[job.name]]
        fresh = job.name not in shard.entries
        shard.entries[job.name] = {
            "name": job.name, "path": job.clip.path, "start": job.clip.start, "end": job.clip.end,
            "size": identity.size, "stamp": identity.mtime_ns, "content": identity.content,
            "config": config, "parts": list(parts), "reason": reason,
            "seconds": round(seconds, 4), "cost": cost or {},
        }  # fmt: skip
        self._tally.add(reason, cost or {})
        shard.pending -= fresh
        if shard.pending == 0:
            self._write(shard)

    def note(self, **values: object) -> None:
        """Keep a fact about the run, for ``status``: an object that is written now and then."""
        self._notes |= values
        now = time.time()
        if now - self._noted < NOTE_EVERY and not values.keys() & {"began", "ended"}:
            return
        self._noted = now
        path = f"{self._root}/{PRIVATE_FOLDER}/run-{self._label}status.json"
        notes = {**self._notes, **asdict(self._tally), "written": round(now, 3)}
        try:
            self._pipe(path, json.dumps(notes).encode())
        except OutputError as error:  # what matters will fail by itself, and say so
            log.debug("%s", error)

    # Part of the sink: documents.

    def put(self, name: str, text: str) -> str:
        """Hold a document until its shard is whole; one of a folder is written at once."""
        if self._kind:
            self._shards[self._place_of(name)].texts[name] = text
            return self.url
        path = f"{self._root}/{name}.json"
        self._pipe(path, f"{text}\n".encode())
        return str(self._fs.unstrip_protocol(path))

    def get(self, name: str) -> str | None:
        """The document that an earlier run wrote."""
        try:
            if self._kind:
                return self._load(self._before[self._job_of(name)][1]).get(name)
            return str(self._fs.cat_file(f"{self._root}/{name}.json").decode())
        except (KeyError, OSError, InputError):
            return None

    def has(self, name: str) -> bool:
        """Whether a marker names the document."""
        return self._job_of(name) in self._before

    def forget(self) -> None:
        """Start without what earlier runs wrote."""
        self._before.clear()

    def sweep(self) -> None:
        """Nothing half-written can be there."""

    def finish(self, names: Iterable[str]) -> list[str]:
        """Write what is whole and not yet written; remove shards that newer ones replace."""
        for shard in self._shards:
            if shard.pending == 0 and self._marker(shard) not in self._old | self._written:
                self._write(shard)
        if all(shard.pending == 0 for shard in self._shards):
            self._remove_replaced()
        return [self.url]

    def close(self) -> None:
        """Give the memory and the scratch folder back."""
        self._shards.clear()
        self._scratch.cleanup()

    # How a shard is written and read.

    def _naming(self, verb: str, name: str = "") -> Any:
        return naming(f"{self.url}/{name}" if name else self.url, verb)

    def _job_of(self, name: str) -> str:
        """The job's name in that of one of its documents, which may end in ``#K``."""
        if name in self._before or name in self._places:
            return name
        return name.rpartition("#")[0]

    def _place_of(self, name: str) -> int:
        return self._places[self._job_of(name)]

    def _stem(self, shard: _Shard) -> str:
        """Number, and a hash of the jobs: a shard of other jobs never overwrites this one."""
        digest = hashlib.sha256("\0".join(job.name for job in shard.jobs).encode())
        place = self._places[shard.jobs[0].name]
        return f"{self._label}{place:05d}.{digest.hexdigest()[:8]}"

    def _marker(self, shard: _Shard) -> str:
        return f"{self._root}/{PRIVATE_FOLDER}/shard-{self._stem(shard)}.json"

    def _write(self, shard: _Shard) -> None:
        stem = self._stem(shard)
        name = f"part-{stem}.{self._kind}" if self._kind else ""
        entries = [shard.entries[job.name] for job in shard.jobs]
        marker = {
            "schema": MARKER,
            "config": sorted({entry["config"] for entry in entries}),
            "object": name,
            "written": round(time.time(), 3),
            "done": [entry for entry in entries if not entry["reason"]],
            "failed": [entry for entry in entries if entry["reason"]],
        }
        if self._kind:
            content = self._pack(list(self._documents(shard, entries)))
            self._pipe(f"{self._root}/{name}", content)
        self._pipe(self._marker(shard), json.dumps(marker).encode())
        self._written.add(self._marker(shard))
        shard.texts.clear()

    def _pipe(self, path: str, content: bytes) -> None:
        try:
            with naming(str(self._fs.unstrip_protocol(path)), "written"):
                self._fs.pipe_file(path, content)
        except InputError as error:
            raise OutputError(str(error)) from error

    def _documents(self, shard: _Shard, entries: list[dict[str, Any]]) -> Iterator[str]:
        for entry in entries:
            for part in [] if entry["reason"] else entry["parts"]:
                name = entry["name"] + part
                text = shard.texts.get(name) or self.get(name)
                if text is None:
                    raise OutputError(f"{name}: an earlier run's document is gone; --no-resume")
                yield text

    def _pack(self, texts: list[str]) -> bytes:
        if self._kind == "jsonl":
            lines = (json.dumps(json.loads(text), ensure_ascii=False) for text in texts)
            return "".join(f"{line}\n" for line in lines).encode()
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [flatten(Caption.from_json(text)) for text in texts]
        buffer = io.BytesIO()
        table = pa.Table.from_pylist(rows, schema=table_schema())
        pq.write_table(table, buffer, compression="zstd")
        return buffer.getvalue()

    def _load(self, name: str) -> dict[str, str]:
        """The documents of an object by their names; the last one is kept at hand."""
        if self._held[0] != name:
            with self._naming("read", name):
                content = self._fs.cat_file(f"{self._root}/{name}")
            if self._kind == "jsonl":
                texts = content.decode().splitlines()
            else:
                import pyarrow.parquet as pq

                table = pq.read_table(io.BytesIO(content), columns=["caption_json"])
                texts = table.column("caption_json").to_pylist()
            self._held = name, {json.loads(text)["video"]["id"]: text for text in texts}
        return self._held[1]

    def _remove_replaced(self) -> None:
        kept = {self._marker(shard) for shard in self._shards}
        for path in self._old - kept:
            stem = path.rpartition("/shard-")[2].removesuffix(".json")
            with self._naming("removed"):
                if self._kind:
                    self._fs.rm_file(f"{self._root}/part-{stem}.{self._kind}")
                self._fs.rm_file(path)


def read_notes(out: str) -> list[dict[str, Any]]:
    """What the runs into an address noted last, one for each part of a job array."""
    fs, root = filesystem(out.rstrip("/"))
    with naming(out):
        fs.invalidate_cache()
        paths = sorted(fs.glob(f"{root}/{PRIVATE_FOLDER}/run-*status.json"))
        return [json.loads(fs.cat_file(path)) for path in paths]
