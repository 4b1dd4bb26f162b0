"""Who is who: the instances that a model names, matched with the tracks that were measured.

The result is a list in which every real thing stands once. Nothing here reads a picture or asks
anybody; what has to be followed or asked stands in the result.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import ious
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts
from instancecap.verify.lexicon import Noun
from instancecap.verify.naming import ClassMatch, class_match, item_match, noun_of

FoundBy = Literal["detector", "model", "both"]

ALIKE = 0.35
"""Mean overlap (IoU) of a track with the boxes that the model gives from which it is the same
thing, if what both call it goes together. Models draw boxes less tightly than detectors."""

STRANGE = 0.6
"""The same where they call it two things that do not go together: a person and a car."""

APART = 0.1
"""Overlap under which a track is somewhere else."""

SAME_NAME_TWICE = 0.85
"""Overlap of two named things, in every picture that both have a box in, that are one."""

TOGETHER = 0.3
"""Share of the shorter of two tracks, in time, for which they may run side by side and still be
pieces of one."""

MISSED = 0.4
"""Share of the pictures in which a thing is seen that its tracks may lack."""

NEAR = 0.4
"""Seconds around a point of a track at which it still says where the thing is."""


@dataclass(frozen=True, slots=True)
class Named:
    """An instance as the model lists it.

    Attributes:
        name: unique in the clip.
        boxes: where it is, in one to three pictures; none where the model cannot tell.
        seen: seconds of the pictures in which it shows; empty where that was not said.
        track: id of the track that the model says is its; None for none.
    """

    name: str
    class_: str = ""
    category: str = ""
    count: int = 1
    is_main: bool = False
    looks: str = ""
    boxes: tuple[Seed, ...] = ()
    seen: tuple[float, ...] = ()
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """One real thing.

    Attributes:
        id: of the first measured track that it has; a new one where it has none.
        entry: index into what the model listed; None for what only the detector found.
        pieces: its measured tracks, in order of time.
        seeds: boxes to follow it from; none where its tracks show it well enough.
    """

    id: int
    named: Named
    entry: int | None
    pieces: tuple[InstanceFacts, ...] = ()
    seeds: tuple[Seed, ...] = ()

    @property
    def found_by(self) -> FoundBy:
        """Who found it."""
        if self.entry is None:
            return "detector"
        return "both" if self.pieces else "model"


def agree(named: Sequence[Named], items: Sequence[InstanceFacts], *, most: int) -> list[Agreed]:
    """What the model names, matched with what was measured: its order, the main ones first.

    A track that no named thing claims is none of them.

    Args:
        named: in the model's order; several of one name, or in one place, are one.
        items: the measured instances.
        most: instances to keep; the first ones, main ones before others.
    """
    entries = _once_each(named)
    pieces = [piece for item in items if item.track for piece in _split(item, entries)]
    claims = _claim(entries, pieces)
    used: set[int] = set()
    new = itertools.count(max((item.id for item in items), default=-1) + 1)
    instances = []
    for entry, one in entries:
        own = _join(one, [piece for piece, by in zip(pieces, claims, strict=True) if by == entry])
        seeds = () if _shows_enough(one, own) else _seeds(one, own)
        id = next((piece.id for piece in own if piece.id not in used), None)
        id = next(new) if id is None else id
        used.add(id)
        instances.append(Agreed(id, one, entry, tuple(own), seeds))
    instances.sort(key=lambda one: not one.named.is_main)
    return instances[:most]


# Names -------------------------------------------------------------------------------------------


def _once_each(named: Sequence[Named]) -> list[tuple[int, Named]]:
    """Every named thing once, with its place in the model's list."""
    kept: list[tuple[int, Named]] = []
    for entry, one in enumerate(named):
        twin = next((i for i, (_, other) in enumerate(kept) if _is_twin(one, other)), None)
        if twin is None:
            kept.append((entry, one))
        else:
            first, other = kept[twin]
            seen = tuple(sorted({*other.seen, *one.seen}))
            times = {seed.t for seed in other.boxes}
            boxes = (*other.boxes, *(seed for seed in one.boxes if seed.t not in times))
            kept[twin] = first, replace(other, seen=seen, boxes=boxes)
    return kept


def _is_twin(one: Named, other: Named) -> bool:
    if one.name.casefold() == other.name.casefold():
        return True
    if one.count != other.count or class_match(noun_for(one), other.class_) < ClassMatch.CATEGORY:
        return False
    boxes = {seed.t: seed.box for seed in other.boxes}
    shared = [(seed.box, boxes[seed.t]) for seed in one.boxes if seed.t in boxes]
    return bool(shared) and all(_iou(*pair) >= SAME_NAME_TWICE for pair in shared)


def likeness(one: Named, item: InstanceFacts) -> ClassMatch:
    """How well what the model calls it goes with what any of the experts calls a track: where they
    disagree, the model's word decides whether it may be this instance."""
    return item_match(noun_for(one), item)


def noun_for(one: Named) -> Noun:
    """What the model calls it, in the category that it says where we do not know one."""
    noun = noun_of(one.class_ or one.name)
    return noun if noun.category else noun._replace(category=one.category)


# Tracks ------------------------------------------------------------------------------------------


