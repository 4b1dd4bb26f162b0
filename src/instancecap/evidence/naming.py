"""What to call a tracked thing, and how far the name can be trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.tracking import Track
from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE
from instancecap.schema.evidence import InstanceMotion

Array = NDArray[np.float64]

MIN_CONFIDENCE = 0.42
"""A thing that the detector is less sure of over its whole track is not reported."""

MIN_THING_CONFIDENCE = 0.6
"""The same for household things, food and the like, which it finds where there are none."""

HYPERNYMS = {"human": "person", "animal": "animal", "vehicle": "vehicle"}
"""What a thing is called whose category is clearer than its class."""

AGREEMENT = 0.8
"""Share of the votes that a class needs where its category has a word of its own."""

MIN_THING_SHARE = 0.55
"""Share of the votes under which a thing of any other category has no name at all."""

OBJECT = "object"
"""The class of a thing that moves and that no detector can name."""

MIN_LIVELY_SHARE = 0.7
"""The same for people, animals and vehicles when not even the category is agreed on."""

LIVELY = frozenset(name for name, kind in CATEGORIES.items() if kind in HYPERNYMS) | set(
    HYPERNYMS.values()
)
"""People, animals and vehicles: what the detector knows best and captions are about."""

_IS_MOVABLE = np.array([name in MOVABLE for name in CLASSES])


def needed_confidence(name: str) -> float:
    """Confidence from which a thing of this name is reported."""
    return MIN_CONFIDENCE if name in LIVELY or name == OBJECT else MIN_THING_CONFIDENCE


def name_class(track: Track, motion: InstanceMotion) -> tuple[str, float]:
    """Class by vote over the track's views, and how far the name can be trusted.

    Where the views disagree within one category, the thing is called by what they agree on:
    an animal, a vehicle. A detector that sees a car from above says "cell phone" and is sure of
    it, but household things do not drive about: where a thing travels by itself, only what can
    move is believed.
    """
    votes, scores = _with_cars(track.class_votes), track.named_scores
    if motion.moving:
        mobile = np.where(_IS_MOVABLE, votes, 0.0)
        if mobile.sum() < 0.5 * votes.sum():
            return _name_mobile(mobile / votes.sum(), scores, motion)
        votes = mobile
    first = int(votes.argmax())
    name, share = CLASSES[first], float(votes[first] / votes.sum())
    best_half = max(1, (len(scores) + 1) // 2)
    if name not in MOVABLE and share < MIN_THING_SHARE:
        return OBJECT, 0.0
    hypernym, agreed = _category_of(votes)
    if share < AGREEMENT and hypernym == HYPERNYMS.get(CATEGORIES[name]) and agreed > share + 0.1:
        sure = np.sort(scores[:, _IS_MOVABLE].max(axis=1))[::-1][:best_half]
        return hypernym or OBJECT, float(sure.mean()) * agreed
    if share < MIN_LIVELY_SHARE:
        # Something is there for sure, but a dog to some views and a person to others.
        return OBJECT, float(np.sort(scores.max(axis=1))[::-1][:best_half].mean()) * 0.8
    sure = np.sort(scores[:, first])[::-1][:best_half]
    return name, float(sure.mean()) * (0.6 + 0.4 * share)


def _name_mobile(mobile: Array, scores: Array, motion: InstanceMotion) -> tuple[str, float]:
    """What to call a thing that travels although the detector takes it for one that cannot.

    ``mobile`` are the votes for classes that can, as shares of all votes.
    """
    name, share = _category_of(mobile)
    best = np.sort(scores[:, _IS_MOVABLE].max(axis=1))[::-1]
    sure = float(best[: max(1, len(best) // 4)].mean()) > MIN_CONFIDENCE
    if name and sure and share > 0.7 and mobile.sum() > 0.06:
        return name, 0.5
    return OBJECT, min(0.5, float(scores.max(axis=1).mean())) * min(1.0, motion.activity / 0.4)


def _with_cars(votes: Array) -> Array:
    """Votes in which a mixture of car and truck is a car.

    Off-roaders, vans and pick-ups are taken for a truck in every other view; a lorry hardly ever
    is taken for a car.
    """
    car, truck = CLASSES.index("car"), CLASSES.index("truck")
    mixed = votes.copy()
    if mixed[car] > 0.35 * (mixed[car] + mixed[truck]):
        mixed[car], mixed[truck] = mixed[car] + mixed[truck], 0.0
    return mixed


def _category_of(votes: Array) -> tuple[str, float]:
    """The hypernym of the category with most votes ("" for none) and its share of all votes."""
    totals: dict[str, float] = {}
    for name, vote in zip(CLASSES, votes, strict=True):
        totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
    best = max(totals, key=lambda key: totals[key])
    return HYPERNYMS.get(best, ""), totals[best] / max(float(votes.sum()), 1e-12)
