"""Writes what came of a check into the caption: claims, marks, or the removal of what is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from instancecap.schema import pointer
from instancecap.schema.caption import Caption, Provenance
from instancecap.verify.extract import is_fully_read
from instancecap.verify.fields import texts_of
from instancecap.verify.report import Finding, OnContradiction, Report
from instancecap.verify.text import sentences

MARK = "contradicted: "
REMOVED = "removed: "
_SOURCES = {
    "camera": "camera", "place": "place", "time_of_day": "light", "shot_type": "framing",
    "shot_angle": "framing", "color": "colors", "class": "detector", "count": "detector",
}  # fmt: skip
"""The expert whose word replaces a contradicted value; the tracker's for the rest."""


def apply(
    caption: Caption, report: Report, *, on_contradiction: OnContradiction = "mark"
) -> Caption:
    """A copy of ``caption`` with the report's claims in it.

    * ``mark``: the text stays; provenance is ``contradicted``, and a warning names the claim.
    * ``remove``: the contradicted sentence is taken out as a whole; a contradicted structured
      value is replaced by the measured one where there is one, and emptied where not.
    * ``keep``: claims are added, and nothing else changes.

    What is only ``disputed`` stands in the claims and changes nothing. Fields whose provenance
    names a ``human`` are never changed, nor is their provenance.
    """
    changed = caption.model_copy(deep=True)
    changed.claims = report.claims
    changed.warnings = [w for w in caption.warnings if not w.startswith((MARK, REMOVED))]
    if on_contradiction == "keep":
        return changed
    humans = tuple(at for at, who in caption.provenance.items() if who.source == "human")
    left: list[Finding] = []
    removed: list[Finding] = []
    for one in report.findings:
        wrong = one.claim.support == "contradicted" and on_contradiction == "remove"
        (removed if wrong and not _is_in(one.claim.field, humans) else left).append(one)
    changed.warnings += [*_warnings(MARK, left), *_warnings(REMOVED, removed)]
    changed.claims = [one.claim for one in left]
    for one in removed:
        if not one.sentence:
            _replace_value(changed, one)
    _remove_sentences(changed, [one for one in removed if one.sentence])
    _note_support(changed, [one for one in left if not _is_in(one.claim.field, humans)])
    return changed


def _is_in(field: str, others: Sequence[str]) -> bool:
    return any(field == other or field.startswith(f"{other}/") for other in others)


def _warnings(what: str, findings: Sequence[Finding]) -> list[str]:
    """One for a sentence or value, however many claims in it are contradicted."""
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in findings:
        if one.claim.support == "contradicted":
            claimed = " ".join((one.sentence or one.claim.says).split())
            found[one.claim.field, claimed][one.measured] = None
    return [
        f"{what}{field}: {claimed!r}; measured: {', '.join(measured)}"
        for (field, claimed), measured in found.items()
    ]


def _remove_sentences(caption: Caption, wrong: Sequence[Finding]) -> None:
    texts = {one.pointer: one.text for one in texts_of(caption)}
    for field in dict.fromkeys(one.claim.field for one in wrong):
        text, gone = texts[field], {one.sentence for one in wrong if one.claim.field == field}
        kept = [text[s.start : s.end] for s in sentences(text) if s.text not in gone]
        pointer.assign(caption, field, "".join(kept).strip())
        if not kept:
            caption.provenance.pop(field, None)


def _replace_value(caption: Caption, one: Finding) -> None:
    """The measured value in place of a contradicted one; an empty one where there is none."""
    field = one.claim.field
    before = pointer.resolve(caption, field)
    value = one.instead if one.instead is not None else type(before)()
    if isinstance(before, list) and not isinstance(one.instead, list):
        value = [word for word in before if word.lower() != one.value]
    elif one.kind == "count":
        value = max(1, int(one.instead or 1))
    elif one.kind == "class":
        pointer.assign(caption, field.replace("/class", "/subcategory"), "")
    pointer.assign(caption, field, value)
    caption.provenance.pop(field, None)
    if field in caption.leaves():
        caption.provenance[field] = Provenance(
            source=_SOURCES.get(one.kind, "tracker"),
            confidence=one.claim.confidence,
            support="measured",
            frames=one.claim.frames,
        )


def _note_support(caption: Caption, findings: Sequence[Finding]) -> None:
    """Provenance of every field that was checked.

    A field is supported only as a whole: where all of it was read, and every claim is supported.
    """
    leaves = caption.leaves()
    texts = {one.pointer: one.text for one in texts_of(caption)}
    for field in dict.fromkeys(one.claim.field for one in findings):
        if field not in leaves:
            continue
        here = [one for one in findings if one.claim.field == field]
        wrong = [one for one in here if one.claim.support == "contradicted"]
        entry = caption.provenance.get(field)
        settled = entry is not None and entry.support not in ("unchecked", "contradicted")
        if not wrong and (settled or not _is_supported(texts.get(field, ""), here)):
            continue
        support: Literal["contradicted", "supported"] = "contradicted" if wrong else "supported"
        shown = (wrong or here)[0].claim
        producer = caption.producer
        caption.provenance[field] = Provenance(
            source=entry.source if entry else producer.captioner or producer.name or "unknown",
            confidence=entry.confidence if entry else shown.confidence,
            support=support,
            frames=shown.frames,
        )


def _is_supported(text: str, findings: Sequence[Finding]) -> bool:
    read = {one.sentence for one in findings}
    return all(one.claim.support == "supported" for one in findings) and all(
        sentence.text in read and is_fully_read(sentence.text) for sentence in sentences(text)
    )
