"""One instance that is seen in several shots is one instance, not one a shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.geometry import areas
from instancecap.evidence.thresholds import REIDENTIFY
from instancecap.evidence.tracking.naming import HYPERNYMS, category_of, is_lively
from instancecap.schema.evidence import InstanceFacts

Array = NDArray[np.float64]


def join_across_cuts(shots: Sequence[Sequence[InstanceFacts]]) -> list[InstanceFacts]:
    """Instances of all shots, those of one class, like colors and like size joined.

    Of other things than people, animals and vehicles only those are joined of which each shot has
    one: a second bowl is as likely as the same one. An instance is compared with those of earlier
    shots as they were seen last, and joined with one of them at most (an optimal assignment over
    the likeness of their colors).

    Args:
        shots: the instances of each shot, in order of time.
    """
    joined: list[InstanceFacts] = []
    last: list[InstanceFacts] = []
    only: list[bool] = []
    for items in shots:
        alone = [sum(one.class_ == item.class_ for one in items) == 1 for item in items]
        taken: set[int] = set()
        if joined and items:
            rows = [[(item, b and a) for item, b in zip(items, alone, strict=True)] for a in only]
            likeness = np.array(
                [
                    [_likeness(one, item, only=both) for item, both in row]
                    for one, row in zip(last, rows, strict=True)
                ]
            )
            for row, column in zip(*linear_sum_assignment(-likeness), strict=True):
                if likeness[row, column] > 0:
                    joined[row] = _join(joined[row], items[column])
                    last[row], only[row] = items[column], alone[column]
                    taken.add(int(column))
        new = [index for index in range(len(items)) if index not in taken]
        joined += [items[index] for index in new]
        last += [items[index] for index in new]
        only += [alone[index] for index in new]
    return joined


def _likeness(one: InstanceFacts, other: InstanceFacts, *, only: bool) -> float:
    """0..1: how alike two instances of different shots look; 0 where they may not be one."""
    same_kind = one.class_ == other.class_ or (
        HYPERNYMS.get(category_of(one)) == other.class_
        or HYPERNYMS.get(category_of(other)) == one.class_
    )
    if one.phrase and other.phrase and one.phrase != other.phrase:
        return 0.0
    if not same_kind or max(one.count, other.count) > 1 or not (only or is_lively(one)):
        return 0.0
    needed = REIDENTIFY.only_person if one.class_ == "person" else REIDENTIFY.only
    if not only:
        needed = REIDENTIFY.likeness
        sizes = sorted(float(np.median(areas(_boxes(item)))) for item in (one, other))
        if sizes[0] < REIDENTIFY.size * sizes[1]:
            return 0.0
    first, second = _shares(one), _shares(other)
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    likeness = float(first @ second) / norm if norm else 0.0
    return likeness if likeness >= needed else 0.0


def _boxes(item: InstanceFacts) -> Array:
    """The boxes (n, 4) of an instance's track."""
    return np.array([point.box for point in item.track])


def _shares(item: InstanceFacts) -> Array:
    found = dict(item.colors)
    return np.array([found.get(name, 0.0) for name in COLORS])


def _join(early: InstanceFacts, late: InstanceFacts) -> InstanceFacts:
    """One instance with both tracks; what it is and does is told by the longer one, and how sure it
    is by the surer one."""
    longer, shorter = (early, late) if len(early.track) >= len(late.track) else (late, early)
    named = shorter if longer.class_ in HYPERNYMS.values() else longer
    salience = float(np.hypot(early.salience, late.salience))
    return longer.model_copy(
        update={
            "class_": named.class_,
            "category": named.category,
            "phrase": named.phrase or shorter.phrase,
            "confidence": max(early.confidence, late.confidence),
            "category_confidence": max(early.category_confidence, late.category_confidence),
            "salience": round(min(1.0, salience), 4),
            "track": [*early.track, *late.track],
            "enters": early.enters,
            "leaves": late.leaves,
            "opinions": [
                one.model_copy(update={"holds": one.value == named.class_})
                for one in (*early.opinions, *late.opinions)
            ],
        }
    )
