"""Datasets loaded by the trainers' own libraries, where these can be installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.export.trainers import QUESTION
from tests.datasets.export.made import everyday_rows, export_rows

# Both libraries leave files that they have read to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def make(trainer: str, clips_dir: Path, out: Path, **options: Any) -> Path:
    report = export_rows(everyday_rows(clips_dir), trainer, out, **options)
    assert report.done == 3
    return out


def noted(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / ".instancecap" / "clips.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_videofolder(datasets: Any, clips_dir: Path, tmp_path: Path) -> None:
    folder = make("videofolder", clips_dir, tmp_path / "set")
    rows = datasets.load_dataset("videofolder", data_dir=str(folder), split="train")
    rows = rows.cast_column("video", datasets.Video(decode=False))
    assert rows.num_rows == 3
    for row, note in zip(rows, noted(folder), strict=True):
        assert Path(row["video"]["path"]).samefile(note["source"]["path"])
        assert row["caption"].strip() == row["caption"] != ""


def test_webdataset_by_hugging_face(datasets: Any, clips_dir: Path, tmp_path: Path) -> None:
    folder = make("webdataset", clips_dir, tmp_path / "set")
    rows = datasets.load_dataset("webdataset", data_dir=str(folder), split="train")
    assert rows.num_rows == 3
    assert {"mp4", "txt", "json", "__key__"} <= set(rows.column_names)


def test_webdataset_by_its_own_library(clips_dir: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the dev extra has it")
    folder = make("webdataset", clips_dir, tmp_path / "set")
    with webdataset.WebDataset(str(folder / "shard-000000.tar"), shardshuffle=False) as shards:
        samples = list(shards)
    assert [sample["__key__"] for sample in samples] == [
        "cat_walk",
        "flower_cc0",
        "football_juggle",
    ]
    for sample, note in zip(samples, noted(folder), strict=True):
        assert sample["mp4"] == Path(note["source"]["path"]).read_bytes()
        facts = json.loads(sample["json"])
        assert facts["caption"] == sample["txt"].decode()
        assert facts["num_frames"] == note["frames"]


@pytest.mark.models
def test_trl(datasets: Any, clips_dir: Path, tmp_path: Path) -> None:
    """trl/trainer/sft_trainer.py takes "images" and "messages", and its collator fills them in."""
    trl = pytest.importorskip("trl", reason="the models extra has it")
    from trl.data_utils import prepare_multimodal_messages

    assert trl.__version__
    folder = make("trl", clips_dir, tmp_path / "set", frames=4)
    rows = datasets.load_dataset("imagefolder", data_dir=str(folder), split="train")
    assert set(rows.column_names) == {"images", "messages"}
    for row in rows:
        user, assistant = prepare_multimodal_messages(row["messages"], images=row["images"])
        assert [part["type"] for part in user["content"]] == ["image"] * 4 + ["text"]
        assert [part["image"].size for part in user["content"][:4]] == [row["images"][0].size] * 4
        assert user["content"][4]["text"] == QUESTION
        assert "Global Description" in json.loads(assistant["content"][0]["text"])
