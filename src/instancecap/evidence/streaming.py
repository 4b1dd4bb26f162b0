"""The pass over a clip's frames: every expert sees what it needs, as often as it asks to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from instancecap.evidence.expert import EVERY_FRAME, Expert, ForesightedExpert, Scene, Worker
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.schema.evidence import Evidence
from instancecap.video.decode import Frame
from instancecap.video.sampling import Ticker

BYTES_A_PIXEL = 1.5
"""Of a decoded frame."""

MOST_HELD = 256e6
"""Bytes of decoded frames that are held back for an expert with foresight."""


class Pass:
    """Experts at work on one clip.

    Attributes:
        scene: what they tell each other.
        seconds: time that each took of the thread that decodes.
    """

    def __init__(self, experts: Sequence[Expert], *, aspect: float, beside: bool) -> None:
        """``beside`` lets experts use a thread of their own."""
        self.scene = Scene(Worker(beside=beside), aspect)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._experts = experts
        self._sampling = Ticker(SAMPLE_RATE)
        self._tickers = {
            expert.name: Ticker(expert.rate) for expert in experts if 0 < expert.rate < SAMPLE_RATE
        }
        self._samples = 0
        self._foresighted = [one for one in experts if isinstance(one, ForesightedExpert)]
        self._gathered: list[tuple[Sample, bool]] = []

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def add(self, frame: Frame) -> None:
        """Show a frame to every expert that is due, at once or when enough are gathered."""
        sample = Sample(frame, index=self._samples, aspect=self.scene.aspect)
        sampled = self._sampling.due(frame.t)
        self._samples += sampled
        self._gathered.append((sample, sampled))
        wanted = max((one.foresight for one in self._foresighted), default=1)
        held = len(self._gathered) * frame.longer_side**2 * BYTES_A_PIXEL
        samples = sum(sampled for _, sampled in self._gathered)
        if wanted <= 1 or samples >= wanted or held >= MOST_HELD:
            self._show_gathered()

    def _show_gathered(self) -> None:
        samples = [sample for sample, sampled in self._gathered if sampled]
        for ahead in self._foresighted:
            if ahead.foresight > 1 and len(samples) > 1:
                with self._timed(ahead.name):
                    ahead.look_ahead(samples, self.scene)
        for sample, sampled in self._gathered:
            for expert in self._experts:
                if expert.rate == EVERY_FRAME or (sampled and self._is_due(expert, sample.t)):
                    with self._timed(expert.name):
                        expert.add(sample, self.scene)
        self._gathered = []

    def _is_due(self, expert: Expert, t: float) -> bool:
        ticker = self._tickers.get(expert.name)
        return expert.rate > 0 and (ticker is None or ticker.due(t))

    def close(self) -> None:
        """End the thread; call at the end, or when something went wrong."""
        self.scene.worker.close()

    def facts(self, evidence: Evidence, *, end: float) -> None:
        """Let every expert write what it found; ``end`` is the clip's length in seconds."""
        self._show_gathered()
        self.scene.worker.wait()
        self.scene.end = end
        for expert in self._experts:
            with self._timed("facts"):
                expert.facts(evidence, self.scene)
        evidence.timings |= {name: round(value, 4) for name, value in self.seconds.items()}
