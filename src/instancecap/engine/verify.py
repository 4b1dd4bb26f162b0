"""Checks many captions against their videos: finds each video, measures it, counts the claims."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.edits import file_of
from instancecap.datasets.preferences import pairs_of
from instancecap.datasets.videos import find_evidence, find_video
from instancecap.engine.asking import AskingWork
from instancecap.engine.config import check_report
from instancecap.engine.local import Outcome, count_cores, run_jobs, threads_each
from instancecap.errors import InputError, OutputError, UsageError
from instancecap.io.addresses import is_url
from instancecap.io.atomic import write_whole
from instancecap.io.finder import Rejected, reason_of
from instancecap.io.inputs import Job
from instancecap.io.table_writers import open_table
from instancecap.mllm.base import Backend
from instancecap.mllm.server import Server
from instancecap.schema import Caption, Evidence
from instancecap.verify.check import verify
from instancecap.verify.fields import Reading, read_claims
from instancecap.verify.report import OnContradiction, Report, apply, count_findings, score_of
from instancecap.video import Clip
from instancecap.video.probe import check_regular_file

log = logging.getLogger(__name__)

ROUND = 0.01
"""Seconds by which a caption's end may be rounded: the last frame is not to be lost by it."""


@dataclass(frozen=True, slots=True)
class CheckJob(Job):
    """A caption and its clip. ``evidence`` is a file to read instead of measuring, or empty."""

    caption: Caption = field(kw_only=True)
    source: str = field(kw_only=True)
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one caption.

    Attributes:
        caption: its text with the claims filled in.
        is_own: whether it states what this program measured, which is what it is held against.
        pairs: preference pairs of what is contradicted, where they are wanted; see
            :mod:`instancecap.datasets.preferences`.
        clip, evidence: for a report page, where one is wanted; the evidence as JSON.
    """

    name: str
    report: Report
    caption: str
    is_own: bool = False
    pairs: list[dict[str, Any]] = field(default_factory=list)
    evidence: str = ""
    clip: Clip | None = None


@dataclass(frozen=True, kw_only=True)
class CheckWork(AskingWork):
    """Measures a clip, or reads its evidence, and checks the caption.

    Its sentences are read by rules, or by a model where there is one to ask.
    """

    on_contradiction: OnContradiction = "mark"
    wants_pairs: bool = False

    def __call__(self, job: Job) -> Checked | Evidence:
        from instancecap.evidence.build import measure

        assert isinstance(job, CheckJob)
        if job.evidence:
            evidence = Evidence.read(job.evidence)
        else:
            evidence = measure(job.clip, threads=self.threads)
        return evidence if self.has_stage else self._check(job, evidence)

    async def ask(self, job: Job, evidence: Evidence, backend: Backend) -> Checked:
        """The caption, checked by claims that the model reads."""
        assert isinstance(job, CheckJob)
        return self._check(job, evidence, await read_claims(job.caption, backend))

    def _check(self, job: CheckJob, evidence: Evidence, reading: Reading | None = None) -> Checked:
        report = verify(job.caption, evidence, read=reading.claims if reading else None)
        changed = apply(job.caption, report, on_contradiction=self.on_contradiction)
        if reading and reading.problem:
            changed.warnings.append(f"verify: the sentences were read by rules: {reading.problem}")
        producer = job.caption.producer
        is_own = (producer.name, producer.captioner) == ("instancecap", "measured")
        kept = evidence.to_json() if self.keep_evidence else ""
        pairs = pairs_of(job.caption, evidence, report) if self.wants_pairs else []
        return Checked(job.name, report, changed.to_json(), is_own, pairs, kept)

    def config(self) -> str:
        return ""


@dataclass(slots=True)
class Account:
    """A run over many captions.

    Attributes:
        counts: by kind of claim, how many came out in each way.
        clips: captions that were checked; ``contradicted`` of them have a contradiction,
            ``disputed`` a claim that is disputed.
        unread: sentences in which no claim was found.
        pairs: preference pairs that were written.
        own: captions that state what this program measured.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    failed: list[Rejected] = field(default_factory=list)
    clips: int = 0
    contradicted: int = 0
    disputed: int = 0
    unread: int = 0
    own: int = 0
    pairs: int = 0
    complete: bool = True

    @property
    def score(self) -> float | None:
        """Supported among the claims that are not unchecked; None where all are."""
        return score_of(self.counts)

    def as_dict(self, checked: Sequence[Checked]) -> dict[str, Any]:
        """For ``--json``, with every claim of the captions."""
        return {
            "done": self.clips,
            "failed": [{"input": one.source, "reason": one.reason} for one in self.failed],
            "score": self.score,
            "contradicted": self.contradicted,
            "disputed": self.disputed,
            "unread": self.unread,
            "own": self.own,
            "pairs": self.pairs,
            "kinds": self.counts,
            "captions": [
                {
                    "name": one.name,
                    "score": one.report.score,
                    "unread": one.report.unread,
                    "claims": [
                        {"kind": f.kind, **f.claim.model_dump(mode="json"), "measured": f.measured}
                        for f in one.report.findings
                    ],
                }
                for one in checked
            ],
        }

    def add(self, checked: Checked) -> None:
        """Count one more caption."""
        report = checked.report
        self.clips += 1
        self.own += checked.is_own
        self.unread += len(report.unread)
        counts = count_findings(report.findings)
        self.contradicted += any(row["contradicted"] for row in counts.values())
        self.disputed += any(row["disputed"] for row in counts.values())
        for kind, row in counts.items():
            total = Counter(self.counts.get(kind, {}))
            total.update(row)
            self.counts[kind] = {name: total[name] for name in row}


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """How captions are checked; the command line's options are made of it.

    Raises :class:`UsageError` for a folder that is not there, or where no captions can be written.

    Attributes:
        out: folder for the captions with their claims; empty for none.
        video_root: folder that the captions' video paths are relative to.
        evidence: folder of evidence files, named as ``instancecap evidence`` names them.
        on_contradiction: what happens to what is contradicted, in the captions of ``out``.
        extract: who reads the claims out of sentences: rules, or a language model.
        pairs: a ``.jsonl`` of preference pairs from what is contradicted; empty for none.
        report: HTML page to look at the captions and what was found; empty for none.
        workers: processes, 0 for one a core.
    """

    out: str = ""
    video_root: str | None = None
    evidence: str = ""
    on_contradiction: OnContradiction = "mark"
    extract: Literal["rules", "mllm"] = "rules"
    pairs: str = ""
    report: str = ""
    workers: int = 1

    def __post_init__(self) -> None:
        for option, folder in (("--video-root", self.video_root), ("--evidence", self.evidence)):
            if folder and not os.path.isdir(folder):
                raise UsageError(f"{option} {folder}: not a folder")
        if self.out and Path(self.out).exists() and not Path(self.out).is_dir():
            raise UsageError(f"--out {self.out}: captions go to a folder, one JSON file each")
        if self.pairs and not self.pairs.endswith(".jsonl"):
            raise UsageError(f"--pairs {self.pairs}: name a .jsonl file")
        check_report(self.report)


