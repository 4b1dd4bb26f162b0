"""The detectors, and what else nobody waits for, at work beside the decoder on a second thread.

What is found depends on the samples alone, never on which thread is faster: work is done in the
order in which it is handed over, and a sample's finds are fetched when the next one is due.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.cluster import Experts
from instancecap.evidence.experts.redetection import PERSON, SURE_ENOUGH, CropRedetector
from instancecap.evidence.sample import Sample
from instancecap.video.decode import Picture

Array = NDArray[np.float64]

MAYBE_A_PERSON = 0.2
"""Score from which a face is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the detectors say of one sample: boxes (n, 4), class scores and second looks."""

    boxes: Array
    scores: NDArray[np.float32]
    looks: NDArray[np.float32] | None


class DetectionStage:
    """Runs the detectors of one pass."""

    def __init__(self, experts: Experts, *, beside: bool) -> None:
        """``beside`` uses a second thread; without it every sample is waited for."""
        self._experts = experts
        self._pool = ThreadPoolExecutor(1, "detection") if beside else None
        self._pending: Future[Found] | None = None
        self._others: list[Future[None]] = []
        self._crops = CropRedetector(experts.detector)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def start(self, sample: Sample, *, full: Picture | None, moving: Array, faces: bool) -> None:
        """Hand over a sample; ``full`` asks for a second look in that larger picture.

        ``moving`` are the moving patches (n, 4) at the sample; ``faces`` asks for faces.
        """
        if self._pool is not None:
            self._pending = self._pool.submit(self._detect, sample, full, moving, faces)
        else:
            self._pending = Future()
            self._pending.set_result(self._detect(sample, full, moving, faces))

    def finish(self) -> Found:
        """The result of the sample that was handed over last."""
        assert self._pending is not None, "start() comes first"
        found, self._pending = self._pending.result(), None
        self._finish_others()
        return found

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Do other work on the detectors' thread; its time counts for the expert ``name``."""
        if self._pool is not None:
            self._others.append(self._pool.submit(self._run, name, work))
        else:
            self._run(name, work)

    def close(self) -> None:
        """End the thread, after all that it was given."""
        if self._pool is not None:
            self._pool.shutdown()
        self._finish_others()

    def _finish_others(self) -> None:
        for other in self._others:
            other.result()
        self._others = []

    def _run(self, name: str, work: Callable[[], None]) -> None:
        began = time.perf_counter()
        work()
        self._clock(name, began)

    def _detect(self, sample: Sample, full: Picture | None, moving: Array, faces: bool) -> Found:
        began = time.perf_counter()
        detector = self._experts.detector
        found = detector.detect(sample.bgr)
        boxes, scores = found.boxes.astype(float), found.scores
        looks: NDArray[np.float32] | None = None
        began = self._clock("detector", began)
        if full is not None:
            sure = boxes[scores.max(axis=1, initial=0) >= SURE_ENOUGH]
            extra, extra_scores = self._crops.search(full, moving, sure)
            looks = self._crops.look(full, boxes, scores)
            boxes = np.concatenate([boxes, extra])
            scores = np.concatenate([scores, extra_scores])
            looks = np.concatenate([looks, np.zeros_like(extra_scores)])
            began = self._clock("crops", began)
        if faces and self._experts.faces is not None:
            people = scores[:, PERSON] >= MAYBE_A_PERSON
            self._experts.faces.add(sample, boxes[people])
            self._clock("faces", began)
        return Found(boxes, scores, looks)

    def _clock(self, name: str, began: float) -> float:
        now = time.perf_counter()
        self.seconds[name] += now - began
        return now
