"""Figures over samples, and how sure they are.

A statistic takes ``values`` of shape (samples, parts) and ``weights`` of shape (samples,): how
often each sample counts, so that a resample of the bootstrap is a vector of weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from instancecap.evals.agreement import cohen_kappa, krippendorff_alpha

Array = NDArray[np.float64]
Statistic = Callable[[Array, Array], float]

RESAMPLES = 2000
CONFIDENCE = 0.95

FEWEST = 5
"""Clips that an interval takes: resamples of fewer are too much alike to tell how sure one is."""

NOTHING = math.nan
"""What a statistic is where there is nothing to take it of."""


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else NOTHING


def mean(values: Array, weights: Array) -> float:
    """Of one part."""
    return _ratio(float(weights @ values[:, 0]), float(weights.sum()))


def mean_difference(values: Array, weights: Array) -> float:
    """Of (sum, count, sum, count): the first mean less the second."""
    first, many, second, others = weights @ values
    return _ratio(first, many) - _ratio(second, others)


def total(values: Array, weights: Array) -> float:
    """Sum of one part."""
    return float(weights @ values[:, 0])


def share(values: Array, weights: Array) -> float:
    """Sum of the first part over that of the second."""
    part, whole = weights @ values
    return _ratio(part, whole)


def mean_share(values: Array, weights: Array) -> float:
    """Mean over pairs of parts (right, of all) of their shares; empty ones are left out."""
    sums = (weights @ values).reshape(-1, 2)
    known = sums[sums[:, 1] > 0]
    return float(np.mean(known[:, 0] / known[:, 1])) if len(known) else NOTHING


def f1(values: Array, weights: Array) -> float:
    """Of summed hits, false and missed ones."""
    hits, false, missed = weights @ values
    return _ratio(2 * hits, 2 * hits + false + missed)


def balanced_accuracy(values: Array, weights: Array) -> float:
    """Mean of the accuracies on true and on false cases, of (truth, found) as 0 and 1."""
    right = values[:, 0] == values[:, 1]
    shares = [
        _ratio(float(weights[case] @ right[case]), float(weights[case].sum()))
        for case in (values[:, 0] == 1, values[:, 0] == 0)
    ]
    known = [one for one in shares if not math.isnan(one)]
    return sum(known) / len(known) if known else NOTHING


def average_precision(values: Array, weights: Array) -> float:
    """Of (score, label 0 or 1): the sum over thresholds of precision times the gain in recall.

    Samples of equal score fall together, as in scikit-learn's ``average_precision_score``.
    """
    hits, count = _by_threshold(values, weights)
    if not len(hits) or not hits[-1]:
        return NOTHING
    gains = np.diff(hits, prepend=0.0) / hits[-1]
    return float((gains * hits / count).sum())


def roc_auc(values: Array, weights: Array) -> float:
    """Of (score, label 0 or 1): how often a true one scores above a false one; ties count half."""
    hits, count = _by_threshold(values, weights)
    if not len(hits):
        return NOTHING
    false = count - hits
    height = hits - np.diff(hits, prepend=0.0) / 2
    return _ratio(float(np.diff(false, prepend=0.0) @ height), float(hits[-1] * false[-1]))


def _by_threshold(values: Array, weights: Array) -> tuple[Array, Array]:
    """True ones, and all, that score at least each threshold, the highest first."""
    kept = weights > 0
    scores, labels, weight = values[kept, 0], values[kept, 1], weights[kept]
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    if not len(order):
        return np.empty(0), np.empty(0)
    return np.cumsum((weight * labels)[order])[last], np.cumsum(weight[order])[last]


def in_groups(values: Array, weights: Array, statistic: Statistic) -> float:
    """Mean of a statistic over groups; the last part is the group's number."""
    groups = values[:, -1]
    found = [
        statistic(values[groups == one, :-1], weights[groups == one]) for one in np.unique(groups)
    ]
    known = [one for one in found if not math.isnan(one)]
    return sum(known) / len(known) if known else NOTHING


def mean_average_precision(values: Array, weights: Array) -> float:
    """Of (score, label, group): the mean over groups of :func:`average_precision`."""
    return in_groups(values, weights, average_precision)


def mean_roc_auc(values: Array, weights: Array) -> float:
    """Of (score, label, group): the mean over groups of :func:`roc_auc`."""
    return in_groups(values, weights, roc_auc)


def mean_of_groups(values: Array, weights: Array) -> float:
    """Of (value, group): the mean over groups of :func:`mean`."""
    return in_groups(values, weights, mean)


def rising(values: Array, weights: Array) -> float:
    """1 where each part's mean is larger than the one before it, else 0."""
    return float((np.diff(weights @ values) > 0).all()) if weights.any() else NOTHING


def falling(values: Array, weights: Array) -> float:
    """1 where each part's mean is smaller than the one before it, else 0."""
    return rising(-values, weights)


def share_of_groups(values: Array, weights: Array) -> float:
    """Of (part, whole, group): the mean over groups of :func:`share`."""
    return in_groups(values, weights, share)


