"""How far a kind of fact is to be trusted, as the benchmark counted it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence import reliability
from instancecap.evidence.reliability import (
    BINS,
    Tally,
    expert_of,
    may_overrule,
    precision,
    tallies,
)


def test_the_published_figures_are_counts_by_bin_of_documented_kinds() -> None:
    kinds = tallies()
    assert len(kinds) >= 15
    documented = (reliability.__doc__ or "").replace("`", " ").split()
    for kind, bins in kinds.items():
        assert kind in documented
        assert len(bins) == len(BINS)
        assert all(0 <= b.right <= b.n for b in bins)


def test_whoever_was_not_measured_overrules_nobody() -> None:
    models = {"detector": "theirs,nanodet-plus-m", "camera": "da3-base"}
    assert [expert_of(kind, models) for kind in ("class", "camera.pan", "transition")] == [
        *("theirs", "da3-base", "measured")
    ]
    embedded = {"detector": "yolox-nano"}
    assert {expert_of(kind, embedded) for kind in ("class", "camera.pan")} == {"measured"}
    assert may_overrule("camera.direction", 0.9)
    assert not may_overrule("camera.direction", 0.9, expert="da3-base")
    assert tallies("da3-base") == {}


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


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_lower_bound_lies_below_the_share_and_nears_it(counts: tuple[int, int]) -> None:
    right, n = counts
    tally, larger = Tally(right, n), Tally(10 * right, 10 * n)
    assert -1e-9 <= tally.lower_bound <= tally.precision + 1e-9
    assert larger.lower_bound >= tally.lower_bound - 1e-9
