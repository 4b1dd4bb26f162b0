"""Whole sets of captions on their way to tools for annotation and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.convert import convert
from instancecap.schema.caption import Caption

RALLY = Path(__file__).parents[1] / "formats" / "rally.json"


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    folder = tmp_path / "captions"
    for name in ("a.mp4", "b/c.mp4"):
        caption = Caption.read(RALLY)
        assert caption.video is not None
        caption.video.id, caption.video.path = name, f"clips/{name}"
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        caption.write(path)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*.json")}


@pytest.mark.parametrize("tool", ["labelstudio", "fiftyone"])
@pytest.mark.parametrize("out", ["set.json", "set.jsonl", "set.csv", "set.parquet", "folder"])
def test_a_set_comes_back_byte_by_byte(tmp_path: Path, captions: Path, tool: str, out: str) -> None:
    there = convert([str(captions)], to=tool, out=str(tmp_path / out))
    assert not there.failed and not any(one.lost for one in there.captions)
    back = convert([str(tmp_path / out)], to="instancecap", out=str(tmp_path / "back"))
    assert not back.failed
    assert texts(tmp_path / "back") == texts(captions)


def test_tasks_come_with_their_configuration(tmp_path: Path, captions: Path) -> None:
    done = convert([str(captions)], to="labelstudio", out=str(tmp_path / "tasks.json"))
    assert [Path(one).name for one in done.outputs] == ["tasks.json", "tasks.xml"]
    assert '<Label value="car" />' in (tmp_path / "tasks.xml").read_text()
    convert([str(captions)], to="labelstudio", out=str(tmp_path / "tasks"))
    assert (tmp_path / "tasks" / "labeling_config.xml").is_file()


def test_an_export_keeps_the_names_of_clips(tmp_path: Path, captions: Path) -> None:
    """Label Studio numbers its tasks, and FiftyOne makes paths absolute."""
    tasks, dataset = tmp_path / "tasks.json", tmp_path / "dataset.json"
    convert([str(captions)], to="labelstudio", out=str(tasks))
    convert([str(captions)], to="fiftyone", out=str(dataset))
    exported: list[dict[str, Any]] = json.loads(tasks.read_text())
    for number, task in enumerate(exported, 1):
        task["id"] = number
        task["annotations"] = task.pop("predictions")
    tasks.write_text(json.dumps(exported))
    held = json.loads(dataset.read_text())
    assert held["media_type"] == "video" and len(held["samples"]) == 2
    for sample in held["samples"]:
        sample["filepath"] = f"/data/{sample['filepath']}"
    dataset.write_text(json.dumps(held))
    for path in (tasks, dataset):
        done = convert([str(path)], to="instancecap")
        assert [one.name for one in done.captions] == ["a.mp4", "b/c.mp4"]
