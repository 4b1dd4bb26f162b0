"""Which thing of the evidence a caption speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.geometry import pairwise_ious
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.checks_instance import INSTANCE_CHECKS
from instancecap.verify.claims import Claim, Kind, Mention, When
from instancecap.verify.naming import ClassMatch, class_match, noun_of
from instancecap.verify.spans import TrackSpan
from instancecap.verify.thresholds import LIMITS, WEIGHTS
from instancecap.verify.verdict import Outcome


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a mention may stand for, the most salient first.

    ``certain``: it is one of these and nothing else that was followed, nor what was not.
    """

    items: list[InstanceFacts]
    certain: bool


NOBODY = Candidates([], False)


def match_instances(caption: Caption, evidence: Evidence) -> dict[int, Candidates]:
    """Evidence for the caption's instances, by their id; those without any are left out.

    Ids that both share are taken at their word where the tracks agree or, without tracks, where
    this project wrote the caption. The rest are paired by class, place, colour and overlap.
    """
    found: dict[int, Candidates] = {}
    by_id = {item.id: item for item in evidence.instances}
    for one in caption.instances:
        item = by_id.get(one.id)
        if item is not None and _is_same(one, item, ours=caption.producer.name == "instancecap"):
            found[one.id] = Candidates([item], True)
    rest = [one for one in caption.instances if one.id not in found]
    taken = {pair.items[0].id for pair in found.values()}
    free = [item for item in evidence.instances if item.id not in taken]
    if not rest or not free:
        return found
    points = np.array([[_points(one, item, evidence) for item in free] for one in rest])
    pairs = list(zip(*linear_sum_assignment(-points), strict=True))
    left = set(range(len(free))) - {column for _, column in pairs}
    for row, column in pairs:
        if points[row, column] >= WEIGHTS.least:
            item = free[column]
            certain = points[row, column] >= WEIGHTS.track or not any(
                _is_rival(free[other], rest[row], item) for other in left
            )
            found[rest[row].id] = Candidates([item], certain)
    return found


def _is_rival(other: InstanceFacts, one: Instance, item: InstanceFacts) -> bool:
    """Whether a thing that no instance was paired with may be meant instead of ``item``."""
    possible = class_match(noun_of(one.class_), other.class_) >= ClassMatch.UNKNOWN
    return possible and other.salience >= LIMITS.rival * item.salience


def _is_same(one: Instance, item: InstanceFacts, *, ours: bool) -> bool:
    if one.track and item.track:
        return _overlap(one.track, item.track) >= LIMITS.same_track
    return ours and class_match(noun_of(one.class_), item.class_) >= ClassMatch.UNKNOWN


def _overlap(first: Sequence[TrackPoint], second: Sequence[TrackPoint]) -> float:
    """Mean intersection over union where both were seen at about the same time."""
    times = np.array([point.t for point in second])
    boxes = np.array([point.box for point in second])
    nearest = [int(np.abs(times - point.t).argmin()) for point in first]
    near = [i for i, n in enumerate(nearest) if abs(times[n] - first[i].t) <= 0.1]
    if not near:
        return 0.0
    mine = np.array([first[i].box for i in near])
    return float(pairwise_ious(mine, boxes[[nearest[i] for i in near]]).mean())


def _points(one: Instance, item: InstanceFacts, evidence: Evidence) -> float:
    """How well an instance of the caption fits one of the evidence."""
    overlap = _overlap(one.track, item.track) if one.track and item.track else 0.0
    if overlap >= LIMITS.same_track:
        return WEIGHTS.track + overlap
    fits = class_match(noun_of(one.class_), item.class_)
    if fits is ClassMatch.APART or (one.track and item.track and overlap < WEIGHTS.apart):
        return 0.0
    total = _CLASS_WEIGHTS[fits] + item.salience
    for cell, when in _ends(one):
        total += WEIGHTS.place * _agreement("position", cell, item, evidence, when=when)
    for color in one.colors:
        total += WEIGHTS.color * _agreement("color", color, item, evidence)
    return total


_CLASS_WEIGHTS = {
    ClassMatch.SAME: WEIGHTS.same,
    ClassMatch.GENERAL: WEIGHTS.general,
    ClassMatch.CATEGORY: WEIGHTS.category,
    ClassMatch.UNKNOWN: WEIGHTS.unknown,
}


def _ends(one: Instance) -> list[tuple[str, When]]:
    ends: list[tuple[str, When]] = [(one.position.start, "start"), (one.position.end, "end")]
    return [(cell, when) for cell, when in ends if cell]


