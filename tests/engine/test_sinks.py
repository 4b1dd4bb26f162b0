"""Results appear whole, under their names, or there is a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from instancecap.datasets.convert import convert
from instancecap.engine import sinks as outputs
from instancecap.engine.sinks import FolderSink, open_store
from instancecap.errors import FormatError, OutputError, UsageError
from instancecap.formats.table_rows import FLAT_COLUMNS as COLUMNS
from instancecap.io import table_writers as tables
from instancecap.schema import Caption
from instancecap.schema.caption import Camera, Instance, Video


def caption(name: str = "a.mp4") -> Caption:
    video = Video.named(f"in/{name}")
    times = {"id": name, "end": 2.0, "duration": 2.0, "fps": 8.0}
    return Caption(
        video=video.model_copy(update={**times, "width": 64, "height": 48, "frames": 16}),
        global_description="Ein Hund läuft.",
        instances=[Instance(id=4, class_="dog"), Instance(id=1, class_="cat", is_main=True)],
        camera=Camera(motion=["pan_left"], shot_type="long_shot"),
        place="outdoor",
        warnings=["blurred"],
    )


def put_all(out: Path, names: Iterable[str], **how: Any) -> list[str]:
    """Put a caption of each name into an output, the last first, and finish it."""
    store = open_store(str(out), **how).begin([])
    sink, names = store.sink, list(names)
    for name in reversed(names):
        sink.put(name, caption(name).to_json())
    found = sink.finish(names)
    store.close()
    return found


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folder_holds_a_file_for_each_clip_at_once(tmp_path: Path) -> None:
    sink = open_store(str(tmp_path / "new" / "out")).sink
    sink.put("sub/b.mp4", caption("sub/b.mp4").to_json())
    sink.put("a.mp4", caption().to_json())
    out = tmp_path / "new" / "out"
    assert files(out) == ["a.mp4.json", "sub/b.mp4.json"]
    assert Caption.read(out / "a.mp4.json") == caption()
    names = ["a.mp4", "failed.mp4", "sub/b.mp4"]
    assert sink.finish(names) == [str(out / "a.mp4.json"), str(out / "sub/b.mp4.json")]
    assert [sink.has(name) for name in names] == [True, False, True]
    assert sink.get("failed.mp4") is None


def test_leftovers_of_a_killed_run_are_swept_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    kept = [".part", "a.json.part", ".notes.part", "sub/b.json", ".instancecap.json"]
    for name in [*kept, ".a.mp4.json.part", "sub/.b.mp4.json.part"]:
        (tmp_path / name).write_text("x")
    FolderSink(tmp_path).sweep()
    assert files(tmp_path) == sorted(kept)


@pytest.mark.parametrize("name", ["x" * 251, "ü" * 124 + ".mp4", "y" * 300 + "/a.mp4"])
def test_name_too_long_for_a_file_fails_alone(tmp_path: Path, name: str) -> None:
    sink = FolderSink(tmp_path)
    with pytest.raises(OutputError, match=r"bytes too long for a file; give a shorter id"):
        sink.put(name, "{}")
    sink.put("z" * 200, "{}")
    assert len(sink.finish(["z" * 200])) == 1


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
        *((f"x{one}", "OUT is a folder, a .jsonl") for one in (".txt", ".csv", ".MP4", ".png")),
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
        open_store(out)


def test_json_lines_appear_at_the_end_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    store = open_store(str(out)).begin([])
    for index in (2, 0, 1):
        store.sink.put(f"{index}", caption(f"{index}").to_json())
        assert not out.exists()
    assert store.finish("0123") == [str(out)]
    store.close()
    lines = out.read_text("utf-8").splitlines()
    assert [json.loads(line)["video"]["id"] for line in lines] == ["0", "1", "2"]
    assert "läuft" in lines[0]
    assert {path.split("/")[0] for path in files(tmp_path)} == {
        "out.jsonl",
        ".out.jsonl.instancecap",
    }


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_run_without_a_result_leaves_no_table(tmp_path: Path, name: str) -> None:
    assert put_all(tmp_path / name, []) == []
    assert not list(tmp_path.rglob("*.jsonl")) and not list(tmp_path.rglob("*.parquet/*.parquet"))


def test_shards_of_a_table_leave_one_another_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_SHARD", 1)
    out = tmp_path / "out.parquet"
    for shard, names in (("1-of-2", "ab"), ("2-of-2", "cd"), ("1-of-2", "a")):
        put_all(out, names, shard=shard)
    assert sorted(path.name for path in out.glob("*.parquet")) == [
        f"part-{name}.parquet" for name in ("1-of-2-00000", "2-of-2-00000", "2-of-2-00001")
    ]
    assert sorted(row["id"] for row in pq.read_table(out).to_pylist()) == ["a", "c", "d"]


def test_table_has_flat_columns_and_the_whole_caption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_PER_SHARD", 2)
    out = tmp_path / "out.parquet"
    for count in (7, 3):  # the second run's table replaces the first's, shards and all
        assert put_all(out, map(str, range(count))) == [str(out)]
    assert sorted(path.name for path in out.glob("*.parquet")) == [
        "part-00000.parquet", "part-00001.parquet",
    ]  # fmt: skip
    table = pq.read_table(out)
    assert tuple(table.schema.names) == COLUMNS
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    assert Caption.from_json(rows[0].pop("caption_json")) == caption("0")
    assert rows[0] == {
        "id": "0", "path": "in/0", "start": 0.0, "end": 2.0, "duration": 2.0, "fps": 8.0,
        "width": 64, "height": 48, "global_description": "Ein Hund läuft.", "background": "",
        "lighting": "", "place": "outdoor", "time_of_day": "", "style": "",
        "camera_motion": ["pan_left"], "shot_type": "long_shot", "shot_angle": "",
        "main_class": "cat", "instance_count": 2, "warnings": ["blurred"],
    }  # fmt: skip


@pytest.mark.parametrize("format", ["instancevid", "skycaptioner", "cosmos3", "miradata", "text"])
def test_other_formats_are_those_of_convert(tmp_path: Path, format: str) -> None:
    for name in ("out", "out.jsonl"):
        put_all(tmp_path / name, ["a.mp4", "b.mp4"], format=format)
    suffix = ".txt" if format == "text" else ".json"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.*4*")) == [
        f"a.mp4{suffix}",
        f"b.mp4{suffix}",
    ]
    convert([str(own(tmp_path))], to=format, out=str(tmp_path / "other"))
    convert([str(own(tmp_path))], to=format, out=str(tmp_path / "other.jsonl"))
    for name in (f"a.mp4{suffix}", f"b.mp4{suffix}"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "other" / name).read_text()
    assert (tmp_path / "out.jsonl").read_text() == (tmp_path / "other.jsonl").read_text()


def own(folder: Path) -> Path:
    """A folder of our own captions."""
    for clip in "ab":
        (folder / "own").mkdir(exist_ok=True)
        caption(f"{clip}.mp4").write(folder / "own" / f"{clip}.mp4.json")
    return folder / "own"


@pytest.mark.parametrize("name", ["out", "out.jsonl"])
def test_caption_that_a_format_cannot_say_is_refused(tmp_path: Path, name: str) -> None:
    store = open_store(str(tmp_path / name), format="text").begin([])
    with pytest.raises(FormatError, match="says nothing"):
        store.sink.put("a", Caption(video=None).to_json())
    store.close()


def test_sweep_spares_what_another_part_may_be_writing(tmp_path: Path) -> None:
    (tmp_path / ".a.json.part").write_text("x")
    FolderSink(tmp_path, shared=True).sweep()
    assert (tmp_path / ".a.json.part").exists()
    os.utime(tmp_path / ".a.json.part", (1, 1))
    FolderSink(tmp_path, shared=True).sweep()
    assert not (tmp_path / ".a.json.part").exists()
