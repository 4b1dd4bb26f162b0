"""Which tracked instance a caption speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.geometry import pairwise_ious
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.verify.checks_instance import INSTANCE_CHECKS
from instancecap.verify.claims import Claim, Mention, Outcome
from instancecap.verify.lexicon import lexicon
from instancecap.verify.naming import ClassMatch, item_match, noun_of
from instancecap.verify.spans import TrackSpan
from instancecap.verify.thresholds import LIMITS


@dataclass(frozen=True, slots=True)
class Candidates:
    """Tracked instances that a mention may stand for, the most salient first.

    ``certain``: it is one of these, and no other nor one that was not tracked.
    """

    items: list[InstanceFacts]
    certain: bool


NOBODY = Candidates([], False)
_CLASS_WEIGHTS = {
    ClassMatch.SAME: LIMITS.weight_same,
    ClassMatch.GENERAL: LIMITS.weight_general,
    ClassMatch.CATEGORY: LIMITS.weight_category,
    ClassMatch.UNKNOWN: LIMITS.weight_unknown,
}


def match_instances(caption: Caption, evidence: Evidence) -> dict[int, Candidates]:
    """Evidence for the caption's instances, by their id; those without any are left out.

    Ids that both share are taken at their word where the tracks agree or, without tracks, where
    this project wrote the caption. The rest are paired by class, place, color and overlap.
    """
    found: dict[int, Candidates] = {}
    by_id = {item.id: item for item in evidence.instances}
    for one in caption.instances:
        item = by_id.get(one.id)
        if item is not None and _is_same(one, item, ours=caption.producer.name == "instancecap"):
            found[one.id] = Candidates([item], True)
    rest = [one for one in caption.instances if one.id not in found]
    taken = {pair.items[0].id for pair in found.values()}
    free = [item for item in evidence.instances if item.id not in taken and item.track]
    if not rest or not free:
        return found
    points = np.array([[_points(one, item, evidence) for item in free] for one in rest])
    pairs = list(zip(*linear_sum_assignment(-points), strict=True))
    left = [free[index] for index in set(range(len(free))) - {column for _, column in pairs}]
    for row, column in pairs:
        if points[row, column] >= LIMITS.least_weight:
            noun, item = noun_of(rest[row].class_), free[column]
            rivals = [one for one in left if item_match(noun, one) >= ClassMatch.UNKNOWN]
            certain = points[row, column] >= LIMITS.weight_track or not _doubt(rivals, [item])
            found[rest[row].id] = Candidates([item], certain)
    return found


def _doubt(rivals: Sequence[InstanceFacts], items: Sequence[InstanceFacts]) -> bool:
    """Whether another one is as much in view as the best of ``items``, and may be meant."""
    return any(one.salience >= LIMITS.rival * items[0].salience for one in rivals)


def _is_same(one: Instance, item: InstanceFacts, *, ours: bool) -> bool:
    if one.track and item.track:
        return _overlap(one.track, item.track) >= LIMITS.same_track
    return ours and item_match(noun_of(one.class_), item) >= ClassMatch.UNKNOWN


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
    """How well an instance of the caption fits a tracked one."""
    overlap = _overlap(one.track, item.track) if one.track else 0.0
    if overlap >= LIMITS.same_track:
        return LIMITS.weight_track + overlap
    fits = item_match(noun_of(one.class_), item)
    if fits is ClassMatch.APART or (one.track and overlap < LIMITS.apart):
        return 0.0
    place = [
        _outcome(Claim("position", one.position.start, when="start"), item, evidence),
        _outcome(Claim("position", one.position.end, when="end"), item, evidence),
    ]
    color = [_outcome(Claim("color", word), item, evidence) for word in one.colors]
    total = _CLASS_WEIGHTS[fits] + item.salience
    return total + LIMITS.weight_place * _balance(place) + LIMITS.weight_color * _balance(color)


def _balance(outcomes: Sequence[Outcome]) -> int:
    return outcomes.count("supported") - outcomes.count("contradicted")


def _outcome(claim: Claim, item: InstanceFacts, evidence: Evidence) -> Outcome:
    """Whether a color or a place may be that of a tracked instance."""
    seen = TrackSpan.of(item, evidence) if claim.value else None
    return INSTANCE_CHECKS[claim.kind](claim, seen).support if seen else "unchecked"


def candidates(
    mention: Mention,
    evidence: Evidence,
    matched: Mapping[int, Candidates],
    *,
    by_color: bool = True,
) -> Candidates:
    """What a mention may stand for: an instance of the caption, else by class, color and place.

    Empty where it may stand for something that was not tracked. ``by_color`` is not set where its
    colors are what is checked.
    """
    if mention.instance is not None:
        return matched.get(mention.instance, NOBODY)
    if mention.noun is None or mention.vague:
        return NOBODY
    fits = {item.id: item_match(mention.noun, item) for item in evidence.instances}
    possible = [item for item in evidence.instances if fits[item.id] >= ClassMatch.UNKNOWN]
    best = ClassMatch.SAME if ClassMatch.SAME in fits.values() else ClassMatch.CATEGORY
    found = [item for item in possible if fits[item.id] >= best] or possible
    if best is ClassMatch.SAME:  # a class may be guessed from its category
        certain = found[0].confidence > LIMITS.guessed
    else:
        known = [item for item in found if fits[item.id] >= best]
        certain = len(found) == 1 and (bool(known) or len(fits) == 1)
    rivals = [
        item for item in possible if item not in found and fits[item.id] is not ClassMatch.CATEGORY
    ]
    if mention.colors:
        colors = [Claim("color", word) for word in mention.colors]
        fitting = [item for item in found if not _is_off(colors, item, evidence)]
        rivals = [item for item in rivals if not _is_off(colors, item, evidence)]
        if not fitting and (rivals or by_color):
            return Candidates(rivals, False)
        for claim in colors:
            found = _those(claim, fitting or found, evidence)
        found = sorted(found, key=lambda item: not _is_akin(mention.colors, item))
    if mention.spot:
        found = _those(Claim("position", mention.spot), found, evidence)
    return Candidates(found, certain and bool(found) and not _doubt(rivals, found))


def _is_off(colors: Sequence[Claim], item: InstanceFacts, evidence: Evidence) -> bool:
    return all(_outcome(claim, item, evidence) == "contradicted" for claim in colors)


def _is_akin(words: Sequence[str], item: InstanceFacts) -> bool:
    """Whether it has a color that light makes of one of ``words``: a silver car looks white."""
    known = [lexicon().colors[word] for word in words if word in lexicon().colors]
    return any(name in one.basic | one.akin for one in known for name, _ in item.colors)


def _those(claim: Claim, items: list[InstanceFacts], evidence: Evidence) -> list[InstanceFacts]:
    """Those for which a color or place is supported, or all where it is for none."""
    there = [item for item in items if _outcome(claim, item, evidence) == "supported"]
    return there or items