def f1_of_groups(values: Array, weights: Array) -> float:
    """Of (precision, its weight, recall, its weight, group): F1 of both means over groups."""
    first, second = (share_of_groups(values[:, [i, i + 1, 4]], weights) for i in (0, 2))
    return _ratio(2 * first * second, first + second)


def krippendorff(values: Array, weights: Array) -> float:
    """Krippendorff's alpha (interval) of ratings, a column a rater."""
    return krippendorff_alpha(values, weights=weights)


def kappa(values: Array, weights: Array) -> float:
    """Cohen's kappa of two raters' numbered choices."""
    return cohen_kappa(values, weights=weights)


HOTA_THRESHOLDS = np.arange(1, 20) * 0.05
"""Overlaps at which HOTA and its parts are taken, and then averaged."""


def hota_part(values: Array, weights: Array, name: str) -> float:
    """HOTA or a part of it, of the counts of :func:`instancecap.evals.tracks.count`."""
    sums = (weights @ values).reshape(5, len(HOTA_THRESHOLDS))
    hits, missed, false, associated, overlap = sums
    found = hits / np.maximum(hits + missed + false, 1)
    association = associated / np.maximum(hits, 1)
    parts = {
        "hota": np.sqrt(found * association),
        "deta": found,
        "assa": association,
        "detre": hits / np.maximum(hits + missed, 1),
        "detpr": hits / np.maximum(hits + false, 1),
        # 1 at a threshold without a match, as trackeval has it.
        "loca": np.where(hits > 0, overlap / np.maximum(hits, 1e-10), 1.0),
    }
    return float(parts[name].mean())


STATISTICS: Mapping[str, Statistic] = {
    one.__name__: one
    for one in (mean, mean_difference, total, share, mean_share, f1, balanced_accuracy,
                average_precision, roc_auc, mean_average_precision, mean_roc_auc, share_of_groups,
                f1_of_groups, mean_of_groups, rising, falling, krippendorff, kappa)
} | {
    name: partial(hota_part, name=name)
    for name in ("hota", "deta", "assa", "detre", "detpr", "loca")
}  # fmt: skip
"""By the names that results carry."""


# Intervals ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its 95 % interval; NaN where there is nothing to tell.

    Attributes:
        low, high: NaN where clips are fewer than :data:`FEWEST`, or do not differ.
        clips: that it is over.
    """

    value: float
    low: float
    high: float
    clips: int


def interval(
    statistic: Statistic, values: Array, clips: Sequence[str], *, seed: int = 0
) -> Interval:
    """A statistic and its bootstrap interval, clips drawn with replacement.

    ``values``: shape (samples, parts); ``clips``: the clip of each sample.
    """
    return _interval(lambda weights: statistic(values, weights), clips, seed)


def difference(
    statistic: Statistic, first: Array, second: Array, clips: Sequence[str], *, seed: int = 0
) -> Interval:
    """``first`` less ``second``, row by row of the same samples: both are drawn together."""
    return _interval(
        lambda weights: statistic(first, weights) - statistic(second, weights), clips, seed
    )


def _interval(figure: Callable[[Array], float], clips: Sequence[str], seed: int) -> Interval:
    names, owner = np.unique(np.asarray(clips, dtype=object).astype(str), return_inverse=True)
    count = len(names)
    if not count:
        return Interval(NOTHING, NOTHING, NOTHING, 0)
    value = figure(np.ones(len(owner)))
    if count < FEWEST or math.isnan(value):
        return Interval(value, NOTHING, NOTHING, count)
    random = np.random.default_rng(seed)
    drawn = (
        np.bincount(random.integers(count, size=count), minlength=count) for _ in range(RESAMPLES)
    )
    return _around(value, [figure(times[owner].astype(float)) for times in drawn], count)


def binned_interval(
    statistic: Statistic, values: Array, times: Sequence[int], *, seed: int = 0
) -> Interval:
    """As :func:`interval` of clips that each are one sample, of which many are alike.

    ``values``: shape (bins, parts); ``times``: how many samples each bin stands for.
    """
    weights = np.asarray(times, float)
    count = int(weights.sum())
    value = statistic(values, weights) if count else NOTHING
    if count < FEWEST or math.isnan(value):
        return Interval(value, NOTHING, NOTHING, count)
    drawn = np.random.default_rng(seed).multinomial(count, weights / count, size=RESAMPLES)
    return _around(value, [statistic(values, one.astype(float)) for one in drawn], count)


def _around(value: float, resampled: Sequence[float], count: int) -> Interval:
    """A value with the ends of its interval, by its resamples over ``count`` clips."""
    found = np.array([one for one in resampled if not math.isnan(one)])
    # Where all clips agree, so do all resamples: that is no sureness, but nothing to tell it by.
    if not len(found) or np.ptp(found) < 1e-12:
        return Interval(value, NOTHING, NOTHING, count)
    # Percentiles of a bootstrap are too narrow for few clips: Hesterberg's expanded percentiles
    # (arXiv 1411.5279, section 4.1) make them as wide as a t interval.
    tail = (1 - CONFIDENCE) / 2
    wide = float(stats.norm.cdf(math.sqrt(count / (count - 1)) * stats.t.ppf(tail, count - 1)))
    low, high = np.quantile(found, [wide, 1 - wide])
    return Interval(value, float(low), float(high), count)
