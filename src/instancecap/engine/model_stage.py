"""Captions by a multimodal language model: pictures are made in workers, questions asked beside."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instancecap.captioners.chain import ChainOptions, Prepared, prepare, write
from instancecap.captioners.chain.prompting import load_prompts
from instancecap.captioners.chain.questions import THOUSANDTHS
from instancecap.engine.batch_files import BatchBackend, Unanswered, open_batch
from instancecap.engine.work import Documents, Stage, Work, evidence_key, fingerprint
from instancecap.errors import FormatError, ServerError, ServerRefusal, UsageError
from instancecap.formats import Caption
from instancecap.io.identity import Identity
from instancecap.io.inputs import Earlier, Job
from instancecap.mllm.base import Backend

if TYPE_CHECKING:
    from instancecap.mllm.base import Usage


log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds before a clip is asked about again."""

ALL_INSTANCES = "/instances"
"""Missing where nobody said which instances there are: the clip is asked about from the start."""

NO_ANSWER = re.compile(r" (kept as (it was|measured)|left empty)$")
"""How the chain's warnings on a question without an answer end."""


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
class AskWork(Work):
    """Measure, and make the pictures that the questions need.

    Attributes:
        options: of the question chain.
        server: who will be asked; of it, only the model counts in :meth:`config`.
        backend: somebody else to ask, in this process only.
        previous: folder of earlier captions that are rewritten in part; empty for none.
    """

    options: ChainOptions
    server: Server
    backend: Backend | None = None
    previous: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "backend": None}  # connections stay where they were made

    @property
    def has_stage(self) -> bool:
        return True

    @property
    def rewrites(self) -> bool:
        return bool(self.previous)

    def open_stage(self) -> RetryingStage:
        stage = ModelStage(self.backend or self.server.open(), self.options)
        return RetryingStage(stage, wait=self.server.wait)

    def __call__(self, job: Job) -> Ready:
        measured, began = self.measure(job), time.perf_counter()
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
            evidence=evidence_key(masks=False),
            options={**options, "fields": sorted(self.options.fields or ())},
            prompts=load_prompts(self.options.prompts_dir, self.options.hints_file).version,
            model=self.backend.model if self.backend else self.server.model,
            split=self.split_shots,
        )


def _unfinished(earlier: Earlier) -> Caption:
    """The caption, without the warnings on what it lacks: what is still missing is said anew."""
    caption = Caption.from_json(earlier.document)
    caption.warnings = [one for one in caption.warnings if not NO_ANSWER.search(one)]
    return caption


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work):
    """Measure, and foretell what the questions would cost."""

    options: ChainOptions

    def __call__(self, job: Job) -> Documents:
        from instancecap.captioners.chain import predict
        from instancecap.mllm.base import Usage

        usages = [
            predict(facts, options=self.options, clip=clip, hint=job.hint)
            for _, clip, facts in self.measure(job).parts
        ]
        return Documents(cost=cost_of(sum(usages, Usage())))

    def config(self) -> str:
        return ""


class ModelStage:
    """The second stage: asks a model about a clip that is ready."""

    def __init__(self, backend: Backend, options: ChainOptions) -> None:
        self._backend, self._options = backend, options
        self._batch = backend if isinstance(backend, BatchBackend) else None
        # Whether a batch service keeps to a schema cannot be tried out; it is also said in words.
        self._enforced = False if self._batch else None

    async def __call__(self, job: Job, ready: Ready) -> Documents:
        """The captions of a clip, and what they cost; none where a batch has yet to answer."""
        from instancecap.mllm.base import Usage

        began = time.perf_counter()
        captions, usage, waiting = dict(ready.kept), Usage(), False
        missing: dict[str, tuple[str, ...]] = {}
        reasons: dict[str, None] = {}
        for suffix, prepared in ready.parts:
            try:
                written = await write(
                    prepared,
                    self._backend,
                    options=self._options,
                    enforced=self._enforced,
                    convention=THOUSANDTHS if self._batch else None,
                )
            except Unanswered:
                waiting = True  # the other parts' questions belong into the same round
                continue
            captions[suffix] = written.caption.to_json()
            usage += written.usage
            if written.missing:
                missing[suffix] = written.missing
                reasons |= dict.fromkeys(written.reasons)
        if waiting:
            return Documents(waiting=True)
        return Documents(
            captions,
            ready.evidence,
            seconds={**ready.seconds, "questions": time.perf_counter() - began},
            cost=cost_of(usage),
            identity=ready.identity,
            missing=missing,
            reasons=tuple(reasons),
        )

    async def close(self) -> None:
        """Give back connections, files, memory."""
        await self._backend.close()

    def finish(self) -> tuple[list[str], int]:
        """Put the files of the next batch in their place; returns them, and their questions."""
        writer = self._batch.writer if self._batch else None
        return ([str(path) for path in writer.close()], writer.requests) if writer else ([], 0)


