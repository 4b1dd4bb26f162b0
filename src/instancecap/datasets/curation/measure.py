"""Every clip's figures, measured on the engine: what is done is kept, and a rerun goes on.

The figures depend on no limit, so that other rules are tried without measuring again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from instancecap.datasets.curation.figures import Figures, figures_of, spans_of
from instancecap.datasets.curation.pixels import FrameExpert, PictureExpert
from instancecap.datasets.curation.plugins import MOST_FRAMES, find_plugin, score
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Events
from instancecap.engine.results import Run
from instancecap.engine.run import Shard, run_work
from instancecap.engine.work import Documents, Work, evidence_key, fingerprint
from instancecap.errors import DecodeError, FormatError
from instancecap.evidence.build import measure
from instancecap.io.atomic import write_whole
from instancecap.io.finder import Rejected, reason_of
from instancecap.io.identity import Identity
from instancecap.io.inputs import PRIVATE_FOLDER, Job
from instancecap.io.tables import read_rows
from instancecap.schema.base import ClipInfo, Document, StrictModel
from instancecap.schema.caption import Video

TABLE = "figures.jsonl"
"""In OUT: the figures of every clip; ``figures-I-of-N.jsonl`` of a part."""

VERSION = 2
"""Of what is measured; with another one clips are measured anew."""


class Candidate(StrictModel):
    """A clip that may be kept: the whole of one that was given, or a shot of it.

    Attributes:
        start, end: seconds from the source's first frame; None for its end.
        is_shot: it is a part.
        hash: see :mod:`instancecap.datasets.curation.hashing`.
    """

    start: float
    end: float | None
    is_shot: bool = False
    figures: Figures
    hash: str


class ClipFigures(Document):
    """What was measured of a clip that was given.

    Attributes:
        unreadable: why nothing was; empty where something was.
        whole: the clip as it was given; ``shots``: its parts, where it has several.
    """

    kind = "clip's figures"

    video: ClipInfo
    unreadable: str = ""
    whole: Candidate | None = None
    shots: list[Candidate] = []
    warnings: list[str] = []

    @classmethod
    def unread(cls, path: str, reason: str) -> ClipFigures:
        """Of a file that cannot be read, and why."""
        video = ClipInfo(**Video.named(path).model_dump())
        return cls(video=video, unreadable=reason)

    @property
    def stem(self) -> str:
        """The clip's name without its span."""
        whole = self.whole
        has_span = whole is not None and (whole.start > 0 or whole.end is not None)
        return self.video.id.rpartition("@")[0] if has_span else self.video.id

    def candidates(self, *, split_shots: bool) -> list[Candidate]:
        """What may be kept of it."""
        whole = [self.whole] if self.whole is not None else []
        return self.shots if split_shots and self.shots else whole


