"""Check what a caption claims against what was measured.

Claims are taken from the structured fields and from the sentences; each is held against the
evidence and comes out ``supported``, ``contradicted``, ``disputed`` where the evidence speaks
against it but is of a kind that is not right often enough to decide, or ``unchecked`` where the
evidence is not sure enough, or has nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from instancecap.evidence.reliability import judged_by, may_overrule
from instancecap.evidence.view import within
from instancecap.language import en
from instancecap.language.sentences import split_sentences
from instancecap.schema import caption as c
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.checks_instance import INSTANCE_CHECKS
from instancecap.verify.checks_scene import SCENE_CHECKS, check_count, check_presence
from instancecap.verify.claims import Claim, Kind, Mention, Verdict, all_of, any_of
from instancecap.verify.fields import claims_of, texts_of
from instancecap.verify.lexicon import Noun
from instancecap.verify.matching import Candidates, candidates, match_instances
from instancecap.verify.report import Finding, Report
from instancecap.verify.spans import TrackSpan
from instancecap.verify.text import own_nouns

_OVER_TIME = ("direction", "motion", "camera")


def verify(caption: Caption, evidence: Evidence, *, read: Sequence[Claim] | None = None) -> Report:
    """Take the claims out of ``caption`` and hold each against ``evidence``.

    Neither is changed. Never raises for what a caption says: what is not understood is no claim.

    Args:
        read: the claims of the sentences, where a language model has read them
            (:func:`instancecap.verify.fields.read_claims`); by default they are read by rules.
    """
    nouns = own_nouns(evidence.instances)
    found = [*claims_of(caption, texts=read is None, nouns=nouns), *(read or ())]
    unmeasured = _unmeasured(evidence)
    claims = [claim for claim in found if claim.kind not in unmeasured]
    checker = ClaimChecker(evidence, match_instances(caption, evidence), claims)
    findings: dict[tuple[str, str, str, str], Finding] = {}
    for claim in claims:
        verdict = checker.check(claim)
        if verdict.support == "unchecked":
            verdict = replace(verdict, confidence=0.0, frames=[])
        entry = c.Claim(
            field=claim.pointer,
            says=claim.in_words(),
            support=verdict.support,
            confidence=round(verdict.confidence, 3),
            frames=verdict.frames,
        )
        finding = Finding(
            entry, claim.kind, verdict.measured, claim.sentence, claim.value, verdict.instead
        )
        findings.setdefault((claim.pointer, claim.sentence, claim.kind, entry.says), finding)
    told = {(one.claim.field, one.sentence) for one in findings.values()}
    unread = [
        sentence.text
        for text in texts_of(caption)
        for sentence in split_sentences(text.text)
        if (text.pointer, sentence.text) not in told
    ]
    return Report(list(findings.values()), unread)


def _unmeasured(evidence: Evidence) -> set[Kind]:
    """Kinds of claims that nobody looked into, as no faces, joints or words were searched for."""
    looked: dict[Kind, bool] = {
        "pose": any(item.pose for item in evidence.instances),
        "face": bool(evidence.faces) or "faces" in evidence.models,
        "speech": bool(evidence.audio.transcript),
    }
    return {kind for kind, done in looked.items() if not done}


@dataclass(slots=True)
class ClaimChecker:
    """Holds claims against the evidence of one clip.

    Attributes:
        matched: evidence by the caption's instance ids.
        claims: all of the caption; those of one mention are of one and the same instance.
    """

    evidence: Evidence
    matched: dict[int, Candidates]
    claims: Sequence[Claim]
    _views: dict[tuple[float, float], Evidence] = field(default_factory=dict)

    def check(self, claim: Claim) -> Verdict:
        """The verdict on one claim."""
        if self.evidence.video.frames == 1 and claim.kind in _OVER_TIME:
            return Verdict()
        if claim.kind in SCENE_CHECKS:
            verdict = SCENE_CHECKS[claim.kind](claim, self._view(claim))
            verdict = verdict.negated() if claim.negated else verdict
        else:
            verdict = all_of([self._check_mention(one, claim) for one in claim.subject])
        if verdict.support == "contradicted" and not self._overrules(verdict):
            verdict = replace(verdict, support="disputed")
        return verdict

    def _overrules(self, verdict: Verdict) -> bool:
        judge = judged_by(verdict.fact, self.evidence)
        return may_overrule(verdict.fact, verdict.confidence, **judge)

    def _view(self, claim: Claim) -> Evidence:
        """The evidence of the part of the clip that a claim is about; of speech, all of it."""
        if claim.span is None or claim.kind == "speech":
            return self.evidence
        if claim.span not in self._views:
            self._views[claim.span] = within(self.evidence, *claim.span)
        return self._views[claim.span]

    def _check_mention(self, mention: Mention, claim: Claim) -> Verdict:
        view, noun = self._view(claim), mention.noun
        if claim.kind == "count" and noun is not None:
            return self._check_count(mention, noun, claim)
        if claim.kind == "presence" and mention.instance is None and noun is not None:
            verdict = check_presence(noun, view)
            return verdict.negated() if claim.negated else verdict
        if claim.kind not in INSTANCE_CHECKS:
            return Verdict()
        found = candidates(mention, self.evidence, self.matched, by_color=claim.kind != "color")
        groups = [item for item in found.items if item.count == mention.number > 1]
        items = sorted(groups or found.items, key=lambda item: self._is_other(item, mention, claim))
        verdicts = [_check_item(claim, item, view) for item in items]
        if mention.number == len(verdicts) > 1 and not groups:
            return all_of(verdicts)
        return any_of(verdicts, certain=found.certain)

    def _is_other(self, item: InstanceFacts, mention: Mention, claim: Claim) -> bool:
        """Whether what other claims than ``claim`` say of a mention is not so of ``item``."""
        told = [one for one in self.claims if mention in one.subject and one is not claim]
        verdicts = (_check_item(one, item, self._view(one)) for one in told)
        return any(verdict.support == "contradicted" for verdict in verdicts)

    def _check_count(self, mention: Mention, noun: Noun, claim: Claim) -> Verdict:
        """A group of the caption against its own evidence, else against all of the kind."""
        number = int(claim.value)
        if mention.instance is not None:
            found = self.matched.get(mention.instance)
            item = found.items[0] if found else None
            if item is not None and item.count == number:
                times = [round(point.t, 3) for point in item.track[:1]]
                words = f"there are {item.count}"
                return Verdict("supported", item.confidence, words, times, item.count)
            if claim.sentence and number == 1:
                return Verdict()
        verdict = check_count(noun, number, self._view(claim), complete=claim.complete)
        return verdict.negated() if claim.negated else verdict


def _check_item(claim: Claim, item: InstanceFacts, view: Evidence) -> Verdict:
    """The verdict on a claim if it is of ``item``."""
    check, seen = INSTANCE_CHECKS.get(claim.kind), TrackSpan.of(item, view)
    if check is None or seen is None:
        return Verdict()
    verdict = check(claim, seen)
    if claim.kind != "class" and item.count == 1:
        verdict = replace(verdict, measured=_with_subject(verdict.measured, seen))
    return verdict.negated() if claim.negated else verdict


def _with_subject(measured: str, seen: TrackSpan) -> str:
    """What was measured, said of the instance by its class, and its place among others of it."""
    item = seen.item
    name = f"the {item.class_}"
    if any(one.class_ == item.class_ and one.id != item.id for one in seen.evidence.instances):
        name += f" that is first {en.IN_CELLS[seen.cell('start')]} of the frame"
    about = f"the colors of {name}"
    return re.sub(r"^it\b", name, re.sub(r"^its colors\b", about, measured))
