"""A set of captions open for review: read, edited, judged by several people at a time.

    review = ReviewSet.open("captions")
    opened = review.read("clip.mp4")
    opened = review.save("clip.mp4", edit, version=opened.version, reviewer="Ann")

A caption has a version, the digest of its document. Who saves says which version they saw; where
that is not the present one, somebody else came first, and :class:`Conflict` has what they did.
Nothing is acknowledged before it is on the disk.
"""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from instancecap.errors import FormatError, InputError
from instancecap.evals.agreement import NOT_RATED, krippendorff_alpha
from instancecap.io.identity import digest_of
from instancecap.schema.caption import Caption
from instancecap.web.review import index
from instancecap.web.review.database import Database
from instancecap.web.review.documents import Documents, open_documents
from instancecap.web.review.edits import EDIT, Edit, apply_edit, time_now

Verdict = Literal["accepted", "rejected", "skipped"]

LONGEST_CRITIQUE = 2000
"""Characters of a critique."""

SIDE_FILE = "review.sqlite"


@dataclass(frozen=True, slots=True)
class Opened:
    """A caption as it stands.

    Attributes:
        version: digest of its document.
        item: how it stands in the queue now.
    """

    name: str
    caption: Caption
    version: str
    item: index.Item


@dataclass(frozen=True, slots=True)
class Change:
    """An edit that was made."""

    id: int
    name: str
    time: str
    reviewer: str
    edit: dict[str, Any]
    batch: str


class Conflict(InputError):
    """Somebody else changed the caption since it was read.

    Attributes:
        opened: the caption as it stands now.
        changes: what was done to it since, by whom; empty where another program did it.
    """

    def __init__(self, opened: Opened, changes: list[Change]) -> None:
        who = ", ".join(dict.fromkeys(one.reviewer or "somebody" for one in changes))
        super().__init__(
            f"{opened.name}: changed by {who or 'another program'} since you opened it; look at "
            "the change, then save yours on top or leave it"
        )
        self.opened, self.changes = opened, changes


