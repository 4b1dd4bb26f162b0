"""What several detectors found of one shot: one instance for one real thing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from instancecap.evidence.geometry import pairwise_ious
from instancecap.evidence.merging import merge
from instancecap.evidence.tracking.instances import boxes_at, lengthened
from instancecap.evidence.tracking.naming import HYPERNYMS, OBJECT, kind_of
from instancecap.schema.evidence import InstanceFacts, Opinion

ALIKE, STRANGE = 0.5, 0.7
"""Mean overlap (IoU), over the times at which both have a box, from which two detectors' instances
are one thing; the second where they are called by names of different categories: a rider's box and
the horse's overlap too."""

TOGETHER = 0.5
"""Share of the shorter one's boxes at which the other one must have a box as well."""

AS_LONG = 0.8
"""Share of the longest track from which the track of a detector that was named before is taken."""


def merge_instances(found: Sequence[Sequence[InstanceFacts]]) -> list[InstanceFacts]:
    """The instances of one shot, from those of each detector.

    What several found is one instance: its track is that of the detector named first whose track is
    nearly as long as the longest, lengthened by the others'; its class is merged by the rule of
    :mod:`instancecap.evidence.merging`. What one found alone stays as it is.

    Args:
        found: a list a detector, in the order in which they were named.
    """
    items = [(detector, item) for detector, own in enumerate(found) for item in own]
    groups = {index: [index] for index in range(len(items))}
    for _, first, second in sorted(_pairs(items)):
        one, other = groups[first], groups[second]
        if one is not other and not _clash(one, other, items):
            one += other
            groups.update(dict.fromkeys(other, one))
    once = {id(group): sorted(group) for group in groups.values()}
    return [_merged([items[index][1] for index in group]) for group in once.values()]


def _pairs(items: Sequence[tuple[int, InstanceFacts]]) -> list[tuple[float, int, int]]:
    """Places of those that different detectors found and that may be one thing, each with minus
    their overlap, so that the surest and those named first come first."""
    pairs = []
    for (first, (detector, one)), (second, (rival, other)) in combinations(enumerate(items), 2):
        if detector != rival:
            alike = _kind(one) == _kind(other) or OBJECT in (one.class_, other.class_)
            overlap = overlap_of(one, other)
            if overlap >= (ALIKE if alike else STRANGE):
                pairs.append((-overlap, first, second))
    return pairs


def _kind(item: InstanceFacts) -> str:
    general = {name: kind for kind, name in HYPERNYMS.items()}
    return general.get(item.class_) or kind_of(item)


def overlap_of(one: InstanceFacts, other: InstanceFacts) -> float:
    """Mean IoU at the times of the shorter track; 0 where they are seldom seen together."""
    shorter, longer = sorted((one, other), key=lambda item: len(item.track))
    times = np.array([point.t for point in shorter.track])
    theirs = boxes_at(longer, times)
    both = ~np.isnan(theirs[:, 0])
    if both.mean() < TOGETHER:
        return 0.0
    own = np.array([point.box for point in shorter.track])
    return float(pairwise_ious(own[both], theirs[both]).mean())


def _clash(
    one: Sequence[int], other: Sequence[int], items: Sequence[tuple[int, InstanceFacts]]
) -> bool:
    """Whether one detector has an instance in each of two groups at the same time: it told them
    apart."""
    return any(
        items[first][0] == items[second][0] and _meet(items[first][1], items[second][1])
        for first in one
        for second in other
    )


def _meet(one: InstanceFacts, other: InstanceFacts) -> bool:
    return one.track[0].t <= other.track[-1].t and other.track[0].t <= one.track[-1].t


def _merged(group: Sequence[InstanceFacts]) -> InstanceFacts:
    """One instance of what several detectors found, those named first before others."""
    lengths = [item.track[-1].t - item.track[0].t for item in group]
    enough = [length >= AS_LONG * max(lengths) for length in lengths]
    base = group[enough.index(True)]
    for other in group:
        if other is not base:
            base = lengthened(base, other)
    naming = _longest_named(group)
    if len(naming) < 2:
        names = ("class_", "category", "phrase", "confidence", "category_confidence")
        return base.model_copy(
            update={name: getattr(item, name) for item in naming for name in names}
        )
    opinions = [
        Opinion(kind="class", value=item.class_, confidence=item.confidence, expert=item.source)
        for item in naming
    ]
    finer = [one for one in opinions if not _is_covered(one, naming)]
    merged = merge(finer)
    same = [item for item in naming if item.class_ == merged.value]
    covering = [one.model_copy(update={"holds": False}) for one in opinions if one not in finer]
    sure = [item.category_confidence for item in group if _kind(item) == _kind(same[0])]
    return base.model_copy(
        update={
            "class_": merged.value,
            "category": same[0].category,
            "phrase": next((item.phrase for item in same if item.phrase), ""),
            "confidence": round(merged.confidence, 4),
            "category_confidence": round(max([merged.confidence, *sure]), 4),
            "opinions": [*merged.opinions, *covering],
        }
    )


def _longest_named(group: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """The longest track of each detector that has a name for it."""
    longest: dict[str, InstanceFacts] = {}
    for item in sorted(group, key=lambda one: len(one.track)):
        if item.class_ != OBJECT:
            longest[item.source] = item
    return list(longest.values())


def _is_covered(one: Opinion, naming: Sequence[InstanceFacts]) -> bool:
    """Whether somebody has a finer name for what one calls *animal* or *vehicle*: who does not know
    which one it is does not speak against it."""
    kinds = {_kind(other) for other in naming if other.class_ != one.value}
    return one.value in {HYPERNYMS[kind] for kind in kinds if kind in HYPERNYMS}
