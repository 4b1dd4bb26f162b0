"""Who watches a run for people and programs: a log of JSON lines, and counters for Prometheus."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from instancecap.engine.events import Ended, Events
from instancecap.engine.resume import Plan
from instancecap.engine.work import Documents
from instancecap.errors import UsageError

log = logging.getLogger(__name__)

COUNTERS: tuple[tuple[str, str, list[str]], ...] = (
    ("clips", "Clips that ended, by state; skipped: done by an earlier run.", ["state"]),
    ("stage_seconds", "Seconds spent on clips that were done, by stage.", ["stage"]),
    ("model", "What models were asked, by unit.", ["unit"]),
    ("warnings", "Times that the captions' quality left its band.", []),
)


class Journal(Events):
    """Adds a line to a file for each clip: state, reason, seconds by stage, cost."""

    def __init__(self, file: IO[str]) -> None:
        super().__init__()
        self._file, self._failed = file, False

    def ended(self, one: Ended) -> None:
        documents = one.documents or Documents()
        line = {
            "time": round(time.time(), 3),
            "name": one.job.name,
            "path": one.job.clip.path,
            "state": one.state,
            "reason": one.reason,
            "missing": documents.missing,
            "seconds": documents.seconds,
            "cost": documents.cost,
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


class Metrics(Events):
    """Counts of one run, in a registry of its own; names and paths of clips are in none."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = CollectorRegistry()
        self._planned = Gauge(
            "instancecap_clips_planned",
            "Clips of this run that were left to do when it began.",
            registry=self.registry,
        )
        self._clips, self._seconds, self._model, self._warnings = (
            Counter(f"instancecap_{name}", text, labels, registry=self.registry)
            for name, text, labels in COUNTERS
        )

    def planned(self, plan: Plan) -> None:
        self._planned.set(len(plan.todo))
        for state in ("done", "partial", "failed"):
            self._clips.labels(state)
        self._clips.labels("skipped").inc(len(plan.skipped))

    def ended(self, one: Ended) -> None:
        self._clips.labels(one.state).inc()
        documents = one.documents or Documents()
        for stage, seconds in documents.seconds.items():
            self._seconds.labels(stage).inc(seconds)
        for unit, amount in documents.cost.items():
            self._model.labels(unit).inc(amount)

    def warned(self, line: str) -> None:
        self._warnings.inc()


@contextmanager
def serve_metrics(port: int) -> Iterator[Metrics]:
    """Metrics that are served at ``/metrics`` on every interface until the context ends.

    Port 0 takes a free one. Raises :class:`UsageError` where the port cannot be had.
    """
    metrics = Metrics()
    try:
        server, thread = start_http_server(port, registry=metrics.registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--metrics-port {port}: cannot be served: {reason}") from error
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
