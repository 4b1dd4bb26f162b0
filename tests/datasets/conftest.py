"""Every test of a verb runs the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.program import run as run


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hugging Face ``datasets``, without network and with a cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    package = pytest.importorskip("datasets", reason="the dev extra has it")
    monkeypatch.setattr(package.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    package.disable_progress_bars()
    return package
