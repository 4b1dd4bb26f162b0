"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from instancecap.errors import OutputError
from instancecap.io.atomic import write_whole


def test_write_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.json", "old")
    write_whole(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "new"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failed_write_leaves_the_old_file(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "a.json", "old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OutputError, match=r"a\.json: cannot be written: No space left"):
        write_whole(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_write_names_a_file_that_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.json: cannot be written: (Not a dir|File exists)"):
        write_whole(tmp_path / "file" / "a.json", "text")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OutputError, match=r"folder\.json: cannot be written: Is a directory"):
        write_whole(tmp_path / "folder.json", "text")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.json"]
