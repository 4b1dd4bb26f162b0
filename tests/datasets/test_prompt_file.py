"""Prompts in files: rows in step with the captions, whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from instancecap.datasets.prompt_file import PromptFile
from instancecap.errors import OutputError, UsageError
from instancecap.render.batch import Rendered, render_all, split_lengths
from tests.render.test_options import options, rows


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_files_keep_rows_in_step(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"prompts{suffix}"
    lengths = split_lengths(["dense", "tags"])
    with PromptFile(str(path), lengths) as file:
        for one in render_all(rows(), options(), lengths=lengths):
            file.write(one)
    text = path.read_text(encoding="utf-8")
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    if suffix == ".txt":
        lines = text.split("\n")[:-1]
        assert [len(line.split("\t")) for line in lines] == [2, 1, 2, 2] and lines[1] == ""
    elif suffix == ".jsonl":
        found = [json.loads(line) for line in text.splitlines()]
        assert [one.get("error", "") for one in found] == ["", "not a caption", "", ""]
        assert [len(one["prompts"]) for one in found] == [2, 0, 2, 2]
    else:
        table = list(csv.DictReader(text.splitlines()))
        assert [bool(row["prompt_dense"]) for row in table] == [True, False, True, True]
        assert table[0]["prompt_tags"].startswith("young woman") and table[1]["error"]


def test_a_run_that_breaks_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("old\n")
    with pytest.raises(ZeroDivisionError), PromptFile(str(path), ["dense"]) as file:
        file.write(Rendered("a", "a.json"))
        raise ZeroDivisionError
    assert path.read_text() == "old\n" and list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name a \.txt, \.jsonl or \.csv file"):
        PromptFile(str(tmp_path / "a.parquet"), ["dense"]).__enter__()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        PromptFile(str(tmp_path / "file" / "a.txt"), ["dense"]).__enter__()
