"""Counters can be read from outside while a run goes on."""

from __future__ import annotations

import re
import urllib.request

import pytest

from instancecap.engine.events import Ended
from instancecap.engine.resume import Plan
from instancecap.engine.watchers import serve_metrics
from instancecap.engine.work import Documents
from instancecap.errors import UsageError
from instancecap.io.inputs import Job
from instancecap.video import Clip

SAMPLE = re.compile(r'instancecap_\w+(\{\w+="[\w ]+"\})? [\d.e+]+')


def free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("", 0))
        return int(one.getsockname()[1])


def test_counts_are_served_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    jobs = [(index, Job(Clip(path="x"), "x")) for index in range(5)]
    with serve_metrics(port) as metrics:
        metrics.planned(Plan(todo=jobs[:3], skipped=jobs[3:]))
        asked = Documents(seconds={"evidence": 1.5}, cost={"prompt_tokens": 2500.0})
        metrics.ended(Ended(jobs[0][1], "done", documents=asked))
        metrics.ended(Ended(jobs[1][1], "partial", documents=Documents(seconds={"evidence": 0.25})))
        metrics.ended(Ended(jobs[2][1], "failed", "no frame"))
        metrics.warned("duplicates")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            lines = answer.read().decode().splitlines()
        taken = f"--metrics-port {port}: cannot be served: Address"
        with pytest.raises(UsageError, match=taken), serve_metrics(port):
            pass
    samples = [line for line in lines if not (line.startswith("#") or "_created" in line)]
    assert all(map(SAMPLE.fullmatch, samples))
    assert samples == [
        "instancecap_clips_planned 3.0",
        'instancecap_clips_total{state="done"} 1.0',
        'instancecap_clips_total{state="partial"} 1.0',
        'instancecap_clips_total{state="failed"} 1.0',
        'instancecap_clips_total{state="skipped"} 2.0',
        'instancecap_stage_seconds_total{stage="evidence"} 1.75',
        'instancecap_model_total{unit="prompt_tokens"} 2500.0',
        "instancecap_warnings_total 1.0",
    ]
    with serve_metrics(port):  # it was given back
        pass
