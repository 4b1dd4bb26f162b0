"""Captions out of files, folders and tables; nothing that they hold is fatal."""

from __future__ import annotations

import csv
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from instancecap.datasets.captions import Row, read_captions
from instancecap.engine.sinks import open_store
from instancecap.schema import Caption
from instancecap.schema.caption import Instance, Video

SKY = {"subjects": [{"TYPES": {"type": "Human", "sub_type": "Man"}}], "environment": "A field."}


def rows(*paths: Path, format: str = "") -> list[Row]:
    return list(read_captions([str(path) for path in paths], format=format))


def made(name: str) -> Caption:
    video = Video.named(f"clips/{name}")
    video.id = name
    return Caption(video=video, instances=[Instance(id=0, class_="dog")])


def write_csv(path: Path, header: list[str], *cells: list[Any]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *cells])
    return path


@pytest.mark.parametrize("out", ["captions", "captions.jsonl", "captions.parquet"])
def test_what_the_program_writes(tmp_path: Path, out: str) -> None:
    names = ["b.mp4", "sub/a.mp4@1.0-2.5"]
    store = open_store(str(tmp_path / out)).begin([])
    for name in names:
        store.sink.put(name, made(name).to_json())
    store.finish(names)
    store.close()
    found = rows(tmp_path / out)
    assert [row.name for row in found] == names
    assert [row.caption for row in found] == [made(name) for name in names]
    assert all(row.error == "" and row.source.startswith(str(tmp_path)) for row in found)


def test_a_folder_leaves_hidden_files_alone(tmp_path: Path) -> None:
    made("a").write(tmp_path / "deep" / "a.mp4.json")
    (tmp_path / ".instancecap").mkdir()
    (tmp_path / ".instancecap" / "ledger.json").write_text("{}")
    (tmp_path / ".b.json.part").write_text("{}")
    (tmp_path / "notes.txt").write_text("not a caption")
    assert [(row.name, row.error) for row in rows(tmp_path)] == [("deep/a.mp4", "")]


def test_bad_files_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    made("good").write(tmp_path / "good.json")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "binary.json").write_bytes(b"\xff\x00\x81")
    (tmp_path / "evidence.json").write_text('{"schema": "instancecap.evidence/1"}')
    errors = {row.name: row.error for row in rows(tmp_path)}
    assert errors == {
        "good": "",
        "broken": "not valid JSON: there is no JSON in it",
        "binary": "not UTF-8 text",
        "evidence": "this is evidence, not a caption",
    }
    (missing,) = rows(tmp_path / "none.json")
    assert missing.error == "there is no such file or folder"
    (clip,) = rows(write_csv(tmp_path / "clip.mp4", ["a"]))
    assert "captions are read from .json, .jsonl, .csv, .tsv, .parquet, .txt" in clip.error
    (tmp_path / "empty").mkdir()
    assert "no caption in this folder" in rows(tmp_path / "empty")[0].error


def test_a_pipe_in_a_folder_is_named_and_not_read(tmp_path: Path) -> None:
    made("a").write(tmp_path / "a.json")
    os.mkfifo(tmp_path / "pipe.json")
    fine, pipe = rows(tmp_path)
    assert (fine.name, fine.error) == ("a", "")
    assert (pipe.name, pipe.error) == ("pipe", "a pipe or a device, no file")


