"""How far a kind of fact is to be trusted, as the benchmark counted it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence import reliability
from instancecap.evidence.reliability import (
    BINS,
    Tally,
    judged_by,
    may_overrule,
    precision,
    tallies,
)
from tests.made import evidence


def test_the_published_figures_are_counts_by_bin_of_documented_kinds() -> None:
    kinds = tallies()
    assert len(kinds) >= 15
    documented = (reliability.__doc__ or "").replace("`", " ").split()
    for kind, bins in kinds.items():
        assert kind in documented
        assert len(bins) == len(BINS)
        assert all(0 <= b.right <= b.n for b in bins)


def test_an_unknown_kind_outweighs_nothing() -> None:
    assert precision("horoscope") == 0.0
    assert not may_overrule("horoscope")


@pytest.mark.parametrize(
    ("tally", "overrules"),
    [(Tally(19, 19), False), (Tally(40, 40), True), (Tally(77, 80), False), (Tally(99, 100), True)],
)
def test_few_facts_or_many_faults_do_not_overrule(
    tally: Tally, overrules: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        reliability, "tallies", lambda *_: {"kind": (tally, Tally(), Tally(), Tally())}
    )
    assert may_overrule("kind") is overrules


def test_a_bin_with_enough_facts_speaks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    bins = (Tally(10, 30), Tally(2, 3), Tally(0, 0), Tally(50, 50))
    monkeypatch.setattr(reliability, "tallies", lambda *_: {"kind": bins})
    assert precision("kind", 0.9) == 1.0
    assert precision("kind", 0.2) == pytest.approx(1 / 3)
    assert precision("kind", 0.6) == pytest.approx(52 / 53)  # with those that are surer
    assert precision("kind") == pytest.approx(62 / 83)
    assert may_overrule("kind", 0.9) and not may_overrule("kind")


def test_a_chosen_camera_model_is_judged_by_its_own_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sure = (Tally(40, 40), Tally(), Tally(), Tally())
    figures = {"measured": {"camera.pan": sure, "class": sure}, "known": {"camera.pan": sure}}
    monkeypatch.setattr(reliability, "tallies", lambda expert="measured": figures.get(expert, {}))
    named = {"": True, "flow": True, "new": False, "known": True, "flow,known": False}
    for model, overrules in named.items():
        found = evidence(models={"camera": model} if model else {})
        assert may_overrule("camera.pan", **judged_by("camera.pan", found)) is overrules
        assert may_overrule("class", **judged_by("class", found))
    for detector, overrules in {
        "yolox-nano": True,
        "theirs,yolox-nano": False,
        "yolox-nano,theirs": False,
        "nanodet-plus-m,yolox-nano": True,
    }.items():
        found = evidence(models={"detector": detector})
        assert may_overrule("class", **judged_by("class", found)) is overrules


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_lower_bound_lies_below_the_share_and_nears_it(counts: tuple[int, int]) -> None:
    right, n = counts
    tally, larger = Tally(right, n), Tally(10 * right, 10 * n)
    assert -1e-9 <= tally.lower_bound <= tally.precision + 1e-9
    assert larger.lower_bound >= tally.lower_bound - 1e-9
