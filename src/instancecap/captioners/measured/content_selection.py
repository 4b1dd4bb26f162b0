"""What a measured caption states, whatever its language.

A fact is stated only where facts of its kind are reliable: measured on labelled clips, the lower
bound of their precision (see :mod:`instancecap.evidence.reliability`) reaches :data:`RELIABLE`.
Others are left out, not hedged. What would be true of nearly any clip is left out, too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Literal

from instancecap.evidence.reliability import tally
from instancecap.language.tables import FEW
from instancecap.models.classes import is_kind
from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import Evidence, InstanceFacts

Side = Literal["left", "right", "top", "bottom", "middle", ""]
Size = Literal["small", "third", "half", "most", "tall", "large", "filling", ""]
"""How large: of the frame, or of its height."""

RELIABLE = 0.78  # lower bound of the precision of a kind of fact from which its facts are stated
# Facts of a kind and of about one confidence by which it is judged, rather than by all of its kind:
# the lower bound allows for small numbers.
ENOUGH = 10
# Probability from which a class is stated: of vehicles, and of what is called by its category
# alone; then of people, for whom figures, hands and machines are taken, of animals, of which the
# detector knows ten kinds, and of all else. How often such classes are right of clips left out:
# ``python -m benchmarks.naming``.
SURE_CATEGORY, SURE = 0.7, 0.85
# Share of the samples in which no more of a kind are found than a group counts, from which its
# number is stated, and the group is an instance.
SURE_COUNT = 0.95
# Shares of the frame: mean box areas under or from which a size is stated.
SMALL, LARGE, FILLING = 0.02, 0.25, 0.6
MOSTLY = 0.75  # share of its boxes of which a size, or that it covers much of the frame, is true
# Mean heights, in frame heights, that are stated as a share of the frame's.
HEIGHTS: tuple[tuple[float, float, Size], ...] = (
    (0.28, 0.39, "third"), (0.43, 0.58, "half"), (0.62, 0.8, "most"), (0.85, 1.0, "tall"),
)  # fmt: skip
SPREAD = 0.08  # standard deviation of the heights up to which one of them is stated
AT_ONCE = 0.06  # seconds within which two instances are seen at once
# Distance from the frame's center, in frame sizes, from which *in the center* is not stated.
OFF_CENTER = 0.06
CLEAR_COLOR = 0.3  # share from which a color of an instance is looked at

Gate = Callable[[str, float], bool]
"""Whether facts of a kind and confidence are stated."""


def is_reliable(kind: str, confidence: float) -> bool:
    """The gate of facts that are right often enough, by their kind and confidence.

    A class is judged by its own confidence, a probability: labels judge it too kindly, as they say
    nothing of detections where nothing is.
    """
    if kind in ("class", "category"):
        return confidence >= (SURE if kind == "class" else SURE_CATEGORY)
    return tally(kind, confidence, least=ENOUGH).lower_bound >= RELIABLE


def is_any(kind: str, confidence: float) -> bool:
    """A gate that every fact passes, for callers who check facts in another way."""
    return True


# Which instances, and what they are called -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What an instance is called, unique among those of a caption.

    Attributes:
        phrase: what it is called in place of its class: as the user asked for it, or by a class of
            the detector's own; in the singular, empty for no such word.
        colors: one or two that are part of the name.
        side: where it is among those that are called alike, while they are seen at once.
        number: its place in their order where sides do not tell them apart; else 0.
    """

    class_: str
    count: int
    colors: tuple[str, ...] = ()
    side: Side = ""
    number: int = 0
    phrase: str = ""


def select_instances(evidence: Evidence, *, most: int, gate: Gate) -> list[InstanceFacts]:
    """The instances that a caption describes, by salience: ``most`` at most, each of them once."""
    if gate is is_any:
        return evidence.instances[: max(0, most)]
    chosen: list[InstanceFacts] = []
    for item in map(sure_of, evidence.instances):
        if is_named(item, gate) and not any(may_be_same(one, item) for one in chosen):
            chosen.append(item)
    return chosen[: max(0, most)]


def is_named(item: InstanceFacts, gate: Gate) -> bool:
    """Whether it is said what an instance is."""
    category = category_of(item)
    # YOLOv3-tiny is weighed without faces; of its names above 0.65 nine in ten are right.
    kinds = ("human", "vehicle") if item.source == "yolov3-tiny" else ("vehicle",)
    kind = "category" if item.class_ == "animal" or category in kinds else "class"
    return item.class_ != "object" and gate(kind, item.confidence)


def is_counted(item: InstanceFacts, gate: Gate) -> bool:
    """Whether it is known how many an instance is: a group may hold more than are followed."""
    return gate is is_any or item.count == 1 or item.count_confidence >= SURE_COUNT


