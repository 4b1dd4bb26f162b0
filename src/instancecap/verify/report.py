"""Check what a caption says against what was measured, without a language model.

Claims are taken from the structured fields and from the sentences; each is held against the
evidence and comes out ``supported``, ``contradicted``, or ``unchecked`` where the evidence is not
sure enough, or says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from instancecap.schema.caption import Caption, Claim
from instancecap.schema.evidence import Evidence
from instancecap.verify.checking import check
from instancecap.verify.fields import statements_of
from instancecap.verify.matching import match_instances
from instancecap.verify.repair import with_report
from instancecap.verify.words import in_words

OnContradiction = Literal["mark", "remove", "keep"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim and what came of it.

    Attributes:
        claim: as it stands in ``Caption.claims``; its ``frames`` are seconds from the start.
        kind: ``count presence class color direction position enters leaves motion order camera
            shot_type shot_angle time_of_day place``.
        measured: what the evidence says of it, in words; empty where it says nothing.
        sentence: the sentence of the field that says it; empty for a structured value.
        value: the structured value that is claimed.
        instead: the measured value for a structured field; None where there is none.
    """

    claim: Claim
    kind: str
    measured: str = ""
    sentence: str = ""
    value: str = ""
    instead: Any = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of checking one caption."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def claims(self) -> list[Claim]:
        """As they stand in ``Caption.claims``."""
        return [finding.claim for finding in self.findings]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By kind of claim, how many are ``supported``, ``contradicted``, ``unchecked``."""
        return count_findings(self.findings)

    @property
    def score(self) -> float | None:
        """Supported among the claims that could be checked; None where none could."""
        return score_of(self.counts)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A statement that the evidence speaks against, in words for a question.

    Attributes:
        pointer: JSON pointer of the field; after ``/instances/`` stands the instance's id.
        said: the sentence, or the structured value in words.
        measured: what was measured instead, such as ``it moves to the right``.
        kind: as in :class:`Finding`.
        confidence: of the measurement, 0..1.
        frames: seconds that show it.
    """

    pointer: str
    said: str
    measured: str
    kind: str
    confidence: float
    frames: list[float]


def verify(caption: Caption, evidence: Evidence) -> Report:
    """Take the claims out of ``caption`` and hold each against ``evidence``.

    Neither is changed. Never raises for what a caption says: what is not understood is no claim.
    """
    matched = match_instances(caption, evidence)
    findings: dict[tuple[str, str, str, str], Finding] = {}
    for statement in statements_of(caption):
        says = in_words(statement)
        verdict = check(statement, evidence, matched)
        claim = Claim(
            field=statement.pointer,
            says=says,
            support=verdict.support,
            confidence=round(verdict.confidence, 3) if verdict.support != "unchecked" else 0.0,
            frames=verdict.frames if verdict.support != "unchecked" else [],
        )
        finding = Finding(
            claim,
            statement.kind,
            verdict.measured,
            statement.sentence,
            statement.value,
            verdict.instead,
        )
        key = statement.pointer, statement.sentence, statement.kind, says
        findings.setdefault(key, finding)
    return Report(list(findings.values()))


def apply(
    caption: Caption, report: Report, *, on_contradiction: OnContradiction = "mark"
) -> Caption:
    """A copy of ``caption`` with the report's claims in it.

    * ``mark``: the text stays; provenance says ``contradicted``, and a warning names the statement.
    * ``remove``: the contradicted sentence is taken out as a whole; a contradicted structured
      value is replaced by the measured one where there is one, and emptied where not.
    * ``keep``: claims are added, and nothing else changes.

    Fields whose provenance names a ``human`` are never changed, nor is what their provenance says.
    """
    return with_report(caption, report.findings, on_contradiction)


def contradictions(report: Report) -> list[Contradiction]:
    """What is contradicted, one entry for a pointer, sentence and kind."""
    found: dict[tuple[str, str, str], Contradiction] = {}
    for one in report.findings:
        if one.claim.support == "contradicted":
            key = one.claim.field, one.sentence or one.claim.says, one.kind
            found.setdefault(
                key,
                Contradiction(
                    pointer=one.claim.field,
                    said=one.sentence or one.claim.says,
                    measured=one.measured,
                    kind=one.kind,
                    confidence=one.claim.confidence,
                    frames=one.claim.frames,
                ),
            )
    return list(found.values())


def count_findings(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """By kind of claim, how many are ``supported``, ``contradicted``, ``unchecked``."""
    counts: dict[str, dict[str, int]] = {}
    for one in findings:
        row = counts.setdefault(one.kind, {"supported": 0, "contradicted": 0, "unchecked": 0})
        row[one.claim.support] += 1
    return counts


def score_of(counts: dict[str, dict[str, int]]) -> float | None:
    """Supported among the claims that could be checked; None where none could."""
    supported = sum(row["supported"] for row in counts.values())
    checked = supported + sum(row["contradicted"] for row in counts.values())
    return supported / checked if checked else None
