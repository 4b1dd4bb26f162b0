"""The job behind the view Enhance, and what its page shows of a result."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from instancecap.api import Mllm, enhance
from instancecap.enhance import Enhanced, EnhanceOptions, revised
from instancecap.enhance.faithful import kept_and_missing
from instancecap.enhance.parse import parse
from instancecap.enhance.result import LOST, unheard
from instancecap.enhance.words import stems
from instancecap.errors import FormatError
from instancecap.formats.annotation import CLIP_FIELDS, COUNT, INSTANCE_FIELDS, Field
from instancecap.render.targets import counter_for
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import HUMAN, Caption, Provenance
from instancecap.web.app.config import Limits
from instancecap.web.app.inspection import inspect_clip
from instancecap.web.app.jobs import Progress

STAGES = {
    "fused": "the whole caption",
    "staged.story": "the story",
    "staged.list": "what is in it",
    "staged.appearance": "looks",
    "staged.action": "what it does",
    "staged.position": "where it goes",
    "staged.background": "surroundings",
    "staged.camera": "the camera",
    "again": "once more, with what was missing",
    "again.prose": "the paragraph once more",
}
"""What a question was about, in words."""

LONGEST = 600
"""Characters of an answer that are shown while the others come."""

_ARTICLES = frozenset(["a", "an", "the"])
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhanceOrder:
    """What a worker needs to enhance a prompt.

    Attributes:
        captioner: who is asked; None for nobody.
        picture: file of the picture that the clip begins with; empty for none.
    """

    prompt: str
    options: EnhanceOptions
    captioner: Mllm | None
    picture: str
    limits: Limits


def enhance_prompt(progress: Progress, order: EnhanceOrder) -> dict[str, Any]:
    """What :func:`facts_of` tells of the result; every answer of a model is an event.

    Raises:
        InputError, UsageError, ServerError: as :func:`instancecap.api.enhance`.
    """
    if order.picture:
        progress("looking at the picture")
        inspect_clip(order.picture, "the picture", order.limits)

    def on_answer(name: str, value: BaseModel) -> None:
        about, texts = STAGES.get(name, name), [*_texts(value.model_dump())]
        progress(f"answered: {about}", about=about, text="; ".join(texts)[:LONGEST])

    progress("asking the model" if order.captioner else "reading the prompt")
    first, *_ = enhance(
        order.prompt,
        captioner=order.captioner,
        options=order.options,
        image=order.picture or None,
        on_answer=on_answer,
    )
    return facts_of(first, order.options)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    elif isinstance(value, str) and value not in ("", "unknown"):
        yield value


def edited(caption: Caption, pointer: str, value: Any) -> Caption:
    """The caption with one field as a person wrote it.

    Raises :class:`FormatError` where there is no such field, or the value cannot be.
    """
    known = {one["pointer"] for group in _groups(caption) for one in group["fields"]}
    if pointer not in known:
        raise FormatError(f"{pointer}: no field that can be edited here")
    document = caption.model_dump(mode="json")
    pointers.assign(document, pointer, value)
    draft = read_document(document)
    draft.provenance[pointer] = Provenance(source=HUMAN, confidence=1.0, support="unchecked")
    return draft


def read_document(document: dict[str, Any]) -> Caption:
    """A caption that a page sent back. Raises :class:`FormatError`."""
    return Caption.from_json(json.dumps(document), source="the caption")


def revised_facts(caption: Caption, options: EnhanceOptions) -> dict[str, Any]:
    """What the page shows of a caption that was edited there."""
    return facts_of(revised(caption, options), options)


def facts_of(one: Enhanced, options: EnhanceOptions) -> dict[str, Any]:
    """All that the page shows of a result, as JSON."""
    parsed = parse(one.caption.producer.prompt)
    asked = kept_and_missing(one.caption, parsed)
    kept = {stem for text, state in asked if state == "kept" for stem in stems(text)}
    target = options.target
    meter = None
    if target is not None:
        counter = counter_for(target)
        meter = {"tokens": counter.count(one.prompt), "budget": target.budget,
                 "limit": target.limit, "counter": counter.name}  # fmt: skip
    told = one.to_dict()
    silent = unheard(parsed, target)  # it stands in the prompt, and nobody will hear it
    warnings = [line for line in one.caption.warnings if not line.startswith(LOST)]
    if one.problem:  # stands on the page by itself
        warnings = [line for line in warnings if not line.endswith(one.problem)]
    return {
        **told,
        "missing": [line for line in told["missing"] if line not in silent],
        "notes": [*silent, *warnings],
        "problem": one.problem,
        "asked": asked,
        "said": list(_marked(one.prompt, kept)),
        "meter": meter,
        "groups": list(_groups(one.caption)),
    }


def _marked(text: str, kept: set[str]) -> Iterator[tuple[str, str]]:
    """The text in pieces; words that the prompt has are ``kept``."""
    end = 0
    for match in _WORDS.finditer(text):
        if match[0].casefold() not in _ARTICLES and kept.issuperset(stems(match[0])):
            if match.start() > end:
                yield text[end : match.start()], ""
            yield match[0], "kept"
            end = match.end()
    if end < len(text):
        yield text[end:], ""


def _groups(caption: Caption) -> Iterator[dict[str, Any]]:
    """The fields of a caption in groups, those of the clip first."""

    def shown(one: Field, pointer: str) -> dict[str, Any]:
        told = caption.provenance.get(pointer)
        return {
            "name": one.name.replace("_", " "),
            "pointer": pointer,
            "value": pointers.resolve(caption, pointer),
            "words": one.words,
            "several": one.several,
            "source": told.source if told else "",
        }

    yield {"title": "The clip", "fields": [shown(one, one.pointer) for one in CLIP_FIELDS]}
    own = (Field("class", "class"), Field(COUNT, COUNT), *INSTANCE_FIELDS)
    for thing in caption.instances:
        yield {
            "title": thing.name or thing.class_,
            "fields": [shown(one, pointers.instance_pointer(thing.id, one.pointer)) for one in own],
        }
    if caption.segments:
        told = [
            shown(Field(f"{one.start:g}–{one.end:g} s", ""), f"/segments/{place}/description")
            for place, one in enumerate(caption.segments)
        ]
        yield {"title": "What happens when", "fields": told}