@dataclass(frozen=True, kw_only=True)
class FiguresWork(Work):
    """Measures a clip and each of its shots; one that cannot be read is a result as well.

    Attributes:
        plugins: by the figure's name, see :func:`.plugins.find_plugin`.
    """

    plugins: Mapping[str, str] = field(default_factory=dict)

    def cached_in(self, folder: str) -> FiguresWork:
        """The work as it is: figures are kept, evidence is not."""
        return self

    def __call__(self, job: Job) -> Documents:
        identity = Identity.of(job.clip.path, content=True)
        began = time.perf_counter()
        try:
            found = self._measure(job)
        except DecodeError as error:
            found = ClipFigures.unread(job.clip.path, reason_of(error, job.clip.path))
        found.video = found.video.model_copy(update={"id": job.name, "path": job.clip.path})
        seconds = {"figures": time.perf_counter() - began}
        return Documents(evidence=found.to_json(indent=None), seconds=seconds, identity=identity)

    def _measure(self, job: Job) -> ClipFigures:
        clip, frames = job.clip, FrameExpert()
        pictures = PictureExpert(keep_frames=2 * MOST_FRAMES * bool(self.plugins))
        evidence = measure(clip, threads=self.threads, also=(frames, pictures))
        duration = evidence.video.duration

        def candidate(start: float, end: float, *, is_shot: bool) -> Candidate:
            figures, digest = figures_of(evidence, frames, pictures, start, end)
            if self.plugins:
                figures.extra = score(self.plugins, pictures.frames, start, end)
            last = round(clip.start + end, 3) if is_shot else clip.end
            begin = round(clip.start + start, 3) if is_shot else clip.start
            return Candidate(start=begin, end=last, is_shot=is_shot, figures=figures, hash=digest)

        spans = spans_of(evidence)
        names = ClipInfo.model_fields
        return ClipFigures(
            video=ClipInfo(**{name: getattr(evidence.video, name) for name in names}),
            whole=candidate(0.0, max(duration, 1e-3), is_shot=False),
            shots=[candidate(a, b, is_shot=True) for a, b in spans]
            if len(evidence.shots) > 1
            else [],
            warnings=evidence.warnings,
        )

    def config(self) -> str:
        return fingerprint(
            figures=VERSION, evidence=evidence_key(masks=False), plugins=dict(self.plugins)
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured into a folder, by one run or by the runs of all parts.

    Attributes:
        tables: of figures.
        failed: inputs without figures, and why.
    """

    tables: tuple[Path, ...]
    failed: tuple[Rejected, ...] = ()

    def rows(self) -> Iterator[ClipFigures]:
        """The clips' figures in the order of the inputs, then what has none; lazily."""
        tables = (read_rows(str(path)) for path in self.tables)
        for row in chain.from_iterable(zip_longest(*tables)):
            if row is not None:
                if row.error:
                    raise FormatError(f"{self.tables[0]}: {row.where}: {row.error}")
                yield ClipFigures.model_validate(row.value)
        for one in self.failed:
            yield ClipFigures.unread(one.source, one.reason)


def measure_clips(
    inputs: Sequence[str],
    folder: Path,
    config: RunConfig,
    *,
    plugins: Mapping[str, str],
    events: Events | None = None,
) -> tuple[Run, Measured | None]:
    """Measure every clip that is not measured yet.

    Returns:
        How the run went, and what there is now; None while it was broken off, or another part
        is missing.

    Raises:
        UsageError: an option, or a plug-in that is not there.
        MissingDependency: what would be the same for every clip.
    """
    for name, call in plugins.items():
        find_plugin(name, call)
    label = Shard.parse(config.shard).label if config.shard else ""
    mark = _mark(folder, label)
    mark.unlink(missing_ok=True)
    config = config.model_copy(update={"out": str(folder / TABLE)})
    watching = _WithoutEmpty((events,) if events else ())
    _, run = run_work(inputs, FiguresWork(plugins=plugins), config, events=watching)
    if run.interrupted or run.stopped:
        return run, None
    failed = run.failed
    run.failed = [one for one in failed if not _is_empty(one.source)]
    told: dict[str, Any] = {
        "clips": run.done + run.skipped,
        "failed": [[one.source, one.reason] for one in failed],
    }
    write_whole(mark, json.dumps(told))
    return run, find_measured(folder, parts=int(label.rpartition("-")[2]) if label else 0)


class _WithoutEmpty(Events):
    """Hands on all but what is no failure here: a file of no bytes is a clip that is rejected."""

    def rejected(self, one: Rejected) -> None:
        if not _is_empty(one.source):
            super().rejected(one)


def _is_empty(path: str) -> bool:
    """Whether it is a file of no bytes: seen before anything runs, and unreadable as others are."""
    return os.path.isfile(path) and os.path.getsize(path) == 0


def find_measured(folder: Path, *, parts: int = 0) -> Measured | None:
    """What lies in a folder; None where some of the ``parts`` are missing (0: it is whole)."""
    labels = [f"{part}-of-{parts}" for part in range(1, parts + 1)] or [""]
    tables, failed = [], []
    for label in labels:
        try:
            told = json.loads(_mark(folder, label).read_text(encoding="utf-8"))
        except OSError:
            return None
        failed += [Rejected(*one) for one in told["failed"]]
        if told["clips"]:
            tables.append(folder / (f"figures-{label}.jsonl" if label else TABLE))
    # What cannot be used before anything runs is known to every part.
    return Measured(tuple(tables), tuple(dict.fromkeys(failed)))


def _mark(folder: Path, label: str) -> Path:
    """The file that is there once a part is measured."""
    return folder / PRIVATE_FOLDER / f"measured{'-' if label else ''}{label}.json"
