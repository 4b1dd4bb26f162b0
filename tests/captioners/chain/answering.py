"""Somebody to ask in tests: answers every question by its schema, or as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from instancecap.captioners.chain import ChainOptions, Prepared, Written, write
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.chain.questions import THOUSANDTHS
from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.probes import Convention
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from tests.made import evidence, thing

Answering = Callable[[Request], str | ModelError]

DOG = {"name": "the brown dog", "class": "dog", "category": "animal", "is_main": True}
PERSON = {"name": "the person", "class": "person", "category": "human", "is_main": False}
CAR = {"name": "the car", "class": "car", "category": "vehicle", "is_main": False}

LISTS = ("instances", "subjects", "corrections")


class Fake(Backend):
    """Keeps every request. ``answer`` gives the reply's text; sentences by schema if None."""

    model = "asked-1"

    def __init__(self, answer: Answering | None = None) -> None:
        self.requests: list[Request] = []
        self._answer = answer or by_schema

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self.requests += requests
        said = [self._answer(request) for request in requests]
        return [
            one
            if isinstance(one, ModelError)
            else Reply(one, model="replied-1", prompt_tokens=10, completion_tokens=2, seconds=0.1)
            for one in said
        ]

    @property
    def images(self) -> int:
        return sum(request.images for request in self.requests)


def by_schema(request: Request) -> str:
    """The shortest answer: a sentence, the first word of a list, yes; no instances."""
    return answer_with(request, {})


def listing(*instances: dict[str, Any], **values: Any) -> Answering:
    """Answers that list these instances, each filled up by its schema."""
    return lambda request: answer_with(request, {"instances": list(instances), **values})


def answer_with(request: Request, values: dict[str, Any]) -> str:
    """As :func:`by_schema`, with these values for keys of any depth."""
    assert request.schema is not None
    return json.dumps(_fill(request.schema, "", values), ensure_ascii=False)


def _fill(schema: Any, name: str, values: dict[str, Any]) -> Any:
    if name in ("instances", "subjects", "corrections") and schema.get("type") == "array":
        inner = {key: one for key, one in values.items() if key != name}
        return [_fill(schema["items"], "", inner | one) for one in values.get(name, [])]
    if name in values:
        return values[name]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            below = schema.get("properties", {})
            return {key: _fill(one, key, values) for key, one in below.items()}
        case "array":
            return []
        case "boolean":
            return False
        case "integer" | "number":
            return 1
    return f"Said of {name.replace('_', ' ')}."


def boxes(*places: tuple[int, tuple[float, float, float, float]]) -> list[dict[str, Any]]:
    """Boxes (0..1) in pictures, by their numbers, as models write them."""
    return [
        {"picture": number, "box": [round(1000 * value) for value in box]} for number, box in places
    ]


def text_of(request: Request) -> str:
    """All that is said in a request, images and clips left out."""
    return "\n".join(
        part for one in request.messages for part in one.parts if isinstance(part, str)
    )


def keys_of(request: Request) -> list[str]:
    """The keys that a request asks for."""
    assert request.schema is not None
    return list(request.schema.get("properties", {}))


def ask_about(
    source: Evidence | Prepared,
    backend: Backend | None = None,
    *,
    previous: Caption | None = None,
    convention: Convention = THOUSANDTHS,
    **options: Any,
) -> Written:
    """Write the caption of made evidence, without any picture, or of a prepared clip."""
    chosen = ChainOptions(**options)
    prepared = source
    if isinstance(source, Evidence):
        prepared = sketch(source, options=chosen, previous=previous)
    assert isinstance(prepared, Prepared)
    return finish(prepared, backend or Fake(), chosen, convention=convention)


def finish(
    prepared: Prepared,
    backend: Backend,
    options: ChainOptions,
    *,
    convention: Convention = THOUSANDTHS,
) -> Written:
    """Write the caption of a prepared clip."""
    told: dict[str, Any] = {"enforced": True, "convention": convention}
    return asyncio.run(write(prepared, backend, options=options, **told))


THREE = listing(DOG, PERSON, CAR)


def three() -> Evidence:
    """Three things that are seen throughout, so that each gets as many pictures as the clip."""
    return evidence(
        thing("dog", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), moving=True, direction="right",
              speed=0.2, colors=[("brown", 0.6)]),
        thing("person", (0.5, 0.2, 0.7, 0.9), id=1),
        thing("car", (0.0, 0.5, 0.2, 0.7), id=2),
    )  # fmt: skip
