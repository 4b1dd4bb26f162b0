"""The chain of questions about one video: describe, is it there, what is it like, does it match."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from instancecap.evals.inseval.suite import Prompt
from instancecap.evals.task import Method
from instancecap.language.en import article
from instancecap.mllm.base import Image, Message

if TYPE_CHECKING:
    from instancecap.evals.asking import Asker

Kind = Literal["describe", "present", "open", "match"]

FRAMES = 8
"""That a question is asked about, as published."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; ``about`` is the class of an instance, empty for the whole video."""

    kind: Kind
    text: str
    about: str = ""


class Said(BaseModel):
    """Free words."""

    answer: str


class Decided(BaseModel):
    """What the schema holds to one of two words."""

    answer: Literal["YES", "NO"] = Field(description="YES or NO")


@cache
def wordings() -> dict[str, Any]:
    """``questions.toml``."""
    text = files(__package__).joinpath("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def questions_of(prompt: Prompt, *, method: Method = "correct") -> list[Question]:
    """All questions about a prompt's video, in their order."""
    usual = wordings()[method]
    special = usual.get(prompt.subset, {})
    words = usual | usual.get(prompt.dimension, {}) | special | special.get(prompt.dimension, {})
    names = {"dimension": prompt.dimension}
    found = [Question("describe", words["describe"].format(**names))]
    for one in prompt.instances:
        values = {**names, "class": one.name, "a_class": article(one.name), "value": one.value}
        kinds: tuple[Kind, ...] = ("present", "open", "match")
        found += [Question(kind, words[kind].format(**values), one.name) for kind in kinds]
    return found


async def ask_chain(
    asker: Asker, prompt: Prompt, frames: Sequence[Image], *, method: Method
) -> dict[str, Any]:
    """The answers: ``description``, and for each instance ``present``, ``said``, ``matches``.

    An instance that is not there is asked nothing more, and does not match. ``present`` and
    ``matches`` are None where nothing was asked.

    As published, a video is given up at the first instance that fails, answers are free words, and
    one counts as YES where these letters stand anywhere in it.
    """
    describe, *rest = questions_of(prompt, method=method)
    first = Message("user", (*frames, describe.text))
    description = (await asker(Said, *first.parts)).answer
    before = (first, Message("assistant", (description,)))

    async def decide(text: str, talk: tuple[Message, ...]) -> bool:
        if method == "as-published":
            return "YES" in (await asker(Said, text, before=talk)).answer.upper()
        return (await asker(Decided, text, before=talk)).answer == "YES"

    instances: list[dict[str, Any]] = []
    for place, one in enumerate(prompt.instances):
        present, asked, match = (question.text for question in rest[3 * place : 3 * place + 3])
        found: dict[str, Any] = {
            "class": one.name, "value": one.value, "present": None, "said": "", "matches": None,
        }  # fmt: skip
        instances.append(found)
        failed = any(not each["matches"] for each in instances[:-1])
        if failed and method == "as-published":
            continue
        found["present"] = await decide(present, before)
        found["matches"] = False
        if found["present"]:
            found["said"] = (await asker(Said, asked, before=before)).answer
            talk = Message("user", (asked,)), Message("assistant", (found["said"],))
            found["matches"] = await decide(match, (*before, *talk))
    return {"description": description, "instances": instances}
