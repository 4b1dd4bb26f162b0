"""What is known of every caption of a set without opening it: to filter, to order, to search.

Built once, in the side file; later only what changed is read again. A page of the queue costs one
query, whatever the size of the set.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any, Literal, NamedTuple

from pydantic.dataclasses import dataclass

from instancecap.errors import InputError
from instancecap.evals.quality.flags import FLAGS, flags_of, scripts_of, words_of
from instancecap.formats.text import paragraph
from instancecap.schema.caption import Caption
from instancecap.web.review.database import Database
from instancecap.web.review.documents import FOREIGN, OURS, Documents, Found

COPY = "exact copy"
"""The flag of ``eval quality`` for captions that have the same words."""

BESIDE = "like its neighbor"
"""The flag that is about two captions, and would be out of date when either is edited."""

AT_A_TIME = 100
"""Captions that are written into the index together; others can write in between."""

PAGE = 50
"""Captions of a page of the queue."""

SURE = 1.0
"""Confidence of a caption that says of none of its fields how sure it is."""

Order = Literal["doubt", "set"]
State = Literal["", "open", "accepted", "rejected", "skipped", "unreadable"]


_JUDGED = "EXISTS (SELECT 1 FROM verdicts WHERE verdicts.name = captions.name{})"
_FOLDER = "coalesce(nullif(rtrim(name, replace(name, '/', '')), ''), '/')"
"""The folder that a caption lies in, with a slash at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which captions, in which order.

    Attributes:
        order: ``doubt``: most disputed claims first, then the least sure; ``set``: as they stand.
        state: of anybody's verdict; of ``reviewer``'s where that is given. ``open``: without one.
        folder: only those that lie in it, with a slash at its end.
        disputed: only those with disputed or contradicted claims.
        below: only those with a field whose confidence is below this, 0..1.
        flag, class_, camera: only those with this flag, instance class, camera movement.
        text: only those in which these words stand, in any case.
    """

    order: Order = "doubt"
    state: State = ""
    reviewer: str = ""
    disputed: bool = False
    below: float = 0.0
    flag: str = ""
    class_: str = ""
    camera: str = ""
    text: str = ""
    folder: str = ""

    def where(self) -> tuple[str, list[Any]]:
        """The condition in SQL on the table ``captions``, and its values."""
        parts: list[str] = []
        values: list[Any] = []

        def add(part: str, *given: Any) -> None:
            parts.append(part)
            values.extend(given)

        if self.disputed:
            add("rank < 0")
        if self.below > 0:
            add("confidence < ?", self.below)
        if self.flag == COPY:
            add("words IN (SELECT words FROM captions WHERE error = '' GROUP BY words "
                "HAVING count(*) > 1)")  # fmt: skip
        elif self.flag:
            add("instr(flags, ?)", _listed(self.flag))
        for column, value in (("classes", self.class_), ("camera", self.camera)):
            if value:
                add(f"instr({column}, ?)", _listed(value.casefold()))
        if self.state == "unreadable":
            add("error != ''")
        elif self.state:
            wanted = {"reviewer": self.reviewer, "state": self.state.removeprefix("open")}
            wanted = {column: value for column, value in wanted.items() if value}
            judged = _JUDGED.format("".join(f" AND {column} = ?" for column in wanted))
            is_open = "NOT " if self.state == "open" else ""
            add(f"{is_open}{judged} AND error = ''", *wanted.values())
        if self.folder:
            add(f"{_FOLDER} = ?", self.folder)
        if self.text:
            wanted_text = self.text.casefold()
            add("(number IN (SELECT number FROM texts WHERE instr(text, ?)) "
                "OR instr(lower(name), ?))", wanted_text, wanted_text)  # fmt: skip
        return " AND ".join(parts) or "1", values


class Place(NamedTuple):
    """Where a caption stands in any order; kept by who looks at it, as edits may move it.

    Attributes:
        rank: minus the number of its disputed claims.
        number: where it stands in the set.
    """

    rank: int
    confidence: float
    number: int


class Item(NamedTuple):
    """A caption of the queue; ``verdicts`` has everybody's by name."""

    name: str
    place: Place
    error: str
    verdicts: dict[str, str]
    classes: list[str]
    edited: bool


