"""Counters of a run, served as text that Prometheus reads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from instancecap.engine.resume import Plan
from instancecap.engine.work import Documents
from instancecap.errors import UsageError

HELP = {
    "clips_planned": ("gauge", "Clips of this run that were left to do when it began."),
    "clips_total": ("counter", "Clips that ended, by state; skipped: done by an earlier run."),
    "stage_seconds_total": ("counter", "Seconds spent on clips that were done, by stage."),
    "model_total": ("counter", "What models were asked, by unit."),
    "warnings_total": ("counter", "Times that the captions' quality left its band."),
}


class Metrics:
    """Counts that one thread adds to and others read."""

    def __init__(self) -> None:
        self._values: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def on_plan(self, plan: Plan) -> None:
        """The run is about to begin."""
        with self._lock:
            self._values["clips_planned", ""] = len(plan.todo)
            for state in ("done", "failed"):
                self._values["clips_total", f'state="{state}"'] = 0
            self._values["clips_total", 'state="skipped"'] = len(plan.skipped)

    def on_done(self, reason: str, documents: Documents | None) -> None:
        """A clip has ended."""
        with self._lock:
            waiting = documents is not None and documents.waiting
            state = "failed" if reason else "waiting" if waiting else "done"
            self._values["clips_total", f'state="{state}"'] += 1
            if documents is not None:
                for stage, seconds in documents.seconds.items():
                    self._add("stage_seconds_total", f'stage="{stage}"', seconds)
                for unit, amount in documents.cost.items():
                    self._add("model_total", f'unit="{unit}"', amount)

    def on_warning(self) -> None:
        """The captions' quality left its band."""
        with self._lock:
            self._values["warnings_total", ""] += 1

    def _add(self, name: str, label: str, amount: float) -> None:
        self._values[name, label] += amount  # type: ignore[assignment]  # a Counter adds floats

    def text(self) -> str:
        """In Prometheus' text format, version 0.0.4."""
        with self._lock:
            values = sorted(self._values.items())
        lines = []
        for name, (kind, says) in HELP.items():
            lines += [f"# HELP instancecap_{name} {says}", f"# TYPE instancecap_{name} {kind}"]
            lines += [
                f"instancecap_{name}{f'{{{label}}}' if label else ''} {value:.12g}"
                for (other, label), value in values
                if other == name
            ]
        return "\n".join(lines) + "\n"


@contextmanager
def serve_metrics(port: int | None) -> Iterator[Metrics]:
    """Metrics that are served at ``/metrics`` on every interface until the context ends.

    They are counted and not served where ``port`` is None; 0 takes a free port. Raises
    :class:`UsageError` where the port cannot be had.
    """
    metrics = Metrics()
    if port is None:
        yield metrics
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = metrics.text().encode() if found else b"see /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Requests are no news."""

    try:
        server = ThreadingHTTPServer(("", port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--metrics-port {port}: cannot be served: {reason}") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
