"""The second thread: what it is given is done in order, and nothing that fails there is lost."""

from __future__ import annotations

import pytest

from instancecap.evidence.cluster import load_experts
from instancecap.evidence.experts.detection import DetectionStage

BESIDE = pytest.mark.parametrize("beside", [True, False])


@BESIDE
def test_work_is_done_in_the_order_in_which_it_is_given(beside: bool) -> None:
    stage = DetectionStage(load_experts(), beside=beside)
    done: list[int] = []
    for number in range(20):
        stage.run("style", lambda number=number: done.append(number))  # type: ignore[misc]
    stage.close()
    assert done == list(range(20))
    assert stage.seconds["style"] >= 0


@BESIDE
def test_work_that_fails_fails_the_pass(beside: bool) -> None:
    stage = DetectionStage(load_experts(), beside=beside)

    def run() -> None:
        stage.run("style", lambda: [][0])
        stage.close()

    with pytest.raises(IndexError):
        run()
