"""What to call a tracked instance, and the probability that the name is right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas
from instancecap.evidence.thresholds import NAMING
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE
from instancecap.schema.evidence import InstanceMotion

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

_IS_MOVABLE = np.array([name in MOVABLE for name in CLASSES])


def name_class(track: Track, motion: InstanceMotion, *, samples: int) -> tuple[str, float]:
    """Class by vote over the track's views, and the probability that it is right.

    The class with most votes is the name; an animal or a vehicle whose kind is not more likely
    right than not is called by what its views agree on. A detector that sees a
    car from above says "cell phone" and is sure of it, but household things do not drive about:
    where an instance travels by itself, only what can move is believed.

    Args:
        samples: number of samples of the shot in which it might have been detected.

    Returns:
        The name, :data:`OBJECT` for none, and a probability; under ``NAMING.name`` no instance.
    """
    votes = _without_mixtures(track.class_votes)
    density = min(1.0, len(track.named_scores) / max(samples, 1))
    if motion.moving:
        mobile = np.where(_IS_MOVABLE, votes, 0.0)
        if mobile.sum() < 0.5 * votes.sum():
            if _mean_score(track, int(votes.argmax())) >= NAMING.carried:
                return CLASSES[int(votes.argmax())], _probability(track, votes, density)
            return _name_mobile(track, mobile / votes.sum(), motion)
        votes = mobile
    probability = _probability(track, votes, density)
    name = CLASSES[int(votes.argmax())]
    hypernym = HYPERNYMS.get(CATEGORIES[name], name)
    needed = NAMING.species if hypernym == "animal" else NAMING.clear
    if probability >= (needed if hypernym != name else NAMING.name):
        return name, probability
    if hypernym != name:
        kin = np.array([CATEGORIES[other] == CATEGORIES[name] for other in CLASSES])
        together = _probability(track, votes, density, kin=kin)
        if together >= NAMING.name:
            return hypernym, together
    return OBJECT, min(probability, NAMING.name / 2)


def _probability(track: Track, votes: Array, density: float, kin: Array | None = None) -> float:
    """That the class with most votes, or one of the classes ``kin`` (80,), is right."""
    first = int(votes.argmax())
    if kin is None:
        kin = np.arange(len(votes)) == first
        for one, other in TAKEN_FOR:
            kin[CLASSES.index(other)] |= CLASSES[first] == one
    looks = [float(look[kin].max()) for look in track.looks]
    boxes = np.array(track.boxes)
    z = (
        NAMING.offset
        + NAMING.look * (float(np.mean(looks)) if looks else NAMING.no_look)
        + NAMING.share * float(votes[kin].sum() / max(votes.sum(), 1e-12))
        + NAMING.density * density
        + NAMING.lively * (CLASSES[first] in LIVELY)
        + NAMING.full * (float(np.median(areas(boxes))) > NAMING.fills)
    )
    return float(1 / (1 + np.exp(-z)))


def _mean_score(track: Track, index: int) -> float:
    """Mean score of a class, first and closer looks counting alike."""
    first = float(track.named_scores[:, index].mean())
    return (first + float(np.mean([look[index] for look in track.looks]))) / 2 if track.looks else 0


def _name_mobile(track: Track, mobile: Array, motion: InstanceMotion) -> tuple[str, float]:
    """What to call what travels although the detector takes it for something that cannot.

    ``mobile`` are the votes for classes that can, as shares of all votes.
    """
    totals: dict[str, float] = {}
    for name, vote in zip(CLASSES, mobile, strict=True):
        totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
    best = max(totals, key=lambda key: totals[key])
    scores = np.sort(track.named_scores[:, _IS_MOVABLE].max(axis=1))[::-1]
    sure = float(scores[: max(1, len(scores) // 4)].mean()) > 0.42
    if best in HYPERNYMS and sure and totals[best] > 0.06 and motion.activity > 0.4:
        return HYPERNYMS[best], NAMING.mobile
    return OBJECT, 0.0


def _without_mixtures(votes: Array) -> Array:
    """Votes in which a mixture of two classes that are hard to tell apart is the one it must be."""
    mixed = votes.copy()
    for one, other in TAKEN_FOR:
        first, second = CLASSES.index(one), CLASSES.index(other)
        if mixed[first] > 0.35 * (mixed[first] + mixed[second]):
            mixed[first], mixed[second] = mixed[first] + mixed[second], 0.0
    return mixed
