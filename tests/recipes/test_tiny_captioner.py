"""A captioner that has learned for a minute sees colors; a longer run is ``docs/training.md``'s."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]


def test_a_minute_is_enough_for_colors(tmp_path: Path) -> None:
    from benchmarks import tiny_captioner

    words = ["--out", str(tmp_path), "--scenes", "400", "--minutes", "0.8", "--clips", "20"]
    found = tiny_captioner.main(words)
    assert found["valid, free"] >= 0.9
    assert found["answered"] == 1.0
    assert found["color"] >= 0.6, "by chance it were a sixth"