class RetryingStage:
    """Tries a stage again while its servers are gone, if they ever answered.

    One that never did ends the run: its URL, key or model is wrong. The client's own retries are
    below this, for single calls that fail.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        wait: float,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``wait``: seconds without any answer; ``pause``: seconds between two tries."""
        self._clock, self._sleep = clock, sleep
        self._stage, self._wait, self._pause = stage, wait, pause
        self.close, self.finish = stage.close, stage.finish
        self._answered = 0.0
        self._announced = False

    async def __call__(self, job: Job, prepared: Any) -> Documents:
        """What the stage returns. Raises :class:`ServerError` when the wait is over."""
        lost = 0.0
        while True:
            try:
                result = await self._stage(job, prepared)
            except ServerRefusal:
                raise  # it is there: waiting does not help
            except ServerError as error:
                now = self._clock()
                lost = max(lost or now, self._answered)  # an answer to another clip counts too
                if not self._answered or now - lost >= self._wait:
                    raise
                if not self._announced:
                    log.warning("waiting up to %g s for the server: %s", self._wait, error)
                self._announced = True
                await self._sleep(self._pause)
            else:
                self._answered, self._announced = self._clock(), False
                return result


@dataclass(frozen=True, kw_only=True)
class Server:
    """Who is asked, in a form that can be sent to another process.

    Attributes:
        url: of a server that speaks the OpenAI protocol, or of several that serve ``model``; none
            for a model in this process.
        model: the name that the servers know it by, or a folder for one in this process.
        key_env: name of the environment variable that holds the servers' key.
        concurrency: questions in flight at most.
        timeout: seconds for one answer.
        max_tokens: the least that an answer's length is bounded to; 0 for a question's own bound.
        wait: seconds that a server which answered and is gone is waited for.
        record: file that exchanges are added to.
        replay: file of recorded exchanges that answers are taken from; nobody is asked.
        batch_file: file that questions are written to for a batch service; nobody is asked.
        batch_results: files of such a service's answers.
    """

    url: str | Sequence[str] = ""
    model: str = ""
    key_env: str = "OPENAI_API_KEY"
    concurrency: int = 64
    timeout: float = 300.0
    max_tokens: int = 0
    wait: float = 600.0
    record: str = ""
    replay: str = ""
    batch_file: str = ""
    batch_results: Sequence[str] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Every URL."""
        given = [self.url] if isinstance(self.url, str) else self.url
        return tuple(one for one in given if one)

    @property
    def asks_nobody(self) -> bool:
        """Answers come from files, questions go to files."""
        return bool(self.replay or self.batch_file or self.batch_results)

    def open(self) -> Backend:
        """Someone to ask. Raises :class:`UsageError` for what cannot be asked."""
        from instancecap.mllm.openai import OpenAIBackend
        from instancecap.mllm.scripted import RecordingBackend, ReplayBackend

        if bool(self.record) + bool(self.replay) + bool(self.batch_file or self.batch_results) > 1:
            raise UsageError("--record, --replay and --batch-file: choose one")
        if self.replay:
            return ReplayBackend(Path(self.replay), model=self.model)
        if not self.model:
            raise UsageError("--captioner mllm needs --mllm-model NAME")
        if self.batch_file or self.batch_results:
            if self.urls:
                raise UsageError(
                    "--batch-file and --batch-results ask nobody: leave out --mllm-url"
                )
            return open_batch(self.model, self.batch_file, self.batch_results)
        backend: Backend
        if self.urls:
            backend = OpenAIBackend(
                urls=self.urls,
                model=self.model,
                key_env=self.key_env,
                concurrency=self.concurrency,
                timeout=self.timeout,
                max_tokens=self.max_tokens,
            )
        else:
            from instancecap.mllm.transformers import TransformersBackend

            backend = TransformersBackend(model=self.model)
        return RecordingBackend(backend, Path(self.record)) if self.record else backend


def cost_of(usage: Usage) -> dict[str, float]:
    """A usage as plain numbers."""
    return {name: round(float(value), 3) for name, value in dataclasses.asdict(usage).items()}
