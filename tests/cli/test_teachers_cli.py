"""Several models on the command line, from a file of teachers to the table of who won what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeVideo
from tests.mllm.server import MODEL, serve
from tests.program import Run

pytestmark = pytest.mark.usefixtures("without_weights")

TABLES = """
[one]
url = "{one}"
model = "{model}"
frames = 1

[two]
url = "{two}"
model = "{model}"
mode = "single"
single_format = "instancecap"
"""


def test_teachers_are_named_on_the_command_line(
    run: Run, tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    make_video(Path("clips/a.mp4"))
    seen: list[Any] = []
    with serve(seen=seen) as one, serve(seen=seen) as two:
        _caption_by_two(run, seen, one=one, two=two)


def _caption_by_two(run: Run, seen: list[Any], **urls: str) -> None:
    Path("teachers.toml").write_text(TABLES.format(model=MODEL, **urls))
    words = "caption clips/a.mp4 --captioner two,one --teachers teachers.toml --video-root ."
    assert "2 calls" in run(*words.split(), "--dry-run").out
    assert seen == []
    ran = run(*words.split(), "--out", "out")
    assert ran.status == 0, ran.err
    told = json.loads(Path("out/clips/a.mp4.json").read_text())["teachers"]
    assert [(one["name"], one["mode"]) for one in told] == [("two", "single"), ("one", "fused")]
    assert run("render", "out/clips/a.mp4.json", "--for", "wan2.2").status == 0
    assert run("convert", "out/clips/a.mp4.json", "--to", "text", "--out", "a.txt").status == 0
    table = run("eval", "teachers", "out")
    assert table.status == 0, table.err
    assert "calls a clip" in table.out
