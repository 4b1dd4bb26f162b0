"""The captioner's recipe end to end on a tiny random model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simple_scenes import write_clips
from instancecap.schema.caption import Caption
from tests.program import Run, run

# What other packages warn of is theirs.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]

__all__ = ["run"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, their captions, and a model of random weights."""
    import torch

    from tests.mllm import tiny

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "captions").mkdir()
    for caption in write_clips(folder / "clips", range(2)):
        assert caption.video is not None
        name = f"{Path(caption.video.path).name}.json"
        (folder / "captions" / name).write_text(caption.to_json(), encoding="utf-8")
    tiny.build(folder / "model")
    return folder


def train(home: Path, *more: str) -> list[dict[str, Any]]:
    """Train on the two clips; gives the log."""
    from recipes import captioner

    flags = {
        "model": home / "model", "captions": home / "captions", "held-out": home / "captions",
        "out": home / "run", "frames": 2, "side": 64, "batch": 2, "accumulate": 1, "rate": 0.05,
        "rank": 8, "every": 15, "max-tokens": 40,
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    captioner.main([*words, "--cpu", *more])
    log: list[dict[str, Any]] = json.loads((home / "run" / "log.json").read_text())["log_history"]
    return log


def test_the_recipe_from_captions_to_an_answer(home: Path, run: Run, tmp_path: Path) -> None:
    train(home, "--steps", "15")
    log = train(home, "--steps", "30", "--resume")
    losses = {line["step"]: line["loss"] for line in log if "loss" in line}
    assert min(losses) == 10 and max(losses) == 30, "it went on from the checkpoint"
    assert losses[30] < losses[10] - 0.1
    asked = [line["step"] for line in log if "valid" in line]
    assert asked == [15, 30]
    ran = run(
        "caption", home / "clips", "--out", tmp_path / "out", "--captioner", "mllm",
        "--mllm-model", home / "run" / "merged", "--mode", "single",
        "--single-format", "instancecap", "--frames", 2, "--mllm-max-tokens", 700,
        "--workers", 1,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    for path in (tmp_path / "out").glob("*.json"):
        assert Caption.read(path).producer.mode == "single:instancecap"
