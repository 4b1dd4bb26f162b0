"""The experts' protocol: order, rates and the second thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from instancecap.evidence.build import EXPERTS
from instancecap.evidence.cluster import load_models
from instancecap.evidence.expert import EVERY_FRAME, Scene, Worker
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.streaming import Pass
from instancecap.schema.evidence import Evidence, Video
from instancecap.video import Clip
from instancecap.video.decode import ClipReader

BESIDE = pytest.mark.parametrize("beside", [True, False])


@BESIDE
def test_work_is_done_in_the_order_in_which_it_is_given(beside: bool) -> None:
    worker, done = Worker(beside=beside), list[int]()
    for number in range(20):
        worker.run(lambda number=number: done.append(number))  # type: ignore[misc]
    worker.wait()
    worker.close()
    assert done == list(range(20))


@BESIDE
def test_work_that_fails_fails_the_pass(beside: bool) -> None:
    worker = Worker(beside=beside)
    with pytest.raises(IndexError):
        worker.run(lambda: [][0])
        worker.wait()
    worker.close()
    assert threading.active_count() < 20


def test_every_expert_stands_after_those_that_it_needs(without_weights: None) -> None:
    names: list[str] = []
    for make in EXPERTS:
        expert = make(load_models())
        assert set(expert.needs) <= set(names), expert.name
        names.append(expert.name)
    assert len(set(names)) == len(names)


class Counter:
    """Counts what it is shown."""

    needs: tuple[str, ...] = ()

    def __init__(self, name: str, rate: float) -> None:
        self.name, self.rate, self.times = name, rate, list[float]()

    def add(self, sample: Sample, scene: Scene) -> None:
        self.times.append(sample.t)

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        evidence.warnings.append(f"{self.name} {len(self.times)} of {scene.end:g} s")


def test_experts_look_as_often_as_they_ask_to() -> None:
    rates = {"all": EVERY_FRAME, "samples": SAMPLE_RATE, "some": 2.0, "none": 0.0}
    experts = [Counter(name, rate) for name, rate in rates.items()]
    clip = Clip.from_frames(np.zeros((48, 32, 32, 3), np.uint8), 24.0)
    with ClipReader(clip) as reader:
        observed = Pass(experts, aspect=1.0, beside=False)
        for frame in reader:
            observed.add(frame)
    video = Video(
        id="a", path="", start=0, end=2, duration=2, fps=24, width=32, height=32, frames=48
    )
    evidence = Evidence(video=video)
    observed.facts(evidence, end=2.0)
    observed.close()
    assert [len(expert.times) for expert in experts] == [48, 16, 4, 0]
    assert evidence.warnings[0] == "all 48 of 2 s"
    assert {"all", "samples", "some", "facts"} <= set(evidence.timings)
