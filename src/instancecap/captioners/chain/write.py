"""Ask, merge, check, and ask again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.fused import fused
from instancecap.captioners.chain.merge import Draft, draft_pointers, merge, write_leaf
from instancecap.captioners.chain.options import CLIP_POINTERS, INSTANCE_LEAVES, ChainOptions
from instancecap.captioners.chain.paper import paper
from instancecap.captioners.chain.pictures import Prepared
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.captioners.chain.single import single
from instancecap.mllm.base import Backend
from instancecap.mllm.structured import Enforcement, ask
from instancecap.mllm.usage import Usage
from instancecap.schema.caption import Caption
from instancecap.verify.check import verify
from instancecap.verify.repair import MARK, REMOVED, apply
from instancecap.verify.report import Contradiction, contradictions

CHAINS = {"fused": fused, "paper": paper, "single": single}

KNOWN = Enforcement()
"""What this process has found out about backends."""


TRUST = Enforcement(assume=True)
"""Takes every backend to keep to a schema, so that a question stays word for word as it is."""


@dataclass(frozen=True, slots=True)
class Written:
    """A caption, and what it took to write it.

    Attributes:
        missing: JSON pointers of what was asked for and not got.
        reasons: why, one line each; several pointers may share one.
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
    enforce: Enforcement | None = None,
) -> Written:
    """Ask a model about a clip, and check what it says against the evidence.

    The caption is valid whatever the model answers: a field without a usable answer stays as it
    was measured, or empty, and a warning names it. The same replies give the same caption.

    Args:
        prepared: what :func:`prepare` made with the same ``options``.
        backend: who is asked.
        enforce: what is known of backends that keep to a schema; by default, what this process
            has found out.

    Raises:
        ServerError: nothing can be asked at all.
        UsageError: a prompt or hint file of the user's cannot be used.
    """
    scene = Scene(prepared, options)
    asker = _Asker(scene, backend, enforce or KNOWN)
    segments = {f"/segments/{index}" for index in range(len(prepared.parts))}
    draft = Draft(frozenset(prepared.wanted.pointers() | segments))
    await _run(CHAINS[options.mode](scene), asker, draft)
    draft.models = draft.models or {backend.model}
    caption = merge(prepared, draft, options, version=scene.prompts.version)
    if options.english:
        caption = await _check(caption, scene, asker, draft)
    return Written(Caption.model_validate(caption.model_dump()), asker.usage)


async def _run(chain: Chain, asker: _Asker, draft: Draft) -> None:
    questions = next(chain, None)
    while questions is not None:
        answers = await asker.ask(questions)
        for answered in answers:
            draft.take(answered)
        try:
            questions = chain.send(answers)
        except StopIteration:
            return


class _Asker:
    """Asks several questions at a time, and keeps the accounts."""

    def __init__(self, scene: Scene, backend: Backend, enforce: Enforcement) -> None:
        self.scene, self.backend, self.enforce = scene, backend, enforce
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
            enforce=TRUST if question.plain else self.enforce,
        )
        self.usage += asked.usage
        last = asked.replies[-1] if asked.replies else None
        model = (last.model if last else "") or self.backend.model
        text = last.text if last else ""
        return Answered(question, asked.value, asked.problem, model, text)


# Checked, and asked again ------------------------------------------------------------------------


async def _check(caption: Caption, scene: Scene, asker: _Asker, draft: Draft) -> Caption:
    """The caption with its claims; contradicted sentences of the model were asked once more."""
    prepared, options = scene.prepared, scene.options
    own = draft_pointers(draft)
    report = verify(caption, prepared.evidence)
    wrong = [one for one in contradictions(report) if one.pointer in own]
    if wrong:
        questions = _again(scene, draft, own, caption, wrong)
        for answered in await asker.ask(questions):
            if answered.value is not None:
                draft.take(answered)
        caption = merge(prepared, draft, options, version=scene.prompts.version)
        own = draft_pointers(draft)
        report = verify(caption, prepared.evidence)
    if prepared.previous is None:
        judged = apply(caption, report, on_contradiction=options.on_contradiction)
        return _refill(judged, prepared, own)
    # Of a caption that is rewritten, only what is new is judged.
    findings = [one for one in report.findings if one.claim.field in own]
    kept = list(caption.claims)
    judged = apply(
        caption, replace(report, findings=findings), on_contradiction=options.on_contradiction
    )
    judged.claims = [*kept, *judged.claims]
    stale = tuple(f"{mark}{pointer}: " for mark in (MARK, REMOVED) for pointer in own)
    older = [one for one in caption.warnings if one not in judged.warnings]
    judged.warnings = [one for one in older if not one.startswith(stale)] + judged.warnings
    return judged


def _refill(caption: Caption, prepared: Prepared, pointers: Iterable[str]) -> Caption:
    """Where nothing true was left of what the model said, the measured sentence stands in."""
    now, before = caption.leaves(), prepared.measured.leaves()
    things = {thing.id: thing for thing in caption.instances}
    filled = set()
    for pointer in pointers:
        # A window's sentence has no measured counterpart.
        if pointer not in now and pointer in before and not pointer.startswith("/segments/"):
            write_leaf(caption, things, pointer, before[pointer])
            caption.provenance[pointer] = prepared.measured.provenance[pointer]
            filled.add(pointer)
    if filled:
        anew = verify(caption, prepared.evidence).claims
        kept = [claim for claim in caption.claims if claim.field not in filled]
        caption.claims = kept + [claim for claim in anew if claim.field in filled]
    return caption


def _again(
    scene: Scene,
    draft: Draft,
    own: Mapping[str, str],
    caption: Caption,
    wrong: Sequence[Contradiction],
) -> list[Question]:
    """One question for each that gave a contradicted sentence, with what was measured."""
    by_question: dict[int, list[Contradiction]] = defaultdict(list)
    for one in wrong:
        by_question[id(draft.said[own[one.pointer]].question)].append(one)
    leaves = caption.leaves()
    questions = []
    for found in by_question.values():
        first = draft.said[own[found[0].pointer]].question
        if first.plain:
            continue  # its model knows one question only
        keys = {_key_of(one.pointer): own[one.pointer] for one in found}
        images = first.turns[0].parts
        said = {one.pointer: str(leaves.get(one.pointer, one.said)) for one in found}
        text = scene.compose(
            first.opening,
            scene.prompts.say(
                "recheck",
                said="\n".join(f"- {_key_of(at)}: {text}" for at, text in said.items()),
                measured="\n".join(
                    dict.fromkeys(f"- {_key_of(one.pointer)}: {one.measured}" for one in found)
                ),
            ),
            scene.keys(list(keys)),
        )
        questions.append(
            replace(
                first,
                images=tuple(part for part in images if not isinstance(part, str)),
                text=text,
                answer=answer_type(tuple(keys)),
                pointers=(),
                read=_reader(keys),
                before=(),
                prose="",
            )
        )
    return questions


def _reader(keys: Mapping[str, str]) -> Callable[[Any], Values]:
    return lambda value: {pointer: getattr(value, key) for key, pointer in keys.items()}


_KEYS = {pointer: key for key, pointer in CLIP_POINTERS.items()}
_THING_KEYS = {leaf: key for key, leaf in INSTANCE_LEAVES.items()}


def _key_of(pointer: str) -> str:
    if pointer.startswith("/segments/"):
        return "segment"
    return _KEYS.get(pointer) or _THING_KEYS[pointer.rsplit("/", 1)[1]]
