"""Rules: read from TOML, and what they say of a clip."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.curation.rules import DUPLICATES, KINDS, Rules, read_rules
from instancecap.errors import UsageError
from tests.datasets.curation.clips import figures


def rules_of(tmp_path: Path, text: str) -> Rules:
    """Rules from a file with this text."""
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return read_rules(str(path))


def failing(rules: Rules, **values: Any) -> dict[str, str]:
    """Rules that reject a clip with these figures, and their words."""
    return {one.rule: one.words for one in rules.judge(figures(**values)) if not one.passes}


def test_the_shipped_rules_pass_a_good_clip() -> None:
    assert failing(read_rules()) == {}


@pytest.mark.parametrize(
    ("rule", "values", "words"),
    [
        ("duration", {"duration": 1.25}, "lasts 1.25 s; at least 2, at most 10"),
        ("duration", {"duration": 61.0}, "lasts 61 s; at least 2, at most 10"),
        ("size", {"side": 144}, "the shorter side has 144 pixels; at least 240"),
        ("transitions", {"transitions": 2}, "2 cuts, dissolves or fades; at most 0"),
        ("motion", {"motion": 0.0}, "diagonals a second; at least"),
        ("frozen", {"frozen": 2.0}, "the picture rests for 2 s; at most 1"),
        ("instances", {"instances": 0}, "0 instances; at least 1, at most 20"),
    ],
)
def test_a_reason_says_rule_figure_and_limit(rule: str, values: dict[str, Any], words: str) -> None:
    found = failing(read_rules(), **values)
    assert list(found) == [rule]
    assert words in found[rule]


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        "duration = { min = 1 }\nblur = false\npeople = { max = 0 }\n"
        'place = { only = ["outdoor"] }\ncamera = { never = ["shaky"] }\nduplicates = false\n',
    )
    assert rules.duplicates is None
    assert "blur" not in dict(rules.steps)
    assert failing(rules, duration=300.0, blur=1.0) == {}
    assert set(failing(rules, people=2, place="indoor")) == {"people", "place"}
    found = failing(rules, camera=["pan_left", "shaky"])
    assert found == {"camera": "the camera: pan_left, shaky; never shaky"}
    assert "size" in dict(rules.steps), "what is not named stays"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("duratoin = { min = 1 }", "no rule 'duratoin'; there are: duration, size,"),
        ("[duration]\nminimum = 1", r"\[duration\] takes min, max, not 'minimum'"),
        ('[duration]\nmin = "1"', "min = '1': give a number"),
        ("[duration]\nmin = true", "give a number"),
        ("[duration]\nmin = nan", "min = nan: give a number"),
        ("[duration]\nmin = 3\nmax = 2", "min 3 is more than max 2"),
        ("duration = 3", r"write limits in \[duration\], or duration = false"),
        ("[camera]\nmax = 1", r"\[camera\] takes only, never, not 'max'"),
        ('[camera]\nnever = ["wobbly"]', "no 'wobbly'; there are: static, pan_left"),
        ('[camera]\nnever = "shaky"', "give a list of words"),
        ("[duplicates]\ndistance = 1", r"\[duplicates\] takes max, mirror, not 'distance'"),
        ("[plugins.taste]\nleast = 1", r"\[taste\] takes call, min, max, not 'least'"),
        ("[plugins.blur]\nmin = 1", "there is a rule of that name"),
        ("[duration", "not valid TOML"),
    ],
)
def test_a_fault_is_one_line_that_says_what_is_allowed(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        rules_of(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml: cannot be read"):
        read_rules("nowhere.toml")


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 20))
def test_limits_belong_to_what_passes(low: float, high: float, value: float) -> None:
    low, high = sorted((low, high))
    rule = next(one for one in read_rules().rules if one.name == "duration")
    rule = type(rule)("duration", rule.kind, min=low, max=high)
    assert rule.judge(value).passes == (low <= value <= high)


def test_every_rule_is_told_in_the_shipped_file() -> None:
    from importlib.resources import files

    text = files("instancecap.datasets.curation").joinpath("rules.toml").read_text()
    assert [name for name in KINDS if name not in text] == []


def test_the_docs_name_every_rule_with_its_limit() -> None:
    page = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
    table = page.partition("| rule | what it is about")[2].partition("\n\n")[0]
    found = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*?) ?\|$", table, re.MULTILINE))
    shipped = read_rules()
    limits = {rule.name: rule for rule in shipped.rules}
    assert list(found) == [*KINDS, DUPLICATES]
    for name, told in found.items():
        rule = limits.get(name)
        low, high = (rule.min, rule.max) if rule else (None, None)
        high = shipped.duplicates if name == DUPLICATES else high
        both = [f"{key} {one:g}" for key, one in (("min", low), ("max", high)) if one is not None]
        assert told == ", ".join(both), name
