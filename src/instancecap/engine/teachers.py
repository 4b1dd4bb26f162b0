"""Several models are asked about each clip, side by side, and one caption is made of their answers.

What a teacher answered is kept, so that a later run asks only those that are new, were down, or
left something open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from instancecap.captioners.teachers import Answer, combine
from instancecap.engine.asking import AskWork, ModelStage, Ready
from instancecap.engine.work import Cache, Documents, Work, fingerprint, stamp_of
from instancecap.errors import ServerError
from instancecap.formats import Caption
from instancecap.io.identity import Identity
from instancecap.io.inputs import Earlier, Job
from instancecap.schema.caption import Teacher
from instancecap.schema.evidence import Evidence

Captions = dict[str, Earlier]
"""What a teacher wrote of a clip, by what follows the clip's name, and what that lacks."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one teacher has answered about a clip so far, and what that cost."""

    captions: Captions = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to ask."""
        return bool(self.captions) and not any(one.missing for one in self.captions.values())

    def to_json(self) -> str:
        """For the cache."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From :meth:`to_json`."""
        told = json.loads(text)
        captions = {
            part: Earlier(one["document"], tuple(one["missing"]))
            for part, one in told["captions"].items()
        }
        return cls(captions, told["cost"], told["problem"])


@dataclass(frozen=True, slots=True)
class ReadyForAll:
    """A clip that teachers can be asked about.

    Attributes:
        ready: by teacher; without those who have answered everything.
        known: what each has answered before.
        parts: the evidence of each caption, as JSON.
    """

    ready: dict[str, Ready]
    known: dict[str, Answers]
    parts: dict[str, str]
    evidence: str
    seconds: dict[str, float]
    identity: Identity
    stamp: str


@dataclass(frozen=True, kw_only=True)
class TeachersWork(Work):
    """Measure once; ask every teacher; combine.

    Attributes:
        teachers: by name, in the user's order.
        answers: folder for what they answered; empty for none.
        resume: use what is there.
    """

    teachers: Mapping[str, AskWork]
    max_instances: int
    answers: str = ""
    resume: bool = True

    @property
    def has_stage(self) -> bool:
        return True

    def cached_in(self, folder: str) -> Self:
        kept = super().cached_in(folder)
        return replace(kept, answers=str(Path(folder).with_name("teachers")))

    def config(self) -> str:
        works = {name: work.config() for name, work in self.teachers.items()}
        return fingerprint(teachers=list(works.items()), most=self.max_instances)

    def kept(self, name: str, job: Job) -> Cache:
        """Where a teacher's answers about a clip are."""
        if not self.answers:
            return Cache()
        key = fingerprint(config=self.teachers[name].config(), hint=job.hint)
        return Cache(str(Path(self.answers, fingerprint(name=name))), key)

    def __call__(self, job: Job) -> ReadyForAll:
        measured, stamp = self.measure(job), stamp_of(job)
        ready: dict[str, Ready] = {}
        known: dict[str, Answers] = {}
        shared: dict[Any, Ready] = {}  # the pictures of teachers that are shown the same
        for name, teacher in self.teachers.items():
            work = replace(teacher, cluster=self.cluster)
            text = self.kept(name, job).get_text(job, stamp=stamp) if self.resume else None
            known[name] = Answers.from_json(text) if text else Answers()
            if known[name].is_whole:
                continue
            earlier = known[name].captions
            if earlier or work.options not in shared:
                ready[name] = work.ready(replace(job, earlier=earlier or None), measured)
            else:
                ready[name] = shared[work.options]
            if not earlier:
                shared[work.options] = ready[name]
        made = {id(one): one.seconds["pictures"] for one in ready.values()}
        return ReadyForAll(
            ready=ready,
            known=known,
            parts={suffix: facts.to_json(indent=None) for suffix, _, facts in measured.parts},
            evidence=measured.evidence.to_json() if self.keep_evidence else "",
            seconds={"evidence": measured.seconds, "pictures": sum(made.values())},
            identity=measured.identity,
            stamp=stamp,
        )

    def open_stage(self) -> TeachersStage:
        stages = {name: work.open_stage() for name, work in self.teachers.items()}
        return TeachersStage(self, {name: one for name, one in stages.items() if one is not None})

    def combined(self, ready: ReadyForAll, found: Mapping[str, Answers]) -> Documents:
        """The captions, by part, of what the teachers answered."""
        captions = {}
        for suffix, evidence in ready.parts.items():
            answers = [self._answer(name, suffix, found[name]) for name in self.teachers]
            captions[suffix] = combine(
                answers, Evidence.from_json(evidence), max_instances=self.max_instances
            ).to_json()
        open_ = tuple(f"/teachers/{name}" for name, one in found.items() if not one.is_whole)
        return Documents(
            captions,
            ready.evidence,
            seconds=ready.seconds,
            identity=ready.identity,
            missing=dict.fromkeys(captions, open_) if open_ else {},
            reasons=tuple(dict.fromkeys(one.problem for one in found.values() if one.problem)),
        )

    def _answer(self, name: str, suffix: str, found: Answers) -> Answer:
        work, earlier = self.teachers[name], found.captions.get(suffix)
        teacher = teacher_of(name, work.model, work.options.mode, found.cost, found.problem)
        return Answer(teacher, Caption.from_json(earlier.document) if earlier else None)


