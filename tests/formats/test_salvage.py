"""Broken JSON: what can be read is read, and nothing is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instancecap.errors import FormatError
from instancecap.formats.salvage import CUT_OFF, salvage
from tests.strategies import texts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
written = st.text('abc .,é“”\n"-', max_size=20)
"""What a caption's texts are made of."""

objects = st.recursive(
    st.dictionaries(st.sampled_from(["a", "b c", "D"]), written | st.integers(), min_size=1),
    lambda inner: st.dictionaries(
        st.sampled_from(["e", "f g"]), inner | st.lists(inner, max_size=3), min_size=1
    ),
    max_leaves=6,
)


@given(value=values, indent=st.sampled_from([None, 2]), escaped=st.booleans())
def test_valid_json_comes_back_as_it_is(value: Any, indent: int | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert salvage(text) == (value, [])


def prefix_of(part: Any, whole: Any) -> bool:
    """Whether ``part`` says nothing that ``whole`` does not."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and prefix_of(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(prefix_of, part, whole))
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    return type(part) is type(whole) and part == whole


@given(value=objects, cut=st.floats(0, 1), escaped=st.booleans())
def test_json_cut_off_anywhere_says_nothing_new(value: Any, cut: float, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    cut_text = text[: int(cut * len(text))]
    try:
        found, problems = salvage(cut_text)
    except FormatError:
        return
    if isinstance(found, dict) and cut_text != text and found.keys() <= value.keys():
        assert prefix_of(found, value)
        assert problems == [CUT_OFF]


@given(st.text(max_size=60) | st.text("{}[]\"',:\\ \n`“”‘’ab1.-utfnN", max_size=40))
@example("{" * 300)
@example("[" * 300)
@example('{"a": "\\ud800"}x')
@example('{"a": "\\u12')
@example("{'a': 1e999}")
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        value, _ = salvage(text)
    except FormatError:
        return
    json.dumps(value)


BROKEN = json.loads(Path(__file__).with_name("broken.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["text"][:30])
def test_what_is_really_written(case: dict[str, Any]) -> None:
    found, problems = salvage(case["text"])
    assert found == case["value"]
    assert problems or case["text"].startswith("```")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("no JSON here", "there is no JSON"),
        ("{", "there is no JSON"),
        ('{"a', "there is no JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        salvage(text)


def test_a_long_text_takes_no_long_time() -> None:
    text = "{'a': [" + "'word', " * 20_000
    found, _ = salvage(text)
    assert len(found["a"]) == 20_000
    with pytest.raises(FormatError):
        salvage("{ x " * 20_000)
