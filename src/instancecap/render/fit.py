"""As many whole sentences as a model's budget takes, the least important left out first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instancecap.render.budget import Counter
from instancecap.render.paragraph import Line

Build = Callable[[dict[str, int]], list[Line]]
"""The sentences, where so many of some fields are kept at most."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits.

    Attributes:
        keep: how many sentences are kept of the fields that lost any.
        tokens: of ``text``; more than the budget where not one sentence fits.
    """

    text: str
    tokens: int
    keep: dict[str, int]


def fit(
    build: Build, *, counter: Counter, budget: int, around: tuple[str, str] = ("", "")
) -> Fitted | None:
    """The paragraph within a budget; None where there is no sentence at all.

    Args:
        around: prefix and suffix, which count and stay.
    """

    def attempt(keep: dict[str, int]) -> tuple[list[Line], Fitted]:
        lines = build(keep)
        text = " ".join(filter(None, (around[0], *(line.text for line in lines), around[1])))
        return lines, Fitted(text, counter.count(text), keep)

    lines, best = attempt({})
    if not lines or best.tokens <= budget:
        return best if lines else None
    empty = counter.count("")
    gone: list[tuple[Line, int]] = []
    while best.tokens > budget and lines:
        excess, keep = best.tokens - budget, dict(best.keep)
        for line in sorted(lines, key=lambda line: (-line.rank, -line.index)):
            keep[line.field] = line.index
            gone.append((line, cost := counter.count(line.text) - empty))
            excess -= cost
            if excess <= 0:
                break
        if keep == best.keep:
            break  # nothing of it can go, as of tags
        shortest = best.tokens
        lines, best = attempt(keep)
        if not lines:
            best = Fitted("", shortest, keep)
            break
    return _fill(attempt, best, gone, budget)


def _fill(
    attempt: Callable[[dict[str, int]], tuple[list[Line], Fitted]],
    best: Fitted,
    gone: Sequence[tuple[Line, int]],
    budget: int,
) -> Fitted:
    """Put back what fits after all, the most important first."""
    for line, cost in sorted(gone, key=lambda one: (one[0].rank, one[0].index)):
        used = best.tokens if best.text else 0
        if best.keep.get(line.field) != line.index or used + cost > budget:
            continue
        _, trial = attempt({**best.keep, line.field: line.index + 1})
        if trial.text and used < trial.tokens <= budget:
            best = trial
    return best
