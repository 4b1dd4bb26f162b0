"""What to call a tracked thing, and how far the name can be trusted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas
from instancecap.evidence.tracking.tracker import Track
from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE
from instancecap.schema.evidence import InstanceMotion

Array = NDArray[np.float64]

MIN_CONFIDENCE = 0.42
"""A thing that the detector is less sure of over its whole track is not reported."""

MIN_THING_CONFIDENCE = 0.6
"""The same for household things, food and the like, which it finds where there are none."""

MIN_CARRIED_SCORE = 0.75
"""Mean score over all views from which such a thing keeps its name where it travels.

A bottle may be carried, or stand on a belt, but most things that drive about under the name of a
cell phone are something else.
"""

MIN_SPECIES_CONFIDENCE = 0.6
"""Confidence under which an animal is called an animal: COCO knows ten kinds, and any other is
taken, less surely, for the one of them that looks most like it."""

MIN_SALIENT_AREA, MIN_SALIENT_SCORE = 0.04, 0.4
"""Share of the frame, and mean score of the second looks, from which a thing whose name is too
unsure is reported as an object. What is seen in a texture does not stand up to them."""

HYPERNYMS = {"human": "person", "animal": "animal", "vehicle": "vehicle"}
"""What a thing is called whose category is clearer than its class."""

AGREEMENT = 0.8
"""Share of the votes that a class needs where its category has a word of its own."""

MIN_THING_SHARE = 0.55
"""Share of the votes under which a thing of any other category has no name at all."""

TAKEN_FOR = (("car", "truck"), ("sports ball", "frisbee"))
"""What is taken for another class in every other view, hardly ever the other way round.

Off-roaders, vans and pick-ups are taken for a truck, but a lorry is none for a car; a ball looks
like a disc from every side, a disc like a ball from none but its face.
"""

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
    votes, scores = _without_mixtures(track.class_votes), track.named_scores
    if motion.moving:
        mobile = np.where(_IS_MOVABLE, votes, 0.0)
        if mobile.sum() < 0.5 * votes.sum():
            if _mean_score(track, int(votes.argmax())) >= MIN_CARRIED_SCORE:
                return _name_by(votes, scores)
            return _name_mobile(mobile / votes.sum(), scores, motion)
        votes = mobile
    name, confidence = _name_by(votes, scores)
    if CATEGORIES.get(name) == "animal" and confidence < MIN_SPECIES_CONFIDENCE:
        return HYPERNYMS["animal"], confidence
    if MIN_CONFIDENCE <= confidence < needed_confidence(name) and _is_salient(track):
        return OBJECT, confidence
    return name, confidence


def _is_salient(track: Track) -> bool:
    """True for a large thing that closer looks see too, whatever they call it."""
    seen = [float(look.max()) for look in track.looks]
    large = float(np.median(areas(np.array(track.boxes)))) >= MIN_SALIENT_AREA
    return large and len(seen) > 1 and float(np.mean(seen)) >= MIN_SALIENT_SCORE


def _mean_score(track: Track, index: int) -> float:
    """Mean score of a class, first and second looks counting alike."""
    first = float(track.named_scores[:, index].mean())
    return (first + float(np.mean([look[index] for look in track.looks]))) / 2 if track.looks else 0


def _name_by(votes: Array, scores: Array) -> tuple[str, float]:
    """The class with most votes, its hypernym, or *object*, and how far it can be trusted."""
    first = int(votes.argmax())
    name, share = CLASSES[first], float(votes[first] / votes.sum())
    if name not in MOVABLE and share < MIN_THING_SHARE:
        return OBJECT, 0.0
    hypernym, agreed = _category_of(votes)
    if share < AGREEMENT and hypernym == HYPERNYMS.get(CATEGORIES[name]) and agreed > share + 0.1:
        return hypernym or OBJECT, _surest(scores[:, _IS_MOVABLE].max(axis=1)) * agreed
    if share < MIN_LIVELY_SHARE:
        # Something is there for sure, but a dog to some views and a person to others.
        return OBJECT, _surest(scores.max(axis=1)) * 0.8
    likes = [first, *(CLASSES.index(other) for one, other in TAKEN_FOR if one == name)]
    return name, _surest(scores[:, likes].max(axis=1)) * (0.6 + 0.4 * share)


def _surest(scores: Array) -> float:
    """Mean of the better half of the scores (n,)."""
    return float(np.sort(scores)[::-1][: max(1, (len(scores) + 1) // 2)].mean())


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


def _without_mixtures(votes: Array) -> Array:
    """Votes in which a mixture of two classes that are hard to tell apart is the one it must be."""
    mixed = votes.copy()
    for one, other in TAKEN_FOR:
        first, second = CLASSES.index(one), CLASSES.index(other)
        if mixed[first] > 0.35 * (mixed[first] + mixed[second]):
            mixed[first], mixed[second] = mixed[first] + mixed[second], 0.0
    return mixed


def _category_of(votes: Array) -> tuple[str, float]:
    """The hypernym of the category with most votes ("" for none) and its share of all votes."""
    totals: dict[str, float] = {}
    for name, vote in zip(CLASSES, votes, strict=True):
        totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
    best = max(totals, key=lambda key: totals[key])
    return HYPERNYMS.get(best, ""), totals[best] / max(float(votes.sum()), 1e-12)
