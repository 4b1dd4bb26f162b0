"""Find and replace over a set: looked at first, done as edits, taken back as one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

from instancecap.datasets.replace import Replacement, changed_texts
from instancecap.errors import InputError
from instancecap.schema.caption import Caption
from instancecap.web.review import index
from instancecap.web.review.edits import FREE_TEXT, SetField
from instancecap.web.review.store import Conflict, ReviewSet

MOST_SHOWN = 100
"""Fields of a preview."""

STEPS = 200
"""Lines of progress of a replacement, at most."""

AGAIN = 3
"""Times that a caption is tried which somebody else edits at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReplacement:
    """What is put for what, in the captions that a query is after."""

    rule: Replacement
    query: index.Query = field(default_factory=index.Query)

    def edits(self, caption: Caption) -> dict[str, tuple[Any, Any]]:
        """Value before and after of every field of a caption that changes, by pointer."""
        changes = changed_texts(caption, self.rule.change)
        return {at: values for at, values in changes.items() if FREE_TEXT.fullmatch(at)}


def preview(review: ReviewSet, replacement: SetReplacement) -> dict[str, Any]:
    """What a replacement would change: counts, and the first fields with before and after."""
    captions = fields = 0
    shown: list[dict[str, Any]] = []
    for name in _names(review, replacement):
        try:
            edits = replacement.edits(review.read(name).caption)
        except InputError:
            continue
        captions += bool(edits)
        fields += len(edits)
        for pointer, (before, after) in edits.items() if len(shown) < MOST_SHOWN else ():
            shown.append({"name": name, "pointer": pointer, "before": before, "after": after})
    return {"captions": captions, "fields": fields, "shown": shown[:MOST_SHOWN]}


def replace_all(
    review: ReviewSet,
    replacement: SetReplacement,
    *,
    reviewer: str,
    on_progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Replace in every caption that the query is after.

    Returns the ``batch`` to take it back by, how many ``captions`` and ``fields`` changed, and by
    caption in ``failed`` why a field could not be changed; it is left as it was.
    """
    batch = secrets.token_urlsafe(9)
    captions = fields = 0
    failed: dict[str, str] = {}
    names = _names(review, replacement)
    for number, name in enumerate(names):
        if number % (1 + len(names) // STEPS) == 0:
            on_progress(number / len(names))
        try:
            done = _replace_in(review, replacement, name, reviewer=reviewer, batch=batch)
        except InputError as error:
            failed[name] = str(error)
            continue
        captions += bool(done)
        fields += done
    return {"batch": batch, "captions": captions, "fields": fields, "failed": failed}


def _replace_in(
    review: ReviewSet, replacement: SetReplacement, name: str, *, reviewer: str, batch: str
) -> int:
    opened, done = review.read(name), 0
    for _ in range(AGAIN):
        try:
            for pointer, (_before, after) in replacement.edits(opened.caption).items():
                edit = SetField(pointer=pointer, value=after)
                opened = review.save(
                    name, edit, version=opened.version, reviewer=reviewer, batch=batch
                )
                done += 1
        except Conflict as conflict:
            opened = conflict.opened
        else:
            break
    return done


def _names(review: ReviewSet, replacement: SetReplacement) -> list[str]:
    """Captions in which the words stand at all, by the index."""
    query = replacement.query
    with review.reading() as db:
        return list(index.names_of(db, changed(query, text=query.text or replacement.rule.find)))
