"""What came of checking a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from instancecap.schema.caption import Claim

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
    """What came of checking one caption."""

    findings: list[Finding] = field(default_factory=list)

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
        """Supported among those that are supported or contradicted; None where none is."""
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
    """Supported among the claims that are supported or contradicted; None where none is."""
    supported = sum(row["supported"] for row in counts.values())
    checked = supported + sum(row["contradicted"] for row in counts.values())
    return supported / checked if checked else None
