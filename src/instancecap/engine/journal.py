"""One JSON line for each clip that ends, for people and programs that watch a run."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from instancecap.engine.events import Ended, Events
from instancecap.errors import UsageError

log = logging.getLogger(__name__)


class Journal(Events):
    """Lines in a file that is added to."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__()
        self._file = file
        self._failed = False

    def ended(self, one: Ended) -> None:
        """A line on a clip: name, path, state, reason, what is missing, seconds by stage, cost."""
        documents = one.documents
        line = {
            "time": round(time.time(), 3),
            "name": one.job.name,
            "path": one.job.clip.path,
            "state": one.state,
            "reason": one.reason,
            "missing": {} if documents is None else documents.missing,
            "seconds": {} if documents is None else documents.seconds,
            "cost": {} if documents is None else documents.cost,
        }
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:  # the clip is done, whether the log has room for it or not
            if not self._failed:
                log.warning("--log-json: cannot be written: %s", error.strerror)
            self._failed = True


@contextmanager
def open_journal(path: str) -> Iterator[Journal]:
    """The journal at ``path``. Raises :class:`UsageError`."""
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UsageError(f"--log-json {path}: cannot be written: {error.strerror}") from error
    try:
        yield Journal(file)
    finally:
        with suppress(OSError):
            file.close()