def sure_of(item: InstanceFacts) -> InstanceFacts:
    """The instance, called by its category where that alone is sure."""
    category = category_of(item)
    needed = SURE if category == "animal" else SURE_CATEGORY
    if category not in ("animal", "vehicle") or item.confidence >= needed:
        return item
    if item.category_confidence <= item.confidence:
        return item
    update = {"class_": category, "confidence": item.category_confidence}
    return item.model_copy(update=update | {"category": "", "phrase": ""})


def may_be_same(first: InstanceFacts, second: InstanceFacts) -> bool:
    """Whether two instances may be one: their classes agree, they were not found by different
    phrases, and they are never seen at once."""
    if first.phrase and second.phrase and first.phrase != second.phrase:
        return False
    classes = {first.class_, second.class_}
    kin = {category_of(item) for item in (first, second)}
    agree = len(classes) == 1 or (len(kin) == 1 and bool(kin & classes))
    times = [point.t for point in second.track]
    near = [bisect_left(times, point.t - AT_ONCE) for point in first.track]
    together = any(
        i < len(times) and times[i] <= point.t + AT_ONCE
        for i, point in zip(near, first.track, strict=True)
    )
    return agree and bool(times) and bool(near) and not together


def select_colors(item: InstanceFacts, gate: Gate) -> tuple[str, ...]:
    """The one or two main colors of an instance."""
    clear = [(name, share) for name, share in item.colors if share >= CLEAR_COLOR]
    return tuple(name for name, share in clear[:2] if gate("color", share))


def name_instances(items: Sequence[InstanceFacts], gate: Gate) -> list[Name]:
    """Names that differ: by colors, else by side, else by a number among those that look alike."""
    names = []
    for item in items:
        colors = select_colors(item, gate)
        if colors == (item.class_,) or (item.phrase and not is_kind(item.phrase)):
            colors = ()  # an orange orange; a man in red is called so whatever was measured
        phrase = item.phrase or (item.class_ if item.category else "")
        names.append(Name(class_=item.class_, count=item.count, colors=colors, phrase=phrase))
    kinds = [(name.class_, name.phrase, name.count > 1) for name in names]
    for key in set(kinds):
        alike = [index for index, kind in enumerate(kinds) if kind == key]
        looks = [names[i].colors for i in alike]
        if len(alike) < 2 or (all(looks) and len(set(looks)) == len(alike)):
            continue
        sides = _sides([items[i] for i in alike])
        seen = Counter[tuple[str, ...]]()
        for at, index in enumerate(alike):
            look = looks[at]
            seen[look] += 1
            if sides:
                names[index] = replace(names[index], side=sides[at])
            elif not look or looks.count(look) > 1:
                names[index] = replace(names[index], number=seen[look])
    return names


def _sides(items: Sequence[InstanceFacts]) -> list[Side]:
    """Left, (middle,) right, where two or three are there while they are seen at once."""
    columns: list[Side] = ["left", "right"] if len(items) == 2 else ["left", "middle", "right"]
    if len(items) > 3 or not all(item.track for item in items):
        return []
    start = max(item.track[0].t for item in items)
    end = min(item.track[-1].t for item in items)
    order = sorted(items, key=lambda item: _center_at(item, (start + end) / 2))
    times = [start + part * (end - start) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    rows = [[_center_at(item, t) for item in order] for t in times]
    if start >= end or any(b - a < OFF_CENTER for row in rows for a, b in pairwise(row)):
        return []
    if any(row[0] > 0.5 - OFF_CENTER or row[-1] < 0.5 + OFF_CENTER for row in rows):
        return []
    return [columns[order.index(item)] for item in items]


def _center_at(item: InstanceFacts, t: float) -> float:
    box = min(item.track, key=lambda point: abs(point.t - t)).box
    return (box[0] + box[2]) / 2


def size_of(item: InstanceFacts) -> Size:
    """A size, from the boxes; of a large group none, whose box is larger than its members."""
    if not item.track:
        return ""
    heights = [point.box[3] - point.box[1] for point in item.track]
    sizes = [(p.box[2] - p.box[0]) * high for p, high in zip(item.track, heights, strict=True)]

    def mostly(least: float, most: float) -> bool:
        """True of the mean size and, but for a fifth of it, of most boxes."""
        within = fmean(0.8 * least <= size <= 1.2 * most for size in sizes)
        return least <= fmean(sizes) <= most and within >= MOSTLY

    if mostly(FILLING, 1.0):
        return "filling"
    if item.count > FEW:
        return ""
    if mostly(0.0, SMALL):
        return "small"
    high = fmean(heights) if pstdev(heights) <= SPREAD else 0.0
    for least, most, size in HEIGHTS:
        if least <= high <= most:
            return size
    return "large" if mostly(LARGE, 1.0) else ""


def category_of(item: InstanceFacts) -> str:
    """The category of an instance's class or hypernym."""
    if item.class_ in ("animal", "vehicle"):
        return item.class_
    return item.category or CATEGORIES.get(item.class_, "other")
