"""Checks of how many there are, and whether there are any."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from instancecap.evidence.geometry import pairwise_coverage
from instancecap.language import en
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.lexicon import Noun
from instancecap.verify.naming import ClassMatch, class_match
from instancecap.verify.thresholds import LIMITS
from instancecap.verify.verdict import Verdict, compare


def check_count(noun: Noun, number: int, evidence: Evidence, *, complete: bool) -> Verdict:
    """``complete``: all of the kind are meant. A number of women says little of all people."""
    counted = [
        item
        for item in evidence.instances
        if class_match(noun, item.class_) >= ClassMatch.GENERAL
        and item.confidence >= LIMITS.trusted
    ]
    if not counted or number < 1:
        return Verdict()
    others = [
        item
        for item in evidence.instances
        if item not in counted and class_match(noun, item.class_) >= ClassMatch.UNKNOWN
    ]
    once, total = _at_once(counted), sum(item.count for item in counted)
    most = total + sum(item.count for item in others)
    crowded = any(item.count > 1 for item in counted)
    clear = all(
        item.confidence >= LIMITS.sure and _area(item) >= LIMITS.clear_area for item in counted
    )
    apart = clear and not _overlap(counted)
    least = min(item.salience for item in counted)
    doubt = any(item.salience >= LIMITS.rival * least for item in others)
    too_few = number < once and complete and apart
    exact = all(class_match(noun, item.class_) == ClassMatch.SAME for item in counted)
    too_many = number > most and clear and exact and not crowded
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
    """Whether two of them cover each other most of the time, as one instance found twice does."""
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
    """The most that are seen at once for a while; between two finds an instance is there."""
    times = np.unique([point.t for item in items for point in item.track])
    there = np.zeros(len(times), int)
    for item in items:
        if item.track:
            inside = (times >= item.track[0].t) & (times <= item.track[-1].t)
            there += item.count * inside
    if not len(there):
        return sum(item.count for item in items)
    return int(np.sort(there)[-min(LIMITS.at_once, len(there))])


def _area(item: InstanceFacts) -> float:
    boxes = np.array([point.box for point in item.track]).reshape(-1, 4)
    if not len(boxes):
        return 0.0
    return float(np.median((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))


def check_presence(noun: Noun, evidence: Evidence, *, negated: bool) -> Verdict:
    """Whether there is one. What was not found may have been missed, so only *there is no dog* can
    be contradicted."""
    found = [
        item for item in evidence.instances if class_match(noun, item.class_) >= ClassMatch.GENERAL
    ]
    best = max(found, key=lambda item: item.confidence, default=None)
    if best is None:
        return Verdict()
    return compare(
        not negated,
        sure=negated and best.confidence >= LIMITS.sure and len(best.track) >= 4,
        believed=best.confidence >= LIMITS.trusted,
        confidence=best.confidence,
        measured=f"there is {en.article(best.class_)}",
        frames=[round(best.track[len(best.track) // 2].t, 3)] if best.track else [],
    )
