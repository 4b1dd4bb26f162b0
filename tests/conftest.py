"""What many tests need: tiny videos, the real clips and weights where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import settings

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
MakeVideo = Callable[..., Path]
Measured = Callable[..., Any]

# A busy machine is slow, not wrong: no deadlines. CI takes the same examples each time, so that a
# red run can be had again and is about the change; everywhere else they are new ones each time.
FIXED = bool(os.environ.get("CI"))
settings.register_profile("few", deadline=None, derandomize=FIXED)
settings.register_profile("many", deadline=None, derandomize=FIXED, max_examples=400)
settings.load_profile("few")


def _need(path: Path) -> Path:
    """``path``, or a skip; a failure where the real data is promised to be there."""
    if path.exists():
        return path
    reason = f"needs the real data at ../shared/{path.relative_to(SHARED)}; CI has it"
    if os.environ.get("INSTANCECAP_REQUIRE_SHARED") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def clips_dir() -> Path:
    """The folder of labelled real clips."""
    return _need(SHARED / "clips")


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """The folder of small inputs that people reported."""
    return _need(SHARED / "cases")


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of small detectors' weights."""
    return _need(SHARED / "models")


@pytest.fixture
def with_weights(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real weights are found, and nothing is downloaded."""
    from instancecap.evidence import cluster as experts

    monkeypatch.setenv("INSTANCECAP_MODELS", str(models_dir))
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    experts.forget_models()
    return models_dir


@pytest.fixture(scope="session")
def measured(clips_dir: Path, models_dir: Path) -> Measured:
    """Evidence of a real clip by its name in the folder, measured once per session."""
    from instancecap.evidence import cluster as experts
    from instancecap.evidence.build import measure
    from instancecap.video import Clip

    @cache
    def once(name: str, start: float = 0.0, end: float | None = None) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("INSTANCECAP_MODELS", str(models_dir))
            patch.setenv("INSTANCECAP_OFFLINE", "1")
            experts.forget_models()
            evidence = measure(Clip.open(clips_dir / name, start=start, end=end))
        experts.forget_models()
        return evidence

    return once


@pytest.fixture
def without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights are found, and nothing is downloaded."""
    from instancecap.evidence import cluster as experts

    monkeypatch.delenv("INSTANCECAP_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    experts.forget_models()


@pytest.fixture(scope="session")
def make_video() -> MakeVideo:
    """Write a tiny H.264 video of a bright square that moves right over a gray ramp."""

    def make(path: Path, frames: int = 8, size: tuple[int, int] = (64, 48), fps: int = 8) -> Path:
        width, height = size
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(40, 160, width, dtype=np.uint8)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(fps))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for index in range(frames):
                picture = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2)
                left = index * width // (2 * max(frames, 1))
                picture[height // 4 : height // 2, left : left + width // 4] = 240
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make
