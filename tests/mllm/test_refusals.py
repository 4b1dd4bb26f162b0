"""Refusals in the words of real servers: what they are about, and how they are adapted to."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import ModelError, QuestionRefused, ServerError
from instancecap.mllm.base import Message, Reply, Request
from instancecap.mllm.dialect import Dialect, Refusal, adapt, fit, retry_after, spread
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.wire import payload
from tests.mllm.questions import picture, question, run
from tests.mllm.server import MODEL, error_body, serve

REFUSALS = tomllib.loads(Path(__file__).with_name("refusals.toml").read_text())["refusal"]
TOO_LONG = "This model's maximum context length is 4096 tokens."

Refuse = Callable[[dict[str, Any], int], tuple[int, Any] | None]


def big(images: int, text: str = "What is it?") -> Request:
    """A question about numbered images of 600×600 pixels."""
    parts = [one for n in range(images) for one in (f"Picture {n + 1}", picture(n, 600))]
    return Request((Message("system", ("Be exact.",)), Message("user", (*parts, text))))


def dialect(known: dict[str, Any]) -> Dialect:
    return Dialect(**{**known, "refused": frozenset(known.get("refused", ()))})


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["text"][:40])
def test_refusals_are_adapted_to(case: dict[str, Any]) -> None:
    refusal = Refusal(case.get("status", 400), case["text"])
    request, known = big(8), dialect(case.get("was", {}))
    request = Request(request.messages, schema={"type": "object"})
    sent = payload(request, model=MODEL, dialect=known)
    before = refusal.text if case.get("again") else ""
    found = adapt(known, refusal, request, sent, topic=refusal.topic, before=before)
    assert found == (dialect(case["next"]) if "next" in case else None)


@pytest.mark.parametrize(
    "text",
    [
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy.",
        "Input data may contain inappropriate content. data_inspection_failed",
        "Your request was rejected as a result of our safety system.",
    ],
)
def test_content_filters_are_known(text: str) -> None:
    assert Refusal(400, text).topic == "filter"


def test_fewer_images_are_chosen_evenly_and_keep_their_numbers() -> None:
    assert [spread(8, n) for n in (4, 2, 1, 0)] == [(0, 2, 5, 7), (0, 7), (4,), ()]
    _, user = fit(big(8), Dialect(images=4)).messages
    assert user.parts[::2] == ("Picture 1", "Picture 3", "Picture 6", "Picture 8", "What is it?")
    assert user.parts[3] == picture(2, 600)


def test_images_are_shrunk_and_system_text_moves() -> None:
    before = big(2)
    (message,) = fit(before, Dialect(pixels=20_000, system=False)).messages
    assert (message.role, message.parts[:2]) == ("user", ("Be exact.", "Picture 1"))
    assert len(message.parts[2].jpeg) < len(picture(0, 600).jpeg) / 10  # type: ignore[union-attr]
    assert fit(before, Dialect()) == before


# With a server ----------------------------------------------------------------------------------


def ask(
    requests: list[Request],
    refusal: Refuse | None = None,
    *,
    concurrency: int = 1,
    max_tokens: int = 0,
    **options: Any,
) -> tuple[list[Reply | ModelError], list[dict[str, Any]]]:
    """Replies, one after the other, and the bodies that were sent."""
    seen: list[dict[str, Any]] = []

    async def all_of() -> list[Reply | ModelError]:
        backend = OpenAIBackend(
            urls=[url], model=MODEL, concurrency=concurrency, max_tokens=max_tokens
        )
        try:
            return await backend.complete(requests)
        finally:
            await backend.close()

    with serve(lambda _: "well", refusal=refusal, seen=seen, **options) as url:
        return run(all_of()), seen


def refuse(status: int, text: str, when: Callable[[dict[str, Any], int], Any]) -> Refuse:
    return lambda body, size: (status, error_body(text)) if when(body, size) else None


def images_in(body: dict[str, Any]) -> int:
    return str(body["messages"]).count("image_url': {")


@pytest.mark.parametrize("in_flight", [1, 20])
def test_fewer_images_from_then_on(caplog: pytest.LogCaptureFixture, in_flight: int) -> None:
    limit = refuse(400, "At most 4 image(s)", lambda body, _: images_in(body) > 4)
    requests = [question(str(n), images=8) for n in range(20)]
    replies, seen = ask(requests, limit, concurrency=in_flight)
    assert all(isinstance(one, Reply) for one in replies)
    assert len(seen) == 20 + in_flight
    assert images_in(seen[-1]) == 4
    (record,) = caplog.records
    assert "takes at most 4 image(s) a question; it is shown no more" in record.message


@pytest.mark.parametrize("status", [404, 413])
def test_a_limit_of_size_is_found_out_at_once(status: int) -> None:
    limit = refuse(status, "Cannot POST /v1/chat/completions", lambda _, size: size > 200_000)
    replies, seen = ask([big(8), big(8)], limit)
    assert [one.text for one in replies if isinstance(one, Reply)] == ["well"] * 2
    assert len(seen) < 12


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (refuse(413, "", lambda _, size: size > 2_000), "even with one small image .*nginx"),
        (refuse(400, TOO_LONG, lambda body, _: images_in(body)), "small image.*--max-model-len"),
        (refuse(400, "Bad luck.", lambda *_: True), "refuses every question, a small one as well"),
    ],
)
def test_what_is_never_taken_stops_the_run(refusal: Refuse, says: str) -> None:
    with pytest.raises(ServerError, match=says):
        ask([big(8)], refusal)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("Bad luck.", ModelError, "refused the question (400: Bad luck.)"),
        (TOO_LONG, ModelError, "; serve the model with a longer context"),
        ("our content management policy", QuestionRefused, "a content filter of http"),
    ],
)
def test_what_others_are_not_refused_costs_one_answer(
    text: str, kind: type[ModelError], says: str
) -> None:
    odd = refuse(400, text, lambda body, _: "odd" in str(body))
    replies, _ = ask([question("even"), question("odd"), question("even")], odd)
    assert [type(one) for one in replies] == [Reply, kind, Reply]
    assert says in str(replies[1])


def test_no_images_at_all_is_another_matter() -> None:
    none = refuse(400, "At most 0 image(s)", lambda body, _: images_in(body))
    with pytest.raises(ServerError, match="takes no images"):
        ask([question()], none)


def test_gemini_wraps_its_errors_in_a_list() -> None:
    words = error_body('Unknown name "seed": Cannot find field.')
    replies, seen = ask([question()], lambda body, _: (400, [words]) if "seed" in body else None)
    assert isinstance(replies[0], Reply)
    assert "seed" not in seen[1]


@pytest.mark.parametrize(
    ("thinks", "least", "bounds"),
    [
        (500, 0, [100, 800, 800]),  # more room, from then on
        (5_000, 0, [100, 800, 800, 800]),  # then told not to think
        (500, 600, [600, 600]),
    ],
)
def test_thinking_gets_room_and_then_is_switched_off(
    thinks: int, least: int, bounds: list[int]
) -> None:
    replies, seen = ask([question(max_tokens=100)] * 2, thinks=thinks, max_tokens=least)
    assert [body["max_tokens"] for body in seen] == bounds
    calls = [one.calls for one in replies if isinstance(one, Reply)]
    assert calls == [len(bounds) - 1, 1]
    if thinks == 5_000:
        assert seen[-1]["chat_template_kwargs"]["enable_thinking"] is False
        assert seen[-1]["reasoning_effort"] == "none"


def test_who_thinks_whatever_is_asked_is_told_apart() -> None:
    refuses = ["reasoning_effort", "chat_template_kwargs"]
    (reply,), _ = ask([question(max_tokens=100)], thinks=5_000, refuses=refuses)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.only_thought, reply.calls) == ("", True, 3)
    assert reply.reasoning == "Let me think."


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}) > 1e6
    assert retry_after({"retry-after": "soon"}) == retry_after({}) == 0
