"""What a person changed in a caption, seen by comparison with what this program wrote."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path

from instancecap.formats import caption_from, to_format
from instancecap.formats.table_rows import OURS
from instancecap.io.identity import digest_of
from instancecap.io.inputs import PRIVATE_FOLDER, private_folder
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import HUMAN, Caption, Provenance


def leaf_digests(caption: Caption, *, format: str = OURS) -> dict[str, str]:
    """A short digest of every leaf that a person would read, by its pointer.

    Of a caption that is written in another ``format``, of what comes back from that.
    Raises :class:`FormatError` where the format cannot say it.
    """
    if format != OURS:
        caption = caption_from(to_format(caption, format), format=format)
    return {pointer: digest_of(value)[:8] for pointer, value in caption.leaves().items()}


def is_by_hand(caption: Caption) -> bool:
    """Whether a person wrote any of it."""
    return any(one.source == HUMAN for one in caption.provenance.values())


def mark_edits(caption: Caption, written: dict[str, str]) -> bool:
    """Say of every leaf that differs from what was written that a person wrote it.

    What was measured or checked of the sentence before holds no more: its claims go. ``written``
    is what :func:`leaf_digests` gave. Returns whether anything was marked.
    """
    now = leaf_digests(caption)
    ids = {one.id for one in caption.instances}
    changed = {pointer for pointer, digest in now.items() if written.get(pointer) != digest}
    changed |= {
        pointer
        for pointer in written.keys() - now.keys()
        if (own := pointers.instance_of(pointer)) is None or own in ids
    }
    fresh = {one for one in changed if not _is_marked(caption, one)}
    for pointer in sorted(fresh):
        caption.provenance[pointer] = Provenance(source=HUMAN, confidence=1.0, support="unchecked")
    if fresh:
        caption.claims = [one for one in caption.claims if one.field not in fresh]
    return bool(fresh)


def _is_marked(caption: Caption, pointer: str) -> bool:
    steps = pointer.split("/")
    holders = ("/".join(steps[:end]) for end in range(2, len(steps) + 1))
    return any(
        (one := caption.provenance.get(holder)) is not None and one.source == HUMAN
        for holder in holders
    )


def mark_by_ledger(caption: Caption, source: str, *, name: str) -> None:
    """Mark what a person changed in a caption that is read from an output of this program.

    Args:
        source: the file, perhaps with the place in it: ``captions.jsonl: line 3``.
        name: of the file or row; counts where the caption's own id is not known.
    """
    file = file_of(source)
    folder, ledgers = _ledgers_of(os.path.abspath(file)) if file else ("", ())
    if folder:  # each file of such an output is a document; others there were made of it
        ids = [Path(os.path.relpath(file, folder)).with_suffix("").as_posix()]
    else:
        ids = [caption.video.id, name] if caption.video else [name]
    names = []
    for id in ids:
        stem, mark, number = id.rpartition("#")
        names += [(id, ""), (stem, mark + number)]
    for ledger in ledgers:
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"{ledger}?mode=ro", uri=True)) as db:
            for name, part in names:
                query = "SELECT entry -> 'leaves' FROM clips WHERE name = ?"
                row = db.execute(query, (name,)).fetchone()
                if row is not None and part in (written := json.loads(row[0])):
                    mark_edits(caption, written[part])
                    return


def file_of(source: str) -> str:
    """The file that a row came from: *captions.csv* of *captions.csv: row 3*; empty for none."""
    while source and not os.path.exists(source):
        source = source.rpartition(": ")[0]
    return source


@lru_cache(maxsize=64)
def _ledgers_of(file: str) -> tuple[str, tuple[str, ...]]:
    """The output folder that a file lies in, empty for a table, and addresses of its ledgers."""
    path = Path(file)
    folders = [private_folder(path), *(parent / PRIVATE_FOLDER for parent in path.parents)]
    private = next((one for one in folders if one.is_dir()), None)
    if private is None:
        return "", ()
    is_table = private == folders[0] or private.parent.suffix.lower() == ".parquet"
    ledgers = tuple(one.as_uri() for one in sorted(private.glob("ledger*.sqlite")))
    return "" if is_table else str(private.parent), ledgers