def _outcome(
    kind: Kind, value: str, item: InstanceFacts, evidence: Evidence, *, when: When = ""
) -> Outcome:
    """Whether a color or a place may be that of a tracked instance."""
    seen = TrackSpan.of(item, evidence)
    if seen is None:
        return "unchecked"
    return INSTANCE_CHECKS[kind].check(Claim(kind, value, when=when), seen).support


def _agreement(
    kind: Kind, value: str, item: InstanceFacts, evidence: Evidence, *, when: When = ""
) -> int:
    outcome = _outcome(kind, value, item, evidence, when=when)
    return {"supported": 1, "contradicted": -1}.get(outcome, 0)


def candidates(
    mention: Mention,
    evidence: Evidence,
    matched: dict[int, Candidates],
    *,
    by_color: bool = True,
) -> Candidates:
    """What a mention may stand for: by its class, then by its colours and its place.

    Empty where it may stand for something that was not followed. ``by_color`` is not set where
    its colours are what is checked.
    """
    if mention.instance is not None:
        return matched.get(mention.instance, NOBODY)
    if mention.noun is None or mention.vague:
        return NOBODY
    named, rivals, certain = _by_class(mention, evidence)
    earlier = [
        one
        for one in mention.before
        if one.noun is not None
        and class_match(mention.noun, one.noun.class_) >= ClassMatch.CATEGORY
    ]
    if earlier and not mention.other and not mention.colors and not mention.spot:
        # A second man whom nothing tells from the first may be one that was not followed.
        certain = certain and len(named) > len(earlier)
    if mention.other or earlier:
        named = _without_used(named, earlier, evidence, matched)
    if mention.colors:
        kept = [item for item in named if not _is_off_color(mention, item, evidence)]
        others = [item for item in rivals if not _is_off_color(mention, item, evidence)]
        if kept:
            named = _best_colored(mention, kept, evidence)
        elif others:
            return Candidates(others, False)
        elif by_color:
            return NOBODY
        rivals = others
    if rivals and named:
        doubt = [item for item in rivals if item.salience >= LIMITS.rival * named[0].salience]
        return Candidates(_there(mention, named, evidence), certain and not doubt)
    return Candidates(_there(mention, named, evidence), certain)


def _by_class(
    mention: Mention, evidence: Evidence
) -> tuple[list[InstanceFacts], list[InstanceFacts], bool]:
    """Things whose name fits, those without a sure name that may be it, and whether it must be
    one of the first."""
    assert mention.noun is not None
    fits = {item.id: class_match(mention.noun, item.class_) for item in evidence.instances}
    exact = [item for item in evidence.instances if fits[item.id] is ClassMatch.SAME]
    akin = [
        item
        for item in evidence.instances
        if fits[item.id] in (ClassMatch.CATEGORY, ClassMatch.GENERAL)
    ]
    nameless = [item for item in evidence.instances if fits[item.id] is ClassMatch.UNKNOWN]
    if exact:
        vague = [item for item in akin if fits[item.id] is ClassMatch.GENERAL]
        return exact, vague + nameless, exact[0].confidence > LIMITS.guessed
    if akin:
        return akin, nameless, len(akin) == 1
    return nameless, [], len(evidence.instances) == 1


def _without_used(
    found: list[InstanceFacts],
    earlier: list[Mention],
    evidence: Evidence,
    matched: dict[int, Candidates],
) -> list[InstanceFacts]:
    used = set()
    for one in earlier:
        there = candidates(one, evidence, matched).items
        if len(there) == 1:
            used.add(there[0].id)
    return [item for item in found if item.id not in used]


def _is_off_color(mention: Mention, item: InstanceFacts, evidence: Evidence) -> bool:
    return all(_outcome("color", word, item, evidence) == "contradicted" for word in mention.colors)


def _best_colored(
    mention: Mention, found: list[InstanceFacts], evidence: Evidence
) -> list[InstanceFacts]:
    for word in mention.colors:
        agreeing = [i for i in found if _outcome("color", word, i, evidence) == "supported"]
        found = agreeing or found
    return found


def _there(mention: Mention, found: list[InstanceFacts], evidence: Evidence) -> list[InstanceFacts]:
    """Those of several that are where the mention is placed."""
    if not mention.spot or len(found) < 2:
        return found
    there = [i for i in found if _outcome("position", mention.spot, i, evidence) == "supported"]
    return there or found
