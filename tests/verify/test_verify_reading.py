"""Claims that a language model reads in the sentences of a caption."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.schema import Caption
from instancecap.schema import caption as c
from instancecap.verify.check import verify
from instancecap.verify.fields import Reading, read_claims
from instancecap.verify.naming import noun_of
from tests.made import evidence, thing

SCENE = evidence(
    thing("person", (0.6, 0.2, 0.8, 0.8)),
    thing("dog", (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6), id=1, moving=True,
          direction="right", speed=0.13),
)  # fmt: skip
CAPTION = Caption(
    video=None,
    global_description="The cook moves the pan left. Before her the spaniel heads off leftward.",
    instances=[
        c.Instance(id=0, name="the cook", class_="person"),
        c.Instance(id=1, name="the spaniel", class_="dog"),
    ],
)


class Answering(Backend):
    """Gives one answer to everything, and keeps what it was asked."""

    model = "reader-1"

    def __init__(self, answer: Any) -> None:
        self.answer, self.requests = answer, list[Request]()

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self.requests += requests
        if isinstance(self.answer, ModelError):
            return [self.answer for _ in requests]
        return [Reply(json.dumps(self.answer), prompt_tokens=9) for _ in requests]


def entry(**fields: Any) -> dict[str, Any]:
    given = {"sentence": 2, "subject": "the spaniel", "kind": "direction", "value": "left"}
    return {**given, "when": "", "denied": False, **fields}


def read(*entries: dict[str, Any], caption: Caption = CAPTION) -> Reading:
    backend = Answering({"claims": list(entries)})
    return asyncio.run(read_claims(caption, backend, enforced=True))


def test_claims_are_of_named_instances_and_are_checked() -> None:
    reading = read(entry())
    assert reading.claims is not None
    (claim,) = reading.claims
    assert (claim.pointer, claim.subject[0].instance) == ("/global_description", 1)
    assert claim.sentence == "Before her the spaniel heads off leftward."
    report = verify(CAPTION, SCENE, read=reading.claims)
    (found,) = [one for one in report.findings if one.kind == "direction"]
    assert found.claim.support in ("contradicted", "disputed")
    assert found.measured == "the dog moves to the right"


def test_what_fits_no_sentence_instance_or_vocabulary_is_left_out() -> None:
    reading = read(
        entry(sentence=7),
        entry(subject="the pan"),
        entry(value="sideways"),
        entry(kind="count", value="many"),
        entry(kind="color", value="plaid"),
        entry(subject="camera", kind="camera", value="pan_left", denied=True),
    )
    assert reading.claims is not None
    (kept,) = reading.claims
    assert (kept.kind, kept.subject, kept.negated) == ("camera", (), True)


def test_a_caption_without_instances_is_read_by_its_nouns() -> None:
    plain = CAPTION.model_copy(update={"instances": []})
    reading = read(entry(subject="the dog"), entry(subject="the gizmo"), caption=plain)
    (claim,) = reading.claims or []
    assert claim.subject[0].noun == noun_of("dog")


def test_one_question_names_the_instances_and_numbers_the_sentences() -> None:
    backend = Answering({"claims": []})
    asyncio.run(read_claims(CAPTION, backend, enforced=True))
    (request,) = backend.requests
    (text,) = request.messages[0].parts
    assert "Instances: the cook; the spaniel" in str(text)
    assert "1. The cook moves the pan left.\n2. Before her" in str(text)
    assert request.schema is not None


def test_nobody_is_asked_of_nothing_and_a_failure_has_a_reason() -> None:
    assert read(caption=Caption(video=None)).claims == []
    backend = Answering(ModelError("the server is out of memory"))
    reading = asyncio.run(read_claims(CAPTION, backend, enforced=True))
    assert reading.claims is None
    assert "out of memory" in reading.problem