def test_a_list_and_names_with_captions(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    path.write_text(json.dumps([made("x.mp4").model_dump(mode="json"), SKY, 3]))
    found = rows(path)
    assert [row.name for row in found] == ["x.mp4", "all-2", "all-3"]
    assert found[2].error == "a caption is an object or a text, and found is 3"
    assert found[2].source == f"{path}: item 3"
    path.write_text(json.dumps({"clips/a.mp4": SKY, "../b.mp4": SKY}))
    assert [row.name for row in rows(path)] == ["clips/a.mp4", "b.mp4"]


def test_skycaptioner_tables(tmp_path: Path) -> None:
    text = json.dumps(SKY)
    path = write_csv(
        tmp_path / "result.csv",
        ["path", "structural_caption", "fps"],
        ["/data/a.mp4", text, "24"],
        ["/data/b.mp4", text[:-30], ""],
        ["/data/c.mp4", "the model said nothing", ""],
        ["/data/d.mp4", "", ""],
        ["/data/e.mp4", f"```json\n{SKY}\n```", ""],
    )
    found = rows(path)
    assert [row.name for row in found] == ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4"]
    whole = found[0].caption
    assert whole is not None and whole.video is not None
    assert (whole.video.path, whole.video.fps, whole.background) == ("/data/a.mp4", 24, "A field.")
    cut = found[1].caption
    assert cut is not None and cut.instances[0].class_ == "man"
    assert any("cut off" in problem for problem in found[1].problems)
    assert found[1].problems == tuple(cut.warnings)
    assert found[3].source == f"{path}: row 4"
    assert found[3].error.startswith("no caption in it; its fields: path")
    assert found[4].caption is not None and found[4].caption.background == "A field."
    assert [row.error for row in rows(path, format="skycaptioner")][2] == "there is no JSON in it"


def test_columns_with_json_in_their_cells(tmp_path: Path) -> None:
    cells = [json.dumps(value) if not isinstance(value, str) else value for value in SKY.values()]
    (row,) = rows(write_csv(tmp_path / "flat.csv", ["id", *SKY], ["clip-7", *cells]))
    assert row.name == "clip-7" and row.caption is not None
    assert [one.class_ for one in row.caption.instances] == ["man"]


def test_a_row_that_is_not_utf8_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,caption\n1,A dog.\n2,\xff\xfe\n3,A cat.\n")
    assert [(row.name, row.error) for row in rows(path)] == [
        ("1", ""),
        ("t-2", "not UTF-8 text"),
        ("3", ""),
    ]
    lines = tmp_path / "t.jsonl"
    lines.write_bytes(b'{"caption": "A dog."}\n\xff\n\n{"caption": "A c')
    assert [row.error for row in rows(lines)] == [
        "",
        "not UTF-8 text",
        "not valid JSON: there is no JSON in it",
    ]


def test_text_is_a_caption_a_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("A dog runs.\n\nA {red} cat.\n\n")
    found = rows(path)
    assert [(row.name, row.error) for row in found] == [
        ("prompts-1", ""),
        ("prompts-2", "an empty caption"),
        ("prompts-3", ""),
    ]
    assert found[2].caption is not None
    assert found[2].caption.global_description == "A {red} cat."


def test_parquet_shards_broken_and_whole(tmp_path: Path) -> None:
    table = pa.table({"clip_id": ["one", "two"], "short_caption": ["A dog.", None]})
    pq.write_table(table, tmp_path / "part-0.parquet")
    (tmp_path / "part-1.parquet").write_bytes(b"PAR1 no")
    found = rows(tmp_path)
    assert [row.name for row in found] == ["one", "two", "part-1"]
    assert found[0].caption is not None and found[0].caption.global_description == "A dog."
    assert found[2].error.startswith("not a valid Parquet file")


def test_cosmos_training_rows(tmp_path: Path) -> None:
    window = {"start_frame": 0, "caption_json": json.dumps({"temporal_caption": "A dog runs."})}
    path = tmp_path / "sft.jsonl"
    path.write_text(json.dumps({"uuid": "u", "vision_path": "v/a.mp4", "t2w_windows": [window]}))
    (row,) = rows(path)
    assert row.caption is not None and row.caption.global_description == "A dog runs."
    assert row.caption.video is not None and row.caption.video.path == "v/a.mp4"


def test_a_table_is_not_held_in_memory(tmp_path: Path) -> None:
    line = json.dumps({**SKY, "environment": "A field. " * 1000}) + "\n"
    path = tmp_path / "long.jsonl"
    path.write_text(line * 1000)
    tracemalloc.start()
    number = sum(row.caption is not None for row in read_captions([str(path)]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 1000
    assert peak < path.stat().st_size / 10


def test_a_row_whose_cells_are_shifted_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "torn.csv"
    torn = ["a, b.mp4,A dog.,1", 'c.mp4,"A cat', 'd.mp4,"A fox, a hen",1', "e.mp4,A cow.,1,,"]
    path.write_text("\n".join(["path,caption,fps", *torn]) + "\n", newline="")
    first, second, last = rows(path)
    hint = "a comma or a quote in a cell is not escaped"
    assert first.error == f"4 cells for 3 columns in lines 2 to 2: {hint}"
    assert second.error == f"4 cells for 3 columns in lines 3 to 4: {hint}"
    assert last.caption is not None and last.caption.global_description == "A cow."
    assert (last.name, last.error) == ("e.mp4", "")


@pytest.mark.parametrize("cell", ["nan", "NaN", "null", "None", "N/A", " none ", ""])
@pytest.mark.parametrize("column", ["structural_caption", "caption"])
def test_a_word_for_no_value_is_no_caption(tmp_path: Path, column: str, cell: str) -> None:
    (row,) = rows(write_csv(tmp_path / "t.csv", ["path", column], ["a.mp4", cell]))
    assert row.caption is None
    assert row.error == f"no caption in it; its fields: path, {column}"


def test_prose_in_a_column_for_structure_is_told(tmp_path: Path) -> None:
    header = ["path", "structural_caption"]
    (row,) = rows(write_csv(tmp_path / "t.csv", header, ["a.mp4", "A dog runs."]))
    assert row.caption is not None and row.caption.global_description == "A dog runs."
    assert row.problems == ("prose in structural_caption, taken for the global description",)
    assert row.caption.warnings == list(row.problems)
    (plain,) = rows(write_csv(tmp_path / "p.csv", ["path", "caption"], ["a.mp4", "A dog runs."]))
    assert plain.problems == ()
