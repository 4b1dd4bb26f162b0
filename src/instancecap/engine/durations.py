"""Percentiles of many times in little memory."""

from __future__ import annotations

import math
from collections import Counter

STEP = 1.02
"""Each bin is so much wider than the one before: percentiles are right to 2 %."""

SHORTEST = 1e-6
"""Seconds; what is shorter counts as this."""


class Durations:
    """How often something took how long, counted in bins of growing width.

    Attributes:
        count: of times.
        total: seconds, exact.
    """

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self._bins: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count a time."""
        self.count += 1
        self.total += seconds
        self._bins[math.ceil(math.log(max(seconds, SHORTEST), STEP))] += 1

    def percentile(self, share: float) -> float:
        """The time that ``share`` percent of all stay under; 0 for none."""
        left = self.count * share / 100
        for place in sorted(self._bins):
            left -= self._bins[place]
            if left <= 0:
                return float(STEP**place)
        return 0.0

    def summary(self) -> dict[str, float]:
        """Count, sum and the percentiles 50, 90 and 99; seconds."""
        at = {f"p{share}": round(self.percentile(share), 4) for share in (50, 90, 99)}
        return {"count": self.count, "sum": round(self.total, 4), **at}
