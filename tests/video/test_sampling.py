"""Sampling is even in time, and in bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.video.sampling import Ticker, fit_within, pick_evenly

rates = st.floats(0.5, 60)
gaps = st.lists(st.floats(1e-3, 2.0), min_size=1, max_size=80)


def taken(times: list[float], rate: float) -> list[float]:
    ticker = Ticker(rate)
    return [t for t in times if ticker.due(t)]


@given(gaps, rates)
def test_ticks_are_apart_but_no_more_than_they_must(steps: list[float], rate: float) -> None:
    times = np.cumsum([0.0, *steps]).tolist()
    ticks = taken(times, rate)
    assert ticks[0] == times[0]
    apart = np.diff(ticks)
    assert (apart >= 0.9 / rate - 1e-9).all()
    assert (apart <= 0.9 / rate + max(steps) + 1e-9).all()


@given(st.floats(0.5, 24), st.integers(1, 50), st.data())
def test_slow_video_is_taken_whole_though_its_stamps_jitter(
    fps: float, count: int, data: st.DataObject
) -> None:
    jitter = st.floats(-0.02 / fps, 0.02 / fps)
    times = [index / fps + data.draw(jitter) for index in range(count)]
    assert taken(times, rate=fps) == times


@given(st.integers(0, 500), st.integers(0, 40))
def test_picks_are_spread_from_first_to_last(count: int, wanted: int) -> None:
    picks = pick_evenly(count, wanted)
    assert len(picks) == min(count, wanted)
    assert picks == sorted(set(picks))
    assert set(picks) <= set(range(count))
    if len(picks) > 1:
        assert (picks[0], picks[-1]) == (0, count - 1)
        assert np.ptp(np.diff(picks)) <= 1


@given(st.floats(0.01, 100), st.integers(2, 4000))
def test_fit_keeps_the_shape_within_the_limit(aspect: float, limit: int) -> None:
    width, height = fit_within(aspect, limit)
    assert max(width, height) == limit
    assert min(width, height) >= 2
    if min(width, height) > 2:
        assert width / height == pytest.approx(aspect, rel=0.6 / min(width, height) * 1.2)
