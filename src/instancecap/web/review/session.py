"""A set under review while the app runs: opened once, its index kept, its table written."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from instancecap.errors import InputError, InstanceCapError, UsageError
from instancecap.web.app.jobs import Jobs
from instancecap.web.review.store import ReviewSet
from instancecap.web.review.workers import refresh_index

WRITE_AFTER = 2.0
"""Seconds after an edit in which a table is written anew; until then the side file has it."""

AGAIN_AFTER = 15.0
"""Seconds after which that is tried again, where a run is at work on the table."""


class Session:
    """The opened set.

    Attributes:
        source: path of the folder or table.
        trouble: why a table could not be written yet; empty where it is.
    """

    def __init__(self, source: str, jobs: Jobs) -> None:
        self.source, self.trouble = source, ""
        self._jobs = jobs
        self._review: ReviewSet | None = None
        self._job = ""
        self._lock, self._timer = threading.Lock(), threading.Timer(0, lambda: None)

    @property
    def review(self) -> ReviewSet:
        """The set. Raises :class:`UsageError` where none is open, or it is no set of captions."""
        with self._lock:
            if self._review is None:
                if not self.source:
                    raise UsageError("no captions are open; start with: instancecap web FOLDER")
                self._review = ReviewSet.open(self.source)
            return self._review

    def problem(self) -> str:
        """Why there is nothing to review; empty where there is."""
        try:
            _ = self.review
        except InstanceCapError as error:
            return str(error)
        return ""

    def refresh(self) -> str:
        """The job that brings the index up to date: the one that runs, else a new one."""
        with self._lock:
            running = False
            if self._job:
                try:
                    running = self._jobs.status(self._job)["state"] in ("waiting", "running")
                except InputError:  # forgotten since
                    running = False
            if not running:
                self._job = self._jobs.start(refresh_index, self.source)
            return self._job

    def write_soon(self, seconds: float = WRITE_AFTER) -> None:
        """Write out edited rows of a table, but not for every edit anew."""
        with self._lock:
            if not self._timer.is_alive():
                self._timer = threading.Timer(seconds, self._write)
                self._timer.daemon = True
                self._timer.start()

    def _write(self) -> None:
        try:
            self.review.flush()
            self.trouble = ""
        except InstanceCapError as error:
            self.trouble = str(error)
            with self._lock:
                self._timer = threading.Timer(AGAIN_AFTER, self._write)
                self._timer.daemon = True
                self._timer.start()

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """At the end of the app what is not written yet is written."""
        yield
        self._timer.cancel()
        if self._review is not None:
            self._write()
            self._timer.cancel()
