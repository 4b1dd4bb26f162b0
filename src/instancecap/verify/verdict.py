"""What comes of holding a claim against the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["supported", "contradicted", "disputed", "unchecked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence has on a claim.

    Attributes:
        measured: that in words.
        frames: seconds that show it.
        instead: the measured value for the claim's field.
        fact: the kind of fact that was measured, of :mod:`instancecap.evidence.reliability`;
            empty where nobody counted how often it is right.
    """

    support: Outcome = "unchecked"
    confidence: float = 0.0
    measured: str = ""
    frames: list[float] = field(default_factory=list)
    instead: Any = None
    fact: str = ""

    def negated(self) -> Verdict:
        """The verdict on the opposite of the claim."""
        swapped: dict[Outcome, Outcome] = {
            "supported": "contradicted",
            "contradicted": "supported",
        }
        return replace(self, support=swapped.get(self.support, self.support))


def compare(
    agrees: bool,
    *,
    sure: bool,
    confidence: float,
    measured: str,
    frames: Sequence[float],
    instead: Any = None,
    fact: str = "",
    believed: bool = True,
) -> Verdict:
    """``supported`` where the evidence agrees and is ``believed``; where it does not agree,
    ``contradicted`` if it is ``sure``; else ``unchecked``."""
    support: Outcome = "unchecked"
    if agrees and believed:
        support = "supported"
    elif not agrees and sure:
        support = "contradicted"
    return Verdict(support, min(1.0, confidence), measured, list(frames), instead, fact)


def any_of(verdicts: Sequence[Verdict], *, certain: bool) -> Verdict:
    """Of an instance that may be any of several, the most likely first.

    Supported where the first agrees, or some do and none disagrees; contradicted where all
    disagree and it is ``certain`` to be one of them.
    """
    if not verdicts:
        return Verdict()
    against = [verdict for verdict in verdicts if verdict.support == "contradicted"]
    for verdict in verdicts:
        if verdict.support == "supported" and (verdict is verdicts[0] or not against):
            return verdict
    if certain and len(against) == len(verdicts):
        return min(against, key=lambda verdict: verdict.confidence)
    return replace(verdicts[0], support="unchecked")


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several instances at once: one that disagrees is enough, all must agree."""
    if not verdicts:
        return Verdict()
    for verdict in verdicts:
        if verdict.support == "contradicted":
            return verdict
    if all(verdict.support == "supported" for verdict in verdicts):
        return min(verdicts, key=lambda verdict: verdict.confidence)
    return next(verdict for verdict in verdicts if verdict.support == "unchecked")
