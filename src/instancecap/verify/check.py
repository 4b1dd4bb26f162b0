"""Check what a caption claims against what was measured.

Claims are taken from the structured fields and from the sentences; each is held against the
evidence and comes out ``supported``, ``contradicted``, ``disputed`` where the evidence speaks
against it but is of a kind that is not right often enough to decide, or ``unchecked`` where the
evidence is not sure enough, or has nothing about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from instancecap.evidence.reliability import may_overrule
from instancecap.evidence.view import within
from instancecap.schema import caption as c
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.verify.checks_count import check_count, check_presence
from instancecap.verify.checks_instance import INSTANCE_CHECKS
from instancecap.verify.checks_scene import SCENE_CHECKS
from instancecap.verify.claims import Claim, Mention
from instancecap.verify.fields import claims_of
from instancecap.verify.matching import Candidates, candidates, match_instances
from instancecap.verify.report import Finding, Report
from instancecap.verify.spans import TrackSpan
from instancecap.verify.thresholds import LIMITS
from instancecap.verify.verdict import Outcome, Verdict, all_of, any_of
from instancecap.verify.words import in_words

_OVER_TIME = ("direction", "motion", "order", "camera")


def verify(caption: Caption, evidence: Evidence, *, read: Sequence[Claim] | None = None) -> Report:
    """Take the claims out of ``caption`` and hold each against ``evidence``.

    Neither is changed. Never raises for what a caption says: what is not understood is no claim.

    Args:
        read: the claims of the sentences, where a language model has read them
            (:func:`instancecap.verify.reading.read_claims`); by default they are read by rules.
    """
    claims = [*claims_of(caption, texts=read is None), *(read or ())]
    checker = ClaimChecker(evidence, match_instances(caption, evidence))
    findings: dict[tuple[str, str, str, str], Finding] = {}
    for claim in claims:
        verdict = checker.check(claim)
        if verdict.support == "contradicted" and not may_overrule(verdict.fact, verdict.confidence):
            verdict = replace(verdict, support="disputed")
        checked = verdict.support != "unchecked"
        entry = c.Claim(
            field=claim.pointer,
            says=in_words(claim),
            support=verdict.support,
            confidence=round(verdict.confidence, 3) if checked else 0.0,
            frames=verdict.frames if checked else [],
        )
        finding = Finding(
            entry, claim.kind, verdict.measured, claim.sentence, claim.value, verdict.instead
        )
        findings.setdefault((claim.pointer, claim.sentence, claim.kind, entry.says), finding)
    return Report(list(findings.values()))


@dataclass(slots=True)
class ClaimChecker:
    """Holds claims against the evidence of one clip.

    Attributes:
        matched: evidence by the caption's instance ids.
    """

    evidence: Evidence
    matched: dict[int, Candidates]
    _views: dict[tuple[float, float], Evidence] = field(default_factory=dict)

    def check(self, claim: Claim) -> Verdict:
        """The verdict on one claim."""
        if claim.kind == "attribute":
            return Verdict()
        if self.evidence.video.frames == 1 and claim.kind in _OVER_TIME:
            return Verdict()
        scene = SCENE_CHECKS.get(claim.kind)
        if scene is not None:
            verdict = scene(claim, self._view(claim))
            return verdict.negated() if claim.negated else verdict
        if claim.kind == "order":
            return self._check_order(claim)
        return all_of([self._check_mention(one, claim) for one in claim.subject])

    def _view(self, claim: Claim) -> Evidence:
        """The evidence of the part of the clip that a claim is about."""
        if claim.span is None:
            return self.evidence
        if claim.span not in self._views:
            self._views[claim.span] = within(self.evidence, *claim.span)
        return self._views[claim.span]

    def _check_mention(self, mention: Mention, claim: Claim) -> Verdict:
        if claim.kind == "count" and mention.noun is not None:
            return self._check_count(mention, claim)
        if claim.kind == "presence" and mention.instance is None and mention.noun is not None:
            verdict = check_presence(mention.noun, self._view(claim))
            return verdict.negated() if claim.negated else verdict
        found = candidates(mention, self.evidence, self.matched, by_color=claim.kind != "color")
        groups = [item for item in found.items if item.count == mention.number > 1]
        verdicts = []
        for item in groups or found.items:
            seen = TrackSpan.of(item, self.evidence, self._view(claim))
            check = INSTANCE_CHECKS.get(claim.kind)
            verdict = check(claim, seen) if check and seen else Verdict()
            verdicts.append(verdict.negated() if claim.negated else verdict)
        if mention.number == len(verdicts) > 1 and not groups:
            return all_of(verdicts)
        return any_of(verdicts, certain=found.certain)

    def _check_count(self, mention: Mention, claim: Claim) -> Verdict:
        """A group of the caption against its own evidence, else against all of the kind."""
        assert mention.noun is not None
        number = int(claim.value)
        found = self.matched.get(mention.instance) if mention.instance is not None else None
        item = found.items[0] if found is not None else None
        if item is not None and item.count == number:
            times = [round(point.t, 3) for point in item.track[:1]]
            words = f"there are {item.count}"
            return Verdict("supported", item.confidence, words, times, item.count)
        if mention.instance is not None and not claim.is_structured and number == 1:
            return Verdict()
        verdict = check_count(mention.noun, number, self._view(claim), complete=claim.complete)
        return verdict.negated() if claim.negated else verdict

    def _check_order(self, claim: Claim) -> Verdict:
        """Whether what comes first in the claim does, where each happens for sure and once."""
        assert claim.first is not None and claim.second is not None
        times = []
        for one in (claim.first, claim.second):
            if len(one.subject) != 1 or self.check(one).support != "supported":
                return Verdict()
            found = candidates(one.subject[0], self.evidence, self.matched).items
            seen = (
                TrackSpan.of(found[0], self.evidence, self._view(claim))
                if len(found) == 1
                else None
            )
            if seen is None:
                return Verdict()
            times.append(_time_of(one, seen))
        if abs(times[0] - times[1]) < LIMITS.events_apart:
            return Verdict()
        words = ", ".join(
            f"{_event(one)} at {t:.1f} s"
            for one, t in zip((claim.first, claim.second), times, strict=True)
        )
        support: Outcome = "supported" if times[0] < times[1] else "contradicted"
        return Verdict(support, 0.7, words, sorted(round(t, 3) for t in times))


def _time_of(one: Claim, seen: TrackSpan) -> float:
    if one.kind == "enters":
        return float(seen.times[0])
    if one.kind == "leaves":
        return float(seen.times[-1])
    ways = [way for way in one.value.split("_") if way in ("left", "right", "up", "down")]
    return max((seen.excursion(way)[1] for way in ways), default=float(seen.times[0]))


def _event(one: Claim) -> str:
    what = one.subject[0].text or "it"
    return f"{what} {one.kind}" if one.kind != "direction" else f"{what} goes {one.value}"
