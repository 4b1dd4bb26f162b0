"""Counters of a run, served as text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from instancecap.engine.events import Ended, Events
from instancecap.engine.resume import Plan
from instancecap.errors import UsageError

COUNTERS: tuple[tuple[str, str, list[str]], ...] = (
    ("clips", "Clips that ended, by state; skipped: done by an earlier run.", ["state"]),
    ("stage_seconds", "Seconds spent on clips that were done, by stage.", ["stage"]),
    ("model", "What models were asked, by unit.", ["unit"]),
    ("warnings", "Times that the captions' quality left its band.", []),
)


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
        if one.documents is not None:
            for stage, seconds in one.documents.seconds.items():
                self._seconds.labels(stage).inc(seconds)
            for unit, amount in one.documents.cost.items():
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