def verify_all(
    captions: Sequence[str],
    config: CheckConfig,
    *,
    server: Server,
    on_checked: Callable[[Checked], None],
    on_failure: Callable[[Rejected], None],
    on_salvaged: Callable[[str, str], None] = lambda source, problem: None,
) -> Account:
    """Check every caption in files, folders and tables against its video.

    Args:
        captions: paths as :func:`read_captions` takes them, any format.
        server: whose model reads the sentences, where one does.
        on_checked: told each caption that was checked, as it is done.
        on_failure: told each that could not be.
        on_salvaged: see :func:`read_captions`.

    Raises:
        UsageError: there is no model to ask.
    """
    by_model = config.extract == "mllm"
    if by_model and not (server.model or server.replay):
        raise UsageError("--extract mllm needs --mllm-model NAME, or --replay FILE")
    account = Account()

    def fail(failure: Rejected) -> None:
        account.failed.append(failure)
        on_failure(failure)

    def take(outcome: Outcome[Checked]) -> None:
        job, failure = outcome.job, outcome.failure
        assert isinstance(job, CheckJob)
        if failure is not None and failure.trace:
            log.debug("%s\n%s", job.source, failure.trace)
        if failure is not None or outcome.result is None:
            fail(Rejected(job.source, failure.reason if failure is not None else ""))
            return
        if config.out:
            try:
                write_whole(Path(config.out) / f"{job.name}.json", outcome.result.caption + "\n")
            except OutputError as error:
                fail(Rejected(job.source, str(error)))
                return
        path = job.clip.path
        place = path if is_url(path) else os.path.abspath(path)
        found = {} if path == job.source else {"videos": [place]}  # else no video was looked for
        for pair in outcome.result.pairs:
            write_pair({"id": job.name} | pair | found)
        account.pairs += len(outcome.result.pairs)
        account.add(outcome.result)
        on_checked(replace(outcome.result, clip=job.clip))

    workers = config.workers or count_cores()
    work = CheckWork(
        on_contradiction=config.on_contradiction,
        keep_evidence=bool(config.report),
        wants_pairs=bool(config.pairs),
        threads=threads_each(workers) if workers > 1 else 0,
        server=server if by_model else None,
    )
    jobs = enumerate(_jobs(read_captions(captions, on_salvaged=on_salvaged), config, fail))
    with _pairs_file(config.pairs) as write_pair:
        account.complete = run_jobs(
            jobs, work, stage=work.open_stage(), workers=workers, on_done=take
        )
    return account


