"""Documents are read with one clear line of blame, and written whole or not at all."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from instancecap.errors import FormatError, InstanceCapError, OutputError
from instancecap.formats import Caption
from instancecap.schema.base import TrackPoint
from tests.schema.design_examples import CAPTION
from tests.tables import cases


def text_with(change: Callable[[dict[str, Any]], Any]) -> str:
    """The example caption's JSON after ``change`` was done to it."""
    document = copy.deepcopy(CAPTION)
    change(document)
    return json.dumps(document)


def test_fault_is_one_line_with_file_and_place(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.json"
    path.write_text(text_with(lambda d: d["instances"][0]["track"][0].update(score="high")))
    with pytest.raises(FormatError) as caught:
        Caption.read(path)
    line = str(caught.value)
    assert "\n" not in line and str(InstanceCapError("a\n  b\tc")) == "a b c"
    assert "a b.json: not a valid caption: /instances/0/track/0/score: " in line
    assert "valid number" in line


def test_more_than_one_fault_is_counted() -> None:
    with pytest.raises(FormatError, match=r"a\.json: .*/place: .* \(and 1 more\)$"):
        Caption.from_json(text_with(lambda d: d.update(place="moon", style=7)), source="a.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"caption"', "\0", '{"schema": 1'])
def test_text_that_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r"^x\.json: not a valid caption: /"):
        Caption.from_json(text, source="x.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_lacks_are_refused(number: str) -> None:
    text = text_with(lambda d: d["video"].update(fps=12345.0)).replace("12345.0", number)
    with pytest.raises(FormatError, match=r"/video/fps: .*finite number"):
        Caption.from_json(text)
    with pytest.raises(ValidationError, match="finite number"):
        TrackPoint(t=float(number), box=(0, 0, 1, 1), score=1)


@pytest.mark.parametrize(
    ("box", "reason"), cases(__file__, "box_must_be_ordered_and_inside_the_frame")
)
def test_box_must_be_ordered_and_inside_the_frame(box: list[float], reason: str) -> None:
    with pytest.raises(FormatError, match=f"/texts/0/box.*{reason}"):
        Caption.from_json(text_with(lambda d: d["texts"][0].update(box=box)))
    Caption.from_json(text_with(lambda d: d["texts"][0].update(box=[0.5, 0.5, 0.5, 0.5])))


def test_lone_surrogates_are_refused_by_files(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="Invalid JSON: unexpected end of hex escape"):
        Caption.from_json('{"video": null, "background": "\\ud800"}')
    # As Python reads a file name that is not UTF-8.
    with pytest.raises(OutputError, match=r"a\.json: cannot be written: .* surrogates not allowed"):
        Caption(video=None, background="\udcff").write(tmp_path / "a.json")
    assert os.listdir(tmp_path) == []
