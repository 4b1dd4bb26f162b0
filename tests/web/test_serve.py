"""The verb: what it prints, what it refuses, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "instancecap", "web"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*PROGRAM, "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert b"instancecap" in urllib.request.urlopen(url).read()
        assert list(tmp_path.iterdir())
        process.send_signal(number)
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
        process.wait(30)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "nowhere: not there"),
        (["--host", "0.0.0.0"], "add --auth USER:PASSWORD"),
        (["--port", "70000"], "cannot listen there"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], line: str) -> None:
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*PROGRAM, "--port", port], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"--port {port}: cannot listen there" in done.stderr
