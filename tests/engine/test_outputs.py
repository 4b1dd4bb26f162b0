"""Results appear whole, under their names, or there is a reason."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from instancecap.engine import outputs
from instancecap.engine.outputs import COLUMNS, FolderSink, flatten, open_sink, require_writable
from instancecap.errors import OutputError, UsageError
from instancecap.schema import Caption
from instancecap.schema.caption import Camera, Instance, Video


def caption(name: str = "a.mp4") -> Caption:
    video = Video(
        id=name,
        path=f"in/{name}",
        start=0,
        end=2,
        duration=2,
        fps=8,
        width=64,
        height=48,
        frames=16,
    )
    return Caption(
        video=video,
        global_description="Ein Hund läuft.",
        instances=[Instance(id=4, class_="dog"), Instance(id=1, class_="cat", is_main=True)],
        camera=Camera(motion=["pan_left"], shot_type="long_shot"),
        place="outdoor",
        warnings=["blurred"],
    )


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folder_holds_a_file_for_each_clip_at_once(tmp_path: Path) -> None:
    sink = open_sink(str(tmp_path / "new" / "out"))
    sink.put(1, "sub/b.mp4", caption("sub/b.mp4").to_json())
    sink.put(0, "a.mp4", caption().to_json())
    out = tmp_path / "new" / "out"
    assert files(out) == ["a.mp4.json", "sub/b.mp4.json"]
    assert Caption.read(out / "a.mp4.json") == caption()
    assert sink.finish() == [str(out / "a.mp4.json"), str(out / "sub/b.mp4.json")]


def test_leftovers_of_a_killed_run_are_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    kept = [".part", "a.json.part", ".notes.part", "sub/b.json", ".instancecap.json"]
    for name in [*kept, ".a.mp4.json.part", "sub/.b.mp4.json.part"]:
        (tmp_path / name).write_text("x")
    open_sink(str(tmp_path)).finish()
    assert files(tmp_path) == sorted(kept)


def test_folder_that_another_run_writes_to_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / ".a.json.part").write_text("half")
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    open_sink(str(tmp_path)).finish()
    assert files(tmp_path) == [".a.json.part"]
    os.close(other)
    open_sink(str(tmp_path)).finish()
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["x" * 251, "ü" * 124 + ".mp4", "y" * 300 + "/a.mp4"])
def test_name_too_long_for_a_file_fails_alone(tmp_path: Path, name: str) -> None:
    sink = FolderSink(tmp_path)
    with pytest.raises(OutputError, match=r"bytes too long for a file; give a shorter id"):
        sink.put(0, name, "{}")
    sink.put(1, "z" * 200, "{}")
    assert len(sink.finish()) == 1


def test_file_system_that_folds_names_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FolderSink(tmp_path).folds_names is (tmp_path.parent / tmp_path.name.swapcase()).exists()
    monkeypatch.setattr(outputs.os.path, "exists", lambda path: True)
    assert FolderSink(tmp_path).folds_names is True


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("file", "cannot be written: there is a file of that name"),
        ("file/out", "cannot be written: Not a directory"),
        ("file/out.jsonl", "cannot be written: there is a file of that name"),
        ("x.json", "OUT is a folder, a .jsonl file or a .parquet folder"),
        ("", "--out is empty"),
        ("folder.jsonl", "a folder of that name is in the way"),
        ("file.parquet", "a .parquet output is a folder, and a file is in its way"),
        ("mixed.parquet", r"holds more than a table \(thesis.doc\)"),
    ],
)
def test_out_that_cannot_be_written_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("file", "file.parquet"):
        Path(name).write_text("mine")
    Path("folder.jsonl").mkdir()
    Path("mixed.parquet").mkdir()
    Path("mixed.parquet/thesis.doc").write_text("mine")
    with pytest.raises(UsageError, match=reason):
        open_sink(out)


def test_option_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"--report .*file: cannot be written"):
        require_writable(tmp_path / "file", option="--report")


def test_json_lines_appear_at_the_end_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    sink = open_sink(str(out))
    for index in (2, 0, 1):
        sink.put(index, f"{index}", caption(f"{index}").to_json())
        assert files(tmp_path) == []
    assert sink.finish() == [str(out)]
    lines = out.read_text("utf-8").splitlines()
    assert [json.loads(line)["video"]["id"] for line in lines] == ["0", "1", "2"]
    assert "läuft" in lines[0]
    assert files(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_run_broken_off_leaves_the_whole_output_alone(tmp_path: Path, name: str) -> None:
    for text, complete in (("whole", True), ("broken", False)):
        sink = open_sink(str(tmp_path / name))
        sink.put(0, "a", caption(text).to_json())
        sink.finish(complete=complete)
    stem, suffix = name.split(".")
    found = {path.name: path for path in tmp_path.iterdir()}
    assert set(found) == {name, f"{stem}.interrupted.{suffix}"}
    if suffix == "jsonl":
        assert '"whole"' in found[name].read_text()
        assert '"broken"' in found[f"{stem}.interrupted.{suffix}"].read_text()


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_run_without_a_result_writes_nothing(tmp_path: Path, name: str) -> None:
    assert open_sink(str(tmp_path / name)).finish() == []
    assert list(tmp_path.iterdir()) == []


def test_table_has_flat_columns_and_the_whole_caption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "ROWS_PER_SHARD", 2)
    out = tmp_path / "out.parquet"
    for count in (7, 3):  # the second run's table replaces the first's, shards and all
        sink = open_sink(str(out))
        for index in reversed(range(count)):
            sink.put(index, str(index), caption(str(index)).to_json())
        assert sink.finish() == [str(out)]
    assert files(tmp_path) == ["out.parquet/part-00000.parquet", "out.parquet/part-00001.parquet"]
    table = pq.read_table(out)
    assert tuple(table.schema.names) == COLUMNS
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    assert Caption.from_json(rows[0].pop("caption_json")) == caption("0")
    assert rows[0] == {
        "id": "0",
        "path": "in/0",
        "start": 0.0,
        "end": 2.0,
        "duration": 2.0,
        "fps": 8.0,
        "width": 64,
        "height": 48,
        "global_description": "Ein Hund läuft.",
        "background": "",
        "lighting": "",
        "place": "outdoor",
        "time_of_day": "",
        "style": "",
        "camera_motion": ["pan_left"],
        "shot_type": "long_shot",
        "shot_angle": "",
        "main_class": "cat",
        "instance_count": 2,
        "warnings": ["blurred"],
    }


def test_caption_without_a_video_still_makes_a_row() -> None:
    row = flatten(Caption(video=None))
    assert tuple(row) == COLUMNS
    assert row["path"] is None and row["main_class"] == ""
