"""The check fails on what a trainer would reject, and names it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from instancecap.datasets.export import check
from instancecap.errors import UsageError
from tests.datasets.export.made import export_rows, make_colours, row_of

MakeVideo = Callable[..., Path]
MakeSet = Callable[..., Path]
TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))


@pytest.fixture
def make_set(tmp_path: Path, make_video: MakeVideo) -> MakeSet:
    """A good dataset of two clips for a trainer, with files of its own."""

    def make(trainer: str, **options: object) -> Path:
        rows = [row_of(make_video(tmp_path / f"{name}.mp4", frames=9)) for name in "ab"]
        out = tmp_path / "set"
        export_rows(rows, trainer, out, **{"link": "copy", **options})
        return out

    return make


def faults(folder: Path, **options: str) -> str:
    report = check(str(folder), **options)
    return "\n".join(f"{where}: {reason}" for where, reason in report.failed)


@pytest.mark.parametrize(("trainer", "file", "content", "fault"), TABLES["damage"])
def test_damage_is_found(
    make_set: MakeSet, trainer: str, file: str, content: str | float | None, fault: str
) -> None:
    folder = make_set(trainer)
    path = folder / file
    if content is None:
        path.unlink()
    elif isinstance(content, float):
        path.write_bytes(path.read_bytes()[: int(content * path.stat().st_size)])
    else:
        path.write_text(content)
    assert fault in faults(folder)


def test_marks_must_be_as_many_as_videos(make_set: MakeSet) -> None:
    folder = make_set("llama-factory")
    assert faults(folder) == ""
    path = folder / "data.jsonl"
    path.write_text(path.read_text().replace("<video>", "<video><video>"))
    assert "2 <video> marks for 1 videos" in faults(folder)


def test_too_few_frames_fail_and_rules_that_the_trainer_keeps_itself_warn(
    make_set: MakeSet,
) -> None:
    folder = make_set("cosmos3")
    report = check(str(folder))
    assert len(report.failed) == 2
    assert all("9 frames, and the trainer needs 61" in reason for _, reason in report.failed)
    assert faults(make_named(folder, "ltx-2")) == ""


def make_named(folder: Path, trainer: str) -> Path:
    """The same clips for another trainer."""
    out = folder.parent / trainer
    rows = [row_of(path) for path in sorted((folder / "videos").iterdir())]
    export_rows(rows, trainer, out)
    return out


def test_a_transcoded_clip_must_keep_the_rule(make_set: MakeSet) -> None:
    folder = make_set("ltx-2", transcode=True)
    assert faults(folder) == ""
    make_colours(folder / "videos" / "a.mp4", frames=24, fps=24, size=(64, 48))
    assert {"24 frames are not 8N+1", "64x48 are no multiples of 32"} <= {
        fault.rpartition(": ")[2] for fault in faults(folder).splitlines()
    }


def test_a_dataset_of_anyones_can_be_checked(make_set: MakeSet) -> None:
    folder = make_set("cogvideo")
    for name in os.listdir(folder / ".instancecap"):
        (folder / ".instancecap" / name).unlink()
    with pytest.raises(UsageError, match="say --for TRAINER"):
        check(str(folder))
    assert faults(folder, trainer="cogvideo", target="cogvideox") == ""
    assert "metadata.jsonl" in faults(folder, trainer="diffsynth", target="wan2.2")
    with pytest.raises(UsageError, match="there is no such folder"):
        check(str(folder / "gone"))


def test_no_rows_are_a_fault(make_set: MakeSet) -> None:
    folder = make_set("videofolder")
    (folder / "metadata.jsonl").write_text("")
    assert "the dataset has no rows" in faults(folder)
    (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "videos/00000000.mp4"}) + "\n")
    assert "not a row of this trainer" in faults(folder)


def test_a_caption_beyond_the_soft_limit_is_warned_of(make_set: MakeSet) -> None:
    folder = make_set("ai-toolkit", target="wan2.2")
    (folder / "a.txt").write_text(" ".join(["A brown dog runs over the green lawn."] * 40))
    report = check(str(folder))
    assert report.failed == []
    (told,) = [text for where, text in report.warnings if "tokens" in text]
    assert told.endswith("tokens, and wan2.2 gets worse from 320 on")
    (folder / "a.txt").write_text(" ".join(["A brown dog runs over the green lawn."] * 80))
    assert "wan2.2 takes 512" in faults(folder)
