"""What is done to one clip. Each work can be sent to another process, and so can its result."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from instancecap.engine.config import RunConfig
from instancecap.engine.sound import SoundOptions
from instancecap.errors import DecodeError, FormatError, OutputError
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.io.atomic import write_whole
from instancecap.io.finder import Rejected
from instancecap.io.identity import Identity, hash_of
from instancecap.io.inputs import Job, find_jobs
from instancecap.version import __version__

if TYPE_CHECKING:
    from instancecap.schema import Evidence
    from instancecap.video import Clip


def fingerprint(**settings: Any) -> str:
    """A short hash of settings, and of the version of this package."""
    text = json.dumps([__version__, settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Documents:
    """Finished documents as JSON text; empty where not asked for.

    Attributes:
        captions: by what follows the job's name: ``""``, or ``"#1"``, ``"#2"``, … for shots.
        seconds: by stage.
        cost: what a model was asked: calls, tokens, images.
        identity: of the file, before it was read.
        waiting: there is nothing yet: questions went into the next batch file.
        missing: by part, JSON pointers of what was asked for and not got.
        reasons: why it is missing, one line each.
    """

    captions: dict[str, str] = field(default_factory=dict)
    evidence: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    identity: Identity | None = None
    waiting: bool = False
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def outputs(self) -> dict[str, str]:
        """What is written: the captions, or the evidence where there is none."""
        return self.captions or {"": self.evidence}


@dataclass(frozen=True, slots=True)
class Cache:
    """Texts of earlier runs, one packed file a clip; each is used while nothing changed.

    Attributes:
        folder: where they lie; empty for no cache.
        key: hash of what a text depends on beside the clip's pixels.
    """

    folder: str = ""
    key: str = ""

    def get_text(self, job: Job, *, stamp: str) -> str | None:
        """The text of a clip whose file still is the one that ``stamp`` names."""
        if not self.folder:
            return None
        try:
            with gzip.open(self._path(job), "rt", encoding="utf-8") as file:
                if file.readline().rstrip("\n") != f"{self.key} {stamp}":
                    return None
                return file.read()
        except (OSError, EOFError, zlib.error, UnicodeDecodeError):
            return None

    def put_text(self, job: Job, text: str, *, stamp: str) -> None:
        """Keep the text of a clip; a cache that cannot be written is gone without."""
        if not self.folder:
            return
        whole = f"{self.key} {stamp}\n{text}"
        with suppress(OutputError):
            write_whole(self._path(job), gzip.compress(whole.encode(), compresslevel=1, mtime=0))

    def _path(self, job: Job) -> Path:
        name = hashlib.sha256(job.name.encode()).hexdigest()[:32]
        return Path(self.folder, name[:2], f"{name}.gz")


@dataclass(frozen=True, slots=True)
class EvidenceCache(Cache):
    """Evidence of earlier runs."""

    def get(self, job: Job, *, stamp: str) -> Evidence | None:
        """The evidence of a clip whose file still is the one that ``stamp`` names."""
        from instancecap.schema import Evidence

        text = self.get_text(job, stamp=stamp)
        with suppress(FormatError):
            return None if text is None else Evidence.from_json(text)
        return None

    def put(self, job: Job, evidence: Evidence, *, stamp: str) -> None:
        """Keep the evidence of a clip."""
        if self.folder:
            self.put_text(job, evidence.to_json(indent=None), stamp=stamp)


def stamp_of(job: Job) -> str:
    """Names the state of a clip's file: size, time of change, span."""
    try:
        status = os.stat(job.clip.local or job.clip.path)
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns} {job.clip.start} {job.clip.end}"


def evidence_key(
    cluster: Cluster = DEFAULT, *, masks: bool, sound: SoundOptions | None = None
) -> str:
    """Hash of what evidence depends on beside the clip: who measures, masks, sound."""
    from instancecap.evidence.cluster import load_models
    from instancecap.models.weights import locate

    settings: dict[str, Any] = {"models": load_models(cluster).names, "masks": masks}
    chosen = {name: value for name, value in asdict(cluster).items() if value}
    for name in ("preset", "accept_license"):
        chosen.pop(name, None)
    if chosen:
        settings["chosen"] = chosen
    if files := _hashes(chosen):
        settings["files"] = files
    if sound is not None and sound.audio != "off":
        speech = sound.audio if sound.audio != "on" else locate("silero-vad") is not None
        settings["sound"] = (speech, sound.transcribe_url, sound.transcribe_model)
    return fingerprint(**settings)


def _hashes(chosen: Mapping[str, str]) -> dict[str, str]:
    """Hashes of the files and folders among experts' names: others at the same path are others. A
    phrase is no path, only a file of phrases is."""
    experts = (value for kind, value in chosen.items() if kind != "phrases")
    named = {part.strip() for value in experts for part in value.split(",")}
    paths = {name for name in named if os.path.exists(name)}
    paths |= {one for one in (chosen.get("phrases", ""),) if os.path.isfile(one)}
    return {path: hash_of(path) for path in sorted(paths)}


class Stage(Protocol):
    """The second half of a work: waits for others, beside the workers, in an event loop."""

    async def __call__(self, job: Job, prepared: Any, /) -> Any:
        """What comes of a clip that was prepared. Errors as of any work."""

    async def close(self) -> None:
        """Give back what the stage holds, such as connections."""

    def finish(self) -> tuple[list[str], int]:
        """The run is over: paths of files with questions for others, and how many those are."""