class ReviewSet:
    """Every method may be called from any thread, and by several processes on one set."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.database = Database(documents.private / SIDE_FILE)

    @classmethod
    def open(cls, path: str | Path) -> ReviewSet:
        """A folder of captions, a ``.jsonl`` or a ``.parquet``. Raises :class:`UsageError`."""
        return cls(open_documents(Path(path)))

    def refresh(self, **options: Any) -> int:
        """Bring the index up to date, as :func:`index.refresh` does."""
        return index.refresh(self.database, self.documents, **options)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection to ask the index with."""
        return self.database.reading()

    def flush(self) -> int:
        """Write a table's edited rows into it; nothing for a folder. See :class:`Documents`."""
        with self.database.writing() as db:
            return self.documents.flush(db)

    # Captions -------------------------------------------------------------------------------------

    def read(self, name: str) -> Opened:
        """A caption as it stands. Raises :class:`InputError` where it cannot be read."""
        with self.database.reading() as db:
            return self._opened(db, name, self._text(db, name))

    def save(
        self, name: str, edit: Edit, *, version: str, reviewer: str, batch: str = ""
    ) -> Opened:
        """Do an edit, and keep it.

        Args:
            version: of the caption that the reviewer saw.
            batch: an id of edits that are undone together.

        Raises:
            Conflict: that is not the present version.
            FormatError: the edit does not fit the caption.
            OutputError: it cannot be written; nothing is changed.
        """
        with self.database.writing() as db:
            text = self._text(db, name)
            self._check_version(db, name, text, version)
            before, at = _parsed(name, text), time_now()
            after = apply_edit(before, edit, at=at)
            new = after.to_json() + "\n"
            if digest_of(new) != version:
                db.execute(
                    "INSERT INTO edits (name, time, reviewer, edit, batch, before, version_before, "
                    "version_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (name, at, reviewer, EDIT.dump_json(edit, by_alias=True).decode(), batch,
                     zlib.compress(text.encode(), 1), version, digest_of(new)),
                )  # fmt: skip
                self._write(db, name, new)
            return self._opened(db, name, new)

    def undo(self, name: str, *, version: str, reviewer: str) -> Opened:
        """Take back the last edit of a caption, to the letter, if it is the reviewer's.

        Raises:
            Conflict: ``version`` is not the present one.
            InputError: there is nothing to take back, or it is somebody else's.
        """
        with self.database.writing() as db:
            self._check_version(db, name, self._text(db, name), version)
            last = db.execute(
                "SELECT * FROM edits WHERE name = ? AND NOT undone ORDER BY id DESC LIMIT 1",
                (name,),
            ).fetchone()
            if last is None or last["version_after"] != version:
                raise InputError(f"{name}: there is nothing to undo")
            if last["reviewer"] != reviewer:
                raise InputError(
                    f"{name}: the last change is {last['reviewer'] or 'somebody'}'s; change the "
                    "field instead"
                )
            return self._undo(db, last)

    def undo_batch(self, batch: str) -> tuple[int, list[str]]:
        """Take back the edits of a batch; returns how many, and the captions that were changed
        since and so are left as they are."""
        done, left = 0, []
        with self.database.reading() as db:
            ids = [
                row["id"]
                for row in db.execute(
                    "SELECT id FROM edits WHERE batch = ? AND NOT undone ORDER BY id DESC", (batch,)
                )
            ]
        for id in ids:
            with self.database.writing() as db:
                row = db.execute("SELECT * FROM edits WHERE id = ?", (id,)).fetchone()
                try:
                    same = digest_of(self._text(db, row["name"])) == row["version_after"]
                except InputError:
                    same = False
                if same:
                    self._undo(db, row)
                    done += 1
                else:
                    left.append(row["name"])
        return done, left

    def last_batch(self) -> dict[str, Any] | None:
        """The latest edits that can be undone together: ``batch``, ``fields``, ``reviewer``; None
        for none."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT batch, count(*) AS fields, reviewer FROM edits WHERE batch != '' AND NOT "
                "undone GROUP BY batch ORDER BY max(id) DESC LIMIT 1"
            ).fetchone()
        return dict(row) if row else None

    def first(self, name: str) -> Caption | None:
        """The caption before anything was done to it here; None where nothing was."""
        with self.database.reading() as db:
            row = db.execute(
                "SELECT before FROM edits WHERE name = ? AND NOT undone ORDER BY id LIMIT 1",
                (name,),
            ).fetchone()
        return _parsed(name, zlib.decompress(row["before"]).decode()) if row else None

    def changes(self, name: str) -> list[Change]:
        """The edits that were made to a caption and not taken back, in their order."""
        with self.database.reading() as db:
            return self._changes(db, name)

    def _undo(self, db: sqlite3.Connection, row: sqlite3.Row) -> Opened:
        name, text = row["name"], zlib.decompress(row["before"]).decode()
        db.execute("UPDATE edits SET undone = 1 WHERE id = ?", (row["id"],))
        self._write(db, name, text)
        return self._opened(db, name, text)

    def _text(self, db: sqlite3.Connection, name: str) -> str:
        row = db.execute("SELECT place FROM captions WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise InputError(f"{name}: no caption of this set")
        return self.documents.read(db, name, row["place"])

    def _write(self, db: sqlite3.Connection, name: str, text: str) -> None:
        """The document last: where the rest cannot be kept, it is not touched."""
        place = db.execute("SELECT place FROM captions WHERE name = ?", (name,)).fetchone()["place"]
        index.put(db, name, place, "", index.summarize(text))
        stamp = self.documents.write(db, name, place, text)
        db.execute("UPDATE captions SET stamp = ? WHERE name = ?", (stamp, name))

    def _opened(self, db: sqlite3.Connection, name: str, text: str) -> Opened:
        item = index.find_one(db, name)
        assert item is not None, name
        return Opened(name, _parsed(name, text), digest_of(text), item)

    def _check_version(self, db: sqlite3.Connection, name: str, text: str, version: str) -> None:
        if digest_of(text) != version:
            raise Conflict(self._opened(db, name, text), self._changes(db, name, since=version))

    def _changes(self, db: sqlite3.Connection, name: str, *, since: str = "") -> list[Change]:
        rows = db.execute(
            "SELECT id, name, time, reviewer, edit, batch FROM edits WHERE name = ? AND NOT undone "
            "AND id >= coalesce((SELECT max(id) FROM edits WHERE name = ? AND version_before = ?), "
            "?) ORDER BY id",
            (name, name, since, 0 if not since else math.inf),
        )
        return [Change(**dict(row) | {"edit": json.loads(row["edit"])}) for row in rows]

    # What people say of them ----------------------------------------------------------------------

    def judge(self, name: str, verdict: Verdict | Literal["open"], *, reviewer: str) -> None:
        """Keep a reviewer's verdict on a caption; ``open`` takes it back."""
        with self.database.writing() as db:
            if verdict == "open":
                db.execute("DELETE FROM verdicts WHERE (name, reviewer) = (?, ?)", (name, reviewer))
            else:
                values = (name, reviewer, verdict, time_now())
                db.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?)", values)

    def verdicts(self, name: str) -> dict[str, str]:
        """The verdict of each reviewer who gave one."""
        with self.database.reading() as db:
            rows = db.execute("SELECT reviewer, state FROM verdicts WHERE name = ?", (name,))
            return {row["reviewer"]: row["state"] for row in rows}

    def criticize(self, name: str, text: str, *, reviewer: str) -> None:
        """Keep a line that says what is wrong with a caption; an empty one takes it back."""
        line = " ".join(text.split())
        if len(line) > LONGEST_CRITIQUE:
            raise FormatError(f"a critique has at most {LONGEST_CRITIQUE} characters")
        with self.database.writing() as db:
            db.execute("DELETE FROM critiques WHERE (name, reviewer) = (?, ?)", (name, reviewer))
            if line:
                db.execute(
                    "INSERT INTO critiques (name, reviewer, time, text) VALUES (?, ?, ?, ?)",
                    (name, reviewer, time_now(), line),
                )

    def critiques(self, name: str) -> dict[str, str]:
        """The critique of each reviewer who wrote one."""
        with self.database.reading() as db:
            rows = db.execute("SELECT reviewer, text FROM critiques WHERE name = ?", (name,))
            return {row["reviewer"]: row["text"] for row in rows}

    def pairs(self) -> Iterator[dict[str, Any]]:
        """Training pairs: each caption that was edited or criticized, before and after."""
        with self.database.reading() as db:
            names = db.execute(
                "SELECT name FROM captions WHERE name IN (SELECT name FROM critiques UNION "
                "SELECT name FROM edits WHERE NOT undone) ORDER BY number"
            ).fetchall()
        for (name,) in names:
            try:
                after = self.read(name).caption
            except InputError:
                continue
            before = self.first(name) or after
            video = after.video
            yield {
                "id": name,
                "path": video.path if video else "",
                "start": video.start if video else 0.0,
                "end": video.end if video else 0.0,
                "critiques": list(self.critiques(name).values()),
                "verdicts": list(self.verdicts(name).values()),
                "before": before.model_dump(mode="json"),
                "after": after.model_dump(mode="json"),
            }

    def progress(self) -> dict[str, Any]:
        """How far the review is.

        ``captions``, how many are ``open``, ``accepted``, ``rejected``, ``skipped`` by anybody,
        ``unreadable``, ``edited``; by reviewer how many they judged; ``agreement`` is
        Krippendorff's alpha between those who judged the same captions, None where nobody did.
        """
        with self.database.reading() as db:
            states = ("open", "accepted", "rejected", "skipped", "unreadable")
            counts = {one: index.count(db, index.Query(state=one)) for one in states}  # type: ignore[arg-type]
            edited = "SELECT count(DISTINCT name) FROM edits WHERE NOT undone"
            judged = "SELECT reviewer, count(*) FROM verdicts GROUP BY reviewer ORDER BY reviewer"
            return {
                "captions": index.count(db, index.Query()),
                **counts,
                "edited": db.execute(edited).fetchone()[0],
                "reviewers": {row[0]: row[1] for row in db.execute(judged)},
                **_agreement(db),
                "built": bool(db.execute("SELECT 1 FROM notes WHERE name = 'built'").fetchone()),
            }


def _agreement(db: sqlite3.Connection) -> dict[str, Any]:
    rows = db.execute(
        "SELECT name, reviewer, state = 'accepted' AS fine FROM verdicts WHERE state != 'skipped' "
        "AND name IN (SELECT name FROM verdicts WHERE state != 'skipped' GROUP BY name "
        "HAVING count(*) > 1)"
    ).fetchall()
    names = {row["name"]: 0 for row in rows}
    names = {name: at for at, name in enumerate(names)}
    people = {name: at for at, name in enumerate(sorted({row["reviewer"] for row in rows}))}
    ratings = np.full((len(names), len(people)), NOT_RATED)
    for row in rows:
        ratings[names[row["name"]], people[row["reviewer"]]] = row["fine"]
    alpha = krippendorff_alpha(ratings, scale="nominal") if len(names) else math.nan
    same = [len({one for one in line if one != NOT_RATED}) == 1 for line in ratings]
    return {
        "judged_twice": len(names),
        "same": sum(same),
        "agreement": None if math.isnan(alpha) else round(alpha, 3),
    }


def _parsed(name: str, text: str) -> Caption:
    return Caption.from_json(text, source=name)
