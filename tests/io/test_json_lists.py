"""Lists of any size in one JSON file, item by item."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets import captions
from instancecap.datasets.captions import read_captions
from instancecap.io import tables
from instancecap.io.tables import read_json_list

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(values, max_size=6), st.sampled_from([None, 1]), st.integers(1, 40))
def test_items_are_those_of_the_list(found: list[Any], indent: int | None, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_text(" \n" + json.dumps(found, indent=indent, ensure_ascii=False), "utf-8")
        with patch.object(tables, "CHARACTERS_AT_A_TIME", chunk + 2):
            rows = list(read_json_list(str(path)))
    assert [row.value for row in rows] == found
    assert [row.where for row in rows] == [f"item {n}" for n in range(1, len(found) + 1)]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"b": ', '[{"a": 1}, {b}, {"c": 1}]', '[{"a": 1}'])
def test_what_is_broken_is_the_last_row(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    *good, last = read_json_list(str(path))
    assert [row.value for row in good] in ([{"a": 1}], [])
    assert last.error == "not valid JSON, nor what follows it"


def test_captions_of_a_large_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.json"
    rows: list[Any] = [{"path": f"{n}.mp4", "caption": f"Dog {n}."} for n in range(5)]
    path.write_text(json.dumps([*rows, 3]))
    usual = list(read_captions([str(path)]))
    monkeypatch.setattr(captions, "LARGE", 1)
    assert list(read_captions([str(path)])) == usual
    path.write_bytes(b'[{"path": "a.mp4", "caption": "\xff"}]')
    (bad,) = read_captions([str(path)])
    assert bad.error == "not UTF-8 text"
    path.write_text('{"a.mp4": "A dog runs."}')
    assert [row.name for row in read_captions([str(path)])] == ["a.mp4"]