def teacher_of(
    name: str, model: str, mode: str, cost: Mapping[str, float], problem: str
) -> Teacher:
    """What a caption says of a teacher, before it is known what that has won."""
    units = ("calls", "prompt_tokens", "completion_tokens", "seconds")
    amounts = {unit: round(cost.get(unit, 0), 3) for unit in units}
    return Teacher(name=name, model=model, mode=mode, problem=problem, **amounts)


class TeachersStage:
    """The second half, where it runs: a stage for each teacher."""

    def __init__(self, work: TeachersWork, stages: Mapping[str, ModelStage]) -> None:
        self._work, self._stages = work, stages
        self._down: dict[str, ServerError] = {}

    async def __call__(self, job: Job, ready: ReadyForAll) -> Documents:
        """The combined captions; no documents where a batch has yet to answer a teacher.

        Raises:
            ServerError: no teacher at all can be asked.
        """
        names = list(ready.ready)
        asked = await asyncio.gather(*(self._ask(name, job, ready) for name in names))
        if any(documents is not None and documents.waiting for documents in asked):
            return Documents(waiting=True)
        found = dict(ready.known)
        cost: dict[str, float] = {}
        for name, documents in zip(names, asked, strict=True):
            if documents is None:
                found[name] = replace(found[name], problem=str(self._down[name]))
                continue
            found[name] = _added(found[name], documents)
            for unit, amount in documents.cost.items():
                cost[unit] = round(cost.get(unit, 0) + amount, 3)
        if not any(one.captions for one in found.values()):
            raise self._down[names[0]]
        return replace(self._work.combined(ready, found), cost=cost)

    async def _ask(self, name: str, job: Job, ready: ReadyForAll) -> Documents | None:
        """What a teacher answers, which is kept at once; None where it is down."""
        if name in self._down:
            return None
        try:
            documents: Documents = await self._stages[name](job, ready.ready[name])
        except ServerError as error:
            self._down[name] = error  # for the rest of the run: every clip would wait for it
            return None
        if not documents.waiting:
            answers = _added(ready.known[name], documents)
            self._work.kept(name, job).put_text(job, answers.to_json(), stamp=ready.stamp)
        return documents

    async def close(self) -> None:
        """Give back connections, files, memory."""
        for stage in self._stages.values():
            await stage.close()

    def finish(self) -> tuple[list[str], int]:
        """As of one model, for all of them."""
        ends = [stage.finish() for stage in self._stages.values()]
        return [path for paths, _ in ends for path in paths], sum(count for _, count in ends)


def _added(known: Answers, documents: Documents) -> Answers:
    """What a teacher has answered, with what came now."""
    captions = {
        part: Earlier(text, documents.missing.get(part, ()))
        for part, text in documents.captions.items()
    }
    units = {*known.cost, *documents.cost}
    cost = {unit: known.cost.get(unit, 0) + documents.cost.get(unit, 0) for unit in units}
    return Answers(captions, cost, "; ".join(documents.reasons))
