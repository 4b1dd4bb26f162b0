"""A person's work on the captions of an output: taken over, marked, and kept."""

from __future__ import annotations

import json
from dataclasses import replace

from instancecap.datasets.edits import mark_edits
from instancecap.engine.store import Entry, Store
from instancecap.errors import FormatError, OutputError
from instancecap.formats import Caption, caption_from


def take_edits(store: Store, entry: Entry) -> dict[str, str]:
    """Mark what a person changed in the documents of a clip since they were written.

    From then on the store's sink gives, and writes, the person's version. One that cannot be read
    is left as it is.

    Returns:
        By the name of each document that was changed, what is wrong with it; mostly nothing.
    """
    changed: dict[str, str] = {}
    for part in entry.parts:
        name = entry.name + part
        if store.sink.is_edited(name, entry.digests.get(part, "")):
            changed[name] = _take(store, name, entry.leaves.get(part))
    return changed


def mark_stale(store: Store, entry: Entry, part: str) -> None:
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
        store.records.record(replace(entry, digests=digests), cost={})


def _take(store: Store, name: str, written: dict[str, str] | None) -> str:
    """Mark one document; returns what is wrong with it."""
    text = store.sink.current(name)
    if text is None or written is None:  # another format, or no caption: kept as it is
        return ""
    problems: list[str] = []
    try:
        caption = caption_from(json.loads(text), format="instancecap", problems=problems)
        caption.warnings = [one for one in caption.warnings if one not in problems]
        marked = mark_edits(caption, written)
        if problems:  # writing it back would lose what is not understood
            return "; ".join(problems)
        if marked or not store.sink.piecewise:
            store.sink.put(name, caption.to_json())
    except (ValueError, RecursionError):
        return "not valid JSON"
    except (FormatError, OutputError) as error:
        return str(error)
    return ""
