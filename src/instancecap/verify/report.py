"""What came of checking a caption, and how it is written into it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from instancecap.language.sentences import split_sentences
from instancecap.schema import pointer
from instancecap.schema.caption import HUMAN, Caption, Claim, Provenance
from instancecap.verify.extract import is_fully_read
from instancecap.verify.fields import texts_of

OnContradiction = Literal["mark", "remove", "keep"]
OUTCOMES = ("supported", "contradicted", "disputed", "unchecked")


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim and what came of it."""

    claim: Claim  # as it stands in Caption.claims; its frames are seconds from the start
    kind: str  # as in instancecap.verify.claims.Kind
    measured: str = ""  # what the evidence has of it, in words; empty where it has nothing
    sentence: str = ""  # where it stands in the field; empty for a structured value
    value: str = ""  # the structured value that is claimed
    instead: Any = None  # the measured value for a structured field; None where there is none


@dataclass(frozen=True, slots=True)
class Report:
    """What came of checking one caption; ``unread`` are the sentences without a claim."""

    findings: list[Finding] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def claims(self) -> list[Claim]:
        """As they stand in ``Caption.claims``."""
        return [finding.claim for finding in self.findings]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By kind of claim, how many came out in each way."""
        return count_findings(self.findings)

    @property
    def score(self) -> float | None:
        """Supported among those that came out; None where all are unchecked."""
        return score_of(self.counts)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A claim that the evidence contradicts, in words for a question."""

    pointer: str  # JSON pointer of the field; after /instances/ stands the instance's id
    said: str  # the sentence, or the structured value in words
    measured: str  # what was measured instead, such as "it moves to the right"
    kind: str
    confidence: float  # of the measurement, 0..1
    frames: list[float]  # seconds that show it


def contradictions(report: Report, *, support: str = "contradicted") -> list[Contradiction]:
    """What is contradicted (or ``disputed``), one entry for a pointer, sentence and kind."""
    found: dict[tuple[str, str, str], Contradiction] = {}
    for one in report.findings:
        claim, said = one.claim, one.sentence or one.claim.says
        if claim.support == support:
            entry = Contradiction(
                claim.field, said, one.measured, one.kind, claim.confidence, claim.frames
            )
            found.setdefault((claim.field, said, one.kind), entry)
    return list(found.values())


def count_findings(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """By kind of claim, how many came out in each way."""
    counts = Counter((one.kind, one.claim.support) for one in findings)
    kinds = dict.fromkeys(kind for kind, _ in counts)
    return {kind: {support: counts[kind, support] for support in OUTCOMES} for kind in kinds}  # type: ignore[index]


def score_of(counts: dict[str, dict[str, int]]) -> float | None:
    """Supported among the claims that are not unchecked; None where all are.

    What is disputed counts as not supported: the evidence speaks against it.
    """
    total = Counter[str]()
    for row in counts.values():
        total.update(row)
    checked = total.total() - total["unchecked"]
    return total["supported"] / checked if checked else None


MARK = "contradicted: "
REMOVED = "removed: "
_SOURCES = {
    "camera": "camera", "place": "place", "time_of_day": "light", "shot_type": "framing",
    "shot_angle": "framing", "color": "colors", "class": "detector", "count": "detector",
    "speech": "transcriber",
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
    humans = tuple(at for at, who in caption.provenance.items() if who.source == HUMAN)
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
    for at in dict.fromkeys(one.claim.field for one in wrong):
        text, gone = texts[at], {one.sentence for one in wrong if one.claim.field == at}
        kept = [text[s.start : s.end] for s in split_sentences(text) if s.text not in gone]
        pointer.assign(caption, at, "".join(kept).strip())
        if not kept:
            caption.provenance.pop(at, None)


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
    for at in dict.fromkeys(one.claim.field for one in findings):
        if at not in leaves:
            continue
        # That a face is in view says nothing of what it shows.
        here = [one for one in findings if one.claim.field == at and one.kind != "face"]
        if not here:
            continue
        wrong = [one for one in here if one.claim.support == "contradicted"]
        entry = caption.provenance.get(at)
        settled = entry is not None and entry.support not in ("unchecked", "contradicted")
        if not wrong and (settled or not _is_supported(texts.get(at, ""), here)):
            continue
        support: Literal["contradicted", "supported"] = "contradicted" if wrong else "supported"
        shown = (wrong or here)[0].claim
        producer = caption.producer
        caption.provenance[at] = Provenance(
            source=entry.source if entry else producer.captioner or producer.name or "unknown",
            confidence=entry.confidence if entry else shown.confidence,
            support=support,
            frames=shown.frames,
        )


def _is_supported(text: str, findings: Sequence[Finding]) -> bool:
    read = {one.sentence for one in findings}
    return all(one.claim.support == "supported" for one in findings) and all(
        sentence.text in read and is_fully_read(sentence.text) for sentence in split_sentences(text)
    )
