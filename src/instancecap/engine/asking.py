"""Works that ask a multimodal language model: what it needs is made in workers, and it is asked
beside them."""

from __future__ import annotations

import dataclasses
import re
import time
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.captioners.chain import ChainOptions, Prepared, prepare, write
from instancecap.captioners.chain.prompting import load_prompts
from instancecap.engine.work import Documents, MeasuredClip, Work, evidence_key, fingerprint
from instancecap.errors import FormatError
from instancecap.formats import Caption
from instancecap.io.identity import Identity
from instancecap.io.inputs import Earlier, Job
from instancecap.mllm.base import Backend, Usage
from instancecap.mllm.batch_files import BatchBackend, Unanswered
from instancecap.mllm.server import Server

ALL_INSTANCES = "/instances"
"""Missing where nobody said which instances there are: the clip is asked about from the start."""

NO_ANSWER = re.compile(r" (kept as (it was|measured)|left empty)$")
"""How the chain's warnings on a question without an answer end."""


@dataclass(frozen=True, kw_only=True)
class AskingWork(Work):
    """A work whose second half asks a model.

    Attributes:
        server: who is asked; None for nobody.
        backend: somebody else to ask, in this process only.
    """

    server: Server | None = None
    backend: Backend | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "backend": None}  # connections stay where they were made

    @property
    def has_stage(self) -> bool:
        """Whether there is somebody to ask."""
        return self.server is not None or self.backend is not None

    @property
    def model(self) -> str:
        """The name of the model; of who is asked only this counts in :meth:`config`."""
        asked = self.backend or self.server
        return asked.model if asked is not None and self.has_stage else ""

    def open_stage(self) -> ModelStage | None:
        if not self.has_stage:
            return None
        return ModelStage(self, self.backend or (self.server or Server()).open())

    @abstractmethod
    async def ask(self, job: Job, ready: Any, backend: Backend, /) -> Any:
        """What comes of a job, given what the first half made of it.

        Raises:
            Unanswered: a batch has yet to answer; whatever could be asked was asked.
        """


class ModelStage:
    """The second half of such a work, where it runs."""

    def __init__(self, work: AskingWork, backend: Backend) -> None:
        self._work, self._backend = work, backend

    async def __call__(self, job: Job, ready: Any) -> Any:
        """What comes of a job; no documents where a batch has yet to answer."""
        try:
            return await self._work.ask(job, ready, self._backend)
        except Unanswered:
            return Documents(waiting=True)

    async def close(self) -> None:
        """Give back connections, files, memory."""
        await self._backend.close()

    def finish(self) -> tuple[list[str], int]:
        """Put the files of the next batch in their place; returns them, and their questions."""
        writer = self._backend.writer if isinstance(self._backend, BatchBackend) else None
        return ([str(path) for path in writer.close()], writer.requests) if writer else ([], 0)


def cost_of(usage: Usage) -> dict[str, float]:
    """A usage as plain numbers."""
    return {name: round(float(value), 3) for name, value in dataclasses.asdict(usage).items()}


# Captions -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """A clip that can be asked about: what follows its name, and its pictures, for each part.

    Attributes:
        kept: captions of parts that an earlier run has finished.
    """

    parts: tuple[tuple[str, Prepared], ...]
    kept: dict[str, str]
    evidence: str
    seconds: dict[str, float]
    identity: Identity


@dataclass(frozen=True, kw_only=True)
class AskWork(AskingWork):
    """Measure, and make the pictures that the questions need; then ask.

    Attributes:
        options: of the question chain.
        previous: folder of earlier captions that are rewritten in part; empty for none.
    """

    options: ChainOptions
    previous: str = ""

    @property
    def rewrites(self) -> bool:
        return bool(self.previous)

    def __call__(self, job: Job) -> Ready:
        return self.ready(job, self.measure(job))

    def ready(self, job: Job, measured: MeasuredClip) -> Ready:
        """What the questions about a clip need, given what was measured of it."""
        began = time.perf_counter()
        ready, kept = [], {}
        for suffix, clip, facts in measured.parts:
            previous = self._previous(f"{job.name}{suffix}")
            only: tuple[str, ...] = ()
            if (earlier := (job.earlier or {}).get(suffix)) is not None:
                if not earlier.missing:
                    kept[suffix] = earlier.document
                    continue
                if ALL_INSTANCES not in earlier.missing:
                    previous, only = _unfinished(earlier), earlier.missing
            prepared = prepare(
                clip,
                facts,
                options=self.options,
                previous=previous,
                only=only,
                hint=job.hint,
                threads=self.threads,
                cluster=self.cluster,
            )
            ready.append((suffix, prepared))
        return Ready(
            parts=tuple(ready),
            kept=kept,
            evidence=measured.evidence.to_json() if self.keep_evidence else "",
            seconds={"evidence": measured.seconds, "pictures": time.perf_counter() - began},
            identity=measured.identity,
        )

    def _previous(self, name: str) -> Caption | None:
        if not self.previous:
            return None
        path = Path(self.previous, f"{name}.json")
        if not path.exists():
            raise FormatError(
                f"{path}: no caption to rewrite; caption the clip in full first (without --fields)"
            )
        return Caption.read(path)

    def config(self) -> str:
        options = dataclasses.asdict(self.options)
        return fingerprint(
            evidence=evidence_key(self.cluster, masks=False, sound=self.sound),
            options={**options, "fields": sorted(self.options.fields or ())},
            prompts=load_prompts(self.options.prompts_dir, self.options.hints_file).version,
            model=self.model,
            split=self.split_shots,
        )

    async def ask(self, job: Job, ready: Ready, backend: Backend) -> Documents:
        """The captions of a clip, and what they cost."""
        began = time.perf_counter()
        captions, usage, waiting = dict(ready.kept), Usage(), False
        missing: dict[str, tuple[str, ...]] = {}
        reasons: dict[str, None] = {}
        for suffix, prepared in ready.parts:
            try:
                written = await write(prepared, backend, options=self.options)
            except Unanswered:
                waiting = True  # the other parts' questions belong into the same round
                continue
            captions[suffix] = written.caption.to_json()
            usage += written.usage
            if written.missing:
                missing[suffix] = written.missing
                reasons |= dict.fromkeys(written.reasons)
        if waiting:
            raise Unanswered
        return Documents(
            captions,
            ready.evidence,
            seconds={**ready.seconds, "questions": time.perf_counter() - began},
            cost=cost_of(usage),
            identity=ready.identity,
            missing=missing,
            reasons=tuple(reasons),
        )


def _unfinished(earlier: Earlier) -> Caption:
    """The caption, without the warnings on what it lacks: what is still missing is said anew."""
    caption = Caption.from_json(earlier.document)
    caption.warnings = [one for one in caption.warnings if not NO_ANSWER.search(one)]
    return caption


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work):
    """Measure, and foretell what the questions would cost.

    Attributes:
        options: of the question chain, one for each model that is asked.
    """

    options: tuple[ChainOptions, ...]

    def __call__(self, job: Job) -> Documents:
        from instancecap.captioners.chain import predict

        usages = [
            predict(facts, options=options, clip=clip, hint=job.hint)
            for _, clip, facts in self.measure(job).parts
            for options in self.options
        ]
        return Documents(cost=cost_of(sum(usages, Usage())))

    def config(self) -> str:
        return ""
