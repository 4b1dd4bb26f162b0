"""Answers that fit a schema: asked for, read, and asked for again where they do not fit."""

from __future__ import annotations

import asyncio
import json
from asyncio import AbstractEventLoop
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, Literal, TypeVar
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ValidationError

from instancecap.errors import FormatError, ModelError
from instancecap.schema.salvage import salvage
from instancecap.mllm.base import Backend, Message, Reply, Request
from instancecap.mllm.loops import find_loop
from instancecap.mllm.usage import Usage

T = TypeVar("T", bound=BaseModel)

MAX_TEMPERATURE = 1.0

_ODD = "vermilion-47"
_PROBE = Request(
    messages=(
        Message("user", ('Name the colour of a cloudless sky at noon: {"colour": "blue"} or so.',)),
    ),
    schema={
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": [_ODD]}},
        "required": ["colour"],
        "additionalProperties": False,
    },
    max_tokens=256,
)


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """What came of a question.

    Attributes:
        value: None where no attempt gave a usable answer.
        problem: what was wrong in the end, in one line; empty when nothing was. With a value, it
            says which fields were not answered: they have their defaults.
        replies: of every attempt, in order.
        usage: of every attempt.
    """

    value: T | None
    problem: str
    replies: tuple[Reply, ...]
    usage: Usage


class Enforcement:
    """Whether a backend keeps to the schema it is given; some accept one and ignore it.

    Found out by one question per backend, which asks for one word while its schema allows only
    another, and remembered.

    Attributes:
        usage: what finding out has cost.
    """

    def __init__(self, *, assume: bool | None = None) -> None:
        """``assume``: taken for granted, and nobody is asked; None to find out."""
        self.usage = Usage()
        self._assumed = assume
        self._known: WeakKeyDictionary[Backend, bool] = WeakKeyDictionary()
        self._locks: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def of(self, backend: Backend) -> bool:
        """True where every answer fits its schema; False also where that could not be learned.

        Raises:
            ServerError: nothing can be asked at all.
        """
        if self._assumed is not None:
            return self._assumed
        if backend in self._known:
            return self._known[backend]
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if backend not in self._known:
                (reply,) = await backend.complete([_PROBE])
                if isinstance(reply, ModelError):
                    self._known[backend] = False
                else:
                    self.usage += Usage.of(_PROBE, reply)
                    self._known[backend] = _is_odd(reply.text)
        return self._known[backend]


def _is_odd(text: str) -> bool:
    try:
        return bool(json.loads(text) == {"colour": _ODD})
    except ValueError:
        return False


async def ask(
    backend: Backend,
    request: Request,
    answer: type[T],
    *,
    attempts: int = 3,
    enforce: Enforcement,
) -> Asked[T]:
    """Ask until the answer fits ``answer``, at most ``attempts`` times.

    Arguments:
        request: its schema is set here.
        answer: a model whose fields are asked, all of them; it should forbid extra ones. Fields
            with defaults are those that a caption can do without: where no attempt answers
            everything, the fullest answer counts.

    Raises:
        ServerError: nothing can be asked at all.
    """
    schema = answer_schema(answer)
    first = replace(request, schema=schema)
    if not await enforce.of(backend):
        first = _with_text(first, _in_words(schema))
    asked = first
    replies: list[Reply] = []
    flaws: list[_Flaw[T]] = []
    usage = Usage()
    for attempt in range(attempts):
        (reply,) = await backend.complete([asked])
        if isinstance(reply, ModelError):
            flaws.append(_Flaw("failed", str(reply)))
            break
        replies.append(reply)
        usage += Usage.of(asked, reply)
        read = _read(reply, answer, asked)
        if not isinstance(read, _Flaw):
            return Asked(read, "", tuple(replies), usage)
        flaws.append(read)
        asked = _again(first, asked, reply, read, seed=request.seed + attempt + 1)
    partial = max(
        (one.partial for one in flaws if one.partial is not None),
        key=lambda value: -len(list(_missing(value))),
        default=None,
    )
    said = "; ".join(dict.fromkeys(one.says for one in flaws))
    return Asked(partial, f"no whole answer ({said})", tuple(replies), usage)


@dataclass(frozen=True, slots=True)
class _Flaw(Generic[T]):
    """What is wrong with an answer; ``partial``: what can be used of it if no better one comes."""

    kind: Literal["failed", "loop", "truncated", "empty", "unfit"]
    says: str
    partial: T | None = None


