"""Definitions against cases worked out by hand, and how often intervals hold the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from instancecap.evals.agreement import NOT_RATED, cohen_kappa, krippendorff_alpha
from instancecap.evals.statistics import STATISTICS, difference, interval


@pytest.mark.parametrize(
    ("name", "rows", "value"),
    [
        ("mean", [[1], [0], [1], [1]], 0.75),
        ("mean_difference", [[3, 1, 0, 0], [5, 1, 0, 0], [0, 0, 1, 1]], 4 - 1),
        ("share", [[1, 4], [2, 2]], 0.5),
        ("f1", [[2, 1, 1], [1, 0, 1]], 6 / 9),  # 3 hits, 1 false, 2 missed
        ("mean_share", [[1, 2, 0, 0], [1, 2, 3, 3]], (0.5 + 1) / 2),
        ("share_of_groups", [[1, 2, 0], [1, 2, 0], [1, 1, 1]], (0.5 + 1) / 2),
        # True cases: 1 of 2 right; false cases: 2 of 2.
        ("balanced_accuracy", [[1, 1], [1, 0], [0, 0], [0, 0]], 0.75),
        ("balanced_accuracy", [[1, 1], [1, 1]], 1.0),
        # Ranked 1, 0, 1: precision 1 at recall 1/2, then 2/3 at 1.
        ("average_precision", [[0.9, 1], [0.8, 0], [0.7, 1]], 0.5 * 1 + 0.5 * 2 / 3),
        ("average_precision", [[0.5, 1], [0.5, 0]], 0.5),  # equal scores fall together
        ("roc_auc", [[0.9, 1], [0.8, 0], [0.7, 1]], 0.5),
        ("roc_auc", [[0.5, 1], [0.5, 0], [0.1, 0]], 0.75),  # a tie counts half
        ("roc_auc", [[0.5, 1], [0.2, 1]], math.nan),
        ("average_precision", [[0.5, 0], [0.2, 0]], math.nan),
        ("f1", [[0, 0, 0]], math.nan),
    ],
)
def test_statistics_are_what_they_are_called(
    name: str, rows: list[list[float]], value: float
) -> None:
    values = np.array(rows, dtype=float)
    statistic = STATISTICS[name]
    assert statistic(values, np.ones(len(rows))) == pytest.approx(value, nan_ok=True)
    # A weight of two is a row twice.
    twice = statistic(np.repeat(values, 2, axis=0), np.ones(2 * len(rows)))
    assert statistic(values, np.full(len(rows), 2.0)) == pytest.approx(twice, nan_ok=True)


def test_ranking_by_weights_is_ranking_of_repeated_samples() -> None:
    random = np.random.default_rng(3)
    values = np.stack([random.integers(5, size=40) / 4, random.integers(2, size=40)], axis=1)
    weights = random.integers(4, size=40)
    repeated = np.repeat(values, weights, axis=0)
    for name in ("average_precision", "roc_auc"):
        expected = STATISTICS[name](repeated, np.ones(len(repeated)))
        assert STATISTICS[name](values, weights.astype(float)) == pytest.approx(expected)


def rights(dice: np.random.Generator) -> tuple[str, Any, float, list[str]]:
    """Right or wrong on each of 50 clips."""
    return "mean", (dice.random((50, 1)) < 0.7).astype(float), 0.7, names(50)


def counts(dice: np.random.Generator) -> tuple[str, Any, float, list[str]]:
    """Hits, false and missed ones on each of 40 clips: 1.8, 0.6 and 1.2 on average."""
    hits = dice.binomial(3, 0.6, 40)
    rows = np.stack([hits, dice.binomial(2, 0.3, 40), 3 - hits], axis=1)
    return "f1", rows.astype(float), 3.6 / (3.6 + 0.6 + 1.2), names(40)


def scores(dice: np.random.Generator) -> tuple[str, Any, float, list[str]]:
    """Five scores of each of 25 clips, alike within a clip."""
    values = 0.5 + np.repeat(dice.normal(0, 0.2, 25), 5) + dice.normal(0, 0.1, 125)
    return "mean", values[:, None], 0.5, [name for name in names(25) for _ in range(5)]


def names(count: int) -> list[str]:
    return [f"{number}.mp4" for number in range(count)]


@pytest.mark.parametrize("draw", [rights, counts, scores])
def test_intervals_hold_the_truth_as_often_as_they_say(
    draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instancecap.evals.statistics.RESAMPLES", 300)
    dice, held = np.random.default_rng(5), []
    for trial in range(1000):
        name, values, truth, clips = draw(dice)
        found = interval(STATISTICS[name], values, clips, seed=trial)
        held.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_samples_of_one_clip_are_drawn_together() -> None:
    values = np.repeat(np.array([[0.0], [1.0], [1.0], [0.0]] * 3), 10, axis=0)
    clips = [str(number // 10) for number in range(len(values))]
    apart = interval(STATISTICS["mean"], values, [str(n) for n in range(len(values))])
    together = interval(STATISTICS["mean"], values, clips)
    assert (together.value, together.clips, apart.clips) == (0.5, 12, 120)
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


def test_a_paired_difference_is_surer_than_two_figures() -> None:
    random = np.random.default_rng(1)
    hard = random.random((80, 1))
    better = hard + 0.05 + 0.01 * random.random((80, 1))
    names = [str(number) for number in range(80)]
    found = difference(STATISTICS["mean"], better, hard, names, seed=2)
    assert 0.05 < found.low < found.value < found.high < 0.06
    assert found == difference(STATISTICS["mean"], better, hard, names, seed=2)
    alone = interval(STATISTICS["mean"], hard, names)
    assert alone.high - alone.low > 10 * (found.high - found.low)


def test_one_clip_has_no_interval_and_none_has_no_value() -> None:
    one = interval(STATISTICS["mean"], np.array([[0.5], [1.0]]), ["a", "a"])
    assert (one.value, one.clips) == (0.75, 1)
    assert math.isnan(one.low)
    values = np.linspace(0, 1, 5)[:, np.newaxis]
    assert math.isnan(interval(STATISTICS["mean"], values[:4], list("abcd")).low)  # too few
    assert interval(STATISTICS["mean"], values, list("abcde")).low < 0.5
    assert math.isnan(interval(STATISTICS["mean"], np.zeros((9, 1)), names(9)).high)  # all alike
    nothing = interval(STATISTICS["mean"], np.empty((0, 1)), [])
    assert nothing.clips == 0
    assert math.isnan(nothing.value)


def test_alpha_is_that_of_the_textbook() -> None:
    # Krippendorff 2011, example C: 12 units, 4 observers, missing data; alpha nominal 0.743,
    # interval 0.849.
    table = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    rows = [[NOT_RATED if x == "." else float(x) for x in line.split()] for line in table]
    ratings = np.array(rows).T
    assert krippendorff_alpha(ratings, scale="nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(ratings) == pytest.approx(0.849, abs=5e-4)
    twice = krippendorff_alpha(np.repeat(ratings, 2, axis=0))
    assert krippendorff_alpha(ratings, weights=np.full(12, 2.0)) == pytest.approx(twice)
    assert math.isnan(krippendorff_alpha(np.array([[3.0, 3.0], [3.0, 3.0]])))
    assert math.isnan(krippendorff_alpha(np.array([[3.0, NOT_RATED], [NOT_RATED, 1.0]])))


def test_kappa_takes_chance_off() -> None:
    # 20 yes-yes, 15 no-no, 5 yes-no, 10 no-yes: 0.7 seen, 0.5 by chance.
    pairs = [[1, 1]] * 20 + [[0, 0]] * 15 + [[1, 0]] * 5 + [[0, 1]] * 10
    assert cohen_kappa(np.array(pairs, float)) == pytest.approx(0.4)
    assert math.isnan(cohen_kappa(np.ones((3, 2))))
    assert math.isnan(cohen_kappa(np.empty((0, 2))))