@contextmanager
def _pairs_file(path: str) -> Iterator[Callable[[Any], None]]:
    """What writes a row of the file, which is there once the context ends; nothing for no path."""
    if not path:
        yield lambda row: None
        return
    table = open_table(Path(path))
    try:
        yield table.write
    except BaseException:
        table.drop()
        raise
    if not table.finish():
        write_whole(Path(path), "")  # an earlier file would be of other captions


def _jobs(
    rows: Iterator[Row], config: CheckConfig, fail: Callable[[Rejected], None]
) -> Iterator[CheckJob]:
    """A job for every caption whose video is found, under a name of its own."""
    names: dict[str, str] = {}
    for row in rows:
        if row.caption is None:
            fail(Rejected(row.source, row.error))
            continue
        if row.name in names:
            reason = (
                f"has the name of {names[row.name]}: {row.name!r}; where several captions are of "
                "one clip, give each a name of its own in a column id"
            )
            fail(Rejected(row.source, reason))
            continue
        names[row.name] = row.source
        try:
            yield _job(row, row.caption, config)
        except InputError as error:
            fail(Rejected(row.source, reason_of(error, row.source)))


def _job(row: Row, caption: Caption, config: CheckConfig) -> CheckJob:
    measured = find_evidence(row.name, caption, config.evidence) if config.evidence else ""
    clip = Clip(path=row.source, id=row.name)
    if config.report or config.pairs or not measured:
        with suppress(*[InputError] if measured else []):
            clip = _clip_of(row, caption, config)
    return CheckJob(clip, row.name, caption=caption, source=row.source, evidence=measured)


def _clip_of(row: Row, caption: Caption, config: CheckConfig) -> Clip:
    file = file_of(row.source) or row.source
    path = find_video(caption, caption_file=file, video_root=config.video_root)
    if not is_url(path):
        check_regular_file(path)
    video = caption.video
    assert video is not None
    is_span = video.start > 0 or video.end > 0
    return Clip(
        path=path,
        start=video.start,
        end=video.end + ROUND if is_span and video.end > video.start else None,
        id=row.name,
    )
