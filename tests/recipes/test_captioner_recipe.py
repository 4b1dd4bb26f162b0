"""The captioner's recipe end to end on a tiny random model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simple_scenes import write_clips
from benchmarks.tiny_captioner import make_model, make_processor, make_rows
from instancecap.schema.caption import Caption
from tests.program import Run, run

# What other packages warn of is theirs.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]

__all__ = ["run"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips, their captions, and a model of random weights."""
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "captions").mkdir()
    for caption in write_clips(folder / "clips", range(2)):
        assert caption.video is not None
        name = f"{Path(caption.video.path).name}.json"
        (folder / "captions" / name).write_text(caption.to_json(), encoding="utf-8")
    processor = make_processor(make_rows(range(8)))
    processor.save_pretrained(folder / "model")
    make_model(processor.tokenizer).save_pretrained(folder / "model")
    return folder


def train(home: Path, *more: str) -> list[dict[str, Any]]:
    """Train on the two clips; gives the log."""
    from recipes import captioner

    flags = {
        "model": home / "model", "captions": home / "captions", "held-out": home / "captions",
        "out": home / "run", "frames": 2, "side": 64, "batch": 2, "accumulate": 1, "rate": 0.01,
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
    assert losses[30] < losses[10] - 1.0
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


def test_dpo_prefers_what_is_chosen(home: Path, tmp_path: Path) -> None:
    from recipes import dpo

    answers = [make_rows(range(2))[at]["completion"] for at in (0, 1)]
    row = {
        "prompt": [{"role": "user", "content": "Caption this."}],
        "chosen": answers[0], "rejected": answers[1],
        "videos": [str(home / "clips" / "000000.mp4")], "start": 0.0, "end": 1.5,
    }  # fmt: skip
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps(row) + "\nnot JSON\n" + json.dumps({**row, "videos": ["none.mp4"]}))
    flags = {
        "model": home / "model", "pairs": pairs, "out": tmp_path / "run", "frames": 2, "side": 64,
        "accumulate": 1, "rate": 0.01, "rank": 8, "every": 10, "steps": 10,
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    dpo.main([*words, "--cpu"])
    log = json.loads((tmp_path / "run" / "log.json").read_text())["log_history"]
    (last,) = [line for line in log if "loss" in line]
    assert last["loss"] < 0.6, "ln 2 is where it starts"
    assert last["rewards/margins"] > 0
    assert (tmp_path / "run" / "merged" / "config.json").exists()
