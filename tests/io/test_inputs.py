"""INPUT arguments become clips with names of their own, or a reason."""

from __future__ import annotations

import json
import os
import string
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import UsageError
from instancecap.io import inputs
from instancecap.io.inputs import Job, find_jobs, refuse_shared_names
from instancecap.video import Clip

TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files that only look like media; discovery opens none of them."""
    for name in ("b.mp4", "a.MOV", "sub/a.mp4", "sub/still.png", "notes.md", ".hidden/x.mp4"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "in"


def names(*arguments: str | Path, **options: Any) -> list[str]:
    jobs, rejected = find_jobs([str(one) for one in arguments], **options)
    assert rejected == []
    return [job.name for job in jobs]


def reasons(*arguments: str | Path, **options: Any) -> dict[str, str]:
    _, rejected = find_jobs([str(one) for one in arguments], **options)
    return {one.source: one.reason for one in rejected}


def test_folder_is_searched_in_order_and_names_are_relative(tree: Path) -> None:
    assert names("in") == ["a.MOV", "b.mp4", "sub/a.mp4"]


def test_images_of_a_folder_are_taken_on_request_and_named_ones_always(tree: Path) -> None:
    assert names("in", images=True) == ["a.MOV", "b.mp4", "sub/a.mp4", "sub/still.png"]
    assert names("in/sub/still.png") == ["still.png"]


def test_pattern_is_expanded_when_the_shell_did_not(tree: Path) -> None:
    assert names("in/*.mp4") == ["b.mp4"]
    assert names("in/**/*.mp4", video_root="in") == ["b.mp4", "sub/a.mp4"]
    assert names("in/*") == ["a.MOV", "b.mp4", "a.mp4"]
    assert names("in/sub/*.png") == ["still.png"]


def test_file_whose_name_holds_pattern_letters_wins(tree: Path) -> None:
    (tree / "take[1].mp4").write_bytes(b"x")
    (tree / "take1.mp4").write_bytes(b"x")
    assert names("in/take[1].mp4") == ["take[1].mp4"]


def test_what_cannot_be_used_has_one_reason_and_stops_nothing(tree: Path) -> None:
    (tree / "empty").mkdir()
    (tree / "zero.mp4").touch()
    os.mkfifo(tree / "pipe.mp4")
    os.symlink("self.mp4", tree / "self.mp4")
    arguments = ["nope.mp4", "no*.mp4", "in/empty", "in/zero.mp4", "in/pipe.mp4", "in/self.mp4"]
    jobs, rejected = find_jobs([*arguments, "in/b.mp4"])
    assert [job.name for job in jobs] == ["b.mp4"]
    assert [(one.source, one.reason) for one in rejected] == [
        ("nope.mp4", "cannot be opened: No such file or directory"),
        ("no*.mp4", "no such file, and no video matches it as a pattern"),
        ("in/empty", "no video in this folder (--images takes still images too)"),
        ("in/zero.mp4", "the file is empty (0 bytes)"),
        ("in/pipe.mp4", "not a regular file (a folder, pipe or device)"),
        ("in/self.mp4", "cannot be opened: Too many levels of symbolic links"),
    ]


def test_folder_that_cannot_be_searched_is_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listdir = os.listdir

    def refuse(path: str) -> list[str]:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(inputs.os, "listdir", refuse)
    jobs, rejected = find_jobs(["in"])
    assert [job.name for job in jobs] == ["a.MOV", "b.mp4"]
    assert rejected == [
        inputs.Rejected("in/sub", "the folder cannot be searched: Permission denied")
    ]


def test_loops_of_links_end_and_the_real_place_gives_the_name(tree: Path) -> None:
    os.symlink("..", tree / "sub" / "up")
    os.symlink("sub", tree / "alias")
    assert names("in") == ["a.MOV", "b.mp4", "sub/a.mp4"]


@pytest.mark.parametrize("name", ["a b.mp4", "a\nb.mp4", "ä☃.mp4", "-x.mp4", "'\".mp4"])
def test_odd_letters_in_names_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == [name]


def test_name_that_json_cannot_hold_is_rejected(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")
    Path(path).write_bytes(b"x")
    (reason,) = reasons(path).values()
    assert reason == r"the file name '\udcff.mp4' is not UTF-8 text; rename the file"


def test_video_root_names_what_is_inside_it(tree: Path) -> None:
    assert names("in/sub", "in/b.mp4", video_root="in") == ["sub/a.mp4", "b.mp4"]
    assert reasons("in/b.mp4", video_root="in/sub") == {
        "in/b.mp4": "not inside --video-root in/sub"
    }
    with pytest.raises(UsageError, match="--video-root nope: not a folder"):
        find_jobs(["in"], video_root="nope")


def test_shared_name_is_refused_by_name(tree: Path) -> None:
    (tree / "a.mp4").write_bytes(b"x")
    jobs, _ = find_jobs(["in/a.mp4", "in/sub/a.mp4"])
    with pytest.raises(
        UsageError, match=r"in/a\.mp4 and in/sub/a\.mp4 would share .* 'a\.mp4'; use --video-root"
    ):
        refuse_shared_names(jobs)


def test_names_that_differ_in_case_clash_only_where_the_disk_folds_them() -> None:
    jobs = [Job(Clip(path=f"{one}.mp4"), f"{one}.mp4") for one in "aA"]
    refuse_shared_names(jobs)
    with pytest.raises(UsageError, match="share the output name"):
        refuse_shared_names(jobs, fold=True)


def test_text_manifest_has_a_path_a_line(tree: Path) -> None:
    (tree / "list.txt").write_text("\ufeffb.mp4\r\n\nsub/a.mp4\nin/a.MOV\n", "utf-8")
    assert names("in/list.txt") == ["b.mp4", "a.mp4", "a.MOV"]


ROWS: list[dict[str, Any]] = [
    {"path": "b.mp4", "start": None, "end": None, "id": None},
    {"path": "b.mp4", "start": 1.0, "end": 2.5, "id": None},
    {"path": "b.mp4", "start": 1.0, "end": None, "id": None},
    {"path": "b.mp4", "start": None, "end": 2.5, "id": "set/one"},
]
NAMES = ["b.mp4", "b.mp4@1.0-2.5", "b.mp4@1.0-end", "set/one@0.0-2.5"]


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.parquet", "m.parquet/part-0.parquet"])
def test_a_manifest_is_a_table_or_a_folder_of_shards(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(exist_ok=True)
    rows = [{**row, "path": str(tree / "b.mp4")} for row in ROWS]
    if name == "m.csv":
        lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        (tree / name).write_text("path, start,end,id\n" + "\n".join(lines))
    elif name == "m.jsonl":
        (tree / name).write_text("\n".join(json.dumps(row) for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), tree / name)
    assert names(f"in/{name.partition('/')[0]}") == NAMES


def test_manifest_paths_are_looked_for_beside_it_first(tree: Path) -> None:
    (tree.parent / "b.mp4").write_bytes(b"x")
    (tree / "list.txt").write_text("b.mp4\n")
    jobs, _ = find_jobs(["in/list.txt"])
    assert jobs[0].clip.path == "in/b.mp4"
    (tree / "b.mp4").unlink()
    jobs, _ = find_jobs(["in/list.txt"])
    assert jobs[0].clip.path == "b.mp4"


def test_bad_rows_are_rejected_by_number_and_the_others_are_kept(tree: Path) -> None:
    bad = TABLES["bad rows"]
    lines = [line for line, _ in bad]
    (tree / "m.jsonl").write_text("\n".join([*lines, '{"path": "b.mp4", "id": 7}']))
    jobs, rejected = find_jobs(["in/m.jsonl"])
    assert [job.name for job in jobs] == ["7"]
    assert [one.source for one in rejected] == [
        f"in/m.jsonl, line {number}" for number in range(1, len(bad) + 1)
    ]
    for one, (_, reason) in zip(rejected, bad, strict=True):
        assert reason in one.reason


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("m.csv", b"file,id\nb.mp4,1\n", "a manifest needs a column named 'path'"),
        ("m.csv", b"", "a manifest needs a column named 'path'; its columns: none"),
        ("m.txt", b"\n\n", "the manifest is empty"),
        ("m.txt", b"\xff\xfa", "the manifest is not UTF-8 text"),
        ("m.parquet", b"no table", "not a valid Parquet file"),
    ],
)
def test_manifest_that_cannot_be_read_has_a_reason(
    tree: Path, name: str, content: bytes, reason: str
) -> None:
    (tree / name).write_bytes(content)
    assert reason in reasons(f"in/{name}")[f"in/{name}"]


ids = st.text(st.sampled_from(string.ascii_letters + "./\\@ \0é"), min_size=1, max_size=12)


@given(st.lists(ids, min_size=1, max_size=6))
def test_any_id_stays_inside_out_or_is_rejected(
    tmp_path_factory: pytest.TempPathFactory, given_ids: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    for number in range(len(given_ids)):
        (folder / f"{number}.mp4").write_bytes(b"x")
    rows = [{"path": f"{number}.mp4", "id": one} for number, one in enumerate(given_ids)]
    (folder / "m.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    jobs, rejected = find_jobs([str(folder / "m.jsonl")])
    assert len(jobs) + len(rejected) == len(rows)
    files = [os.path.normpath(folder / "out" / f"{job.name}.json") for job in jobs]
    assert all(Path(file).is_relative_to(folder / "out") for file in files)
    if len(set(files)) < len(files):
        with pytest.raises(UsageError, match="would share"):
            refuse_shared_names(jobs)
    else:
        refuse_shared_names(jobs)
