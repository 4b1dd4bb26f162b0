"""Checks of how many there are, and whether there are any."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from instancecap.evidence.geometry import areas, pairwise_coverage
from instancecap.language import en
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.claims import Verdict, outcome
from instancecap.verify.lexicon import Noun
from instancecap.verify.naming import ClassMatch, class_match
from instancecap.verify.thresholds import LIMITS


def check_count(noun: Noun, number: int, evidence: Evidence, *, complete: bool) -> Verdict:
    """``complete``: all of the kind are meant. A number of women tells little of all people."""
    fits = {item.id: class_match(noun, item.class_) for item in evidence.instances}
    counted = [
        item
        for item in evidence.instances
        if item.track and fits[item.id] >= ClassMatch.GENERAL and item.confidence >= LIMITS.trusted
    ]
    if not counted or number < 1:
        return Verdict()
    others = [
        item
        for item in evidence.instances
        if item not in counted and fits[item.id] >= ClassMatch.UNKNOWN
    ]
    once, total = _at_once(counted), sum(item.count for item in counted)
    clear = all(item.confidence >= LIMITS.sure and _is_clear(item) for item in counted)
    apart = clear and not _overlap(counted)
    exact = all(item.count == 1 and fits[item.id] is ClassMatch.SAME for item in counted)
    doubt = LIMITS.rival * min(item.salience for item in counted)
    support = outcome(
        number == once == total
        and (number == 1 or apart)
        and all(item.salience < doubt for item in others),
        sure=(number < once and complete and apart)
        or (number > total + sum(item.count for item in others) and clear and exact),
    )
    words = f"there {'is' if once == 1 else 'are'} {en.count_word(once)} "
    words += noun.class_ if once == 1 else en.plural(noun.class_)
    track = counted[0].track
    times = [round(point.t, 3) for point in track[:: max(1, len(track) // 3)]]
    return Verdict(support, min(item.confidence for item in counted), words, times, once)


def _overlap(items: list[InstanceFacts]) -> bool:
    """Whether two of them cover each other most of the time, as one that was found twice does."""
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
    """The most that are seen at once for a while; between two detections an instance is there."""
    times = np.unique([point.t for item in items for point in item.track])
    there = np.zeros(len(times), int)
    for item in items:
        there += item.count * ((times >= item.track[0].t) & (times <= item.track[-1].t))
    return int(np.sort(there)[-min(int(LIMITS.at_once), len(there))])


def _is_clear(item: InstanceFacts) -> bool:
    """Whether it is large: where they are tiny, more are missed."""
    return float(np.median(areas(np.array([p.box for p in item.track])))) >= LIMITS.clear_area


def check_presence(noun: Noun, evidence: Evidence) -> Verdict:
    """Whether there is one. What was not found may have been missed: that proves nothing."""
    found = [
        item
        for item in evidence.instances
        if item.track and class_match(noun, item.class_) >= ClassMatch.GENERAL
    ]
    best = max(found, key=lambda item: item.confidence, default=None)
    if best is None or best.confidence < LIMITS.trusted:
        return Verdict()
    time = round(best.track[len(best.track) // 2].t, 3)
    return Verdict("supported", best.confidence, f"there is {en.article(best.class_)}", [time])
