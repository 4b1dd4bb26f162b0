"""The benchmarks' figures, held on real clips: truth is left alone, lies are caught."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.lies import TARGETS, count_outcomes, figures
from benchmarks.sentences import TARGET, count_sentences
from benchmarks.truth import load_clips


def test_true_sentences_of_everyday_clips(clips_dir: Path, with_weights: Path) -> None:
    counts = count_sentences(clips_dir, None, only="everyday/")
    assert counts["sentences"] > 60
    assert counts["contradicted"] <= 1


@pytest.mark.models
def test_all_true_sentences(clips_dir: Path, with_weights: Path) -> None:
    counts = count_sentences(clips_dir, clips_dir.parent / "reader")
    assert counts["sentences"] > 1000
    assert counts["contradicted"] <= TARGET * counts["sentences"]


@pytest.mark.models
def test_planted_lies(clips_dir: Path, with_weights: Path) -> None:
    every = sum(count_outcomes(load_clips(clips_dir)).values(), Counter[str]())
    row = figures(every)
    assert row["flagged"] is not None
    assert row["wronged"] is not None
    assert row["flagged"] >= TARGETS["flagged"]
    assert row["wronged"] <= TARGETS["wronged"]
