"""What comes of holding a claim against the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["supported", "contradicted", "disputed", "unchecked"]
_NEGATED: dict[Outcome, Outcome] = {"supported": "contradicted", "contradicted": "supported"}


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
        return replace(self, support=_NEGATED.get(self.support, self.support))


def outcome(agrees: bool, *, sure: bool, believed: bool = True) -> Outcome:
    """Evidence that agrees supports if it is ``believed``; else it contradicts if ``sure``."""
    if agrees:
        return "supported" if believed else "unchecked"
    return "contradicted" if sure else "unchecked"


def any_of(verdicts: Sequence[Verdict], *, certain: bool) -> Verdict:
    """Of an instance that may be any of several, the most likely first.

    Supported where the first agrees, or some do and none disagrees; contradicted where all
    disagree and it is ``certain`` to be one of them.
    """
    against = [one for one in verdicts if one.support == "contradicted"]
    for one in verdicts:
        if one.support == "supported" and (one is verdicts[0] or not against):
            return one
    if certain and against and len(against) == len(verdicts):
        return min(against, key=lambda one: one.confidence)
    return replace(verdicts[0], support="unchecked") if verdicts else Verdict()


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several instances at once: one that disagrees is enough, all must agree."""
    for support in ("contradicted", "unchecked"):
        for one in verdicts:
            if one.support == support:
                return one
    return min(verdicts, key=lambda one: one.confidence, default=Verdict())