def refresh(
    database: Database, documents: Documents, *, on_progress: Callable[[int], None] = lambda n: None
) -> int:
    """Bring the index up to what is there now; returns the number of captions.

    Others may edit captions meanwhile: what they wrote is never replaced by what was read before.
    """
    names: set[str] = set()
    with database.reading() as db:
        known = {
            row["name"]: row["stamp"] for row in db.execute("SELECT name, stamp FROM captions")
        }
    with database.reading() as source:
        found_now = documents.find(source)
        while some := list(islice(found_now, AT_A_TIME)):
            names.update(found.name for found in some)
            fresh = [found for found in some if known.get(found.name) != found.stamp]
            summaries = [(found, *_summary_of(found)) for found in fresh]
            if summaries:
                with database.writing() as db:
                    for found, text, summary in summaries:
                        _keep(db, documents, found, text, summary, known.get(found.name))
            on_progress(len(names))
    with database.writing() as db:
        documents.settle(db)
        for name in known.keys() - names:
            drop(db, name)
        db.execute("INSERT OR REPLACE INTO notes VALUES ('built', '1')")
    return len(names)


def _keep(
    db: sqlite3.Connection,
    documents: Documents,
    found: Found,
    text: str,
    summary: Summary,
    known: str | None,
) -> None:
    row = db.execute("SELECT stamp FROM captions WHERE name = ?", (found.name,)).fetchone()
    if (row["stamp"] if row else None) != known:
        return  # somebody edited it since
    stamp = found.stamp
    if text:
        kept = documents.keep(db, found.name, text)
        summary = summary if kept is text else summarize(kept)
    put(db, found.name, found.place, stamp, summary)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the index holds of one caption."""

    error: str = ""
    disputed: int = 0
    confidence: float = SURE
    flags: str = ""
    classes: str = ""
    camera: str = ""
    words: str = ""
    text: str = ""


def _summary_of(found: Found) -> tuple[str, Summary]:
    try:
        text = found.load()
    except InputError as error:
        return "", Summary(error=str(error))
    return text, summarize(text)


def summarize(text: str) -> Summary:
    """The summary of a document."""
    try:
        caption = Caption.from_json(text, source="the caption")
    except InputError as error:
        return Summary(error=str(error) if OURS in text else FOREIGN)
    said = paragraph(caption)
    words = words_of(said)
    leaves = caption.leaves()
    known = caption.provenance.items()
    sure = [
        one.confidence for pointer, one in known if pointer in leaves and one.support != "measured"
    ]
    sure = sure or [one.confidence for pointer, one in known if pointer in leaves]
    doubtful = sum(one.support in ("disputed", "contradicted") for one in caption.claims)
    doubtful += sum(one.support == "contradicted" for one in caption.provenance.values())
    return Summary(
        disputed=doubtful,
        confidence=min(sure, default=SURE),
        flags=_joined(flags_of(words, (), scripts_of(said))),
        classes=_joined(dict.fromkeys(one.class_.casefold() for one in caption.instances)),
        camera=_joined(caption.camera.motion),
        words=blake2b(" ".join(words).encode(), digest_size=8).hexdigest(),
        text="\n".join([video_of(caption), *map(_flat, leaves.values())]).casefold(),
    )


def video_of(caption: Caption) -> str:
    """The id of the clip; empty where none is known."""
    return caption.video.id if caption.video else ""


def put(db: sqlite3.Connection, name: str, place: str, stamp: str, summary: Summary) -> None:
    """Write what the index holds of a caption."""
    own = (place, stamp, summary.error, -summary.disputed, summary.confidence, summary.flags,
           summary.classes, summary.camera, summary.words)  # fmt: skip
    db.execute(
        "INSERT INTO captions (place, stamp, error, rank, confidence, flags, classes, camera, "
        "words, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "place = ?, stamp = ?, error = ?, rank = ?, confidence = ?, flags = ?, classes = ?, "
        "camera = ?, words = ?",
        (*own, name, *own),
    )
    db.execute(
        "INSERT OR REPLACE INTO texts SELECT number, ? FROM captions WHERE name = ?",
        (summary.text, name),
    )


def drop(db: sqlite3.Connection, name: str) -> None:
    """Take a caption that is gone out of the index; what people said of it stays."""
    db.execute(
        "DELETE FROM texts WHERE number = (SELECT number FROM captions WHERE name = ?)", (name,)
    )
    for table in ("captions", "documents", "unwritten"):
        db.execute(f"DELETE FROM {table} WHERE name = ?", (name,))


# Asking -------------------------------------------------------------------------------------------

_SORTED: dict[Order, tuple[str, ...]] = {
    "doubt": ("rank", "confidence", "number"),
    "set": ("number",),
}


def find(
    db: sqlite3.Connection,
    query: Query,
    *,
    after: Place | None = None,
    back: bool = False,
    most: int = PAGE,
) -> list[Item]:
    """Captions that the query is after, the next ones ``after`` a place, or those before it.

    ``back``: those before it, nearest first.
    """
    condition, values = query.where()
    keys = _SORTED[query.order]
    if after is not None:
        sign = "<" if back else ">"
        given = after[-len(keys) :]
        condition += f" AND ({', '.join(keys)}) {sign} ({', '.join('?' * len(keys))})"
        values += given
    way = " DESC" if back else ""
    rows = db.execute(
        f"SELECT {_ITEM} FROM captions WHERE {condition} "
        f"ORDER BY {', '.join(key + way for key in keys)} LIMIT ?",
        (*values, most),
    )
    return [_item(row) for row in rows]


def find_one(db: sqlite3.Connection, name: str) -> Item | None:
    """What the index holds of a caption."""
    row = db.execute(f"SELECT {_ITEM} FROM captions WHERE name = ?", (name,)).fetchone()
    return _item(row) if row else None


def count(db: sqlite3.Connection, query: Query) -> int:
    """How many captions the query is after."""
    condition, values = query.where()
    found: int = db.execute(f"SELECT count(*) FROM captions WHERE {condition}", values).fetchone()[
        0
    ]
    return found


def names_of(db: sqlite3.Connection, query: Query) -> Iterator[str]:
    """Names of the captions that the query is after, as they stand."""
    condition, values = query.where()
    for row in db.execute(
        f"SELECT name FROM captions WHERE {condition} AND error = '' ORDER BY number", values
    ):
        yield row["name"]


def choices(db: sqlite3.Connection) -> dict[str, list[str]]:
    """What can be chosen to filter by: flags, and the folders, classes and movements there are."""
    found: dict[str, list[str]] = {"flags": [one for one in FLAGS if one != BESIDE] + [COPY]}
    for column in ("classes", "camera"):
        lists = db.execute(f"SELECT DISTINCT {column} FROM captions WHERE {column} != ''")
        found[column] = sorted({one for (joined,) in lists for one in _split(joined)})
    folders = db.execute(f"SELECT DISTINCT {_FOLDER} FROM captions")
    found["folders"] = sorted(one for (one,) in folders)
    return found


_ITEM = (
    "number, name, error, rank, confidence, classes, "
    "(SELECT json_group_object(reviewer, state) FROM verdicts "
    "WHERE verdicts.name = captions.name) AS verdicts, "
    "EXISTS (SELECT 1 FROM edits WHERE edits.name = captions.name AND NOT undone) AS edited"
)


def _item(row: sqlite3.Row) -> Item:
    place = Place(row["rank"], row["confidence"], row["number"])
    verdicts = json.loads(row["verdicts"])
    classes, edited = _split(row["classes"]), bool(row["edited"])
    return Item(row["name"], place, row["error"], verdicts, classes, edited)


_MARK = "\x1f"
"""Parts the entries of a list within a cell; each stands between two of them."""


def _listed(value: str) -> str:
    return f"{_MARK}{value}{_MARK}"


def _joined(values: Any) -> str:
    joined = _MARK.join(values)
    return _listed(joined) if joined else ""


def _split(joined: str) -> list[str]:
    return joined.strip(_MARK).split(_MARK) if joined else []


def _flat(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
