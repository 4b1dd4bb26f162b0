"""A second stage that waits for servers which are gone for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from instancecap.engine.work import Documents, Stage
from instancecap.errors import ServerError, ServerRefusal
from instancecap.io.inputs import Job

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds before a clip is asked about again."""


class RetryingStage:
    """Tries a stage again while its servers are gone, if they ever answered.

    One that never did ends the run: its URL, key or model is wrong. The client's own retries are
    below this, for single calls that fail.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        wait: float,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``wait``: seconds without any answer; ``pause``: seconds between two tries."""
        self._clock, self._sleep = clock, sleep
        self._stage, self._wait, self._pause = stage, wait, pause
        self._answered = 0.0
        self._announced = False

    async def __call__(self, job: Job, prepared: Any) -> Documents:
        """What the stage returns. Raises :class:`ServerError` when the wait is over."""
        lost = 0.0
        while True:
            try:
                result = await self._stage(job, prepared)
            except ServerRefusal:
                raise  # it is there: waiting does not help
            except ServerError as error:
                now = self._clock()
                lost = max(lost or now, self._answered)  # an answer to another clip counts too
                if not self._answered or now - lost >= self._wait:
                    raise
                if not self._announced:
                    log.warning("waiting up to %g s for the server: %s", self._wait, error)
                self._announced = True
                await self._sleep(self._pause)
            else:
                self._answered, self._announced = self._clock(), False
                return result

    async def close(self) -> None:
        """Close the stage."""
        await self._stage.close()

    def finish(self) -> list[str]:
        """What the stage itself leaves."""
        return self._stage.finish()

    @property
    def open_questions(self) -> int:
        """Of the stage."""
        return self._stage.open_questions
