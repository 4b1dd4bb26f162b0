"""Limits and fits that are judged by the clips that did not choose them."""

from __future__ import annotations

import pytest

from benchmarks.limits import Trial, above, choose_limit, fit, leave_out, likely


def trials(*pairs: tuple[float, bool]) -> list[Trial]:
    return [Trial(f"clip {i}", (value,), right) for i, (value, right) in enumerate(pairs)]


def test_the_lowest_limit_is_chosen_from_which_nearly_all_are_right() -> None:
    right = trials(*[(0.9, True)] * 6, *[(0.6, True)] * 6)
    assert choose_limit(right) == 0.6
    assert choose_limit([*right, *trials((0.3, False), (0.3, False))]) == 0.6
    assert choose_limit([*right, *trials((0.6, False), (0.6, False))]) > 1
    assert choose_limit(right[:8]) > 1  # too few


def test_a_clip_is_not_judged_by_the_limit_that_it_chose() -> None:
    rows = trials(*[(0.9, True)] * 20, (0.5, True))
    assert choose_limit(rows) == 0.5
    told = leave_out(rows, choose_limit, above)
    assert (told["right"], told["told"], told["of"]) == (20, 20, 21)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_fit_finds_what_speaks_for_being_right(sign: float) -> None:
    rows = [Trial(str(i), (1.0, sign * (i - 10) / 5), i >= 10) for i in range(20)]
    weights = fit(rows)
    assert weights[1] * sign > 0.5
    assert likely(weights, rows[-1]) and not likely(weights, rows[0])
