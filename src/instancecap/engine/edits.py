"""A person's work on captions: seen by comparison with what was written, marked, and kept."""

from __future__ import annotations

import json
from dataclasses import replace

from instancecap.engine.digests import digest_of
from instancecap.engine.store import Entry, Store
from instancecap.errors import FormatError, OutputError
from instancecap.formats import Caption, caption_from
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Provenance

HUMAN = "human"
"""Who a field is by, in a caption's provenance, where a person wrote it."""


def leaf_digests(caption: Caption) -> dict[str, str]:
    """A short digest of every leaf that a person would read, by its pointer."""
    return {pointer: digest_of(value)[:8] for pointer, value in caption.leaves().items()}


def is_by_hand(caption: Caption) -> bool:
    """Whether a person wrote any of it."""
    return any(one.source == HUMAN for one in caption.provenance.values())


def mark_edits(caption: Caption, written: dict[str, str]) -> bool:
    """Say of every leaf that differs from what was written that a person wrote it.

    What was measured or checked of the sentence before holds no more: its claims go.

    Args:
        written: as :func:`leaf_digests` gave it for the caption as the program wrote it.

    Returns:
        Whether anything was marked.
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
