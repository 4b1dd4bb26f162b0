"""What somebody said of a clip: from a manifest's column into the question, and into resuming."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.sinks import open_store
from instancecap.errors import UsageError
from instancecap.io.inputs import find_jobs
from instancecap.schema import Caption
from tests.engine.works import SEEN, Quick

ROWS: list[dict[str, Any]] = [
    {"path": "a.mp4", "title": "A cat, asleep"},
    {"path": "b.mp4", "title": None},
    {"path": "c.mp4", "title": " "},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_bytes(name.encode() * 10)
    return tmp_path


def write_list(name: str, rows: list[dict[str, Any]] = ROWS) -> None:
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), name)
    elif name.endswith(".jsonl"):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        cells = ["path,title", *(f'{row["path"]},"{row["title"] or ""}"' for row in rows)]
        Path(name).write_text("\n".join(cells) + "\n")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["list.csv", "list.jsonl", "list.parquet"])
def test_a_column_becomes_the_hints(name: str) -> None:
    write_list(name)
    jobs, rejected = find_jobs([name], hint_column="title")
    assert not rejected
    assert {job.name: job.hint for job in jobs} == {
        "a.mp4": "A cat, asleep", "b.mp4": "", "c.mp4": ""
    }  # fmt: skip
    assert not any(job.hint for job in find_jobs([name])[0])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["list.jsonl", "list.parquet"])
def test_tags_are_joined(name: str) -> None:
    write_list(name, [{"path": "a.mp4", "tags": ["cat", "home"]}, {"path": "b.mp4", "tags": []}])
    jobs, _ = find_jobs([name], hint_column="tags")
    assert [job.hint for job in jobs] == ["cat, home", ""]


@pytest.mark.usefixtures("folder")
def test_some_rows_of_json_may_lack_the_column() -> None:
    write_list("list.jsonl", [{"path": "a.mp4"}, {"path": "b.mp4", "title": 7}])
    jobs, _ = find_jobs(["list.jsonl"], hint_column="title")
    assert [job.hint for job in jobs] == ["", "7"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["list.csv", "list.jsonl", "list.parquet", "list.txt"])
def test_a_wrong_column_is_said_before_anything_runs(name: str) -> None:
    if name == "list.txt":
        Path(name).write_text("a.mp4\n")
    else:
        write_list(name)
    with pytest.raises(UsageError, match=r"no column 'titel' for --hint-column; it has: path"):
        find_jobs([name], hint_column="titel")


@pytest.mark.usefixtures("folder")
def test_a_clip_is_done_again_when_its_hint_changes() -> None:
    def again(rows: list[dict[str, Any]], hint_column: str = "title") -> list[str]:
        SEEN.clear()
        write_list("list.csv", rows)
        jobs, _ = find_jobs(["list.csv"], hint_column=hint_column)
        batch = run_batch(jobs, Quick(), store=open_store("out"), config=RunConfig())
        assert not batch.failed
        return list(SEEN)

    assert again(ROWS) == ["a.mp4", "b.mp4", "c.mp4"]
    assert again(ROWS) == []
    assert again([ROWS[0], {"path": "b.mp4", "title": "A dog"}, ROWS[2]]) == ["b.mp4"]
    assert Caption.read(Path("out/b.mp4.json")).background == "A dog"
    # b never ran under another name with this hint, so a moved file keeps its caption.
    Path("a.mp4").rename("z.mp4")
    assert again([{**ROWS[0], "path": "z.mp4"}]) == []
    assert Caption.read(Path("out/z.mp4.json")).background == "A cat, asleep"
    assert again([{**ROWS[0], "path": "z.mp4"}], hint_column="") == ["z.mp4"]
