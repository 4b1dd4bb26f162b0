"""What to call a tracked instance, and the probability that the name is right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from instancecap.evidence.geometry import areas
from instancecap.evidence.thresholds import NAMING, NamingThresholds
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.classes import class_of
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema.evidence import InstanceFacts, InstanceMotion

Array = NDArray[np.float64]

HYPERNYMS = {"human": "person", "animal": "animal", "vehicle": "vehicle"}
"""What an instance is called whose category is clearer than its class."""

TAKEN_FOR = (("car", "truck"), ("sports ball", "frisbee"))
"""What is taken for another class in every other view, hardly ever the other way round.

Off-roaders, vans and pick-ups are taken for a truck, but a lorry is none for a car; a ball looks
like a disc from every side, a disc like a ball from none but its face.
"""

OBJECT = "object"
"""The class of an instance that no detector can name."""

LIVELY = frozenset(name for name, kind in CATEGORIES.items() if kind in HYPERNYMS) | set(
    HYPERNYMS.values()
)
"""People, animals and vehicles: what the detector knows best and captions are about."""

BEST_VIEWS = 0.9
"""Quantile of a track's scores that stands for its best views: what is blurred or turned away half
of the time is known all the same."""

CALLED = 0.5
"""Share of a track's scores in which it is called by a phrase for that to be its name."""


class Naming(NamedTuple):
    """A class, :data:`OBJECT` for none, and the probabilities that it and its category are right;
    under ``NAMING.name`` there is no instance."""

    class_: str
    confidence: float
    category_confidence: float


def name_class(
    track: Track, motion: InstanceMotion, *, samples: int, fit: NamingThresholds = NAMING
) -> Naming:
    """Class by vote over the track's views, and the probability that it is right.

    The class with most votes is the name; an animal or a vehicle whose kind is not more likely
    right than not is called by what its views agree on. A detector that sees a car from above says
    "cell phone": what travels by itself and has no likely name is called by what can.

    Args:
        samples: number of samples of the shot in which it might have been detected.
        fit: how the probability follows from what the detector says.
    """
    votes, classes = _without_mixtures(track.class_votes), track.classes
    first = int(votes.argmax())
    name, category = classes.names[first], classes.categories[first]
    probability = _probability(features(track, samples=samples, fit=fit), fit)
    likely = probability >= fit.clear
    if motion.moving and not classes.movable[first] and probability < fit.carried:
        return _name_mobile(track, np.where(classes.movable, votes, 0.0) / votes.sum(), motion)
    if category not in ("animal", "vehicle"):
        return Naming(name, probability, probability)
    kindred = features(track, samples=samples, any_kind=True, fit=fit)
    together = max(probability, _probability(kindred, fit))
    if likely:
        return Naming(name, probability, together)
    return Naming(HYPERNYMS[category], together, together)


def phrase_of(track: Track, class_: str) -> str:
    """What a track that is named ``class_`` is called beside: *man in red*; empty for nothing."""
    phrase = max(track.phrases, key=lambda one: track.phrases[one], default="")
    if not phrase or class_of(phrase) != class_:
        return ""
    return phrase if track.phrases[phrase] >= CALLED * float(track.best.sum()) else ""


def category_of(item: InstanceFacts) -> str:
    """The category of an instance's class; empty for a hypernym and for no name."""
    return item.category or CATEGORIES.get(item.class_, "")


def kind_of(item: InstanceFacts) -> str:
    """What an instance may be confused within: the category of its class, or the class itself
    where that has none."""
    known = "" if item.category == "other" else category_of(item)
    return known or item.class_


def is_lively(item: InstanceFacts) -> bool:
    """Whether it is a person, an animal or a vehicle: what captions are about."""
    return item.class_ in LIVELY or item.category in HYPERNYMS


def voted_class(track: Track) -> int:
    """Number of the class that most of the track's views speak for."""
    return int(_without_mixtures(track.class_votes).argmax())


def features(
    track: Track, *, samples: int, any_kind: bool = False, fit: NamingThresholds = NAMING
) -> dict[str, float]:
    """What the detector says of a track, by the names of the weights of a ``fit``.

    Args:
        samples: number of samples of the shot in which it might have been detected.
        any_kind: of any class of the category in place of the one voted for.
        fit: for the weight of closer looks.
    """
    first, classes = voted_class(track), track.classes
    category = classes.categories[first]
    kin = _taken_for(first, count=len(classes.names))
    if any_kind:
        kin = np.array([other == category for other in classes.categories])
    views = track.named_scores[:, kin].max(axis=1)
    score, best = float(views.mean()), float(np.quantile(views, BEST_VIEWS))
    if track.looks:
        looks = float(np.mean([look[kin].max() for look in track.looks]))
        score = (score + fit.look * looks) / (1 + fit.look)
        best = (best + fit.best_look * looks) / (1 + fit.best_look)
    return {
        "offset": 1.0,
        "score": _log_odds(score),
        "best": _log_odds(best),
        "density": min(1.0, len(track.named_scores) / max(samples, 1)),
        "size": float(np.sqrt(np.median(areas(np.array(track.boxes))))),
        "single": float(samples <= 1 and category != "human"),
        "single_lively": float(samples <= 1 and category in HYPERNYMS),
        "face": float(category == "human" and 1.0 in track.faces),
        "faceless": float(category == "human" and bool(track.faces) and 1.0 not in track.faces),
        **{name: float(category == name) for name in HYPERNYMS},
        **{f"any_{name}": float(any_kind and category == name) for name in ("animal", "vehicle")},
    }


def _log_odds(score: float) -> float:
    return float(np.log((score + 0.02) / (1.02 - score)))


def _probability(found: dict[str, float], fit: NamingThresholds) -> float:
    """That a name with these features is right."""
    return float(expit(sum(getattr(fit, name) * value for name, value in found.items())))


def _taken_for(first: int, *, count: int) -> NDArray[np.bool_]:
    """Which of ``count`` classes speak for the one that has most votes."""
    kin = np.arange(count) == first
    for one, other in TAKEN_FOR:
        kin[CLASSES.index(other)] |= CLASSES.index(one) == first
    return np.asarray(kin)


def _name_mobile(track: Track, mobile: Array, motion: InstanceMotion) -> Naming:
    """What to call what travels although the detector takes it for something that cannot.

    ``mobile`` are the votes for classes that can, as shares of all votes.
    """
    totals: dict[str, float] = {}
    for category, vote in zip(track.classes.categories, mobile, strict=True):
        totals[category] = totals.get(category, 0.0) + float(vote)
    best = max(totals, key=lambda key: totals[key])
    scores = np.sort(track.named_scores[:, track.classes.movable].max(axis=1))[::-1]
    sure = float(scores[: max(1, len(scores) // 4)].mean()) > 0.42
    if best in HYPERNYMS and sure and totals[best] > 0.06 and motion.activity > 0.4:
        return Naming(HYPERNYMS[best], NAMING.mobile, NAMING.mobile)
    return Naming(OBJECT, 0.0, 0.0)


def _without_mixtures(votes: Array) -> Array:
    """Votes in which a mixture of two classes that are hard to tell apart is the one it must be."""
    mixed = votes.copy()
    for one, other in TAKEN_FOR:
        first, second = CLASSES.index(one), CLASSES.index(other)
        if mixed[first] > 0.35 * (mixed[first] + mixed[second]):
            mixed[first], mixed[second] = mixed[first] + mixed[second], 0.0
    return mixed
