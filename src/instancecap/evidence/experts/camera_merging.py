"""The camera as several experts saw it, by the rule of :mod:`instancecap.evidence.merging`.

Turn, travel and arc sideways are answers to one question, and so are those up and down, along the
view, and around it. An expert who names no movement of one of these says nothing of it, as each
leaves out what is slight beside its main movement; one for whom the camera rests says so to all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from instancecap.evidence.experts.camera_words import ARCS, TRAVELS, ordered
from instancecap.evidence.merging import Merged, merge
from instancecap.schema.evidence import CameraFacts, CameraSegment, Opinion, Shot
from instancecap.schema.vocabulary import Primitive

TURNS: dict[Primitive, Primitive] = {
    word: turn for kind in (TRAVELS, ARCS) for turn, word in kind.items()
}
"""The turn that looks like a travel, or is part of an arc."""

MANNER = "shaky", "tracking"
"""How the camera is held and whom it follows: no movements of their own."""


def opinions_of(facts: CameraFacts, expert: str) -> list[Opinion]:
    """What an expert says of the camera, a word each."""
    return [
        Opinion(
            kind=f"camera.{_axis(word)}", value=word, confidence=facts.confidence, expert=expert
        )
        for word in facts.motion
        if word not in MANNER
    ]


def merge_cameras(said: Mapping[str, CameraFacts], *, shots: Sequence[Shot]) -> CameraFacts:
    """The facts that hold.

    Movements are those that hold, each at the times at which the first expert to say so saw it.
    Path, speed, stability and scores are those of the expert who comes closest to them, the first
    one in a tie.

    Args:
        said: by expert, at least one. Who could follow nothing has no motion, and does not count
            beside others.
    """
    known = {expert: facts for expert, facts in said.items() if facts.motion} or said
    if len(known) < 2:
        return next(iter(known.values()))
    answers = [merge(asked) for asked in _questions(known)]
    told = {word for one in answers for word in one.value.split()}
    held = {word for facts in known.values() for word in _moves(facts) if word in told}
    base = min(known.values(), key=lambda facts: len(_moves(facts) ^ held))
    manner = [word for word in base.motion if word in MANNER]
    return base.model_copy(
        update={
            "motion": [*ordered(held), *manner] or ["static"],
            "confidence": round(_surest_of_all(answers), 3),
            "segments": _segments(held, list(known.values()), shots),
        }
    )


def _questions(said: Mapping[str, CameraFacts]) -> list[list[Opinion]]:
    """What is said along each axis along which anybody sees a movement; that the camera rests,
    where nobody does."""
    rest = [
        Opinion(kind="camera.static", value="static", confidence=facts.confidence, expert=expert)
        for expert, facts in said.items()
        if not _moves(facts)
    ]
    asked: dict[str, list[Opinion]] = {}
    for expert, facts in said.items():
        words: dict[str, list[str]] = {}
        for word in sorted(_moves(facts)):
            words.setdefault(_axis(word), []).append(word)
        for axis, own in words.items():
            one = Opinion(
                kind=f"camera.{axis}",
                value=" ".join(own),
                confidence=facts.confidence,
                expert=expert,
            )
            asked.setdefault(axis, [*rest]).append(one)
    return list(asked.values()) or [rest]


def _surest_of_all(answers: Sequence[Merged]) -> float:
    """The least confidence in a movement that holds; in the rest, where none does."""
    moves = [one.confidence for one in answers if one.value != "static"]
    return min(moves or [one.confidence for one in answers])


def _segments(
    held: set[Primitive], said: Sequence[CameraFacts], shots: Sequence[Shot]
) -> list[CameraSegment]:
    """What could be followed, cut where the set of movements that hold changes, and at shots."""
    spans = {
        word: [one for one in facts.segments if word in one.motion]
        for facts in reversed(said)
        for word in held & _moves(facts)
    }
    followed = [one for facts in said for one in facts.segments]
    starts = {shot.start for shot in shots}
    found: list[CameraSegment] = []
    for start, end in pairwise(sorted({t for one in followed for t in (one.start, one.end)})):
        if not _covers(followed, start, end):
            continue
        motion = ordered({word for word, own in spans.items() if _covers(own, start, end)})
        motion = motion or ["static"]
        goes_on = found and found[-1].end == start and start not in starts
        if goes_on and found[-1].motion == motion:
            found[-1] = found[-1].model_copy(update={"end": end})
        else:
            found.append(CameraSegment(start=start, end=end, motion=motion))
    return found


def _covers(segments: Sequence[CameraSegment], start: float, end: float) -> bool:
    """Whether one of them lies over this stretch."""
    return any(one.start <= start and end <= one.end for one in segments)


def _moves(facts: CameraFacts) -> set[Primitive]:
    return {word for word in facts.motion if word != "static" and word not in MANNER}


def _axis(word: Primitive) -> str:
    return TURNS.get(word, word).split("_")[0]
