"""What of the measured clips is kept, why the others are not, and how many each rule costs.

Figures are read twice: once to judge each clip and to compare those that pass with one another,
once to write. In between some bytes a clip are held, however many there are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from instancecap.datasets.curation.duplicates import keep_best, near_pairs
from instancecap.datasets.curation.hashing import VIEWS, WORDS, views_of
from instancecap.datasets.curation.measure import Candidate, ClipFigures
from instancecap.datasets.curation.rules import DUPLICATES, Rules, Verdict

READABLE, CAN_BE_READ = "readable", "a video that can be read"
"""The first step, and its limit in words."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip and what was said of it.

    Attributes:
        path: of the video.
        stem: the clip's name without a span.
        candidate: None of what cannot be read.
        reasons: why it is rejected; empty for one that is kept.
    """

    path: str
    stem: str
    candidate: Candidate | None
    reasons: tuple[Verdict, ...] = ()

    @property
    def id(self) -> str:
        """Its name, as ``caption`` will name its output."""
        one = self.candidate
        if one is None or not (one.start or one.end is not None):
            return self.stem
        return f"{self.stem}@{one.start}-{'end' if one.end is None else one.end}"


@dataclass(slots=True)
class Step:
    """One rule's share of the funnel.

    Attributes:
        rejected: clips that fail here first; ``failing``: that fail here, whatever else they do;
            ``alone``: that fail here and nowhere else.
        left: clips that pass this rule and those before it; ``seconds``: their length.
    """

    rule: str
    limit: str
    rejected: int = 0
    failing: int = 0
    alone: int = 0
    left: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Funnel:
    """How many clips each rule costs, in order.

    Attributes:
        clips: that were judged, shots by themselves; ``seconds``: length of those that were read.
    """

    steps: list[Step]
    clips: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, rules: Rules) -> Funnel:
        """Before any clip."""
        steps = [Step(READABLE, CAN_BE_READ)]
        return cls(steps + [Step(name, limit) for name, limit in rules.steps])

    def add(self, judged: Judged) -> None:
        """Count a clip."""
        seconds = judged.candidate.figures.duration if judged.candidate is not None else 0.0
        self.clips += 1
        self.seconds += seconds
        failing = {one.rule for one in judged.reasons}
        for step in self.steps:
            if step.rule in failing:
                step.failing += 1
                step.alone += len(failing) == 1
        for step in self.steps:
            if step.rule in failing:
                step.rejected += 1
                return
            step.left += 1
            step.seconds += seconds

    def watch(self, clips: Iterable[Judged]) -> Iterator[Judged]:
        """Count clips as they go by."""
        for one in clips:
            self.add(one)
            yield one

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        last = self.steps[-1]
        return {
            "clips": self.clips,
            "kept": last.left,
            "seconds": round(self.seconds, 3),
            "kept_seconds": round(last.seconds, 3),
            "steps": [
                {
                    "rule": step.rule,
                    "limit": step.limit,
                    "rejected": step.rejected,
                    "failing": step.failing,
                    "alone": step.alone,
                    "left": step.left,
                    "seconds": round(step.seconds, 3),
                }
                for step in self.steps
            ],
        }


@dataclass(slots=True)
class Selection:
    """What is kept of what was measured.

    Attributes:
        rows: begins reading what was measured; called twice.
        split_shots: each shot is a clip of its own.
    """

    rows: Callable[[], Iterator[ClipFigures]]
    rules: Rules
    split_shots: bool = False
    _copies: dict[int, tuple[int, float]] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rules.duplicates is not None:
            self._compare(self.rules.duplicates)

    def _compare(self, limit: float) -> None:
        """Find which of the clips that pass the rules are like others."""
        hashes, quality, names = bytearray(), array("d"), list[str]()
        for judged in self._judged():
            candidate = judged.candidate
            if not judged.reasons and candidate is not None:
                hashes += views_of(candidate.hash).tobytes()
                figures = candidate.figures
                quality.extend((figures.width * figures.height, -figures.blur, figures.duration))
                names.append(judged.id)
        views = np.frombuffer(hashes, np.uint64).reshape(-1, VIEWS, WORDS)
        pairs, distances = near_pairs(views, limit=limit, mirror=self.rules.mirror)
        self._copies = keep_best(pairs, distances, np.frombuffer(quality).reshape(-1, 3))
        self._names = {kept: names[kept] for kept, _ in self._copies.values()}

    def _judged(self) -> Iterator[Judged]:
        """Every clip, judged by itself."""
        for row in self.rows():
            if row.unreadable:
                why = Verdict(READABLE, row.unreadable, CAN_BE_READ, False, row.unreadable)
                yield Judged(row.video.path, row.video.id, None, (why,))
            for candidate in row.candidates(split_shots=self.split_shots):
                reasons = self.rules.reject(candidate.figures)
                yield Judged(row.video.path, row.stem, candidate, reasons)

    def clips(self) -> Iterator[Judged]:
        """Every clip with all that speaks against it."""
        passing = -1
        for judged in self._judged():
            if judged.reasons:
                yield judged
                continue
            passing += 1
            copy = self._copies.get(passing)
            yield replace(judged, reasons=(self._copy_of(*copy),)) if copy else judged

    def _copy_of(self, kept: int, distance: float) -> Verdict:
        name, limit = self._names[kept], f"more than {self.rules.duplicates:g}"
        words = f"looks like {name}, which is kept: {distance:.3f} of the bits differ; {limit}"
        return Verdict(DUPLICATES, round(distance, 4), limit, False, words)