def _split(item: InstanceFacts, entries: Sequence[tuple[int, Named]]) -> list[InstanceFacts]:
    """A track in the pieces between which it jumps from one named thing to another, or away."""
    marks: list[tuple[float, int | None]] = []
    for entry, one in entries:
        overlaps = _overlaps(one, item)
        is_there = one.count == 1 and max(overlaps.values(), default=0.0) >= ALIKE
        marks += [(t, entry) for t, overlap in overlaps.items() if overlap >= ALIKE]
        marks += [(t, None) for t, overlap in overlaps.items() if overlap < APART and is_there]
    marks.sort(key=lambda mark: (mark[0], mark[1] is None))
    at: dict[float, int | None] = {}
    for t, owner in marks:  # in one picture being at one thing outweighs being away from another
        at.setdefault(t, owner)
    pieces, rest = [], item
    for (t, owner), (after, other) in zip(list(at.items()), list(at.items())[1:], strict=False):
        if owner != other:
            jump = _jump(item.track, t, after)
            pieces.append(_part(rest, end=jump))
            rest = _part(rest, start=jump)
    return [piece for piece in (*pieces, rest) if piece.track]


def _overlaps(one: Named, item: InstanceFacts) -> dict[float, float]:
    """IoU of a named thing's boxes with a track, by time, where it is tracked."""
    boxes = [(seed, box_at(item, seed.t)) for seed in one.boxes]
    return {seed.t: _iou(box, seed.box) for seed, box in boxes if box is not None}


def _jump(track: Sequence[TrackPoint], start: float, end: float) -> float:
    """When, between two times, the track makes its largest step; seconds."""
    inside = [point for point in track if start <= point.t <= end]
    if len(inside) < 2:
        return (start + end) / 2
    boxes = np.array([point.box for point in inside])
    step = int(np.abs(np.diff(boxes, axis=0)).sum(axis=1).argmax())
    return (inside[step].t + inside[step + 1].t) / 2


def _part(item: InstanceFacts, *, start: float = -1.0, end: float = float("inf")) -> InstanceFacts:
    track = [point for point in item.track if start <= point.t < end]
    return item.model_copy(update={"track": track})


def _claim(
    entries: Sequence[tuple[int, Named]], pieces: Sequence[InstanceFacts]
) -> list[int | None]:
    """For each piece the named thing that it is of, or None."""
    claims: list[int | None] = []
    for piece in pieces:
        fits = [(_fit(one, piece), entry) for entry, one in entries]
        best = max(fits, default=(0.0, None), key=lambda fit: fit[0])
        claims.append(best[1] if best[0] > 0 else None)
    _claim_by_class(entries, pieces, claims)
    return claims


def _fit(one: Named, piece: InstanceFacts) -> float:
    """How well a piece lies on a named thing's boxes, 0 where it is none of it."""
    if one.track == piece.id:
        return 1.0
    overlaps = _overlaps(one, piece)
    alike = likeness(one, piece)
    found = sum(overlaps.values()) / len(overlaps) if overlaps else 0.0
    return (
        found + 0.05 * alike if found >= (STRANGE if alike is ClassMatch.APART else ALIKE) else 0.0
    )


def _claim_by_class(
    entries: Sequence[tuple[int, Named]],
    pieces: Sequence[InstanceFacts],
    claims: list[int | None],
) -> None:
    """Without boxes one free named thing and the one free track of its class are the same."""
    taken = set(claims)
    free = [(entry, one) for entry, one in entries if entry not in taken]
    for entry, one in free:
        alike = [i for i, piece in enumerate(pieces) if claims[i] is None and _may_be(one, piece)]
        rivals = [other for _, other in free if other is not one]
        ids = {pieces[i].id for i in alike}
        if len(ids) == 1 and not any(_may_be(other, pieces[alike[0]]) for other in rivals):
            for i in alike:
                claims[i] = entry


def _may_be(one: Named, piece: InstanceFacts) -> bool:
    """Same kind of thing, and no box that speaks against it."""
    if any(overlap < ALIKE for overlap in _overlaps(one, piece).values()):
        return False
    together = not one.seen or any(box_at(piece, t) is not None for t in one.seen)
    return likeness(one, piece) >= ClassMatch.CATEGORY and one.count == piece.count and together


def _join(one: Named, own: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """The pieces that follow each other, in order of time.

    Of two tracks of one thing at the same time the one that fits its boxes better stays.
    """
    kept: list[InstanceFacts] = []
    for piece in sorted(own, key=lambda piece: (-_fit(one, piece), -len(piece.track), piece.id)):
        if all(_share_together(piece, other) <= TOGETHER for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda piece: piece.track[0].t)


def _share_together(one: InstanceFacts, other: InstanceFacts) -> float:
    """Time that both are tracked, over the shorter one's."""
    start = max(one.track[0].t, other.track[0].t)
    end = min(one.track[-1].t, other.track[-1].t)
    shorter = min(item.track[-1].t - item.track[0].t for item in (one, other))
    return (end - start) / shorter if shorter > 0 else float(end >= start)


def _shows_enough(one: Named, own: Sequence[InstanceFacts]) -> bool:
    """Whether the tracks have the thing in most of the pictures in which it is seen."""
    if not one.boxes or not own:
        return not one.boxes
    times = one.seen or tuple(seed.t for seed in one.boxes)
    lost = [t for t in times if not any(_has(piece, t) for piece in own)]
    return len(lost) <= MISSED * len(times)


def _has(piece: InstanceFacts, t: float) -> bool:
    return piece.track[0].t - NEAR <= t <= piece.track[-1].t + NEAR


def _seeds(one: Named, own: Sequence[InstanceFacts]) -> tuple[Seed, ...]:
    """The model's boxes where no track is, and the middle of every track."""
    boxes = [seed for seed in one.boxes if not any(_has(piece, seed.t) for piece in own)]
    for piece in own:
        point = piece.track[len(piece.track) // 2]
        boxes.append(Seed(point.t, point.box))
    return tuple(sorted(boxes, key=lambda seed: seed.t))


def _iou(one: Sequence[float] | NDArray[np.float64], other: Sequence[float]) -> float:
    return float(ious(np.array([one], float), np.array([other], float))[0, 0])
