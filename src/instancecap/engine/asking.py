"""Captions by a multimodal language model: pictures are made in workers, questions asked beside."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instancecap.captioning.chain import ChainOptions, Prepared, prepare, write
from instancecap.captioning.chain.prompting import load_prompts
from instancecap.engine.inputs import Job
from instancecap.engine.work import (
    Documents,
    Work,
    evidence_key,
    fingerprint,
    measure_job,
    split_job,
)
from instancecap.errors import FormatError, UsageError
from instancecap.mllm.base import Backend
from instancecap.schema import Caption

if TYPE_CHECKING:
    from instancecap.mllm.usage import Usage


@dataclass(frozen=True, slots=True)
class Ready:
    """A clip that can be asked about: what follows its name, and its pictures, for each part."""

    parts: tuple[tuple[str, Prepared], ...]
    evidence: str
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class AskWork(Work):
    """Measure, and make the pictures that the questions need.

    Attributes:
        options: of the question chain.
        model: who will be asked; counts in :meth:`config` only.
        split_shots: one caption a shot.
        previous: folder of earlier captions that are rewritten in part; empty for none.
        keep_evidence: hand the evidence back beside the caption.
    """

    options: ChainOptions
    model: str = ""
    split_shots: bool = False
    previous: str = ""
    keep_evidence: bool = False

    def __call__(self, job: Job) -> Ready:
        evidence = measure_job(job, threads=self.threads, masks=False, cache=self.cache)
        began = time.perf_counter()
        parts = split_job(job, evidence) if self.split_shots else [("", job.clip, evidence)]
        ready = tuple(
            (
                suffix,
                prepare(
                    clip,
                    facts,
                    options=self.options,
                    previous=self._before(f"{job.name}{suffix}"),
                    threads=self.threads,
                ),
            )
            for suffix, clip, facts in parts
        )
        return Ready(
            parts=ready,
            evidence=evidence.to_json() if self.keep_evidence else "",
            seconds={
                "evidence": evidence.timings.get("total", 0.0),
                "pictures": time.perf_counter() - began,
            },
        )

    def _before(self, name: str) -> Caption | None:
        if not self.previous:
            return None
        path = Path(self.previous, f"{name}.json")
        if not path.exists():
            raise FormatError(
                f"{path}: no caption to rewrite; caption the clip in full first (without --fields)"
            )
        return Caption.read(path)

    def config(self) -> str:
        """Hash of what the caption depends on beside the clip."""
        options = dataclasses.asdict(self.options)
        return fingerprint(
            evidence=evidence_key(masks=False),
            options={**options, "fields": sorted(self.options.fields or ())},
            prompts=load_prompts(self.options.prompts_dir, self.options.hints_file).version,
            model=self.model,
            split=self.split_shots,
        )


@dataclass(frozen=True, kw_only=True)
class PredictWork(Work):
    """Measure, and foretell what the questions would cost."""

    options: ChainOptions
    split_shots: bool = False

    def __call__(self, job: Job) -> Documents:
        from instancecap.captioning.chain import predict
        from instancecap.mllm.usage import Usage

        evidence = measure_job(job, threads=self.threads, masks=False, cache=self.cache)
        parts = split_job(job, evidence) if self.split_shots else [("", job.clip, evidence)]
        usages = [predict(facts, options=self.options) for _, _, facts in parts]
        return Documents(cost=cost_of(sum(usages, Usage())))

    def config(self) -> str:
        """Nothing is kept, so nothing depends on it."""
        return ""


class Asker:
    """The second stage: asks about a clip that is ready."""

    def __init__(self, backend: Backend, options: ChainOptions) -> None:
        self._backend, self._options = backend, options

    async def finish(self, job: Job, ready: Ready) -> Documents:
        """The captions of a clip, and what they cost."""
        from instancecap.mllm.usage import Usage

        began = time.perf_counter()
        captions, usage = {}, Usage()
        for suffix, prepared in ready.parts:
            written = await write(prepared, self._backend, options=self._options)
            captions[suffix] = written.caption.to_json()
            usage += written.usage
        return Documents(
            captions,
            ready.evidence,
            seconds={**ready.seconds, "questions": time.perf_counter() - began},
            cost=cost_of(usage),
        )


@dataclass(frozen=True, slots=True)
class Server:
    """Who is asked, in the words of the command line.

    Attributes:
        urls: of servers that speak the OpenAI protocol; none for a model in this process.
        model: the name that the servers know it by, or a folder for one in this process.
        key_env: name of the environment variable that holds the servers' key.
        concurrency: questions in flight at most.
        timeout: seconds for one answer.
        record: file that exchanges are added to.
        replay: file of recorded exchanges that answers are taken from; nobody is asked.
    """

    urls: tuple[str, ...] = ()
    model: str = ""
    key_env: str = "OPENAI_API_KEY"
    concurrency: int = 64
    timeout: float = 300.0
    record: str = ""
    replay: str = ""

    def open(self) -> Backend:
        """Someone to ask. Raises :class:`UsageError` for what cannot be asked."""
        from instancecap.mllm.openai import OpenAIBackend
        from instancecap.mllm.scripted import RecordingBackend, ReplayBackend

        if self.record and self.replay:
            raise UsageError("--record and --replay: choose one")
        if self.replay:
            return ReplayBackend(Path(self.replay))
        if not self.model:
            raise UsageError("--captioner mllm needs --mllm-model NAME")
        backend: Backend
        if self.urls:
            backend = OpenAIBackend(
                urls=self.urls,
                model=self.model,
                key_env=self.key_env,
                concurrency=self.concurrency,
                timeout=self.timeout,
            )
        else:
            from instancecap.mllm.transformers import TransformersBackend

            backend = TransformersBackend(model=self.model)
        return RecordingBackend(backend, Path(self.record)) if self.record else backend


def cost_of(usage: Usage) -> dict[str, float]:
    """A usage as plain numbers."""
    return {name: round(float(value), 3) for name, value in dataclasses.asdict(usage).items()}
