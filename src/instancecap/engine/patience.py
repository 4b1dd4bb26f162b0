"""A second stage that waits for servers which are gone for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from instancecap.errors import ServerError, ServerRefusal
from instancecap.io.inputs import Job

P = TypeVar("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds before a clip is asked about again."""


class Patient(Generic[P, T]):
    """Tries a stage again while its servers are gone, if they ever answered.

    One that never did ends the run: its URL, key or model is wrong.
    """

    def __init__(
        self,
        finish: Callable[[Job, P], Coroutine[Any, Any, T]],
        *,
        patience: float,
        pause: float = PAUSE,
    ) -> None:
        """``patience``: seconds without any answer; ``pause``: seconds between two tries."""
        self._finish, self._patience, self._pause = finish, patience, pause
        self._answered = 0.0
        self._told = False

    async def __call__(self, job: Job, prepared: P) -> T:
        """What ``finish`` returns. Raises :class:`ServerError` when patience is at its end."""
        lost = 0.0
        while True:
            try:
                result = await self._finish(job, prepared)
            except ServerRefusal:
                raise  # it is there: waiting does not help
            except ServerError as error:
                now = time.monotonic()
                lost = max(lost or now, self._answered)  # an answer to another clip counts too
                if not self._answered or now - lost >= self._patience:
                    raise
                if not self._told:
                    log.warning("waiting up to %g s for the server: %s", self._patience, error)
                self._told = True
                await asyncio.sleep(self._pause)
            else:
                self._answered, self._told = time.monotonic(), False
                return result
