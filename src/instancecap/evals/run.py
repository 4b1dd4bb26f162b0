"""A task on the project's engine: samples are jobs; answers are kept, and a rerun goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from instancecap.engine.asking import AskingWork, cost_of
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Events
from instancecap.engine.results import Run
from instancecap.engine.run import run_work
from instancecap.engine.work import Documents, fingerprint
from instancecap.errors import ModelError, UsageError
from instancecap.evals.asking import Asker
from instancecap.evals.report import write_report
from instancecap.evals.result import Result, summarize
from instancecap.evals.task import Sample, Task
from instancecap.io.finder import Rejected
from instancecap.io.inputs import Job
from instancecap.mllm.base import Backend
from instancecap.mllm.server import Server
from instancecap.video.clip import Clip

ANSWERS = "answers"
"""Folder in OUT with a file for each sample's answer."""


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """How a task is run.

    Attributes:
        out: folder for ``result.json``, ``table.md`` and ``index.html``; empty to keep nothing.
        seed: of the bootstrap, of what is drawn by lot, and of a model's sampling.
        workers: processes, 0 for one a core.
        resume: pass over samples that an earlier run into ``out`` has answered.
        attempts: times that a question is asked.
    """

    out: str = ""
    seed: int = 0
    workers: int = 1
    resume: bool = True
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class SampleJob(Job):
    """A sample as the engine takes it."""

    sample: Sample = field(kw_only=True)


@dataclass(frozen=True, kw_only=True)
class EvalWork(AskingWork):
    """Answers samples: computes in worker processes, asks beside them."""

    measures = False

    task: Task
    options: EvalOptions

    def __getstate__(self) -> dict[str, Any]:
        # Connections and questions stay in this process; each sample goes with its own job.
        solver = self.task.solver
        if solver is not None and solver.ask is not None:
            solver = replace(solver, ask=_elsewhere)
        slim = Task(**{**vars(self.task), "samples": (), "scorer": None, "solver": solver})
        return {**super().__getstate__(), "task": slim}

    def find(self, inputs: Sequence[str], config: RunConfig) -> tuple[list[Job], list[Rejected]]:
        jobs: list[Job] = [
            SampleJob(Clip(path=one.id, id=one.id), one.id, _state_of(one), sample=one)
            for one in self.task.samples
        ]
        return jobs, []

    @property
    def has_stage(self) -> bool:
        """Whether somebody is asked."""
        return self.task.solver is not None and self.task.solver.ask is not None

    def cached_in(self, folder: str) -> EvalWork:
        return self

    def __call__(self, job: Job) -> Any:
        assert isinstance(job, SampleJob)
        solver, began = self.task.solver, time.perf_counter()
        compute = solver.compute if solver else None
        ready = compute(job.sample) if compute else None
        if self.has_stage:
            return ready
        return Documents(
            evidence=json.dumps({"answer": ready}),
            seconds={"computing": time.perf_counter() - began},
        )

    def config(self) -> str:
        return fingerprint(
            task=self.task.name,
            method=self.task.method,
            options=dict(self.task.options),
            models=dict(self.task.models),
            prompts=self.task.prompts,
            model=self.model,
            seed=self.options.seed,
        )

    async def ask(self, job: Job, ready: Any, backend: Backend) -> Documents:
        """The sample's answer; a partial document where there is no whole one."""
        assert isinstance(job, SampleJob)
        solver, options = self.task.solver, self.options
        assert solver is not None and solver.ask is not None
        asker = Asker(backend, None, options.seed, options.attempts)
        missing: dict[str, tuple[str, ...]] = {}
        answer, problem = None, ""
        began = time.perf_counter()
        try:
            answer = await solver.ask(asker, job.sample, ready)
        except ModelError as error:
            missing, problem = {"": ("/answer",)}, str(error)
        return Documents(
            evidence=json.dumps({"answer": answer, "model": asker.model}, ensure_ascii=False),
            seconds={"questions": time.perf_counter() - began},
            cost=cost_of(asker.usage),
            missing=missing,
            reasons=(problem,) if problem else (),
        )


def _state_of(sample: Sample) -> str:
    """What an answer holds for: the sample, and its video's file as it is now."""
    try:
        status = os.stat(sample.video) if sample.video else None
    except OSError:
        status = None
    stamp = f" {status.st_size} {status.st_mtime_ns}" if status else ""
    return sample.digest + stamp


class MeasuringWork(EvalWork):
    """A work whose solver measures clips: weights are fetched first."""

    measures = True


async def _elsewhere(asker: Asker, sample: Sample, ready: Any) -> Any:
    """Stands in a worker process for what is asked outside of it."""
    raise NotImplementedError


def evaluate(
    task: Task,
    options: EvalOptions | None = None,
    *,
    server: Server | None = None,
    backend: Backend | None = None,
    events: Events | None = None,
) -> tuple[Result, Run]:
    """Answer and score every sample; with ``options.out``, write the result, its table and page.

    Returns:
        The result, and how the run went: where that is not whole, some samples are not scored.

    Raises:
        UsageError: there is nothing to score, or there is nobody to ask.
        MissingDependency, ServerError: what would be the same for every sample.
    """
    options = options or EvalOptions()
    if not task.samples:
        first = "; ".join(f"{one.source}: {one.reason}" for one in task.rejected[:3])
        raise UsageError(f"eval {task.name}: there is nothing to score ({first or 'no input'})")
    if len({one.id for one in task.samples}) < len(task.samples):
        raise UsageError(f"eval {task.name}: two samples have the same name")
    run = Run(total=len(task.samples))
    answers: Mapping[str, Any] = {one.id: one.input for one in task.samples}
    model = ""
    if task.solver is not None:
        run, answers, model = _answer(task, options, server, backend, events)
    scored = [(one, task.scorer(one, answers[one.id])) for one in task.samples if one.id in answers]
    failed = [*run.failed, *run.partial]
    result = summarize(
        task, scored, seed=options.seed, failed=failed, model=model, cost=dict(run.cost)
    )
    if options.out and not run.interrupted and not run.waiting:
        run.outputs = [str(path) for path in write_report(result, Path(options.out))]
    return result, run


def _answer(
    task: Task,
    options: EvalOptions,
    server: Server | None,
    backend: Backend | None,
    events: Events | None,
) -> tuple[Run, Mapping[str, Any], str]:
    """How the run went, the answers by sample, and the model that gave them."""
    assert task.solver is not None
    kind = MeasuringWork if task.solver.measures else EvalWork
    work = kind(task=task, options=options, server=server, backend=backend)
    where = str(Path(options.out, ANSWERS)) if options.out else ""
    config = RunConfig(out=where, workers=options.workers, resume=options.resume, retry_failed=True)
    jobs, run = run_work([], work, config, events=events)
    texts: dict[str, str] = {}
    if where:
        for job in jobs:
            path = Path(where, f"{job.name}.json")
            if path.is_file():
                texts[job.name] = path.read_text(encoding="utf-8")
    else:
        texts = {jobs[index].name: one.evidence for index, one in run.results.items()}
    unsolved = {one.source for one in run.failed}
    documents = {
        job.name: json.loads(texts[job.name])
        for job in jobs
        if job.name in texts and job.clip.path not in unsolved
    }
    models = [one["model"] for one in documents.values() if one.get("model")]
    answers = {name: one["answer"] for name, one in documents.items() if one["answer"] is not None}
    return run, answers, models[0] if models else work.model