def _read(reply: Reply, answer: type[T], asked: Request) -> T | _Flaw[T]:
    """The answer: as it stands, put right, or what is wrong with it."""
    if loop := find_loop(reply.text):
        return _Flaw("loop", f"the answer repeats itself: {loop[:60]!r}")
    try:
        value = answer.model_validate_json(reply.text, strict=True)
        if not list(_missing(value)):
            return value
    except ValidationError:
        pass
    cut = reply.finish == "length"
    if not reply.text.strip():
        says = "the answer is empty"
        return _Flaw("truncated" if cut else "empty", says + " (all reasoning)" * cut)
    partial: T | None = None
    try:
        found, _ = salvage(reply.text)
        value = _validated(answer, found)
        missing = list(_missing(value))
        if not (missing or cut):
            return value
        says = f"not answered: {', '.join(missing)}"
        partial = value if set(answer.model_fields) & value.model_fields_set else None
    except (FormatError, ValidationError) as error:
        says = _in_one_line(error)
    if cut:
        return _Flaw("truncated", f"the answer is cut off at {asked.max_tokens} tokens", partial)
    return _Flaw("unfit", says, partial)


def _validated(answer: type[T], found: Any) -> T:
    """Validated by sense rather than by type; fields that nobody asked for are left out."""
    try:
        return answer.model_validate(found)
    except ValidationError as error:
        extra = [one["loc"] for one in error.errors() if one["type"] == "extra_forbidden"]
        if len(extra) < error.error_count():
            raise
        try:
            for *path, name in extra:
                place = found
                for step in path:
                    place = place[step]
                del place[name]
        except (LookupError, TypeError):  # within a union the path names types as well
            raise error from None
    return answer.model_validate(found)


def _missing(value: Any, path: str = "") -> Iterator[str]:
    """Fields that the answer did not have, also in the models within."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name not in value.model_fields_set:
                yield path + name
            else:
                yield from _missing(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _missing(one, f"{path}{index}.")


def _in_one_line(error: FormatError | ValidationError) -> str:
    if isinstance(error, FormatError):
        return str(error)
    problems = [
        f"{'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    ]
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return "; ".join(problems[:5]) + more


def _again(first: Request, asked: Request, reply: Reply, flaw: _Flaw[T], *, seed: int) -> Request:
    """The next question: other settings, or the same with what was wrong with the answer."""
    warmer = min(MAX_TEMPERATURE, asked.temperature + 0.3)
    match flaw.kind:
        case "truncated":
            return replace(asked, seed=seed, max_tokens=2 * asked.max_tokens)
        case "loop":
            penalty = round(asked.penalty + 0.1, 2)
            return replace(asked, seed=seed, temperature=warmer, penalty=penalty)
        case "unfit":
            fields = ", ".join((first.schema or {}).get("properties", {}))
            correction = (
                f"That answer cannot be used: {flaw.says}. Answer again with one JSON object "
                f"and nothing else. Its fields are: {fields}."
            )
            turn = (Message("assistant", (reply.text[:4000],)), Message("user", (correction,)))
            messages = (*first.messages, *turn)
            return replace(asked, seed=seed, temperature=warmer, messages=messages)
    return replace(asked, seed=seed, temperature=warmer)


def _in_words(schema: Mapping[str, Any]) -> str:
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object and nothing else. It has to fit this JSON Schema: {text}"


def _with_text(request: Request, text: str) -> Request:
    """The request with ``text`` at the end of what the user says last."""
    *before, last = request.messages
    return replace(request, messages=(*before, replace(last, parts=(*last.parts, text))))


@lru_cache(maxsize=256)
def answer_schema(answer: type[BaseModel]) -> Mapping[str, Any]:
    """JSON Schema of a model's fields, in the form that every server's strict mode takes.

    All fields required, no others allowed, references written out, no titles and defaults; the
    descriptions of fields stay. The model must not contain itself.
    """
    full = answer.model_json_schema()
    schema = _plain(full, full.get("$defs", {}))
    assert isinstance(schema, dict)
    schema.pop("description", None)
    return schema


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = dict(definitions[node["$ref"].removeprefix("#/$defs/")])
        target.pop("description", None)  # the class's docstring, not the field's
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**target, **rest}, definitions)
    plain: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            plain[key] = {name: _plain(one, definitions) for name, one in value.items()}
            plain["required"] = list(value)
            plain["additionalProperties"] = False
        elif key == "const":
            plain["enum"] = [value]
        elif key not in ("title", "default", "$defs", "required", "additionalProperties"):
            plain[key] = value if key == "enum" else _plain(value, definitions)
    return plain
