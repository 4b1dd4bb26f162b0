"""Find and replace over a set: looked at first, done as edits, taken back as one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

from instancecap.errors import InputError, UsageError
from instancecap.schema.caption import Caption
from instancecap.web.review import index
from instancecap.web.review.edits import FREE_TEXT, SetField
from instancecap.web.review.store import Conflict, ReviewSet

MOST_SHOWN = 100
"""Fields of a preview."""

AGAIN = 3
"""Times that a caption is tried which somebody else edits at the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What is put for what, and where. Raises :class:`UsageError` where nothing is looked for.

    Attributes:
        fields: last steps of the pointers of fields to look at, such as ``appearance``; all texts
            where there are none.
        query: the captions to look at.
    """

    find: str
    put: str
    whole_words: bool = True
    same_case: bool = False
    fields: tuple[str, ...] = ()
    query: index.Query = field(default_factory=index.Query)

    def __post_init__(self) -> None:
        if not self.find.strip():
            raise UsageError("say what to look for")

    @property
    def pattern(self) -> re.Pattern[str]:
        """What is looked for."""
        found = re.escape(self.find)
        found = rf"(?<!\w){found}(?!\w)" if self.whole_words else found
        return re.compile(found, re.NOFLAG if self.same_case else re.IGNORECASE)

    def edits(self, caption: Caption) -> dict[str, tuple[Any, Any]]:
        """Value before and after of every field of a caption that changes, by pointer."""
        found = {}
        for pointer, value in caption.leaves().items():
            wanted = not self.fields or pointer.rsplit("/", 1)[1] in self.fields
            if wanted and FREE_TEXT.fullmatch(pointer):
                if isinstance(value, list):
                    after: Any = [self._replaced(one) for one in value]
                else:
                    after = self._replaced(value)
                if after != value:
                    found[pointer] = (value, after)
        return found

    def _replaced(self, text: str) -> str:
        def put(match: re.Match[str]) -> str:
            keeps_capital = not self.same_case and match.group()[:1].isupper()
            return self.put[:1].upper() + self.put[1:] if keeps_capital else self.put

        return self.pattern.sub(put, text)


def preview(review: ReviewSet, replacement: Replacement) -> dict[str, Any]:
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
    replacement: Replacement,
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
    review: ReviewSet, replacement: Replacement, name: str, *, reviewer: str, batch: str
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


def _names(review: ReviewSet, replacement: Replacement) -> list[str]:
    """Captions in which the words stand at all, by the index."""
    query = replacement.query
    with review.reading() as db:
        return list(index.names_of(db, changed(query, text=query.text or replacement.find)))
