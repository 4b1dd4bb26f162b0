"""One fact, several experts: what holds, how surely, and what the others said.

The one rule for it, whoever speaks of whatever kind of fact:

1. *Who leads.* For each value the measured precisions of those who say it are pooled; the highest
   holds. Who has no measured precision for the kind of fact never overrules one who has; among such
   experts confidence decides.
2. *Agreement* raises the confidence by independent odds, but by no more than half of the doubt that
   the surest of them leaves: experts that learned from like pictures err together.
3. *Disagreement* lowers it by the odds of the value that speaks most strongly against it, but to no
   less than half. Who may not overrule does not lower it either.
4. All that was said stays beside the fact.

The pooling is naive Bayes over two outcomes, which is the best vote of independent experts (Nitzan
and Paroush, *Optimal decision rules in uncertain dichotomous choice situations*, 1982). The two
halves, and :data:`UNMEASURED`, are chosen, not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instancecap.evidence.reliability import measured_tally
from instancecap.schema.evidence import Opinion

UNMEASURED = 0.7
"""What the confidence of an expert whose precision nobody has measured counts for at most, where it
is put together with others'."""

SUREST = 0.999
"""Where the odds of a confidence end."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What holds.

    Attributes:
        opinions: all that was said, each with whether it holds; in an order of their own.
    """

    value: str
    confidence: float
    opinions: tuple[Opinion, ...]

    @property
    def lost(self) -> tuple[Opinion, ...]:
        """Who said otherwise."""
        return tuple(one for one in self.opinions if not one.holds)


def merge(opinions: Iterable[Opinion]) -> Merged:
    """What holds of one fact; the order in which experts speak does not matter.

    A lone opinion stays as it is.

    Args:
        opinions: at least one, all of one fact; each may be of a kind of its own before the dot of
            which they are alike, as ``camera.static`` is an answer to ``camera.pan``. An expert
            that does not know says nothing.

    Raises:
        ValueError: none, or of several kinds of fact.
    """
    said = sorted(opinions, key=lambda one: (one.value, one.expert, one.confidence))
    if len({one.kind.partition(".")[0] for one in said}) != 1:
        raise ValueError(f"opinions of one fact are merged, got {[one.kind for one in said]}")
    by_value: dict[str, list[Opinion]] = {}
    for one in said:
        by_value.setdefault(one.value, []).append(one)
    standing = {value: _standing(group) for value, group in by_value.items()}
    value = max(standing, key=lambda one: (standing[one], one))
    held = tuple(one.model_copy(update={"holds": one.value == value}) for one in said)
    if len(said) == 1:
        return Merged(value, said[0].confidence, held)
    ranked = standing[value][0] > 0
    rivals = (_confidence(by_value[one], ranked=ranked) for one in by_value if one != value)
    surest = max(one.confidence for one in by_value[value])
    confidence = max(surest, _confidence(by_value[value]))
    if (rival := max(rivals, default=0.0)) > 0.5:
        odds = _odds(confidence) / _odds(rival)
        confidence = max(surest / 2, odds / (1 + odds))
    return Merged(value, confidence, held)


def pool(chances: Sequence[float]) -> float:
    """The chance that a value is right of which several say so, each with its own chance.

    By independent odds; never under the highest of them, nor above where half of its doubt is gone.
    """
    *others, best = sorted(chances)
    odds = _odds(best) * math.prod(max(1.0, _odds(one)) for one in others)
    return max(best, min(odds / (1 + odds), (1 + best) / 2))


def _standing(group: Sequence[Opinion]) -> tuple[float, float]:
    """How much speaks for a value: measured precision first, 0 without one, then confidence."""
    tallies = [measured_tally(one.kind, one.confidence, expert=one.expert) for one in group]
    known = [tally.lower_bound for tally in tallies if tally is not None]
    return pool(known) if known else 0.0, _confidence(group, ranked=bool(known))


def _confidence(group: Sequence[Opinion], *, ranked: bool = False) -> float:
    """Pooled confidence of those who say one thing; ``ranked``: of those with a measured precision
    alone, 0 where there are none."""
    chances = []
    for one in group:
        known = measured_tally(one.kind, one.confidence, expert=one.expert) is not None
        if known or not ranked:
            chances.append(one.confidence if known else min(one.confidence, UNMEASURED))
    return pool(chances) if chances else 0.0


def _odds(chance: float) -> float:
    chance = min(max(chance, 1 - SUREST), SUREST)
    return chance / (1 - chance)
