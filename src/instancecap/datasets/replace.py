"""Find and replace over captions: what would change, the change, and the way back.

rule = Replacement(find="lady", replace="woman")
changed, changes = replace_in(caption, rule)
undo(changed, changes) == caption
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from pydantic import ValidationError

from instancecap.datasets.convert import Conversion, convert
from instancecap.errors import FormatError, UsageError
from instancecap.formats.table_rows import OURS
from instancecap.language import en
from instancecap.schema import pointer as pointers
from instancecap.schema.base import StrictModel
from instancecap.schema.caption import HUMAN, Caption, Claim, Provenance


@cache
def _field_names() -> frozenset[str]:
    """The names of a caption's fields, and of the fields of what these hold."""
    schema = Caption.model_json_schema()
    parts = (schema, *schema["$defs"].values())
    return frozenset(name for part in parts for name in part.get("properties", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """What is looked for in the texts of captions, and what stands there afterwards.

    Attributes:
        find: words that are looked for as they are, whatever lies between them in spaces; whole
            words only, so that *cat* is not found in *category*.
        replace: what takes their place; with a capital letter where what is found has one, and
            behind *a* or *an* as it takes it. Empty to take the words out, with the space before
            them.
        fields: names of fields that are looked at, such as ``background`` or ``appearance``; all
            texts where there is none.
        match_case: whether capital letters count.

    Raises :class:`UsageError` where there is nothing to look for, or no such field.
    """

    find: str
    replace: str = ""
    fields: tuple[str, ...] = ()
    match_case: bool = False
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (words := self.find.split()):
            raise UsageError("find: give a word or more to look for")
        if unknown := set(self.fields) - _field_names():
            known = ", ".join(sorted(_field_names()))
            raise UsageError(f"field {min(unknown)!r}: a caption has none; choose of {known}")
        text = r"\s+".join(map(re.escape, words))
        before = r"(?<!\w)" if words[0][0].isalnum() else ""
        after = r"(?!\w)" if words[-1][-1].isalnum() else ""
        pattern = re.compile(
            f"{before}{text}{after}", re.NOFLAG if self.match_case else re.IGNORECASE
        )
        object.__setattr__(self, "_pattern", pattern)

    def covers(self, pointer: str) -> bool:
        """Whether a field is looked at: its own name counts, or that of what holds it."""
        return not self.fields or not set(self.fields).isdisjoint(pointers.parse(pointer))

    def change(self, pointer: str, text: str) -> str:
        """What becomes of the text of a field."""
        return self.apply(text) if self.covers(pointer) else text

    def apply(self, text: str) -> str:
        """The text with everything that is found replaced; as it was where nothing is."""
        if self.replace.strip():
            for one in reversed(list(self._pattern.finditer(text))):
                behind = self._instead(one) + text[one.end() :]
                text = en.with_article(text[: one.start()], behind)
            return text
        left = text
        while found := self._pattern.search(left):
            behind = left[found.end() :].lstrip()
            behind = _capital(behind) if found[0][0].isupper() else behind
            left = en.with_article(left[: found.start()], behind)
        return text if left == text else _close_gaps(left)

    def _instead(self, found: re.Match[str]) -> str:
        capital = found[0][:1].isupper() and not self.find[:1].isupper()
        return _capital(self.replace) if capital else self.replace


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _close_gaps(text: str) -> str:
    """A text whose gaps are closed: no two spaces, none before a mark, a capital at its start."""
    return _capital(re.sub(r"\s+([,.;:!?])", r"\1", " ".join(text.split())).lstrip(",;: "))


class Change(StrictModel):
    """A field that was changed, with all that is needed to take it back.

    Attributes:
        provenance: who had written the field; None where nobody was named.
        claims: what was checked of the text before, each with its place among the claims.
    """

    pointer: str
    before: str | list[str]
    after: str | list[str]
    provenance: Provenance | None = None
    claims: list[tuple[int, Claim]] = []


def free_texts(caption: Caption) -> dict[str, str | list[str]]:
    """The texts of a caption that are no words of a vocabulary, by pointer: sentences, names,
    classes, colors, and what is written in the picture."""
    found = {}
    for pointer, value in caption.leaves().items():
        base, _, name = pointer.rpartition("/")
        owner = pointers.resolve(caption, base) if base else caption
        fields = {one.alias or key: one for key, one in type(owner).model_fields.items()}
        if fields[name].annotation in (str, list[str]):
            found[pointer] = value
    return found


def changed_texts(
    caption: Caption, change: Callable[[str, str], str]
) -> dict[str, tuple[str | list[str], str | list[str]]]:
    """What each text of a caption is and what ``change`` makes of it, where that differs."""
    found = {}
    for pointer, before in free_texts(caption).items():
        after = _changed(pointer, before, change)
        if after != before:
            found[pointer] = (before, after)
    return found


def replace_in(caption: Caption, rule: Replacement) -> tuple[Caption, tuple[Change, ...]]:
    """The caption with the rule applied to its texts, and each field that changed.

    A field that changed is a person's from now on; what was checked of it holds no more.

    Raises :class:`FormatError` where the result would be no caption, as when two instances would
    have one name, or a class none.
    """
    return change_texts(caption, rule.change)


def change_texts(
    caption: Caption, change: Callable[[str, str], str]
) -> tuple[Caption, tuple[Change, ...]]:
    """As :func:`replace_in`, with any change of texts, told pointer and text of each."""
    changes = [
        Change(
            pointer=pointer,
            before=before,
            after=after,
            provenance=caption.provenance.get(pointer),
            claims=[(at, one) for at, one in enumerate(caption.claims) if one.field == pointer],
        )
        for pointer, (before, after) in changed_texts(caption, change).items()
    ]
    if not changes:
        return caption, ()
    result = caption.model_copy(deep=True)
    for one in changes:
        pointers.assign(result, one.pointer, one.after)
        result.provenance.pop(one.pointer, None)
        if one.after:
            by = Provenance(source=HUMAN, confidence=1.0, support="unchecked")
            result.provenance[one.pointer] = by
    gone = {one.pointer for one in changes}
    result.claims = [one for one in result.claims if one.field not in gone]
    return _valid(result), tuple(changes)


def _changed(
    pointer: str, before: str | list[str], change: Callable[[str, str], str]
) -> str | list[str]:
    if isinstance(before, str):
        return change(pointer, before)
    words = [change(pointer, one) for one in before]
    return list(dict.fromkeys(filter(None, words))) if words != before else before


def undo(caption: Caption, changes: Sequence[Change]) -> Caption:
    """The caption as it was before the changes.

    Raises :class:`FormatError` where one of the fields no longer reads as the change left it.
    """
    result = caption.model_copy(deep=True)
    for one in changes:
        if pointers.resolve(result, one.pointer) != one.after:
            raise FormatError(f"{one.pointer}: was changed again since; set it by hand")
        pointers.assign(result, one.pointer, one.before)
        result.provenance.pop(one.pointer, None)
        if one.provenance is not None:
            result.provenance[one.pointer] = one.provenance
    gone = [pair for one in changes for pair in one.claims]
    for place, claim in sorted(gone, key=lambda pair: pair[0]):
        result.claims.insert(place, claim)
    return _valid(result)


def _valid(caption: Caption) -> Caption:
    try:
        return Caption.model_validate(caption.model_dump())
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise FormatError(f"the result is no caption: {why}") from error


def replace_all(
    paths: Sequence[str],
    rule: Replacement,
    *,
    out: str | None = None,
    on_change: Callable[[str, Change], None] = lambda name, change: None,
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Conversion:
    """Look through captions in files, folders and tables, and write all of them with the rule
    applied; those that are read stay as they are.

    Args:
        out: a folder or a table, as :func:`~instancecap.datasets.convert.convert` writes them;
            None to look only.
        on_change: told the name of a caption and each change of it.
        on_failure: told the file and row of every caption that cannot be read or changed, and why.

    Raises :class:`UsageError` or :class:`OutputError` where nothing can be written to ``out``.
    """

    def change(name: str, caption: Caption) -> Caption:
        changed, changes = replace_in(caption, rule)
        for one in changes:
            on_change(name, one)
        return changed

    return convert(paths, to=OURS, out=out, change=change, on_failure=on_failure)
