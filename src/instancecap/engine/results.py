"""What came of a run over many clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from instancecap.engine.monitor import Durations, QualityMonitor
from instancecap.engine.work import Documents
from instancecap.io.finder import Rejected
from instancecap.schema import Caption


@dataclass(slots=True)
class Run:
    """What came of a run.

    Attributes:
        results: the documents of each clip, by its place among the jobs, where they are kept.
        failed: inputs without a result, and why.
        partial: inputs whose captions lack something that was asked for, and why.
        kept: outputs that a person changed since they were written, and that were left alone.
        stale: outputs of earlier runs whose clips are gone.
        outputs: files and tables that were written.
        total: clips that the run was over, this run's failures among them.
        done: clips done by this run.
        skipped: clips that an earlier run had done.
        waiting: clips whose questions went into the next batch file.
        open_questions: questions that went there.
        batch_files: the files of that batch.
        stopped: why the run ended before its last clip; empty for one that did not.
        interrupted: the user broke the run off; what was done until then is kept.
        seconds: from its beginning to its end.
        stages: seconds by stage.
        cost: what models were asked, in sum.
        quality: what was counted of the captions' quality.
    """

    results: dict[int, Documents] = field(default_factory=dict)
    failed: list[Rejected] = field(default_factory=list)
    partial: list[Rejected] = field(default_factory=list)
    kept: list[Rejected] = field(default_factory=list)
    stale: list[Rejected] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    total: int = 0
    done: int = 0
    skipped: int = 0
    waiting: int = 0
    open_questions: int = 0
    batch_files: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str = ""
    interrupted: bool = False
    stages: dict[str, Durations] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    quality: QualityMonitor = field(default_factory=QualityMonitor)

    @property
    def complete(self) -> bool:
        """Whether every input was done in full."""
        return not (self.failed or self.partial or self.stopped or self.interrupted)

    def captions(self) -> list[Caption]:
        """The captions in memory, in the order of the clips."""
        found = [one for _, one in sorted(self.results.items())]
        return [Caption.from_json(text) for one in found for text in one.captions.values()]

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "done": self.done,
            "partial": _told(self.partial),
            "kept": [one.source for one in self.kept],
            "stale": _told(self.stale, "output"),
            "skipped": self.skipped,
            "waiting": self.waiting,
            "failed": _told(self.failed),
            "seconds": round(self.seconds, 3),
            "outputs": self.outputs,
            "stages": {name: times.summary() for name, times in self.stages.items()},
            "cost": {name: round(value, 3) for name, value in self.cost.items()},
            "quality": self.quality.summary(),
            "empty": self.quality.empty,
        }


def _told(found: Sequence[Rejected], what: str = "input") -> list[dict[str, str]]:
    return [{what: one.source, "reason": one.reason} for one in found]
