"""How far several people or models agree on the same items."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import permutations

import numpy as np

Distance = Callable[[float, float], float]


def nominal(first: float, second: float) -> float:
    """Any difference counts the same."""
    return float(first != second)


def squared(first: float, second: float) -> float:
    """Of scores on a scale with equal steps."""
    return (first - second) ** 2


def krippendorff_alpha(
    units: Sequence[Sequence[float]], *, distance: Distance = squared
) -> float | None:
    """Krippendorff's alpha: 1 for full agreement, 0 for that of chance.

    Args:
        units: the ratings of each item, by however many raters; items with fewer than two say
            nothing about agreement and are left out.
        distance: :func:`nominal` or :func:`squared` (interval).

    Returns:
        None where no item has two ratings, or all ratings are the same. Source: Krippendorff,
        *Computing Krippendorff's alpha-reliability*, 2011.
    """
    paired = [unit for unit in units if len(unit) > 1]
    every = [one for unit in paired for one in unit]
    if not every:
        return None
    observed = sum(
        sum(distance(a, b) for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in paired
    )
    values, counts = np.unique(every, return_counts=True)
    expected = sum(
        m * n * distance(float(a), float(b))
        for a, m in zip(values, counts, strict=True)
        for b, n in zip(values, counts, strict=True)
    )
    if not expected:
        return None
    return float(1 - (len(every) - 1) * observed / expected)


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two raters over the same items, unweighted.

    None where there is no item, or chance alone would agree on all (Cohen 1960).
    """
    if not pairs:
        return None
    labels = {one for pair in pairs for one in pair}
    observed = sum(a == b for a, b in pairs) / len(pairs)
    chance = (
        sum(sum(a == one for a, _ in pairs) * sum(b == one for _, b in pairs) for one in labels)
        / len(pairs) ** 2
    )
    return None if math.isclose(chance, 1) else (observed - chance) / (1 - chance)
