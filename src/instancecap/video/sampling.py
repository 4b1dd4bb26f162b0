"""Which frames to look at, and how large."""

from __future__ import annotations

import numpy as np


class Ticker:
    """Says which frames of a stream to take so that about ``rate`` a second are taken.

    It goes by time stamps, so variable frame rates are sampled evenly in time. A frame is taken
    when at least ``1 / rate`` has passed since the last tick, less a tenth for jittery stamps.
    """

    def __init__(self, rate: float) -> None:
        self._interval = 0.9 / rate
        self._last: float | None = None

    def due(self, t: float) -> bool:
        """True for a frame to take; ``t`` in seconds, never decreasing."""
        if self._last is not None and t - self._last < self._interval:
            return False
        self._last = t
        return True


def fit_within(aspect: float, limit: int) -> tuple[int, int]:
    """Width and height of shape ``aspect`` whose longer side is ``limit`` pixels, each >= 2."""
    if aspect >= 1:
        return limit, max(2, round(limit / aspect))
    return max(2, round(limit * aspect)), limit


def pick_evenly(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` indices out of ``count``, first and last among them, evenly spread."""
    if count <= wanted:
        return list(range(count))
    return [int(i) for i in np.linspace(0, count - 1, wanted).round()]
