"""What an expert is, and what the experts of one pass tell each other.

An expert looks at pictures while they stream by and keeps numbers; afterwards it writes its facts
into the evidence. Adding one takes its file and a line in
:data:`instancecap.evidence.build.EXPERTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.detection_log import DetectionLog
from instancecap.evidence.movement import IDENTITY, UNKNOWN, MovingPatches, Step
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Primitive

Array = NDArray[np.float64]
Result = TypeVar("Result")

EVERY_FRAME = float("inf")
"""The rate of an expert that looks at every frame."""


class Worker:
    """Does what nobody waits for, in the order in which it is given, beside the decoder or not.

    What comes out depends on the samples alone, never on which thread is faster.
    """

    def __init__(self, *, beside: bool) -> None:
        """``beside`` uses a second thread; without it work is done at once."""
        self._pool = ThreadPoolExecutor(1, "experts") if beside else None
        self._pending: list[Future[object]] = []

    def run(self, work: Callable[[], Result]) -> Future[Result]:
        """Do ``work`` some time; what fails there fails in :meth:`Future.result` or at the end."""
        if self._pool is None:
            future: Future[Result] = Future()
            future.set_result(work())
            return future
        future = self._pool.submit(work)
        self._pending = [one for one in self._pending if not one.done() or one.exception()]
        self._pending.append(future)  # type: ignore[arg-type]
        return future

    def wait(self) -> None:
        """Wait for all that was given so far. Raises what went wrong there."""
        for future in self._pending:
            future.result()
        self._pending = []

    def close(self) -> None:
        """End the thread, after all that it was given."""
        if self._pool is not None:
            self._pool.shutdown()


@dataclass
class Scene:
    """What the experts of one pass tell each other.

    Attributes:
        worker: for work that nobody waits for.
        aspect: width over height of the frame.
        end: the clip's length in seconds, once the pass is over.
        step: the background's motion since the sample before; None for the first one.
        moving: what moves by itself at this sample.
        foreground: where the picture shows instances, bool (height, width); None where unknown.
        detected: boxes (n, 4) of what was detected last and might move.
        detections, patches: what was detected and what moved by itself, sample by sample.
        motions: the camera's primitives, a list a shot, once the pass is over.
    """

    worker: Worker
    aspect: float
    end: float = 0.0
    step: Step | None = None
    moving: MovingPatches = UNKNOWN
    foreground: NDArray[np.bool_] | None = None
    detected: Array = field(default_factory=lambda: np.zeros((0, 4)))
    detections: DetectionLog = field(default_factory=DetectionLog)
    patches: DetectionLog = field(default_factory=DetectionLog)
    motions: list[list[Primitive]] = field(default_factory=list)

    @property
    def matrix(self) -> Array:
        """The background's motion since the sample before, 2×3 in pixels of the sample."""
        return self.step.matrix if self.step is not None else IDENTITY


class Expert(Protocol):
    """One expert."""

    @property
    def name(self) -> str:
        """For timings and the record."""

    @property
    def rate(self) -> float:
        """Samples a second that it looks at; 0 for none."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the experts whose looks or facts it reads; they stand before it."""

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample."""

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Write the facts into ``evidence``; called once, after the last sample."""


@runtime_checkable
class ForesightedExpert(Expert, Protocol):
    """An expert that is faster when it is shown several samples before their turn."""

    @property
    def foresight(self) -> int:
        """Samples that it wants to see at once; 1 where more are no faster."""

    def look_ahead(self, samples: Sequence[Sample], scene: Scene) -> None:
        """Look at samples that :meth:`add` is given next; what is found must stay the same."""
