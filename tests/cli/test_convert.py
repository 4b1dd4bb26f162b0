"""The verb ``convert``: real captions into every format, in every kind of file, and back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from instancecap.datasets.captions import read_captions
from instancecap.formats import FORMATS
from instancecap.schema import Caption
from instancecap.schema.caption import Camera, Instance, Position, Video
from tests.program import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two captions: ``a.mp4.json`` and ``sub/b.mp4.json``."""
    for number, name in enumerate(("a.mp4", "sub/b.mp4")):
        video = Video.named(f"clips/{name}")
        video.width, video.height, video.duration, video.end, video.fps = 64, 48, 2.0, 2.0, 8.0
        dog = Instance(
            id=number,
            class_="dog",
            category="animal",
            subcategory="dog",
            is_main=True,
            appearance="A brown dog, “Ж”.",
            action="Runs.",
            position=Position(text="on the left of the frame throughout", start="center-left"),
        )
        Caption(
            video=video,
            global_description="A dog runs.",
            instances=[dog],
            background="A field.",
            camera=Camera(motion=["pan_left"], description="The camera pans left."),
        ).write(tmp_path / "caps" / f"{name}.json")
    return tmp_path / "caps"


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("suffix", ["", ".json", ".jsonl", ".csv", ".parquet", ".txt"])
def test_there_and_back(folder: Path, run: Run, name: str, suffix: str) -> None:
    out = folder.parent / f"out{suffix}"
    status, _, err = run("convert", folder, "--to", name, "--out", out)
    if (suffix == ".txt") != (name == "text") and suffix in (".txt", ".json"):
        assert (status, out.exists()) == (2, False)
        return
    if (suffix, name) == (".json", "text"):
        assert status == 2
        return
    assert status == 0, err
    assert "2 converted" in err
    back = list(read_captions([str(out)]))
    assert [row.error for row in back] == ["", ""]
    assert run("convert", out, "--to", name, "--out", folder.parent / f"again{suffix}")[0] == 0
    again = list(read_captions([str(folder.parent / f"again{suffix}")]))
    assert [row.caption for row in again] == [row.caption for row in back]
    if suffix in ("", ".csv", ".parquet"):
        assert [row.name for row in back] == ["a.mp4", "sub/b.mp4"]


def test_one_caption_is_one_object(folder: Path, run: Run) -> None:
    out = folder.parent / "one.json"
    status, _, err = run("convert", folder / "a.mp4.json", "--to", "instancevid", "--out", out)
    assert status == 0
    plain = json.loads(out.read_text(encoding="utf-8"))
    assert plain["Video"] == "clips/a.mp4"
    assert plain["Structural Description"]["Main Instance"]["No.0"]["Appearance"] == (
        "A brown dog, “Ж”."
    )
    (line,) = [
        line for line in err.splitlines() if line.startswith("instancevid has no field for: ")
    ]
    assert line.startswith(
        "instancevid has no field for: video (end, duration, fps, width, height), "
    )
    assert "instances (category, subcategory, is main, position)" in line
    assert line.endswith("; keep the captions that you converted; --json lists it for each")
    assert "/" not in line


def test_what_fails_is_named_by_file_and_row(folder: Path, run: Run) -> None:
    table = folder.parent / "in.csv"
    with open(table, "w", newline="") as file:
        csv.writer(file).writerows([["id", "caption"], ["x", "A dog."], ["y", ""], ["z", "{"]])
    out = folder.parent / "out.jsonl"
    status, stdout, err = run("convert", table, folder, "--to", "miradata", "--out", out, "--json")
    assert status == 1
    assert f"failed: {table}: row 2: no caption in it" in err
    told = json.loads(stdout)
    assert told["done"] == 3 and told["outputs"] == [str(out)]
    assert [one["input"] for one in told["failed"]] == [f"{table}: row 2", f"{table}: row 3"]
    assert [one["name"] for one in told["captions"]] == ["x", "a.mp4", "sub/b.mp4"]
    assert "/instances/0/class" in told["captions"][1]["lost"]
    assert len(out.read_text(encoding="utf-8").splitlines()) == 3


def test_rows_of_one_name_do_not_overwrite_each_other(folder: Path, run: Run) -> None:
    table = folder.parent / "in.csv"
    table.write_text("path,caption\n/one/a.mp4,A dog.\n/two/a.mp4,A cat.\n")
    out = folder.parent / "out"
    status, _, err = run("convert", table, "--to", "text", "--out", out)
    assert status == 1
    assert f"row 2: its output a.mp4 is that of {table}: row 1 too" in err
    assert (out / "a.mp4.txt").read_text() == "A dog.\n"
    assert run("convert", table, "--to", "text", "--out", folder.parent / "out.jsonl")[0] == 0


@pytest.mark.parametrize(
    "verb",
    [
        ("convert", "--to", "miradata", "--out", "out"),
        ("render", "--for", "wan2.2"),
        ("export", "--for", "mochi", "--out", "set"),
        ("verify", "--video-root", "."),
    ],
)
def test_a_file_whose_broken_json_was_read_is_named(
    folder: Path, run: Run, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    whole = (folder / "a.mp4.json").read_text(encoding="utf-8")
    (folder / "a.mp4.json").write_text(whole[: len(whole) * 2 // 3], encoding="utf-8")
    _, _, err = run(verb[0], "caps", *verb[1:])
    assert "warning: caps/a.mp4.json: broken JSON was read: its end is cut off" in err
    assert "b.mp4.json: broken" not in err
    assert "broken" not in run(verb[0], "caps/sub", *verb[1:])[2]


def test_captions_are_not_written_over(folder: Path, run: Run) -> None:
    before = (folder / "a.mp4.json").read_text()
    for source in (folder, folder / "a.mp4.json", folder / "*.json"):
        status, _, err = run("convert", source, "--to", "instancevid", "--out", folder)
        assert status == 2 and "would write over" in err
    assert (folder / "a.mp4.json").read_text() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "sora", "--out", "x"], "--to sora: choose one of instancecap, instancevid"),
        (["--to", "text", "--out", "x", "--from", "y"], "--from y: choose one of"),
        (["--to", "text", "--out", ""], "--out is empty"),
        (["--to", "cosmos3", "--out", "x.txt"], "a .txt file takes --to text only"),
    ],
)
def test_wrong_usage(folder: Path, run: Run, options: list[str], message: str) -> None:
    status, _, err = run("convert", folder, *options)
    assert status == 2 and message in err


def test_without_out_captions_are_shown(folder: Path, run: Run) -> None:
    status, out, err = run("convert", folder, "--to", "text")
    said = (
        "A dog runs. A brown dog, “Ж”, runs. The dog is seen on the left of the frame throughout. "
        "The setting is a field. The camera pans left."
    )
    assert (status, err) == (0, "")
    assert out == f"a.mp4\n  {said}\n\nsub/b.mp4\n  {said}\n\n"
    lines = run("convert", folder, "--to", "miradata").out.splitlines()
    assert [json.loads(line)["background_caption"] for line in lines] == ["A field."] * 2
    told = json.loads(run("convert", folder, "--to", "text", "--json").out)["captions"]
    assert [one["caption"] for one in told] == [said, said]
    assert "1 failed" in run("convert", folder, folder / "none", "--to", "text").err


def test_nothing_good_leaves_no_output(tmp_path: Path, run: Run) -> None:
    for suffix in (".csv", ".json", ".jsonl", ".parquet"):
        out = tmp_path / f"out{suffix}"
        assert run("convert", tmp_path / "none.json", "--to", "miradata", "--out", out)[0] == 1
    assert list(tmp_path.iterdir()) == []