@dataclass(frozen=True, slots=True)
class MeasuredClip:
    """A clip and its evidence.

    Attributes:
        parts: suffix of the name, span and evidence of each caption: one, or one a shot.
        identity: of the file, before it was read.
        seconds: that measuring took.
    """

    evidence: Evidence
    parts: list[tuple[str, Clip, Evidence]]
    identity: Identity
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Work(ABC):
    """What is done to one clip, in any process.

    Attributes:
        threads: of the decoder and the networks, 0 for one a core.
        cluster: who measures.
        cache: of evidence.
        split_shots: one caption a shot.
        keep_evidence: hand the evidence back beside the caption.
        sound: whether the clip is listened to.
    """

    measures: ClassVar[bool] = True
    """Whether clips are measured, for which weights are fetched first."""

    threads: int = 0
    cluster: Cluster = DEFAULT
    cache: EvidenceCache = field(default_factory=EvidenceCache)
    split_shots: bool = False
    keep_evidence: bool = False
    sound: SoundOptions = field(default_factory=SoundOptions)

    def find(self, inputs: Sequence[str], config: RunConfig) -> tuple[list[Job], list[Rejected]]:
        """What the inputs stand for, and what of them cannot be used."""
        return find_jobs(
            inputs,
            images=config.images,
            video_root=config.video_root,
            hint_column=config.hint_column,
        )

    def cached_in(self, folder: str) -> Self:
        """The same work with its evidence kept in ``folder``."""
        key = evidence_key(self.cluster, masks=False, sound=self.sound)
        return replace(self, cache=EvidenceCache(folder, key))

    def measure(self, job: Job, *, masks: bool = False) -> MeasuredClip:
        """The evidence of a clip, from the cache where that has it."""
        from instancecap.evidence.build import measure

        identity = Identity.of(job.clip.path, content=True)
        began, stamp = time.perf_counter(), stamp_of(job)
        evidence = self.cache.get(job, stamp=stamp)
        if evidence is None:
            evidence = measure(
                job.clip,
                threads=self.threads,
                masks=masks,
                cluster=self.cluster,
                listener=self.sound.listener(),
                transcribe=self.sound.transcriber(),
            )
            if stamp_of(job) != stamp:
                raise DecodeError(
                    f"{job.clip.path}: the file changed while it was read; run again once it is "
                    "whole"
                )
            self.cache.put(job, evidence, stamp=stamp)
        evidence.video.path = job.clip.path  # the folder may have been renamed since
        parts = [("", job.clip, evidence)]
        if self.split_shots:
            from instancecap.captioners.chain import split

            parts = [
                (clip.id.removeprefix(job.clip.id), clip, facts)
                for clip, facts in split(job.clip, evidence)
            ]
        return MeasuredClip(evidence, parts, identity, time.perf_counter() - began)

    @abstractmethod
    def __call__(self, job: Job) -> Any:
        """The result, which can be sent to another process."""

    @abstractmethod
    def config(self) -> str:
        """Hash of what the result depends on beside the clip."""

    @property
    def has_stage(self) -> bool:
        """Whether there is a second half."""
        return False

    @property
    def rewrites(self) -> bool:
        """Whether results are earlier ones with some fields anew."""
        return False

    def open_stage(self) -> Stage | None:
        """The second half, made where it runs; None where the first one does everything."""
        return None


@dataclass(frozen=True, kw_only=True)
class CaptionWork(Work):
    """Measure and describe.

    Attributes:
        max_instances: instances that a caption may have.
        language: BCP-47 tag of the sentences; one that cannot be written raises UsageError.
    """

    max_instances: int = 3
    language: str = "en"

    def __post_init__(self) -> None:
        from instancecap.captioners.measured.sentences import language_of

        language_of(self.language)

    def __call__(self, job: Job) -> Documents:
        from instancecap.captioners.measured.describe import describe

        measured, began = self.measure(job), time.perf_counter()
        captions = {
            suffix: describe(
                facts, max_instances=self.max_instances, language=self.language
            ).to_json()
            for suffix, _, facts in measured.parts
        }
        return Documents(
            captions,
            measured.evidence.to_json() if self.keep_evidence else "",
            seconds={"evidence": measured.seconds, "caption": time.perf_counter() - began},
            identity=measured.identity,
        )

    def config(self) -> str:
        return fingerprint(
            evidence=evidence_key(self.cluster, masks=False, sound=self.sound),
            most=self.max_instances,
            language=self.language,
            split=self.split_shots,
        )


@dataclass(frozen=True, kw_only=True)
class EvidenceWork(Work):
    """Measure only.

    Attributes:
        masks: a mask per instance for every analysed frame.
    """

    masks: bool = False

    def cached_in(self, folder: str) -> Self:
        """The work as it is: the output is the evidence, it need not be kept twice."""
        return self

    def __call__(self, job: Job) -> Documents:
        measured = self.measure(job, masks=self.masks)
        return Documents(
            evidence=measured.evidence.to_json(),
            seconds={"evidence": measured.seconds},
            identity=measured.identity,
        )

    def config(self) -> str:
        return evidence_key(self.cluster, masks=self.masks, sound=self.sound)
