"""Answers that fit a schema: asked for, read key by key, and asked again for what is missing."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from instancecap.errors import ModelError, QuestionRefused
from instancecap.mllm.base import Backend, Message, Reply, Request, Usage
from instancecap.mllm.probes import KEEPS_SCHEMA
from instancecap.mllm.reading import Flaw, Kind, read_reply, validate
from instancecap.mllm.schemas import Schema, answer_schema, in_words, narrowed

T = TypeVar("T", bound=BaseModel)

MAX_TEMPERATURE = 1.0


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """What came of a question.

    Attributes:
        value: what was answered; keys that were not have their defaults. None where nothing was
            answered, or a key without a default was not.
        missing: the keys that were not answered.
        kind: why they are missing; empty when none is.
        problem: the same in one line.
        replies: of every attempt, in order.
        usage: of every attempt, and of finding out whether the schema is kept.
    """

    value: T | None
    missing: tuple[str, ...]
    kind: Kind | Literal[""]
    problem: str
    replies: tuple[Reply, ...]
    usage: Usage


async def ask(
    backend: Backend,
    request: Request,
    answer: type[T],
    *,
    attempts: int = 3,
    enforced: bool | None = None,
    optional: Collection[str] = (),
) -> Asked[T]:
    """Ask until every key of ``answer`` is answered, at most ``attempts`` times.

    What is usable of an answer is kept, and only the keys that are missing are asked again.

    Args:
        request: its schema is set here.
        answer: a model whose fields are asked, all of them. Fields with defaults are those that
            a caption can do without.
        enforced: whether the backend keeps to schemas; None to find out by a question, once.
        optional: keys that are not asked for again where only they are missing or cut off.

    Raises:
        ServerError: nothing can be asked at all.
    """
    usage = Usage()
    if enforced is None:
        enforced, usage = await KEEPS_SCHEMA.of(backend)
    wanted = answer_schema(answer)
    first = replace(request, schema=wanted)
    if not enforced:
        first = _with_text(first, in_words(wanted))
    asked, found = first, dict[str, Any]()
    value: T | None = None
    missing = list(wanted["properties"])
    replies: list[Reply] = []
    flaws: list[Flaw] = []
    for attempt in range(attempts):
        (reply,) = await backend.complete([asked])
        if isinstance(reply, ModelError):
            kind: Kind = "refused" if isinstance(reply, QuestionRefused) else "failed"
            flaws.append(Flaw(kind, str(reply)))
            break
        replies.append(reply)
        usage += Usage.of(asked, reply)
        new, flaw = read_reply(reply, wanted)
        _merge(found, new)
        value, missing, problems = validate(answer, found)
        if flaw and flaw.kind == "truncated" and new and isinstance(new[last := [*new][-1]], list):
            missing = [last, *missing]  # its other entries are cut off
        missing = [one for one in missing if one not in optional]
        if not missing:
            return Asked(value, (), "", "", tuple(replies), usage)
        keys = ", ".join(missing)
        flaws.append(
            flaw or Flaw("incomplete", "; ".join([*problems[:5], f"not answered: {keys}"]))
        )
        if reply.finish == "content_filter" or _refuses_again(flaws):
            break
        wanted = narrowed(answer_schema(answer), missing)
        asked = replace(
            _again(asked, flaws[-1], seed=request.seed + attempt + 1),
            schema=wanted,
            messages=(*first.messages, *_correction(flaws[-1], reply, found, wanted, enforced)),
        )
    reasons = "; ".join(dict.fromkeys(one.text for one in flaws))
    problem = f"no whole answer ({reasons})"
    return Asked(
        value if found else None, tuple(missing), flaws[-1].kind, problem, tuple(replies), usage
    )


def _refuses_again(flaws: list[Flaw]) -> bool:
    return [one.kind for one in flaws[-2:]] == ["refused", "refused"]


def _merge(found: dict[str, Any], new: dict[str, Any]) -> None:
    """Add what is new; what is known stays, but for a list that is longer now."""
    for key, value in new.items():
        known = found.setdefault(key, value)
        if isinstance(known, list) and isinstance(value, list) and len(value) > len(known):
            found[key] = value


def _again(asked: Request, flaw: Flaw, *, seed: int) -> Request:
    """The settings of the next attempt."""
    warmer = min(MAX_TEMPERATURE, asked.temperature + 0.3)
    if flaw.kind == "truncated":
        return replace(asked, seed=seed, max_tokens=2 * asked.max_tokens)
    if flaw.kind == "repetition":
        penalty = round(asked.penalty + 0.1, 2)
        return replace(asked, seed=seed, temperature=warmer, penalty=penalty)
    return replace(asked, seed=seed, temperature=warmer)


def _correction(
    flaw: Flaw, reply: Reply, found: dict[str, Any], wanted: Schema, enforced: bool
) -> tuple[Message, ...]:
    """The turns that lead from the first question to the next: nothing to correct, no turns."""
    if not found and flaw.kind in ("truncated", "repetition", "empty", "thinking"):
        return ()
    answered = json.dumps(found, ensure_ascii=False) if found else reply.text[:4000]
    keys = ", ".join(wanted["properties"])
    text = f"That answer cannot be used as it is: {flaw.text}. "
    if flaw.kind == "refused":
        text = "Nobody has to be recognised: only what can be seen is to be described. "
    text += f"Answer with one JSON object and nothing else. Its keys are: {keys}."
    if found and not enforced:
        text += f" {in_words(wanted)}"
    return Message("assistant", (answered or "{}",)), Message("user", (text,))


def _with_text(request: Request, text: str) -> Request:
    """The request with ``text`` at the end of what the user says last."""
    *before, last = request.messages
    return replace(request, messages=(*before, replace(last, parts=(*last.parts, text))))
