"""Questions with a few allowed answers, about texts and pictures: asked of a model or of people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Literal

from pydantic import BaseModel, create_model

from instancecap.evals.asking import Asker
from instancecap.evals.task import digest
from instancecap.mllm.base import Image

_SECTION = re.compile(r"^## (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what may be answered.

    Attributes:
        options: the allowed answers; of a scale, its numbers from the worst.
        color: CSS color of the box that it is about, for people; empty for none.
    """

    text: str
    options: tuple[str, ...]
    color: str = ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """Texts, and questions about them; a model and a person are shown the same.

    Attributes:
        head: what it is about.
        texts: headings and texts.
    """

    head: str
    questions: Mapping[str, Question]
    texts: Sequence[tuple[str, str]] = field(default=())

    def in_words(self) -> str:
        """All of it, as it is asked of a model."""
        parts = [self.head]
        # The marks part the material from the question: none may stand in it.
        for name, text in self.texts:
            plain = text.replace("<<<", "«").replace(">>>", "»")
            parts.append(f"{name}:\n<<<\n{plain}\n>>>")
        parts.append(say("answers"))
        for key, one in self.questions.items():
            parts.append(f"{key}: {one.text} ({' / '.join(one.options)})")
        return "\n\n".join(parts)

    def answer(self) -> type[BaseModel]:
        """What a model answers: a key for each question, with the allowed answers only."""
        fields: dict[str, Any] = {
            key: (Literal[tuple(one.options)], ...) for key, one in self.questions.items()
        }
        return create_model("Answers", **fields)

    async def ask(
        self, asker: Asker, *, pictures: Sequence[Image] = (), seed: int = 0, warm: float = 0.0
    ) -> dict[str, str]:
        """A model's answers. Raises :class:`ModelError` where there is no whole answer."""
        asked = await asker(self.answer(), *pictures, self.in_words(), seed=seed, temperature=warm)
        return asked.model_dump()


@cache
def _texts() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted((files(__package__) / "prompts").iterdir(), key=lambda one: one.name):
        _, *sections = _SECTION.split(file.read_text(encoding="utf-8"))
        found |= {
            name: body.strip() for name, body in zip(sections[::2], sections[1::2], strict=True)
        }
    return found


def say(name: str, /, **values: object) -> str:
    """A text of ``prompts/*.md`` by its heading, with its ``$placeholders`` filled."""
    return Template(_texts()[name]).substitute(values)


def version(*names: str) -> str:
    """A hash of these texts, and of how answers are asked for."""
    return digest([_texts()[name] for name in (*names, "answers")])
