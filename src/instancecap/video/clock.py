"""Times that only go forward, whatever the stamps of the frames do.

Streams that were stitched start anew, cameras repeat a stamp or leave them all at zero. A player
shows such frames one after the other; so do we.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

HELD = 4
"""Frames that may share a stamp and be spread over the time to the next; more stand still."""

RESTART = 1.0
"""Seconds that a stamp must lie back for the clock to start anew at once."""

LEAP = 10.0
"""Seconds forward that are a break in a transport stream, as in FFmpeg's own tool."""


class Clock(Generic[T]):
    """Gives every frame of a stream its time.

    Frames that share a stamp, or lie a little back, are spread up to the next later stamp; from a
    restart on, and where stamps stand still, times go on by the frame rate.

    Attributes:
        mended: frames given out whose time is not their own stamp's.
    """

    def __init__(self, step: float, *, leaps: bool = False) -> None:
        """``step``: seconds a frame where the stamps do not say; ``leaps``: a stamp far ahead
        is a break in the stream and no pause."""
        self.mended = 0
        self._step = step
        self._leaps = leaps
        self._offset = 0.0
        self._at = 0.0
        self._held: list[tuple[float | None, T]] = []

    def times(self, stamped: Iterable[tuple[float | None, T]]) -> Iterator[tuple[float, T]]:
        """The frames with their times; a stamp is in seconds, or None where there is none."""
        for stamp, frame in stamped:
            if not self._held:
                self._at = stamp or 0.0
                self._held = [(stamp, frame)]
                continue
            t = self._at + len(self._held) * self._step
            if stamp is not None:
                t = stamp + self._offset
            ahead = t - self._at
            broken = ahead < -RESTART or (self._leaps and ahead > LEAP)
            if broken or (ahead <= 1e-9 and len(self._held) > HELD):
                t = self._at + len(self._held) * self._step
                ahead = t - self._at
                if broken and stamp is not None:
                    self._offset = t - stamp
            if ahead > 1e-9:
                yield from self._spread(ahead / len(self._held))
                self._at, self._held = t, []
            self._held.append((stamp, frame))
        yield from self._spread(self._step)

    def _spread(self, step: float) -> Iterator[tuple[float, T]]:
        """The frames that are held, ``step`` seconds apart."""
        for index, (stamp, frame) in enumerate(self._held):
            t = self._at + index * step
            self.mended += stamp is not None and abs(stamp - t) > 1e-6
            yield t, frame
