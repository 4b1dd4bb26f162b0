"""How far several people or models agree on the same items."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NOT_RATED = -1.0
"""Stands for a rating that there is not; ratings are numbers from 0 on."""


def krippendorff_alpha(
    ratings: Array,
    *,
    weights: Array | None = None,
    scale: Literal["interval", "nominal"] = "interval",
) -> float:
    """Krippendorff's alpha: 1 for full agreement, 0 for that of chance.

    Args:
        ratings: shape (items, raters), :data:`NOT_RATED` where there is none; items with fewer
            than two ratings say nothing about agreement.
        weights: how often each item counts; once by default.

    Returns:
        NaN where no item has two ratings, or all ratings are the same. Source: Krippendorff,
        *Computing Krippendorff's alpha-reliability*, 2011.
    """
    values = np.unique(ratings[ratings >= 0])
    counts = np.stack([(ratings == one).sum(axis=1) for one in values], axis=1).astype(float) \
        if len(values) else np.empty((len(ratings), 0))  # fmt: skip
    sizes = counts.sum(axis=1)
    given = np.ones(len(ratings)) if weights is None else weights
    weight = np.where(sizes > 1, given / np.maximum(sizes - 1, 1), 0.0)
    weighted = counts * weight[:, None]
    pairs = counts.T @ weighted - np.diag(weighted.sum(axis=0))
    totals = pairs.sum(axis=0)
    apart = values[:, None] - values[None]
    distance = apart**2 if scale == "interval" else (apart != 0).astype(float)
    expected = float((np.outer(totals, totals) * distance).sum())
    if not expected:
        return math.nan
    return float(1 - (totals.sum() - 1) * (pairs * distance).sum() / expected)


def cohen_kappa(ratings: Array, *, weights: Array | None = None) -> float:
    """Cohen's kappa of two raters over the same items, unweighted (Cohen 1960).

    ``ratings``: shape (items, 2), numbers for choices; items without both are left out. NaN where
    there is no item, or chance alone would agree on all.
    """
    kept = (ratings >= 0).all(axis=1)
    given = np.ones(len(ratings)) if weights is None else weights
    first, second, weight = ratings[kept, 0], ratings[kept, 1], given[kept]
    total = weight.sum()
    if not total:
        return math.nan
    observed = float(weight @ (first == second)) / total
    chance = sum(
        float(weight @ (first == one)) * float(weight @ (second == one))
        for one in np.unique(ratings[kept])
    ) / float(total**2)
    return math.nan if math.isclose(chance, 1) else float((observed - chance) / (1 - chance))
