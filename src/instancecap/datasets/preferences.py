"""Preference pairs from what a check contradicts: the sentence as it was, and one that is right.

For direct preference optimization (DPO) of a captioner: prompt, chosen and rejected answer differ
in one sentence or value, as TRL reads conversations (huggingface/trl ``docs/source/
dataset_formats.md``, "Preference"; ``videos`` as the other trainers of captioners have them).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from instancecap.datasets.export.trainers import QUESTION
from instancecap.formats import answer_text
from instancecap.language import en
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Camera, Caption
from instancecap.schema.evidence import Evidence
from instancecap.verify.check import verify
from instancecap.verify.report import Finding, Report, apply

_AGAINST = ("contradicted", "disputed")

MOST_TRIED = 40
"""Sentences that are tried in place of a wrong one."""


@cache
def _swaps() -> tuple[tuple[str, ...], ...]:
    """Words that stand for each other: ``swaps.toml``."""
    text = files("instancecap.datasets").joinpath("swaps.toml").read_text(encoding="utf-8")
    return tuple(map(tuple, tomllib.loads(text).values()))


@dataclass(frozen=True, slots=True)
class Correction:
    """A contradicted sentence or value, and what stands there instead.

    Attributes:
        findings: what the check has against it.
        before, after: the sentence; of a structured value its claim in words, and the measurement.
            ``after`` is empty where the sentence is taken out.
        wrong, right: values of the field with the one and with the other.
    """

    pointer: str
    before: str
    after: str
    wrong: Any
    right: Any
    findings: list[Finding] = field(default_factory=list)


def correct(
    caption: Caption, evidence: Evidence, report: Report
) -> tuple[Caption, list[Correction]]:
    """The caption with everything that is contradicted put right, and each correction.

    A sentence gets the first other wording, one word or phrase changed, that the evidence supports
    and nothing speaks against, not even unsurely; where there is none it is taken out. Fields by a
    human stay.
    """
    result, made = caption.model_copy(deep=True), list[Correction]()
    for findings in _contradicted(report):
        first = findings[0]
        at, sentence = first.claim.field, first.sentence
        wrong = pointers.resolve(result, at)
        if not sentence:
            alone = Report(findings)
            fixed = apply(result, alone, on_contradiction="remove")
            right, after = pointers.resolve(fixed, at), first.measured
        elif sentence in wrong:
            after = _reworded(result, evidence, at, findings)
            right = wrong.replace(sentence, after, 1) if after else _taken_out(result, findings)
        else:
            continue
        if right != wrong:
            pointers.assign(result, at, right)
            before = sentence or first.claim.says
            made.append(Correction(at, before, after, wrong, right, findings))
    return result, made


def _contradicted(report: Report) -> Iterator[list[Finding]]:
    """What is contradicted, by field and sentence."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for one in report.findings:
        if one.claim.support == "contradicted":
            found.setdefault((one.claim.field, one.sentence), []).append(one)
    yield from found.values()


def _taken_out(caption: Caption, findings: list[Finding]) -> Any:
    fixed = apply(caption, Report(findings), on_contradiction="remove")
    return pointers.resolve(fixed, findings[0].claim.field)


def _reworded(caption: Caption, evidence: Evidence, at: str, findings: list[Finding]) -> str:
    """Another wording of a wrong sentence that the evidence supports; empty where none is found."""
    sentence, kinds = findings[0].sentence, {one.kind for one in findings}
    text = pointers.resolve(caption, at)
    for tried, candidate in enumerate(candidates_of(sentence, findings)):
        if tried == MOST_TRIED:
            break
        trial = caption.model_copy(deep=True)
        pointers.assign(trial, at, text.replace(sentence, candidate, 1))
        told = [
            one
            for one in verify(trial, evidence).findings
            if one.claim.field == at and one.sentence == candidate
        ]
        right = {one.kind for one in told if one.claim.support == "supported"}
        if kinds <= right and all(one.claim.support not in _AGAINST for one in told):
            return candidate
    return ""


def candidates_of(sentence: str, findings: list[Finding]) -> Iterator[str]:
    """The sentence with a word or phrase of a group of ``swaps.toml`` in place of another of it;
    of a camera whose movement is measured, the sentence that tells that."""
    for group in _swaps():
        for word in group:
            pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
            places = list(pattern.finditer(sentence))
            for other in group if places else ():
                if other != word:
                    for one in places if places[1:] else ():
                        new = _cased(other, one)
                        yield en.with_article(sentence[: one.start()], new + sentence[one.end() :])
                    yield _swapped(sentence, pattern, other)
    for finding in findings:
        if finding.kind == "camera" and isinstance(finding.instead, list):
            yield en.camera_sentence(Camera(motion=finding.instead))


def _swapped(sentence: str, pattern: re.Pattern[str], other: str) -> str:
    """The sentence with the other word everywhere, each with the article that it takes."""
    for one in reversed(list(pattern.finditer(sentence))):
        after = _cased(other, one) + sentence[one.end() :]
        sentence = en.with_article(sentence[: one.start()], after)
    return sentence


def _cased(word: str, found: re.Match[str]) -> str:
    return word.capitalize() if found[0][0].isupper() else word


def pairs_of(caption: Caption, evidence: Evidence, report: Report) -> list[dict[str, Any]]:
    """A row for each correction: the corrected caption is chosen, and rejected is the same one with
    this sentence or value as it was. None where the answer does not tell the field."""
    chosen, made = correct(caption, evidence, report)
    answer, corrected = answer_text(chosen, "instancevid"), Counter(one.pointer for one in made)
    rows = []
    for one in made:
        worse = chosen.model_copy(deep=True)
        right = pointers.resolve(worse, one.pointer)
        if corrected[one.pointer] == 1:
            wrong = one.wrong
        elif one.after:
            wrong = right.replace(one.after, one.before, 1)
        else:
            wrong = f"{right} {one.before}".strip()
        pointers.assign(worse, one.pointer, wrong)
        if (rejected := answer_text(worse, "instancevid")) != answer:
            rows.append(_row(caption, one, answer, rejected))
    return rows


def _row(caption: Caption, one: Correction, chosen: str, rejected: str) -> dict[str, Any]:
    video, first = caption.video, one.findings[0].claim
    return {
        "prompt": [{"role": "user", "content": QUESTION}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "videos": [video.path] if video else [],
        "start": video.start if video else 0.0,
        "end": video.end if video else 0.0,
        "evidence": {
            "field": one.pointer,
            "rejected": one.before,
            "chosen": one.after,
            "measured": "; ".join(dict.fromkeys(each.measured for each in one.findings)),
            "kinds": list(dict.fromkeys(each.kind for each in one.findings)),
            "confidence": first.confidence,
            "frames": first.frames,
        },
    }
