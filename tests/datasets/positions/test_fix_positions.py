"""Positions of published files: measured anew, mapped as far as the known defect allows, marked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.positions.fix import (
    FixOptions,
    fix_caption,
    fix_positions,
)
from instancecap.errors import UsageError
from instancecap.formats import caption_from
from instancecap.schema.caption import HUMAN, Caption, Provenance
from instancecap.schema.evidence import Evidence
from tests import made
from tests.program import Run

ROWS, COLUMNS = ("top", "center", "bottom"), ("left", "middle", "right")
units = st.floats(0, 1, exclude_max=True)


def true_cell(x: float, y: float) -> str:
    return f"{ROWS[int(3 * y)]}-{COLUMNS[int(3 * x)]}"


def printed_cell(x: float, y: float) -> str:
    """As the published files were written: everything below the top third is at the bottom."""
    return f"{'bottom' if int(3 * y) else 'center'}-{COLUMNS[int(3 * x)]}"


def published(*instances: tuple[str, str], video: str = "a.mp4") -> dict[str, Any]:
    things = {
        f"No.{number}": {"Class": name, "Appearance": "", "Actions and Motion": "", "Position": at}
        for number, (name, at) in enumerate(instances)
    }
    return {"Video": video, "Global Description": "A clip.",
            "Structural Description": {"Main Instance": things}}  # fmt: skip


def fixed(tmp: str, plain: dict[str, Any], **how: Any) -> tuple[Caption, list[Any]]:
    caption = caption_from(plain)
    options = FixOptions(out="out.jsonl", video_root=tmp, **how)
    return caption, fix_caption("a.mp4", caption, options)


@given(units, units, units, units, st.booleans())
def test_what_is_mapped_is_true(x: float, y: float, u: float, v: float, leaves: bool) -> None:
    start, end = printed_cell(x, y), printed_cell(u, v)
    path = f"stays at {start}" if start == end else f"moves from {start} to {end}"
    at = f"dog {path}{' and out of frame in the end' * leaves}."
    caption, (done,) = fixed(".", published(("dog", at)))
    place = caption.instances[0].position
    assert place.leaves == leaves
    for cell, truth in ((place.start, true_cell(x, y)), (place.end, true_cell(u, v))):
        assert cell in ("", truth)
        assert bool(cell) == truth.startswith("top")
    is_certain = bool(place.start and place.end)
    assert done.how == ("mapped" if is_certain else "column only")
    assert bool(place.text) == (not is_certain)
    if not is_certain:
        words = {"left": "left", "middle": "middle", "right": "right"}
        assert words[true_cell(u, v).split("-")[1]] in place.text
        assert f"{at!r}" in caption.warnings[-1]
    support = caption.provenance["/instances/0/position/" + ("text" if place.text else "end")]
    assert (support.source, support.support) == ("instancevid", "unchecked")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("stays at bottom-left.",
         "first and last on the left of the frame, below its top third"),
        ("moves from center-left to bottom-right and out of frame in the end.",
         "from the left of the frame, in its top third to the right of the frame, below its top "
         "third, then leaves"),
        ("moves from out of frame to bottom-middle.",
         "comes into view, ends in the middle of the frame, below its top third"),
    ],
)  # fmt: skip
def test_words_where_a_row_is_open(at: str, text: str) -> None:
    caption, _ = fixed(".", published(("dog", f"dog {at}")))
    assert caption.instances[0].position.text == text


def measured(folder: Path, evidence: Evidence) -> str:
    evidence.write(folder / "a.mp4.json")
    return str(folder)


def test_the_measured_position_counts(tmp_path: Path) -> None:
    left = made.thing("dog", (0.0, 0.4, 0.2, 0.6), (0.1, 0.0, 0.2, 0.2), id=4)
    right = made.thing("dog", (0.7, 0.0, 0.9, 0.2), id=7, leaves=True)
    folder = measured(tmp_path, made.evidence(right, left))
    plain = published(
        ("dog", "dog moves from bottom-left to center-left."),
        ("dog", "dog stays at center-right and out of frame in the end."),
        ("cat", "cat stays at bottom-left."),
        ("person", "person stays at bottom-middle."),
    )
    caption, done = fixed(".", plain, evidence=folder)
    assert [one.how for one in done] == ["measured", "measured", "column only", "column only"]
    first, second = (one.position for one in caption.instances[:2])
    assert (first.start, first.end, first.text) == ("center-left", "top-left", "")
    assert (second.start, second.end, second.leaves) == ("top-right", "top-right", True)
    entry = caption.provenance["/instances/0/position/start"]
    assert (entry.source, entry.support, entry.frames) == ("yolox-nano", "measured", [0.0, 4.0])
    assert done[0].after == "dog moves from center-left to top-left."
    assert done[2].problem == "nothing that was tracked fits its class and columns"


def test_another_column_is_another_dog(tmp_path: Path) -> None:
    folder = measured(tmp_path, made.evidence(made.thing("dog", (0.4, 0.4, 0.6, 0.6))))
    caption, (done,) = fixed(".", published(("dog", "dog stays at center-left.")), evidence=folder)
    assert (done.how, caption.instances[0].position.end) == ("mapped", "top-left")


def test_texts_and_what_a_person_wrote_are_kept() -> None:
    at = "cat stays at center-left."
    caption = caption_from(published(("dog", "Near the door."), ("cat", at), ("cat", at)))
    for id, source, support in ((1, HUMAN, "unchecked"), (2, "tracker", "measured")):
        caption.provenance[f"/instances/{id}/position/end"] = Provenance.model_validate(
            {"source": source, "confidence": 1.0, "support": support}
        )
    before = caption.model_copy(deep=True)
    done = fix_caption("a.mp4", caption, FixOptions(out="x.jsonl"))
    assert [(one.how, one.problem) for one in done] == [("kept", "")] * 3
    assert caption == before


def write(path: Path, *found: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in found))
    return path


def test_a_set_that_names_the_top_row_has_not_the_defect(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.jsonl",
        published(("dog", "dog stays at bottom-left."), video="a.mp4"),
        published(("dog", "dog stays at top-left."), video="b.mp4"),
    )
    options = FixOptions(out=str(tmp_path / "out.jsonl"), defects=str(tmp_path / "defects.csv"))
    account = fix_positions([str(path)], options)
    assert account.names_top
    assert dict(account.counts) == {"kept": 2}
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert ["at bottom-left." in lines[0], "at top-left." in lines[1]] == [True, True]
    assert len((tmp_path / "defects.csv").read_text().splitlines()) == 3


def test_the_verb(tmp_path: Path, run: Run) -> None:
    path = write(
        tmp_path / "in.jsonl",
        published(("dog", "dog stays at center-left.")),
        published(("dog", "dog stays at bottom-left."), video="b.mp4"),
    )
    path.write_text(path.read_text() + "no json\n")
    out, defects = tmp_path / "out.jsonl", tmp_path / "defects.jsonl"
    options = ["--out", out, "--defects", defects, "--json"]
    status, told, err = run("dataset", "fix-positions", path, *options)
    assert status == 1
    assert "in.jsonl: line 3" in err
    assert json.loads(told)["positions"] == {"mapped": 1, "column only": 1}
    first, second = map(json.loads, out.read_text().splitlines())
    at = [
        one["Structural Description"]["Main Instance"]["No.0"]["Position"]
        for one in (first, second)
    ]
    assert at == [
        "dog stays at top-left.",
        "first and last on the left of the frame, below its top third",
    ]
    rows = list(map(json.loads, defects.read_text().splitlines()))
    assert [(row["name"], row["how"]) for row in rows] == [
        ("a.mp4", "mapped"),
        ("b.mp4", "column only"),
    ]
    assert "a.mp4 is not" in rows[0]["problem"]


def test_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--defects x\.txt: name a \.jsonl or \.csv file"):
        FixOptions(out="x", defects="x.txt")
    with pytest.raises(UsageError, match="--video-root nowhere: not a folder"):
        FixOptions(out="x", video_root="nowhere")


def test_a_real_clip_is_measured(clips_dir: Path, with_weights: Path) -> None:
    root = str(clips_dir / "everyday")
    at = "person moves from bottom-middle to bottom-left."
    caption, (done,) = fixed(root, published(("person", at), video="worker.mp4"))
    assert done.how == "measured"
    assert caption.instances[0].position.end == "center-left"
    assert caption.provenance["/instances/0/position/end"].support == "measured"
