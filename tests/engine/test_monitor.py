"""A run whose captions go wrong says so while it runs, and an honest one does not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.engine import monitor as gates
from instancecap.engine.monitor import STEP, Durations, QualityMonitor
from instancecap.io.inputs import Job
from instancecap.schema import Caption
from instancecap.schema.caption import Claim
from instancecap.video import Clip
from tests.engine.works import caption_of

WORDS = ["dog", "cat", "car", "road", "tree", "house", "runs", "sits", "turns", "red", "blue"]


def honest(number: int, *, words: int = 12) -> str:
    """A caption of its own."""
    choose = random.Random(number)
    said = " ".join(choose.choice(WORDS) for _ in range(words))
    return caption_of(Job(Clip(path="x"), str(number)), global_description=f"{number}: {said}.")


def alarms(texts: list[str]) -> list[str]:
    """The lines that a run with these captions shows."""
    watch = QualityMonitor()
    return [line for text in texts for line in watch.add(text)]


def claimed(number: int, *supports: str) -> str:
    caption = Caption.from_json(honest(number))
    caption.claims = [
        Claim(field="/background", says="x", support=support, confidence=1)  # type: ignore[arg-type]
        for support in supports
    ]
    return caption.to_json()


def test_honest_run_raises_no_alarm() -> None:
    texts = [honest(number) for number in range(1200)]
    texts[::50] = [texts[0]] * len(texts[::50])  # 2 % are the same
    texts[7::40] = [caption_of(Job(Clip(path="x"), "x"), global_description="")] * 30
    assert alarms(texts) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("duplicates", honest(0)),
        ("empty", caption_of(Job(Clip(path="x"), "x"), background="")),
        ("repetitive", honest(0).replace("0: ", "the man walks on and " * 20)),
    ],
)
def test_rate_that_leaves_its_band_is_told_once(name: str, text: str) -> None:
    texts = [honest(number) for number in range(1, 600)]
    found = alarms([*texts, *[text] * 400])
    assert [line for line in found if line.startswith(name)] == [
        line for line in found if line.startswith(name)
    ][:1]
    assert any(line.startswith(f"{name}: ") for line in found)


def test_repeated_caption_is_noticed_however_late_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "MOST_REMEMBERED", 100)
    watch = QualityMonitor()
    for number in range(1000):
        watch.add(honest(number))
    assert len(watch._seen) == 100
    for _ in range(50):
        watch.add(honest(999))
    assert watch.counts["duplicates"] == 50


def test_claims_that_the_evidence_contradicts_are_counted() -> None:
    watch = QualityMonitor()
    lines = [
        line
        for number in range(100)
        for line in watch.add(claimed(number, "contradicted", "supported", "unchecked"))
    ]
    assert watch.summary()["claims"] == 200 and watch.summary()["contradicted"] == 100
    assert lines == ["contradicted: 25 of the last 50 claims (50%; up to 10% is usual)"]


def test_lengths_that_drift_are_told() -> None:
    first = [honest(number, words=40) for number in range(500)]
    (line,) = alarms([*first, *(honest(number, words=10) for number in range(500, 900))])
    assert line.startswith("length: the last 500 captions have ")
    assert alarms([*first, *(honest(number, words=45) for number in range(500, 1100))]) == []


@given(st.lists(st.floats(1e-5, 1e4), min_size=1, max_size=200))
def test_percentiles_are_right_to_a_step(values: list[float]) -> None:
    times = Durations()
    for value in values:
        times.add(value)
    ranked = sorted(values)
    for share in (50, 90, 99):
        exact = ranked[max(0, -(-len(ranked) * share // 100) - 1)]
        assert exact / 1.0001 <= times.percentile(share) <= exact * STEP * 1.0001
    assert times.count == len(values)
    assert times.total == pytest.approx(sum(values))


def test_counts_are_in_summary_and_status(tmp_path: Path) -> None:
    from instancecap.engine.status import read_status
    from tests.engine.test_survival import fill, run

    batch = run(fill(tmp_path / "clips", 4), tmp_path / "out")
    assert batch.quality.summary()["captions"] == 4
    assert read_status(str(tmp_path / "out")).quality == batch.quality.summary()
