"""What a reply answers, key by key, and what is wrong with the rest."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ValidationError

from instancecap.errors import FormatError
from instancecap.formats.salvage import CUT_OFF, salvage
from instancecap.mllm.base import Reply
from instancecap.mllm.schemas import MISSING, Schema, coerce

Kind = Literal[
    "failed", "refused", "empty", "thinking", "repetition", "truncated", "prose", "incomplete"
]
"""Why a question has no whole answer: the server failed; a filter or the model refused; nothing
was written; all tokens went into thinking; it repeats itself; it is cut off; it is prose or
Markdown instead of JSON; keys are missing or cannot be read."""

_SORRY = re.compile(
    r"\W*(?:(?:I['’]m|I am) (?:very |really |so )?sorry\b|sorry, (?:but )?I\b|I apologi[sz]e\b"
    r"|(?:unfortunately, )?I (?:cannot|can['’]t|am (?:not able|unable)|will not|won['’]t) "
    r"|I['’]m (?:unable|not able) |as an AI\b|很?抱歉|对不起|我(?:无法|不能))",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"\W*.{0,60}\bI(?:['’]m| am)? (?:cannot|can['’]t|unable to|not able to|won['’]t) "
    r"(?:assist|help|comply|fulfil|provide|identify|engage)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a reply, in one line without a full stop."""

    kind: Kind
    text: str


def read_reply(reply: Reply, schema: Schema) -> tuple[dict[str, Any], Flaw | None]:
    """The keys that are answered, and what is wrong, if anything.

    The reasoning is read where the answer is empty: some servers take the one for the other.
    """
    text = reply.text.strip()
    if not text and reply.finish == "stop":
        start = max(reply.reasoning.rfind("\n{"), reply.reasoning.find("{"))
        text = reply.reasoning[start:] if start >= 0 else ""
    try:
        found, problems = salvage(text)
    except FormatError:
        found, problems = None, []
    values = coerce(found, schema) if found is not None else MISSING
    if values is MISSING:
        return {}, _flaw_of(reply, text, is_object=isinstance(found, dict))
    flaws: list[Flaw] = []
    values = _drop_flawed(values, flaws)
    if not flaws and reply.finish == "length" and CUT_OFF in problems:
        flaws.append(Flaw("truncated", "the answer is cut off"))
    return values, flaws[0] if flaws else None


def _flaw_of(reply: Reply, text: str, *, is_object: bool) -> Flaw:
    """What is wrong with a reply that answers none of the keys."""
    shown = " ".join(text.split())[:80]
    if reply.finish == "content_filter":
        said = f": {shown!r}" if shown else ""
        return Flaw("refused", f"a content filter, or the model, refuses the answer{said}")
    if reply.only_thought:
        return Flaw("thinking", f"all {reply.completion_tokens} tokens went into thinking")
    if not text:
        return Flaw("empty", "the answer is empty")
    if unit := find_repetition(text):
        return Flaw("repetition", f"the answer repeats itself: {unit[:60]!r}")
    if reply.finish == "length":
        return Flaw("truncated", "the answer is cut off")
    if is_object:
        return Flaw("incomplete", f"none of its keys was asked for: {shown!r}")
    if _SORRY.match(text):
        return Flaw("refused", f"the model refuses: {shown!r}")
    return Flaw("prose", f"it is not the JSON object that was asked for: {shown!r}")


def _drop_flawed(value: Any, flaws: list[Flaw]) -> Any:
    """The object without texts that go round in circles or decline to answer."""
    kept = {}
    for key, one in value.items():
        if isinstance(one, dict):
            kept[key] = _drop_flawed(one, flaws)
            continue
        if isinstance(one, str | list) and one:
            text = one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)
            if unit := find_repetition(text if isinstance(one, list) else f'"{text}"'):
                flaws.append(Flaw("repetition", f"{key} repeats itself: {unit[:60]!r}"))
                continue
            if isinstance(one, str) and _DECLINES.match(one):
                flaws.append(Flaw("refused", f"the model refuses {key}: {one[:60]!r}"))
                continue
        kept[key] = one
    return kept


def validate(answer: type[BaseModel], found: dict[str, Any]) -> tuple[Any, list[str], list[str]]:
    """The model of what was found, the keys that it lacks, and why values were taken out.

    The model is None where it lacks a field without a default. ``found`` is changed.
    """
    problems: list[str] = []
    for _ in range(200):  # each round takes one value out
        try:
            value = answer.model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = first["loc"][:-1] if first["type"] == "missing" else first["loc"]
            if path and _take_out(found, path):
                problems.append(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
                continue
            return None, [str(one["loc"][0]) for one in error.errors()], problems
        return value, _keys(answer, without=value.model_fields_set), problems
    return None, _keys(answer), problems


def _keys(answer: type[BaseModel], without: Collection[str] = ()) -> list[str]:
    """JSON keys of a model's fields."""
    fields = answer.model_fields.items()
    return [field.alias or name for name, field in fields if name not in without]


def _take_out(found: Any, path: tuple[int | str, ...]) -> bool:
    """Delete the value at a path as pydantic names it: within a union it names types as well."""
    last = None
    for step in path:
        try:
            inner = found[step]
        except (LookupError, TypeError):
            continue
        last, found = (found, step), inner
    if last is None:
        return False
    del last[0][last[1]]
    return True


# Repetition ---------------------------------------------------------------------------------------


_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
_LETTERS = re.compile(r"(\S{1,8}?)\1{30,}")
_SPACE = re.compile(r"\s{200,}")
_STRING = re.compile(r'"((?:[^"\\]|\\.){200,})')

MIN_TIMES = 4
"""A unit that is written so often in a row is repetition: "very, very, very" is not."""

MIN_TOKENS = 24
"""Tokens that a repetition fills at least: shorter ones occur in honest lists."""

MAX_UNIT = 150
"""Tokens of the longest unit that is looked for."""

MAX_SAME_SHARE = 0.3
"""Share of a long string's six-word sequences that were there before. Prose stays under 0.1."""


def find_repetition(text: str) -> str:
    """What is repeated in ``text``; empty when nothing is.

    Finds a unit of any length that follows itself, a letter or white space without end, and, in
    a long quoted string, sentences that come again with small changes.
    """
    if (letters := _LETTERS.search(text)) is not None:
        return letters.group(1)
    if _SPACE.search(text):
        return "white space"
    if unit := _in_a_row(_TOKEN.findall(text)):
        return unit
    for string in _STRING.findall(text):
        if unit := _scattered(_TOKEN.findall(string)):
            return unit
    return ""


def _in_a_row(tokens: list[str]) -> str:
    """The unit that directly follows itself, so that it is there ``MIN_TIMES`` times or more."""
    known: dict[str, int] = {}
    ids = np.array([known.setdefault(token, len(known)) for token in tokens], np.int64)
    for period in range(1, min(MAX_UNIT, len(tokens) // MIN_TIMES) + 1):
        differs = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate(([-1], differs, [len(tokens) - period]))
        runs = np.diff(edges) - 1
        best = int(np.argmax(runs))
        if runs[best] + period >= max(MIN_TIMES * period, MIN_TOKENS):
            start = int(edges[best]) + 1
            return " ".join(tokens[start : start + period])
    return ""


def _scattered(tokens: list[str], size: int = 6) -> str:
    """A sequence that comes again, where many of them do."""
    grams = [tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)]
    if len(grams) < 10 * size or len(set(grams)) > (1 - MAX_SAME_SHARE) * len(grams):
        return ""
    ((commonest, _),) = Counter(grams).most_common(1)
    return " ".join(commonest)
