"""Flags, copies, templates, languages and support over a set of captions."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.copies import caption, edited, write
from instancecap.datasets.near_duplicates import (
    NearDuplicates,
    runs_of,
    signature_of,
    similarity,
)
from instancecap.evals.quality.flags import flags_of, language_of, scripts_of, words_of
from instancecap.evals.quality.survey import survey_captions
from instancecap.evals.result import Result
from instancecap.evals.statistics import binned_interval, interval, mean
from tests.program import Run

GOOD = "A woman in a red coat walks a small dog along the beach while the sun sets behind them."


@pytest.mark.parametrize(
    ("text", "before", "flags"),
    [
        (GOOD, "", []),
        ("A red car.", "", ["too short"]),
        (" ".join(f"w{n}" for n in range(1025)), "", ["too long"]),
        ("dog dog dog cat runs", "", ["one word rules"]),
        ("the cat sat and the cat sat and the cat sat down", "", ["repeats itself"]),
        ("left of the frame, right of the frame, low in the middle of the frame", "", []),
        ("a b c a c b a b a c a c b a b c", "", ["few different words"]),
        (GOOD, GOOD.replace("sets", "goes"), []),
        (GOOD, GOOD + " Yes", ["like its neighbor"]),
        ("Eine Katze läuft по дороге домой", "", ["mixes scripts"]),
        ("一只小狗在草地上奔跑", "", []),
    ],
)
def test_flags_by_counting(text: str, before: str, flags: list[str]) -> None:
    found = flags_of(words_of(text), frozenset(words_of(before)), scripts_of(text))
    assert found == flags


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GOOD, "English"),
        ("Ein Mann geht mit einem Hund durch den Park und lacht.", "German"),
        ("Une femme marche dans la rue avec son chien.", "French"),
        ("Una mujer camina por la calle con su perro.", "Spanish"),
        ("一只小狗在草地上奔跑", "Chinese"),
        ("犬が公園を走っている", "Japanese"),
        ("Собака бежит по траве", "Cyrillic"),
        ("123 456", ""),
    ],
)
def test_languages(text: str, language: str) -> None:
    assert language_of(words_of(text), scripts_of(text)) == language


# Copies -------------------------------------------------------------------------------------------


def test_similarity_is_that_of_runs_of_three_words() -> None:
    first, second = (runs_of(text.split()) for text in ("a b c d e f", "a b c d e g"))
    assert similarity(first, second) == 3 / 5
    assert similarity(first, first) == 1
    assert len(runs_of(["a"])) == 1


@given(st.integers(0, 10**6), st.integers(0, 40))
def test_signatures_tell_the_similarity(seed: int, changed: int) -> None:
    lot = random.Random(seed)
    words = [str(lot.random()) for _ in range(100)]
    other = [str(lot.random()) if n < changed else one for n, one in enumerate(words)]
    first, second = runs_of(words), runs_of(other)
    told = float((signature_of(first) == signature_of(second)).mean())
    assert told == pytest.approx(similarity(first, second), abs=0.25)


def test_what_is_linked_is_one_group() -> None:
    lot = random.Random(1)
    texts = [caption(lot) for _ in range(300)]
    # A copy, an edited one, an edited one of that, and one that shares too little.
    texts += [texts[0], edited(texts[5], lot), texts[7].split(".")[0]]
    with closing(NearDuplicates()) as near:
        for text in texts:
            near.add(words_of(text))
        groups = near.groups()
    assert groups[0] == groups[300] and groups[5] == groups[301] and groups[7] != groups[302]
    assert len(np.unique(groups)) == 301


def test_planted_copies_are_found(tmp_path: Path) -> None:
    copied = write(tmp_path / "c.jsonl", captions=2000, copies=100)
    survey_captions([str(tmp_path / "c.jsonl")], out=str(tmp_path))
    rows = [json.loads(line) for line in (tmp_path / "flags.jsonl").read_text().splitlines()]
    flagged = {one["id"] for one in rows if {"exact copy", "nearly the same"} & {*one["flags"]}}
    assert flagged == copied


# The survey ---------------------------------------------------------------------------------------


def table(path: Path, captions: dict[str, Any]) -> str:
    lines = (json.dumps({"id": id, "caption": one}) for id, one in captions.items())
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def value_of(result: Result, row: str) -> float | None:
    return next(one.value for one in result.figures if one.row == row)


def test_a_set_is_surveyed(tmp_path: Path) -> None:
    told = "The video shows a dog number {n} near hill {n} and lake {n}. It runs."
    texts = {f"beach{n}": told.format(n=n) for n in range(8)}
    path = table(tmp_path / "a.jsonl", {**texts, "short": "A dog.", "again": texts["beach3"]})
    result, outputs = survey_captions([path], out=str(tmp_path / "out"), seed=1)
    assert value_of(result, "too short") == 0.1
    assert value_of(result, "exact copy") == 0.2
    assert "2 times as beach3 has it" in " ".join(result.notes)
    assert "“the video shows a …” in 90.0%" in " ".join(result.notes)
    assert "English 100.0%" in " ".join(result.notes)
    assert len(result.samples) == 10
    lines = Path(outputs[0]).read_text().splitlines()
    rows = {one["id"]: one for one in map(json.loads, lines)}
    assert rows["again"]["flags"][-1] == "exact copy" and rows["again"]["times"] == 2


def test_support_is_counted_by_field(tmp_path: Path) -> None:
    def claims(*supports: str) -> dict[str, Any]:
        fields = ["/instances/0/action", "/instances/1/action", "/camera/motion"]
        told = [{"field": f, "says": "x", "support": s, "confidence": 0.9, "frames": []}
                for f, s in zip(fields, supports, strict=True)]  # fmt: skip
        return {"schema": "instancecap.caption/1", "video": None, "global_description": GOOD,
                "claims": told}  # fmt: skip

    for name, supports in (
        ("a", ("supported", "disputed", "unchecked")),
        ("b", ("supported", "supported", "contradicted")),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(claims(*supports)))
    result, _ = survey_captions([str(tmp_path)])
    assert value_of(result, "supported: instances action") == 0.75
    assert value_of(result, "supported: camera motion") == 0.0


def test_an_interval_of_bins_is_that_of_the_samples() -> None:
    values = np.repeat([1.0, 0.0], [30, 70])[:, None]
    whole = interval(mean, values, [str(n) for n in range(100)])
    bins = binned_interval(mean, np.array([[1.0], [0.0]]), [30, 70])
    assert (bins.value, bins.clips) == (whole.value, whole.clips)
    assert (bins.low, bins.high) == pytest.approx((whole.low, whole.high), abs=0.02)


def test_broken_rows_are_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps({"id": "a", "caption": GOOD}) + "\n[1, 2\n")
    done = run("eval", "quality", path, "--out", tmp_path / "out")
    assert done.status == 1
    assert "line 2" in done.err and "| words |" in done.out
    assert (tmp_path / "out" / "index.html").exists()
    done = run("eval", "quality", tmp_path / "none.jsonl")
    assert done.status == 2 and "no caption can be read" in done.err


def test_openings_stay_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from instancecap.evals.quality import survey

    monkeypatch.setattr(survey, "MOST_OPENINGS", 50)
    with closing(survey.Survey()) as one:
        for n in range(500):
            one._count_openings(f"word{n} is here now. The video shows a thing.")
    assert len(one.openings) <= 52
    assert Counter(one.openings).most_common(1) == [("the video shows a", 500)]
