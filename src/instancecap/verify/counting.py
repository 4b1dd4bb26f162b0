"""Checks of how many there are, and whether there are any."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from instancecap.evidence.geometry import pairwise_coverage
from instancecap.language import en
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.checks_things import likeness
from instancecap.verify.lexicon import Noun
from instancecap.verify.seen import TRUSTED, within
from instancecap.verify.verdicts import Verdict, compare

AT_ONCE = 3
"""Samples in which so many must be seen at once."""

SURE = 0.6
"""Confidence of every one counted, from which a higher number is wrong."""

RIVAL = 0.5
"""Salience, over the least of those counted, from which a thing that may be one more is a doubt."""

CLEAR = 0.005
"""Share of the frame that each one counted must take: where they are tiny, more are missed."""


def during(evidence: Evidence, span: tuple[float, float] | None) -> Evidence:
    """The evidence with only what is seen between two times, seconds."""
    if span is None:
        return evidence
    kept = [
        item.model_copy(update={"track": track})
        for item in evidence.instances
        if (track := within(item.track, span))
    ]
    return evidence.model_copy(update={"instances": kept})


def check_count(noun: Noun, number: int, evidence: Evidence, *, complete: bool) -> Verdict:
    """``complete``: all of the kind are meant. A number of women says little of all people."""
    counted = [
        item
        for item in evidence.instances
        if likeness(noun, item.class_) >= 2 and item.confidence >= TRUSTED
    ]
    if not counted or number < 1:
        return Verdict()
    others = [
        item
        for item in evidence.instances
        if item not in counted and likeness(noun, item.class_) >= 0
    ]
    once, total = _at_once(counted), sum(item.count for item in counted)
    most = total + sum(item.count for item in others)
    crowded = any(item.count > 1 for item in counted)
    clear = all(item.confidence >= SURE and _area(item) >= CLEAR for item in counted)
    apart = clear and not _overlap(counted)
    least = min(item.salience for item in counted)
    doubt = any(item.salience >= RIVAL * least for item in others)
    too_few = number < once and complete and apart
    too_many = number > most and clear and not crowded
    verb = "is" if once == 1 else "are"
    words = noun.class_ if once == 1 else en.plural(noun.class_)
    return compare(
        number == once == total and (number == 1 or apart) and not doubt,
        sure=too_few or too_many,
        confidence=min(item.confidence for item in counted),
        measured=f"there {verb} {en.count_word(once)} {words}",
        frames=[
            round(point.t, 3) for point in counted[0].track[:: max(1, len(counted[0].track) // 3)]
        ],
        instead=once,
    )


def _overlap(items: list[InstanceFacts]) -> bool:
    """Whether two of them cover each other most of the time, as one thing found twice does."""
    for first, second in combinations(items, 2):
        there = {round(point.t, 3): point.box for point in second.track}
        pairs = [(p.box, there[round(p.t, 3)]) for p in first.track if round(p.t, 3) in there]
        if pairs:
            mine, other = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
            shared = np.maximum(pairwise_coverage(mine, other), pairwise_coverage(other, mine))
            if float(np.median(shared)) > 0.5:
                return True
    return False


def _at_once(items: list[InstanceFacts]) -> int:
    """The most that are seen at once for a while; between two finds a thing is there."""
    times = np.unique([point.t for item in items for point in item.track])
    there = np.zeros(len(times), int)
    for item in items:
        if item.track:
            inside = (times >= item.track[0].t) & (times <= item.track[-1].t)
            there += item.count * inside
    if not len(there):
        return sum(item.count for item in items)
    return int(np.sort(there)[-min(AT_ONCE, len(there))])


def _area(item: InstanceFacts) -> float:
    boxes = np.array([point.box for point in item.track]).reshape(-1, 4)
    if not len(boxes):
        return 0.0
    return float(np.median((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))


def check_presence(noun: Noun, evidence: Evidence, *, negated: bool) -> Verdict:
    """That a thing is there is supported where it was found. That nobody found it proves nothing,
    so only *there is no dog* can be contradicted."""
    found = [item for item in evidence.instances if likeness(noun, item.class_) >= 2]
    best = max(found, key=lambda item: item.confidence, default=None)
    if best is None:
        return Verdict()
    return compare(
        not negated,
        sure=negated and best.confidence >= SURE and len(best.track) >= 4,
        believed=best.confidence >= TRUSTED,
        confidence=best.confidence,
        measured=f"there is {en.article(best.class_)}",
        frames=[round(best.track[len(best.track) // 2].t, 3)] if best.track else [],
    )
