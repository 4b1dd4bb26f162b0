"""What one server takes of a question, learned from its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal

from instancecap.mllm.base import Image, Message, Part, Request

SCHEMA_FORMS = ("json_schema", "unbounded", "json_object", "")
"""How a schema is asked for, the best first: ``json_schema`` (vLLM, SGLang, llama.cpp, Ollama,
hosted); the same without bounds of lengths and numbers, which some hosted services refuse;
``json_object`` with a schema beside it (llama-cpp-python); not at all."""

OPTIONAL = (
    *("seed", "temperature", "repetition_penalty", "repeat_penalty"),
    *("chat_template_kwargs", "reasoning_effort"),
)
"""Parameters that a question can do without where a server refuses them."""

THINKING_ROOM = 8
"""Times the tokens of an answer that a model gets which spent all of them on thinking."""

_ABOUT_SCHEMA = re.compile(
    r"response_format|json.?(?:schema|mode)|grammar|(?:structured|guided).?(?:output|decoding|json)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server takes.

    Attributes:
        form: index into ``SCHEMA_FORMS``.
        refused: names of optional parameters that are left out.
        limit: the name of the bound of the answer's length.
        tokens: the most that this bound may be; 0 for any.
        room: times a question's own bound, for models that think before they answer.
        think: False where a model is told to answer at once.
        effort: the least effort of thinking that can be asked for.
        system: False where system text goes into the first message of the user.
        images: the most images a question; 0 for any number.
        pixels: the most pixels an image; 0 for any number.
    """

    form: int = 0
    refused: frozenset[str] = frozenset()
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    tokens: int = 0
    room: int = 1
    think: bool = True
    effort: Literal["none", "low"] = "none"
    system: bool = True
    images: int = 0
    pixels: int = 0

    def after(self, refusal: str, sent: Mapping[str, Any]) -> Dialect | None:
        """What to try after a parameter of ``sent`` was refused; None when nothing is left."""
        if "max_completion_tokens" in refusal and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "reasoning_effort" in sent and "'none'" in refusal and self.effort == "none":
            return replace(self, effort="low")
        for name in OPTIONAL:
            if name in sent and re.search(rf"\b{name}\b", refusal):
                return replace(self, refused=self.refused | {name})
        if "response_format" in sent and _ABOUT_SCHEMA.search(refusal):
            return replace(self, form=self.form + 1)
        return None

    def with_room(self, tokens: int) -> Dialect | None:
        """What to try after ``tokens`` were all spent on thinking; None when nothing is left."""
        if self.room == 1 and not 0 < self.tokens <= tokens:
            return replace(self, room=THINKING_ROOM)
        return replace(self, think=False) if self.think else None

    def bound(self, tokens: int) -> int:
        """The bound of an answer's length, for one that takes ``tokens``."""
        return min(tokens * self.room, self.tokens or tokens * self.room)

    def changes(self, since: Dialect) -> dict[str, Any]:
        """What was learned since another."""
        now = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in now.items() if value != getattr(since, name)}

    def with_changes(self, changes: Mapping[str, Any]) -> Dialect:
        """With what another question taught; of two limits the lower one counts."""
        limits = {
            name: min(value, getattr(self, name) or value)
            for name, value in changes.items()
            if name in ("tokens", "images", "pixels") and value
        }
        return replace(self, **{**changes, **limits})


def fit(request: Request, dialect: Dialect) -> Request:
    """The question as a server takes it; of more images than it takes, some, evenly chosen."""
    messages = request.messages if dialect.system else _without_system(request.messages)
    if dialect.images or dialect.pixels:
        count = request.images
        kept = spread(count, min(count, dialect.images or count))
        places = iter(range(count))
        messages = tuple(
            replace(one, parts=_with_images(one.parts, places, kept, dialect.pixels))
            for one in messages
        )
    return replace(request, messages=messages)


def spread(count: int, kept: int) -> tuple[int, ...]:
    """``kept`` of ``count`` places, evenly chosen, the first and the last among them."""
    if kept < 2:
        return (count // 2,) if kept else ()
    return tuple(round(index * (count - 1) / (kept - 1)) for index in range(kept))


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """System text at the start of the first message that is left."""
    text = tuple(part for one in messages if one.role == "system" for part in one.parts)
    first, *rest = (one for one in messages if one.role != "system")
    return (replace(first, parts=(*text, *first.parts)), *rest)


def _with_images(
    parts: tuple[Part, ...], places: Iterator[int], kept: tuple[int, ...], pixels: int
) -> tuple[Part, ...]:
    """The parts without the images that are not kept, nor the words right before them."""
    chosen: list[Part] = []
    for part in parts:
        if not isinstance(part, Image):
            chosen.append(part)
        elif next(places) in kept:
            chosen.append(replace(part, jpeg=_shrunk(part.jpeg, pixels)) if pixels else part)
        elif chosen and isinstance(chosen[-1], str):
            chosen.pop()  # its number
    return tuple(chosen)


@lru_cache(maxsize=128)
def _shrunk(jpeg: bytes, pixels: int) -> bytes:
    """The image with ``pixels`` pixels at most, and at least 28 a side."""
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape[0] * picture.shape[1] <= pixels:
        return jpeg
    factor = (pixels / (picture.shape[0] * picture.shape[1])) ** 0.5
    height, width = (max(28, int(side * factor)) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
