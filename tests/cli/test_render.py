"""``instancecap render`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program import Run
from tests.render.rich_captions import RICH, rich


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three captions, and one that cannot be read between them."""
    for name in RICH:
        (tmp_path / f"{name}.json").write_text(rich(name).to_json(), encoding="utf-8")
    (tmp_path / "lost.json").write_text("{")
    return tmp_path


def test_one_line_a_caption_and_failures_by_name(folder: Path, run: Run) -> None:
    status, out, err = run("render", str(folder), "--for", "wan2.2")
    lines = out.split("\n")[:-1]
    assert status == 1 and len(lines) == 4
    assert "chef" in lines[0] and lines[1] == "" and "woman" in lines[2] and "rally" in lines[3]
    failed = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1 and "lost.json" in failed[0]


def test_what_is_left_out_is_named_and_strict_fails(folder: Path, run: Run) -> None:
    arguments = (str(folder / "race.json"), "--for", "ltx-video")
    status, _, err = run("render", *arguments)
    assert status == 0 and err.startswith("warning: race: left out to keep within 128 tokens: /")
    assert run("render", *arguments, "--strict", "--quiet")[::2] == (1, "")
    assert run("render", arguments[0], "--for", "ltx-2", "--strict")[0] == 0


def test_json_is_one_object(folder: Path, run: Run) -> None:
    (folder / "lost.json").unlink()
    status, out, _ = run(
        "render", str(folder), "--for", "mochi", "--length", "dense,tags", "--json"
    )
    found = json.loads(out)
    assert status == 0 and found["done"] == 3 and found["failed"] == []
    first = found["captions"][0]["prompts"]
    assert [one["length"] for one in first] == ["dense", "tags"]
    assert first[0]["tokens"] <= first[0]["limit"] == 256
    assert first[0]["counter"] == "estimate:t5"


def test_a_file_instead_of_the_terminal(folder: Path, run: Run) -> None:
    path = folder / "out" / "prompts.jsonl"
    status, out, err = run(
        "render",
        str(folder),
        "--for",
        "ltx-2",
        "--out",
        str(path),
        "--drop-fields",
        "0.3",
    )
    assert (status, out) == (1, "") and err.endswith("3 rendered, 1 failed\n")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--for", "sora"], "target 'sora': not known; allowed are wan2.1"),
        (["--for", "mochi", "--task", "x"], "'x' is not one of 't2v', 'i2v'"),
        (["--for", "mochi", "--length", "x"], "length 'x': allowed are dense"),
        (["--for", "mochi", "--fuse"], "--fuse: name a server and a model"),
        (["--for", "mochi", "--targets", "none.toml"], "--targets none.toml: cannot be read"),
        (["--for", "mochi", "--out", "x.pdf"], "name a .txt, .jsonl or .csv file"),
        (["--for", "mochi", "--tokenizer", "none"], "--tokenizer none: no tokenizer there"),
    ],
)
def test_wrong_usage_is_one_line(
    folder: Path,
    run: Run,
    arguments: list[str],
    message: str,
) -> None:
    status, out, err = run("render", str(folder), *arguments)
    assert (status, out) == (2, "") and message in err and err.count("\n") == 1


def test_targets_of_the_users_own(folder: Path, run: Run) -> None:
    mine = folder / "my.toml"
    mine.write_text('[mine]\nlike = "wan2.2"\nsoft = 0\nlimit = 90\n')
    status, out, _ = run(
        "render",
        str(folder / "race.json"),
        "--for",
        "mine",
        "--targets",
        str(mine),
        "--json",
    )
    (prompt,) = json.loads(out)["captions"][0]["prompts"]
    assert status == 0 and prompt["tokens"] <= prompt["limit"] == 90 and prompt["dropped"]
