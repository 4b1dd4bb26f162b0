"""What differs between two versions of a set: captions added, removed, changed by field."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from tempfile import NamedTemporaryFile
from typing import Any, ClassVar, Literal

from pydantic import Field

from instancecap.datasets.captions import Row, read_captions
from instancecap.errors import UsageError
from instancecap.schema.base import Document, StrictModel

MOST_TOLD = 200
"""Captions of each kind that the document holds; every one is handed to ``on_difference``."""

_NUMBER = re.compile(r"/\d+")

Leaves = dict[str, Any]


Kind = Literal["added", "removed", "changed"]


class Change(StrictModel):
    """A field of one caption; a text is empty where the field was, or is, not known."""

    kind: Kind
    field: str = Field(description="JSON pointer; after /instances/ stands the instance's id")
    before: str
    after: str


class Difference(StrictModel):
    """A caption that is not in both versions as it is."""

    name: str
    kind: Kind
    changes: list[Change] = []


class FieldCount(StrictModel):
    """Of one field, without the numbers of instances: captions that it was changed in."""

    added: int = 0
    removed: int = 0
    changed: int = 0


class Diff(Document):
    """What ``diff.json`` holds."""

    kind: ClassVar[str] = "difference of captions"

    schema_: Literal["instancecap.diff/1"] = Field(default="instancecap.diff/1", alias="schema")
    first: str
    second: str
    captions: tuple[int, int] = Field(description="of the first and the second version")
    same: int
    added: int
    removed: int
    changed: int
    fields: dict[str, FieldCount]
    told: list[Difference] = Field(
        description=f"the first {MOST_TOLD} of each kind; all are in changes.jsonl"
    )
    failed: int = Field(description="rows that could not be read, and second captions of a name")

    @property
    def is_empty(self) -> bool:
        """Whether both versions hold the same captions."""
        return not (self.added or self.removed or self.changed)


def diff(
    first: Sequence[str],
    second: Sequence[str],
    *,
    on_difference: Callable[[Difference], None] = lambda one: None,
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Diff:
    """Compare captions by their names, leaf by leaf of what a person would read.

    The first version waits in a file on disk while the second is read, so that memory stays flat.

    Args:
        first, second: files, folders and tables of each version.
        on_difference: told each caption that differs; removed ones at the end.
        on_failure: told the file and row of each caption that cannot be read, and why.

    Raises:
        UsageError: one of the versions has no caption.
    """
    with NamedTemporaryFile(suffix=".sqlite") as file, closing(sqlite3.connect(file.name)) as base:
        base.execute("CREATE TABLE held (name TEXT PRIMARY KEY, leaves TEXT, seen INTEGER)")
        comparison = _Comparison(base, on_difference, on_failure)
        comparison.hold(read_captions(first))
        comparison.compare(read_captions(second))
        for count, paths in zip(comparison.counts, (first, second), strict=True):
            if not count:
                raise UsageError(f"{', '.join(paths)}: no caption can be read")
        return comparison.done(", ".join(first), ", ".join(second))


class _Comparison:
    """Two versions of a set, the first in a table ``held``."""

    def __init__(
        self,
        base: sqlite3.Connection,
        on_difference: Callable[[Difference], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._base, self._tell, self._fail = base, on_difference, on_failure
        self.counts = [0, 0]
        self._kinds: Counter[str] = Counter()
        self._fields: dict[str, FieldCount] = {}
        self._told: list[Difference] = []
        self._failed = 0

    def _readable(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Leaves]]:
        for row in rows:
            if row.caption is None:
                self._reject(row, row.error)
            else:
                yield row, row.caption.leaves()

    def _reject(self, row: Row, reason: str) -> None:
        self._failed += 1
        self._fail(row.source, reason)

    def hold(self, rows: Iterable[Row]) -> None:
        """Take the first version."""
        for row, leaves in self._readable(rows):
            values = (row.name, json.dumps(leaves))
            done = self._base.execute("INSERT OR IGNORE INTO held VALUES (?, ?, 0)", values)
            if not done.rowcount:
                self._reject(row, f"a second caption of the name {row.name}")
            self.counts[0] += done.rowcount

    def compare(self, rows: Iterable[Row]) -> None:
        """Go through the second version, then tell what is left of the first."""
        for row, leaves in self._readable(rows):
            query = "SELECT leaves, seen FROM held WHERE name = ?"
            text, seen = self._base.execute(query, (row.name,)).fetchone() or ("", 0)
            if seen:
                self._reject(row, f"a second caption of the name {row.name}")
                continue
            self.counts[1] += 1
            state = {"name": row.name, "seen": 1 if text else 2}
            self._base.execute(
                "INSERT INTO held VALUES (:name, '', :seen) ON CONFLICT DO UPDATE SET seen = :seen",
                state,
            )
            if not text:
                self._note(Difference(name=row.name, kind="added"))
            elif changes := _changes(json.loads(text), json.loads(json.dumps(leaves))):
                self._note(Difference(name=row.name, kind="changed", changes=changes))
            else:
                self._kinds["same"] += 1
        for (name,) in self._base.execute("SELECT name FROM held WHERE seen = 0 ORDER BY rowid"):
            self._note(Difference(name=name, kind="removed"))

    def _note(self, one: Difference) -> None:
        self._kinds[one.kind] += 1
        if self._kinds[one.kind] <= MOST_TOLD:
            self._told.append(one)
        for field, kind in {(_NUMBER.sub("", each.field), each.kind) for each in one.changes}:
            count = self._fields.setdefault(field.strip("/").replace("/", " "), FieldCount())
            setattr(count, kind, getattr(count, kind) + 1)
        self._tell(one)

    def done(self, first: str, second: str) -> Diff:
        """What was found."""
        kinds = {kind: self._kinds[kind] for kind in ("same", "added", "removed", "changed")}
        return Diff(
            first=first,
            second=second,
            captions=(self.counts[0], self.counts[1]),
            fields=dict(sorted(self._fields.items())),
            told=self._told,
            failed=self._failed,
            **kinds,
        )


def _changes(before: Leaves, after: Leaves) -> list[Change]:
    return [
        Change(
            kind="added" if pointer not in before else "changed" if pointer in after else "removed",
            field=pointer,
            before=_shown(before.get(pointer)),
            after=_shown(after.get(pointer)),
        )
        for pointer in dict.fromkeys([*before, *after])
        if before.get(pointer) != after.get(pointer)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
