"""Writes what came of a check into the caption: claims, marks, or the removal of what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from instancecap.schema.caption import Caption, Instance, Provenance
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
    humans = {pointer for pointer, who in caption.provenance.items() if who.source == "human"}
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


def _is_of(pointer: str, humans: set[str]) -> bool:
    """Whether a person wrote the field or what holds it."""
    return any(pointer == human or pointer.startswith(f"{human}/") for human in humans)


def _warnings(wrong: Sequence[Finding], removed: Sequence[Finding]) -> list[str]:
    """One for a sentence or value, however many things in it are contradicted."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in wrong:
        what = REMOVED if any(one is other for other in removed) else MARK
        claimed = " ".join((one.sentence or one.claim.says).split())
        found.setdefault((what, one.claim.field, claimed), []).append(one.measured)
    return [
        f"{what}{pointer}: {claimed!r}; measured: {', '.join(dict.fromkeys(measured))}"
        for (what, pointer, claimed), measured in found.items()
    ]


def _note_support(
    caption: Caption, findings: Sequence[Finding], humans: set[str], *, removed: Sequence[Finding]
) -> None:
    """Provenance of every field that was checked, but for those that a person wrote."""
    leaves = caption.leaves()
    texts = {one.pointer: one.text for one in texts_of(caption)}
    for pointer in [key for key in caption.provenance if key not in leaves]:
        if any(one.claim.field == pointer for one in removed):
            del caption.provenance[pointer]
    for pointer in dict.fromkeys(one.claim.field for one in findings):
        if pointer not in leaves or _is_of(pointer, humans):
            continue
        here = [one for one in findings if one.claim.field == pointer]
        gone = [one for one in here if any(one is other for other in removed)]
        here = [one for one in here if not any(one is other for other in gone)]
        wrong = [one for one in here if one.claim.support == "contradicted"]
        right = [one for one in here if one.claim.support == "supported"]
        entry = caption.provenance.get(pointer)
        if gone and not gone[0].sentence:
            caption.provenance[pointer] = _measured(gone[0])
        elif wrong:
            caption.provenance[pointer] = _judged(entry, wrong[0], caption, "contradicted")
        elif right and (entry is None or entry.support in ("unchecked", "contradicted")):
            if _has_unread(texts.get(pointer, ""), here):
                continue
            caption.provenance[pointer] = _judged(entry, right[0], caption, "supported")


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
    for pointer in dict.fromkeys(one.claim.field for one in wrong):
        text = texts.get(pointer, "")
        gone = {one.sentence for one in wrong if one.claim.field == pointer}
        kept = [s for s in sentences(text) if s.text not in gone]
        _set_text(caption, pointer, "".join(text[s.start : s.end] for s in kept).strip())


def _set_text(caption: Caption, pointer: str, text: str) -> None:
    parts = pointer.split("/")[1:]
    if parts[0] == "instances":
        owner: Any = _instance(caption, int(parts[1]))
        owner, name = (owner.position, "text") if parts[2] == "position" else (owner, parts[2])
    elif parts[0] == "segments":
        owner, name = caption.segments[int(parts[1])], "description"
    elif parts[0] == "camera":
        owner, name = caption.camera, "description"
    else:
        owner, name = caption, parts[0]
    setattr(owner, name, text)


def _instance(caption: Caption, id: int) -> Instance:
    return next(one for one in caption.instances if one.id == id)


def _replace_values(caption: Caption, wrong: Sequence[Finding]) -> None:
    for one in wrong:
        parts = one.claim.field.split("/")[1:]
        if parts[0] == "instances":
            _replace_in_instance(_instance(caption, int(parts[1])), parts[2:], one)
        elif parts[0] == "shots":
            empty: Any = [] if parts[2] == "motion" else ""
            value = one.instead if one.instead is not None else empty
            setattr(caption.shots[int(parts[1])], parts[2], value)
        elif parts[0] == "camera":
            empty = [] if parts[1] == "motion" else ""
            setattr(caption.camera, parts[1], one.instead if one.instead is not None else empty)
        else:
            setattr(caption, parts[0], one.instead or "")


def _replace_in_instance(instance: Instance, parts: list[str], one: Finding) -> None:
    if parts[0] == "colors":
        instance.colors = [word for word in instance.colors if word.lower() != one.value]
    elif parts[0] == "position":
        default: Any = False if parts[1] in ("enters", "leaves") else ""
        setattr(instance.position, parts[1], one.instead if one.instead is not None else default)
    elif parts[0] == "class":
        instance.class_ = one.instead
        instance.subcategory = ""
    elif parts[0] == "count":
        instance.count = max(1, int(one.instead or 1))
