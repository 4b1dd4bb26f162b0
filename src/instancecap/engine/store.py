"""Where a run's results go, and what of them is known to be done.

A :class:`Store` has two parts that know nothing of one another's files: a :class:`Sink` takes the
documents, and :class:`Records` keep what became of each clip. A document is always written before
its record, so that a run which dies in between only does that clip again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol, Self

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from instancecap.formats.table_rows import OURS
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of one clip, as JSON in every kind of records.

    Attributes:
        parts: what follows the name in those of the clip's documents: ``""``, or ``#1``, ….
        state: ``done``, ``partial`` or ``failed``.
        reason: why it failed, or what is missing; empty for ``done``.
        missing: by part, JSON pointers of what was asked for and not got.
        digests: by part, the digest of the document as it was written.
        leaves: by part, the digest of every leaf of the caption as it was written.
        by_hand: a person wrote some of it.
        seconds: that it took.
        cost: what models were asked.
    """

    name: str
    path: str
    start: float
    end: float | None
    identity: Identity
    config: str
    parts: tuple[str, ...] = ("",)
    state: str = "done"
    reason: str = ""
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    leaves: dict[str, dict[str, str]] = field(default_factory=dict)
    by_hand: bool = False
    seconds: float = 0.0
    cost: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, identity: Identity, *, config: str, **what: Any) -> Entry:
        """About a job; ``what`` came of it."""
        clip = job.clip
        what |= {"path": clip.path, "start": clip.start, "end": clip.end}
        return cls(name=job.name, identity=identity, config=config, **what)

    def is_of(self, job: Job) -> bool:
        """Whether it is about this job's file and span."""
        clip = job.clip
        return (self.path, self.start, self.end) == (clip.path, clip.start, clip.end)

    @property
    def documents(self) -> list[str]:
        """Names of the clip's documents."""
        return [] if self.state == "failed" else [self.name + part for part in self.parts]


ENTRY = TypeAdapter(Entry)
"""Reads and writes entries."""


class Records(Protocol):
    """What became of every clip of an output, kept so that a later run goes on.

    Attributes:
        is_shared: other runs do other parts of the same output.
    """

    is_shared: bool = False

    @abstractmethod
    def find(self, job: Job) -> Entry | None:
        """The entry of this name."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """All that was written down."""

    @abstractmethod
    def record(self, entry: Entry) -> None:
        """Write an entry down. Raises :class:`OutputError` where it cannot be written."""

    @abstractmethod
    def note(self, values: Mapping[str, object], *, urgent: bool = False) -> None:
        """Keep how the run stands; soon enough unless it is ``urgent``."""

    def is_empty(self) -> bool:
        """Whether nothing was ever written down."""
        return next(self.entries(), None) is None

    def find_moved(self, job: Job, identity: Identity, *, config: str) -> Entry | None:
        """A done entry of the same content, span and configuration, whatever its name."""
        return None

    def knows_size(self, size: int) -> bool:
        """Whether any clip was read from a file of this size."""
        return False

    def begin(self, todo: Iterable[tuple[int, Job]]) -> None:
        """Learn what is left to do."""
        return

    def finish(self) -> None:
        """The run ends; make what was recorded last for good."""
        return

    def close(self) -> None:
        """Give the output free."""
        return


class Sink(Protocol):
    """Takes finished documents in any order; :meth:`finish` makes tables appear at the end.

    Attributes:
        folds_names: the file system written to takes ``a`` and ``A`` for one name.
        piecewise: each document appears by itself, not with all others at the end.
        format: of the captions that appear; what is put is always our own.
    """

    folds_names: bool = False
    piecewise: bool = True
    format: str = OURS

    @abstractmethod
    def put(self, name: str, text: str) -> str:
        """Keep a document; returns the digest of what stands in the output then.

        Raises:
            OutputError: it cannot be written.
            FormatError: the format cannot say it.
        """

    @abstractmethod
    def get(self, name: str) -> str | None:
        """Our own document that an earlier run put under this name; None where none is kept."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is a document of this name."""

    @abstractmethod
    def where(self, name: str) -> str:
        """The path to name to a user who looks for a document."""

    @abstractmethod
    def finish(self, names: Iterable[str]) -> list[str]:
        """Make the outputs of these names appear, in this order; returns the paths."""

    def find_edits(self, entries: Iterable[Entry]) -> None:
        """Look which documents of these entries are not as they were written any more."""
        return

    def is_edited(self, name: str, digest: str) -> bool:
        """Whether the document is there and is not the one that :meth:`put` gave this digest."""
        return False

    def current(self, name: str) -> str | None:
        """Our own document as it stands in the output, edited or not; None where it is none."""
        return self.get(name)

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""
        return

    def close(self) -> None:
        """Give back what is open. What was put is kept."""
        return


class Store:
    """An output: its sink, and the records of its clips once the run has begun.

    Attributes:
        cache: folder for evidence that later runs use; empty where none is kept.
    """

    records: Records
    """Known from :meth:`begin` on."""

    def __init__(
        self, sink: Sink, open_records: Callable[[Sequence[Job]], Records], *, cache: str = ""
    ) -> None:
        self.sink, self.cache, self._open_records = sink, cache, open_records

    def begin(self, jobs: Sequence[Job]) -> Self:
        """Lock the output for this run, and read what earlier runs left.

        Raises :class:`UsageError` where another run is at work on it.
        """
        self.records = self._open_records(jobs)
        return self

    def finish(self, names: Iterable[str]) -> list[str]:
        """Make the outputs of these names appear, in this order; returns the paths."""
        self.records.finish()
        return self.sink.finish(names)

    def close(self) -> None:
        """Give the output free."""
        if hasattr(self, "records"):
            self.records.close()
        self.sink.close()
