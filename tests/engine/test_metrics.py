"""Counters can be read from outside while a run goes on."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest

from instancecap.engine.metrics import serve_metrics
from instancecap.engine.resume import Plan
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
        metrics.on_plan(Plan(todo=jobs[:3], skipped=jobs[3:]))
        metrics.on_done("", Documents(seconds={"evidence": 1.5}, cost={"prompt_tokens": 2500.0}))
        metrics.on_done("", Documents(seconds={"evidence": 0.25}))
        metrics.on_done("no frame", None)
        metrics.on_warning()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            lines = answer.read().decode().splitlines()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
        refused.value.close()
        taken = f"--metrics-port {port}: cannot be served: Address"
        with pytest.raises(UsageError, match=taken), serve_metrics(port):
            pass
    samples = [line for line in lines if not line.startswith("#")]
    assert all(map(SAMPLE.fullmatch, samples))
    assert samples == [
        "instancecap_clips_planned 3",
        'instancecap_clips_total{state="done"} 2',
        'instancecap_clips_total{state="failed"} 1',
        'instancecap_clips_total{state="skipped"} 2',
        'instancecap_stage_seconds_total{stage="evidence"} 1.75',
        'instancecap_model_total{unit="prompt_tokens"} 2500',
        "instancecap_warnings_total 1",
    ]
    with serve_metrics(port):  # it was given back
        pass
