"""Writes what came of a check into the caption: claims, marks, or the removal of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    findings = report.findings
    changed = caption.model_copy(deep=True)
    changed.claims = [one.claim for one in findings]
    changed.warnings = [w for w in caption.warnings if not w.startswith((MARK, REMOVED))]
    if on_contradiction == "keep":
        return changed
    humans = {field for field, who in caption.provenance.items() if who.source == "human"}
    wrong = [one for one in findings if one.claim.support == "contradicted"]
    removing = on_contradiction == "remove"
    removed = [one for one in wrong if removing and not _is_of(one.claim.field, humans)]
    changed.warnings += _warnings(wrong, removed)
    if removing:
        _remove_sentences(changed, [one for one in removed if one.sentence])
        _replace_values(changed, [one for one in removed if not one.sentence])
        changed.claims = [
            one.claim for one in findings if not any(one is other for other in removed)
        ]
    _note_support(changed, findings, humans, removed=removed)
    return changed


def _is_of(field: str, humans: set[str]) -> bool:
    """Whether a person wrote the field or what holds it."""
    return any(field == human or field.startswith(f"{human}/") for human in humans)


def _warnings(wrong: Sequence[Finding], removed: Sequence[Finding]) -> list[str]:
    """One for a sentence or value, however many things in it are contradicted."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in wrong:
        what = REMOVED if any(one is other for other in removed) else MARK
        claimed = " ".join((one.sentence or one.claim.says).split())
        found.setdefault((what, one.claim.field, claimed), []).append(one.measured)
    return [
        f"{what}{field}: {claimed!r}; measured: {', '.join(dict.fromkeys(measured))}"
        for (what, field, claimed), measured in found.items()
    ]


def _note_support(
    caption: Caption, findings: Sequence[Finding], humans: set[str], *, removed: Sequence[Finding]
) -> None:
    """Provenance of every field that was checked, but for those that a person wrote."""
    leaves = caption.leaves()
    texts = {one.pointer: one.text for one in texts_of(caption)}
    for field in [key for key in caption.provenance if key not in leaves]:
        if any(one.claim.field == field for one in removed):
            del caption.provenance[field]
    for field in dict.fromkeys(one.claim.field for one in findings):
        if field not in leaves or _is_of(field, humans):
            continue
        here = [one for one in findings if one.claim.field == field]
        gone = [one for one in here if any(one is other for other in removed)]
        here = [one for one in here if not any(one is other for other in gone)]
        wrong = [one for one in here if one.claim.support == "contradicted"]
        right = [one for one in here if one.claim.support == "supported"]
        entry = caption.provenance.get(field)
        if gone and not gone[0].sentence:
            caption.provenance[field] = _measured(gone[0])
        elif wrong:
            caption.provenance[field] = _judged(entry, wrong[0], caption, "contradicted")
        elif right and (entry is None or entry.support in ("unchecked", "contradicted")):
            if _has_unread(texts.get(field, ""), here):
                continue
            caption.provenance[field] = _judged(entry, right[0], caption, "supported")


def _has_unread(text: str, findings: Sequence[Finding]) -> bool:
    """Whether a text holds anything that was not checked: then it is not supported as a whole."""
    supported = {one.sentence for one in findings if one.claim.support == "supported"}
    others = {one.sentence for one in findings if one.claim.support != "supported"}
    return any(
        sentence.text not in supported - others or not is_fully_read(sentence.text)
        for sentence in sentences(text)
    )


def _measured(one: Finding) -> Provenance:
    return Provenance(
        source=_SOURCES.get(one.kind, "tracker"),
        confidence=one.claim.confidence,
        support="measured",
        frames=one.claim.frames,
    )


def _judged(entry: Provenance | None, one: Finding, caption: Caption, support: Any) -> Provenance:
    producer = caption.producer
    source = entry.source if entry else producer.captioner or producer.name or "unknown"
    confidence = one.claim.confidence if entry is None else entry.confidence
    return Provenance(
        source=source, confidence=confidence, support=support, frames=one.claim.frames
    )


def _remove_sentences(caption: Caption, wrong: Sequence[Finding]) -> None:
    texts = {one.pointer: one.text for one in texts_of(caption)}
    for field in dict.fromkeys(one.claim.field for one in wrong):
        text = texts[field]
        gone = {one.sentence for one in wrong if one.claim.field == field}
        kept = [s for s in sentences(text) if s.text not in gone]
        pointer.assign(caption, field, "".join(text[s.start : s.end] for s in kept).strip())


def _replace_values(caption: Caption, wrong: Sequence[Finding]) -> None:
    """The measured value in place of a contradicted one; an empty one where there is none."""
    for one in wrong:
        before = pointer.resolve(caption, one.claim.field)
        value = one.instead if one.instead is not None else type(before)()
        if one.kind == "color":
            value = [word for word in before if word.lower() != one.value]
        elif one.kind == "count":
            value = max(1, int(one.instead or 1))
        elif one.kind == "class":
            pointer.assign(caption, one.claim.field.replace("/class", "/subcategory"), "")
        pointer.assign(caption, one.claim.field, value)
