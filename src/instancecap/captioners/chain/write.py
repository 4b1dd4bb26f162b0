"""Ask, agree, merge, and check."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.detail import detail_questions, take_details
from instancecap.captioners.chain.look import look
from instancecap.captioners.chain.merge import merge, note_at_odds
from instancecap.captioners.chain.options import ChainOptions, is_below, key_of
from instancecap.captioners.chain.paper import paper
from instancecap.captioners.chain.parts import describe_parts
from instancecap.captioners.chain.pictures import Prepared
from instancecap.captioners.chain.questions import (
    THOUSANDTHS,
    Answered,
    Chain,
    Question,
    Scene,
    Work,
)
from instancecap.captioners.chain.second_look import SECOND_LOOK
from instancecap.captioners.chain.single import single
from instancecap.mllm.base import Backend, Image, Usage
from instancecap.mllm.probes import Convention, grounding
from instancecap.mllm.structured import ask
from instancecap.schema.caption import Caption
from instancecap.schema.pointer import instance_of
from instancecap.verify.check import verify
from instancecap.verify.report import MARK, REMOVED, Contradiction, Report, apply, contradictions


def fused(scene: Scene) -> Chain:
    """1 call, 1 for each instance that is looked at of its own, 1 for every few parts of a long
    clip."""
    yield from look(scene)
    if details := detail_questions(scene):
        take_details(scene, (yield details))
    yield from describe_parts(scene)


CHAINS = {"fused": fused, "paper": paper, "single": single}


@dataclass(frozen=True, slots=True)
class Written:
    """A caption, and what it took to write it.

    Attributes:
        missing: leaves that were asked for and got no answer.
        reasons: why, in words, each once.
    """

    caption: Caption
    usage: Usage
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


async def write(
    prepared: Prepared,
    backend: Backend,
    *,
    options: ChainOptions,
    enforced: bool | None = None,
    convention: Convention | None = None,
) -> Written:
    """Ask a model about a clip, agree with it on who is who, and check what it says.

    The caption is valid whatever the model answers: a field without a usable answer stays as it
    was measured, or empty, and a warning names it. The same replies give the same caption.

    Args:
        prepared: what :func:`prepare` made with the same ``options``.
        backend: who is asked.
        enforced: whether the backend keeps to schemas; None to ask it, once.
        convention: how the model writes boxes down; None to ask it, once a server.

    Raises:
        ServerError: nothing can be asked at all.
        UsageError: a prompt or hint file of the user's cannot be used.
    """
    scene = Scene(prepared, options)
    asker = _Asker(scene, backend, enforced)
    if convention is None and prepared.previous is None and options.mode != "single":
        convention = await grounding(backend)
        asker.usage += convention.usage
    scene.convention = THOUSANDTHS if convention is None else convention
    await _run(CHAINS[options.mode](scene), asker)
    scene.models = scene.models or {backend.model}
    caption = merge(scene)
    if options.english:
        caption = await _check(caption, scene, asker)
        note_at_odds(caption)
    missing = [one for _, _, some in scene.missing for one in some]
    said, allows = scene.said, prepared.wanted.allows
    missing = [one for one in dict.fromkeys(missing) if one not in said and allows(one)]
    anew = prepared.wanted.instance and prepared.previous is None
    if missing and anew and not (scene.listed or scene.agreed):
        missing.insert(0, "/instances")  # nobody said which ones there are
    reasons = dict.fromkeys(problem for _, problem, some in scene.missing if some)
    return Written(
        Caption.model_validate(caption.model_dump()),
        asker.usage,
        tuple(missing),
        tuple(reasons) if missing else (),
    )


async def _run(chain: Chain, asker: _Asker) -> None:
    step = next(chain, None)
    while step is not None:
        sent: Any
        sent = await (asyncio.to_thread(step.run) if isinstance(step, Work) else asker.ask(step))
        try:
            step = chain.send(sent)
        except StopIteration:
            return


class _Asker:
    """Asks several questions at a time, and keeps the accounts."""

    def __init__(self, scene: Scene, backend: Backend, enforced: bool | None) -> None:
        self.scene, self.backend, self.enforced = scene, backend, enforced
        self.usage = Usage()

    async def ask(self, questions: Sequence[Question]) -> list[Answered]:
        """The answers, in order. Raises what makes asking pointless, after all have ended."""
        tasks = (self._ask_one(question) for question in questions)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Answered)]

    async def _ask_one(self, question: Question) -> Answered:
        options = self.scene.options
        request = question.request(self.scene.prompts, seed=options.seed)
        attempts = 1 if question.prose else options.attempts
        asked = await ask(
            self.backend,
            request,
            question.answer,
            attempts=attempts,
            optional=(SECOND_LOOK[0],),
            enforced=question.plain or self.enforced,
        )
        self.usage += asked.usage
        last = asked.replies[-1] if asked.replies else None
        model = (last.model if last else "") or self.backend.model
        text = last.text if last else ""
        return Answered(question, asked.value, asked.problem, model, text)


async def _check(caption: Caption, scene: Scene, asker: _Asker) -> Caption:
    """The caption with its claims; what a decisive measurement contradicts was asked once more."""
    options, previous = scene.options, scene.prepared.previous
    report = verify(caption, scene.checkable)
    again = []
    if options.mode != "single":  # whose model knows one question only
        again = recheck_questions(scene, caption, contradictions(report))
    if again:
        kept = take_rechecks(scene, await asker.ask(again))
        caption = merge(scene)
        report = dispute_kept(verify(caption, scene.checkable), kept)
    if previous is None:
        return apply(caption, report, on_contradiction=options.on_contradiction)
    # Of a caption that is rewritten, only what is new is judged.
    own = _rewritten(caption, previous, scene.said)
    findings = [one for one in report.findings if is_below(one.claim.field, own)]
    before = [one for one in caption.claims if not is_below(one.field, own)]
    judged = apply(
        caption, replace(report, findings=findings), on_contradiction=options.on_contradiction
    )
    judged.claims = [*before, *judged.claims]
    older = [one for one in caption.warnings if one not in judged.warnings]
    judged.warnings = [one for one in older if not _warns_of(one, own)] + judged.warnings
    return judged


def _rewritten(caption: Caption, previous: Caption, said: Collection[str]) -> set[str]:
    """Leaves, or what holds them, that were answered anew or came out otherwise."""
    now, then = caption.leaves(), previous.leaves()
    own = {at for at in now.keys() | then.keys() if now.get(at) != then.get(at)} | {*said}
    own |= {f"{at}_spans" for at in said if at.endswith("/expression")}
    if any(at.startswith("/segments/") for at in own):
        own.add("/segments")  # all are written at a time
    if [one.start for one in caption.shots] != [one.start for one in previous.shots]:
        own.add("/shots")
    return own


def _warns_of(line: str, own: Collection[str]) -> bool:
    """Whether it marks one of these fields."""
    marks = (mark for mark in (MARK, REMOVED) if line.startswith(mark))
    return any(is_below(line.removeprefix(mark).partition(": ")[0], own) for mark in marks)


# Recheck ------------------------------------------------------------------------------------------


PICTURES = 6
"""Of a question on one disagreement, at most: those nearest to where it was measured."""


def recheck_questions(
    scene: Scene, caption: Caption, wrong: Sequence[Contradiction]
) -> list[Question]:
    """One question for each leaf that a decisive measurement speaks against."""
    questions = []
    leaves = caption.leaves()
    for pointer in dict.fromkeys(one.pointer for one in wrong):
        if pointer not in leaves or pointer not in scene.said:
            continue
        here = [one for one in wrong if one.pointer == pointer]
        id, key = instance_of(pointer), key_of(pointer)
        subject = "the clip" if id is None else scene.names[id]
        measured = "; ".join(dict.fromkeys(one.measured for one in here))
        told = {"subject": subject, "key": key, "said": leaves[pointer], "measured": measured}
        question = Question(
            about=subject,
            images=_pictures(scene, [t for one in here for t in one.frames]),
            text=scene.compose(scene.prompts.say("recheck", **told), scene.keys(("verdict", key))),
            answer=answer_type(("verdict", key)),
            pointers=(pointer,),
        )
        questions.append(question)
    return questions


def take_rechecks(scene: Scene, answers: Sequence[Answered]) -> frozenset[str]:
    """Keep the corrected values; gives the leaves at which the model stands by its word."""
    kept = set()
    for answered in answers:
        (pointer,) = answered.question.pointers
        if answered.get("verdict") == "corrected":
            scene.take(answered, {pointer: getattr(answered.value, key_of(pointer))})
        elif answered.get("verdict") == "kept":
            kept.add(pointer)
    return frozenset(kept)


def dispute_kept(report: Report, kept: frozenset[str]) -> Report:
    """The report with what is contradicted and was kept as ``disputed``: nobody decides it."""
    for one in report.findings:
        if one.claim.field in kept and one.claim.support == "contradicted":
            one.claim.support = "disputed"
    return report


def _pictures(scene: Scene, frames: Sequence[float]) -> tuple[Image, ...]:
    """The clip's pictures nearest to the times at which something was measured."""
    images = [one for one in scene.prepared.images if isinstance(one, Image)]
    images.sort(key=lambda one: min((abs((one.t or 0.0) - t) for t in frames), default=0.0))
    return tuple(sorted(images[:PICTURES], key=lambda one: one.t or 0.0))
