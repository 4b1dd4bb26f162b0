"""Two versions of a set, compared caption by caption and field by field."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from instancecap.datasets.release.diff import MOST_TOLD, Diff, Difference, diff
from instancecap.datasets.release.diff_report import marked, write_diff
from instancecap.errors import UsageError
from instancecap.schema.caption import Caption, Instance, Video
from tests.program import Run
from tests.strategies import captions


def write(path: Path, found: dict[str, Caption]) -> list[str]:
    rows = [{"id": name, "caption_json": one.to_json()} for name, one in found.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [str(path)]


def made(text: str, **fields: Any) -> Caption:
    return Caption(video=Video.named("a.mp4"), global_description=text, **fields)


NAMES = st.sampled_from(["a.mp4", "b.mp4", "deep/c.mp4", "d"])
SETS = st.dictionaries(NAMES, captions, min_size=1, max_size=2)


@settings(max_examples=25)
@given(SETS)
def test_equal_sets_do_not_differ(found: dict[str, Caption]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder, "a.jsonl"), found)
        other = write(Path(folder, "b.jsonl"), dict(reversed(found.items())))
        seen: list[Difference] = []
        result = diff(paths, other, on_difference=seen.append)
    assert result.is_empty
    assert (seen, result.told, result.fields) == ([], [], {})
    assert (result.same, result.captions) == (len(found), (len(found), len(found)))


@settings(max_examples=25)
@given(SETS, SETS)
def test_every_difference_is_found_and_both_ways_alike(
    first: dict[str, Caption], second: dict[str, Caption]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder, "a.jsonl"), first), write(Path(folder, "b.jsonl"), second)
        there, back = diff(*paths), diff(*reversed(paths))
    both = first.keys() & second.keys()
    same = {name for name in both if first[name].leaves() == second[name].leaves()}
    assert (there.same, there.changed) == (len(same), len(both) - len(same))
    assert (there.added, there.removed) == (len(second) - len(both), len(first) - len(both))
    assert (back.added, back.removed, back.changed) == (there.removed, there.added, there.changed)
    for one in there.told:
        assert bool(one.changes) == (one.kind == "changed")
    turned = {name: (count.removed, count.added) for name, count in back.fields.items()}
    assert turned == {name: (count.added, count.removed) for name, count in there.fields.items()}


def test_fields_of_changed_captions(tmp_path: Path) -> None:
    dogs = [Instance(id=3, class_="dog"), Instance(id=5, class_="dog")]
    before = write(tmp_path / "a.jsonl", {
        "a": made("A dog.", instances=dogs, place="outdoor"),
        "b": made("A cat."),
        "gone": made("A cow."),
    })  # fmt: skip
    cats = [one.model_copy(update={"class_": "cat"}) for one in dogs]
    after = write(tmp_path / "b.jsonl", {
        "b": made("A cat.", background="A yard."),
        "new": made("A hen."),
        "a": made("A dog.", instances=cats),
    })  # fmt: skip
    found = diff(before, after)
    counts = {name: (c.added, c.removed, c.changed) for name, c in found.fields.items()}
    assert counts == {
        "background": (1, 0, 0),
        "instances class": (0, 0, 1),  # of captions, not of instances
        "place": (0, 1, 0),
    }
    assert [(one.kind, one.name) for one in found.told] == [
        ("changed", "b"),
        ("added", "new"),
        ("changed", "a"),
        ("removed", "gone"),
    ]
    changes = {one.field: (one.before, one.after) for one in found.told[2].changes}
    assert changes == {
        "/instances/3/class": ("dog", "cat"),
        "/instances/5/class": ("dog", "cat"),
        "/place": ("outdoor", ""),
    }


def test_two_captions_of_one_name_and_rows_that_cannot_be_read(tmp_path: Path) -> None:
    before = write(tmp_path / "a.jsonl", {"a": made("A dog.")})
    after = tmp_path / "b.jsonl"
    write(after, {"a": made("A dog.")})
    after.write_text(after.read_text() * 2 + "no json\n")
    failed: list[tuple[str, str]] = []
    found = diff(before, [str(after)], on_failure=lambda *one: failed.append(one))
    assert (found.same, found.failed) == (1, 2)
    assert failed[0] == (f"{after}: line 2", "a second caption of the name a")
    assert failed[1][0] == f"{after}: line 3"


def test_nothing_to_compare(tmp_path: Path) -> None:
    before = write(tmp_path / "a.jsonl", {"a": made("A dog.")})
    with pytest.raises(UsageError, match=r"none\.json: no caption can be read"):
        diff(before, [str(tmp_path / "none.json")])


@given(st.text(max_size=40), st.text(max_size=40))
def test_marks_hold_both_texts(before: str, after: str) -> None:
    page = str(marked(before, after))
    gone = re.sub(r"<ins>.*?</ins>", "", page, flags=re.DOTALL)
    come = re.sub(r"<del>.*?</del>", "", page, flags=re.DOTALL)
    assert re.sub(r"</?del>", "", gone) == str(escape(before))
    assert re.sub(r"</?ins>", "", come) == str(escape(after))


def test_the_files(tmp_path: Path) -> None:
    names = [f"{number}.mp4" for number in range(MOST_TOLD + 5)]
    before = write(tmp_path / "a.jsonl", {name: made("A dog runs.") for name in names})
    after = write(tmp_path / "b.jsonl", {name: made("A <b> runs.") for name in names})
    found = write_diff(before, after, tmp_path / "out")
    assert Diff.read(tmp_path / "out/diff.json") == found
    lines = (tmp_path / "out/changes.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == names
    assert len(found.told) == MOST_TOLD
    page = (tmp_path / "out/index.html").read_text()
    assert "A <del>dog</del><ins>&lt;b&gt;</ins> runs." in page
    assert "and 5 more in changes.jsonl" in page
    assert "| global_description | 0 | 0 | 205 |" in (tmp_path / "out/table.md").read_text()
    write_diff(before, before, tmp_path / "out")
    assert not (tmp_path / "out/changes.jsonl").exists()
    assert "both hold the same captions" in (tmp_path / "out/index.html").read_text()


def test_the_verb(tmp_path: Path, run: Run) -> None:
    (before,) = write(tmp_path / "a.jsonl", {"a": made("A dog."), "b": made("A cat.")})
    (after,) = write(tmp_path / "b.jsonl", {"a": made("A dog!")})
    status, out, _ = run("dataset", "diff", before, after)
    assert status == 0
    assert "| changed | 1 |" in out and "| removed | 1 |" in out
    status, out, _ = run("dataset", "diff", before, after, "--json", "--out", tmp_path / "out")
    assert (status, Diff.from_json(out).removed) == (0, 1)
    assert (tmp_path / "out/index.html").is_file()
