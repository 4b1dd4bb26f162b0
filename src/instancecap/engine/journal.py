"""One JSON line for each clip that ends, for people and programs that watch a run."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from instancecap.engine.work import Documents
from instancecap.errors import UsageError
from instancecap.io.inputs import Job

log = logging.getLogger(__name__)


class Journal:
    """Lines in a file that is added to; nothing where there is no file."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file
        self._failed = False

    def write(self, job: Job, reason: str, documents: Documents | None) -> None:
        """A line on a job: name, path, state, reason, seconds by stage, cost."""
        if self._file is None:
            return
        waiting = documents is not None and documents.waiting
        line = {
            "time": round(time.time(), 3),
            "name": job.name,
            "path": job.clip.path,
            "state": "failed" if reason else "waiting" if waiting else "done",
            "reason": reason,
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
def open_journal(path: str | None) -> Iterator[Journal]:
    """The journal at ``path``, or one that keeps nothing. Raises :class:`UsageError`."""
    if path is None:
        yield Journal(None)
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UsageError(f"--log-json {path}: cannot be written: {error.strerror}") from error
    try:
        yield Journal(file)
    finally:
        with suppress(OSError):
            file.close()
