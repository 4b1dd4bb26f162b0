"""Planted errors are counted by what comes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.corrections import main
from instancecap.schema.caption import Caption, Instance, Position, Video
from tests.made import evidence, thing


def test_an_error_that_is_contradicted_is_put_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dog = Instance(
        id=0, name="the dog", class_="dog", category="animal",
        action="The dog is on the left at the start.",
        position=Position(start="center-left", end="center-right"),
    )  # fmt: skip
    facts = evidence(thing("dog", (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True))
    one = Caption(video=Video.named("a.mp4"), instances=[dog], background="A wall.")
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "a.mp4.json").write_text(one.to_json())
    facts.write(tmp_path / "a.mp4.json")
    main([str(tmp_path / "captions"), "--evidence", str(tmp_path)])
    assert json.loads(capsys.readouterr().out) == {
        "captions": 1, "planted": 1, "contradicted": 1, "restored": 1,
    }  # fmt: skip
