"""Refusals in the words of real servers: what they are about, and how they are adapted to."""

from __future__ import annotations

from typing import Any

import pytest

from instancecap.errors import ModelError, QuestionRefused, ServerError, ServerRefusal
from instancecap.mllm.base import Reply, Request
from instancecap.mllm.dialect import Dialect, fit, pixels_of, spread
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.refusals import Refusal, adapt, retry_after
from instancecap.mllm.wire import payload
from tests.mllm.questions import picture, question, run
from tests.mllm.server import MODEL, error_body, serve

NGINX = "413 Request Entity Too Large 413 Request Entity Too Large nginx/1.26.1"
VLLM_CONTEXT = (
    "This model's maximum context length is 4096 tokens. However, you requested 9811 tokens (8787 "
    "in the messages, 1024 in the completion). Please reduce the length of the messages."
)
VLLM_ANSWER = (
    "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context "
    "length is 4096 tokens and your request has 3500 input tokens (1024 > 4096 - 3500)."
)


def after(text: str, *, status: int = 400, before: str = "", **dialect: Any) -> Dialect | None:
    """What is tried after eight images of 400×400 pixels were refused with these words."""
    request = big(8)
    known = Dialect(**dialect)
    sent = payload(request, model=MODEL, dialect=known)
    refusal = Refusal(status, text)
    return adapt(known, refusal, request, sent, topic=refusal.topic, before=before)


def big(images: int, **settings: Any) -> Request:
    parts = (*(picture(seed, 400) for seed in range(images)), "What is it?")
    messages = question().messages
    return Request((messages[0], type(messages[1])("user", parts)), **settings)


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("At most 4 image(s) may be provided in one prompt.", 4),
        ("At most 1 image(s) may be provided in one request.", 1),
        ("Too many images provided. This model supports up to 5 images", 5),
        ("Too many images in request: 8 images provided, but the model supports a maximum of 6", 6),
        ("too many images in the message, max allowed is 3", 3),
        ("request contains 8 images, exceeding the maximum of 7 allowed per request", 7),
        ("vision model only supports a single image per message", 1),
        ("Multiple images are not supported by this model", 1),
        ("Too many images", 4),
    ],
)
def test_a_limit_of_images_is_kept(text: str, images: int) -> None:
    assert after(text) == Dialect(images=images)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (413, NGINX),
        (413, ""),
        (400, "Request payload size exceeds the limit: 20971520 bytes."),
        (413, "PayloadTooLargeError: request entity too large"),
        (400, "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum"),
        (400, "The prompt is too long: exceeds the available context size, try increasing it"),
        (400, "input length exceeds maximum context length"),
        (500, "Context size has been exceeded."),
        (400, "The input token count exceeds the maximum number of tokens allowed"),
    ],
)
def test_large_images_are_made_smaller(status: int, text: str) -> None:
    assert after(text, status=status) == Dialect(pixels=80_000)


@pytest.mark.parametrize(
    "text",
    [
        VLLM_CONTEXT,
        "The input (8787 tokens) is longer than the model's context length (4096 tokens).",
        "request (8787 tokens) exceeds the available context size (4096 tokens), try increasing it",
    ],
)
def test_a_context_tells_how_much_smaller(text: str) -> None:
    found = after(text)
    assert found is not None
    assert found == Dialect(pixels=int(160_000 * 0.8 * 4096 / 8787))


def test_where_the_size_of_images_does_not_count_they_are_fewer() -> None:
    assert after(VLLM_CONTEXT, before=VLLM_CONTEXT, pixels=20_000) == Dialect(images=2)
    assert after(NGINX, status=413, before=NGINX, pixels=33_000) == Dialect(pixels=16_500)
    assert after(NGINX, status=413, pixels=17_000) == Dialect(pixels=16_384)
    assert after(NGINX, status=413, pixels=16_384) == Dialect(pixels=16_384, images=4)
    assert after(NGINX, status=413, pixels=16_384, images=1) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VLLM_ANSWER, Dialect(tokens=596)),
        (VLLM_CONTEXT.replace("8787", "3400"), Dialect(tokens=696)),
        (
            "max_tokens is too large: 1024. This model supports at most 512 completion tokens",
            Dialect(tokens=512),
        ),
        ("`max_tokens` must be less than or equal to `256`", Dialect(tokens=256)),
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            Dialect(limit="max_completion_tokens"),
        ),
        ("System role not supported", Dialect(system=False)),
        (
            "Jinja Exception: Conversation roles must alternate user/assistant/user/assistant/...",
            Dialect(system=False),
        ),
        (
            "Developer instruction is not enabled for models/gemma-3-12b-it",
            Dialect(system=False),
        ),
        (
            "Unsupported value: 'temperature' does not support 0.0 with this model.",
            Dialect(refused=frozenset({"temperature"})),
        ),
        (
            'Invalid JSON payload received. Unknown name "seed": Cannot find field.',
            Dialect(refused=frozenset({"seed"})),
        ),
        (
            "litellm.UnsupportedParamsError: gpt-5-nano doesn't support temperature=0.1 while "
            "reasoning is active. To drop unsupported params set `litellm.drop_params = True`",
            Dialect(refused=frozenset({"temperature"})),
        ),
        ("the image cannot be read", None),
        ("The model `m` does not exist.", None),
    ],
)
def test_other_refusals_are_adapted_to(text: str, expected: Dialect | None) -> None:
    assert after(text) == expected


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


def test_fewer_images_are_chosen_evenly() -> None:
    assert spread(8, 4) == (0, 2, 5, 7)
    assert (spread(8, 1), spread(8, 2), spread(3, 3)) == ((4,), (0, 7), (0, 1, 2))
    put, shown = fit(big(8), Dialect(images=4))
    assert (put.images, shown) == (4, (0, 2, 5, 7))
    assert [part.t for part in put.messages[1].parts[:-1]] == [0, 1, 2.5, 3.5]  # type: ignore[union-attr]


def test_images_are_shrunk_and_system_text_moves() -> None:
    put, shown = fit(big(2), Dialect(pixels=20_000, system=False))
    assert (shown, put.images) == (None, 2)
    assert 19_000 < pixels_of(put) <= 20_000
    (message,) = put.messages
    assert (message.role, message.parts[0], message.parts[-1]) == (
        "user",
        "Be exact.",
        "What is it?",
    )
    assert fit(big(2), Dialect()) == (big(2), None)


# With a server ----------------------------------------------------------------------------------


def ask_all(
    requests: list[Request], refusal: Any = None, **options: Any
) -> tuple[list[Reply | ModelError], list[dict[str, Any]]]:
    """Replies, one after the other, and the bodies that were sent."""
    seen: list[dict[str, Any]] = []
    chosen = {name: options.pop(name) for name in ("max_tokens", "retries") if name in options}

    async def all_of() -> list[Reply | ModelError]:
        backend = OpenAIBackend(urls=[url], model=MODEL, concurrency=1, backoff=0.01, **chosen)
        try:
            return await backend.complete(requests)
        finally:
            await backend.close()

    with serve(lambda _: "well", refusal=refusal, seen=seen, **options) as url:
        return run(all_of()), seen


def images_in(body: dict[str, Any]) -> int:
    return str(body["messages"]).count("image_url': {")


def refuse(status: int, text: str, when: Any) -> Any:
    return lambda body, size: (status, error_body(text)) if when(body, size) else None


def test_fewer_images_from_then_on(caplog: pytest.LogCaptureFixture) -> None:
    limit = refuse(
        400, "At most 4 image(s) may be provided in one prompt.", lambda b, _: images_in(b) > 4
    )
    replies, seen = ask_all([question(str(n), images=8) for n in range(3)], limit)
    assert [one.shown for one in replies if isinstance(one, Reply)] == [(0, 2, 5, 7)] * 3
    assert [images_in(body) for body in seen] == [8, 4, 4, 4]
    assert [record.message.split(" ", 1)[1] for record in caplog.records] == [
        "takes 4 images a question; it is shown no more from now on"
    ]


@pytest.mark.parametrize("status", [404, 413])
def test_a_body_limit_is_found_out_at_once(status: int) -> None:
    limit = refuse(status, "Cannot POST /v1/chat/completions", lambda _, size: size > 100_000)
    replies, seen = ask_all([big(8), big(8)], limit)
    assert [one.text for one in replies if isinstance(one, Reply)] == ["well"] * 2
    assert images_in(seen[-1]) == 8  # smaller ones do
    assert len(seen) < 12


def test_what_is_never_small_enough_stops_the_run() -> None:
    with pytest.raises(ServerRefusal, match=r"even with one small image .*client_max_body_size"):
        ask_all([big(8)], refuse(413, NGINX, lambda _, size: size > 2_000))
    with pytest.raises(ServerRefusal, match=r"one small image.*--max-model-len"):
        ask_all([big(4)], refuse(400, VLLM_CONTEXT, lambda b, _: images_in(b)))
    with pytest.raises(ServerRefusal, match="refuses every question, a small one as well"):
        ask_all([big(4)], refuse(400, "Bad luck.", lambda *_: True))


def test_what_others_are_not_refused_costs_one_answer() -> None:
    strange = refuse(400, "Bad luck.", lambda body, _: "odd" in str(body))
    replies, _ = ask_all([question("odd"), question("even")], strange)
    assert isinstance(replies[0], ModelError)
    assert "refused the question (400: Bad luck.)" in str(replies[0])
    assert isinstance(replies[1], Reply)
    long = refuse(400, VLLM_CONTEXT, lambda body, _: "odd" in str(body))
    replies, _ = ask_all([question("even"), question("odd")], long)
    assert "; serve the model with a longer context" in str(replies[1])


def test_a_content_filter_refuses_one_question() -> None:
    text = "The response was filtered due to the prompt triggering our content management policy."
    odd = refuse(400, text, lambda body, _: "odd" in str(body))
    replies, seen = ask_all([question("odd"), question("even")], odd)
    assert isinstance(replies[0], QuestionRefused)
    assert isinstance(replies[1], Reply)
    assert len(seen) == 2


def test_no_images_at_all_is_another_matter() -> None:
    none = refuse(
        400, "At most 0 image(s) may be provided in one prompt.", lambda b, _: images_in(b)
    )
    with pytest.raises(ServerError, match="takes no images"):
        ask_all([question()], none)


def test_gemini_wraps_its_errors_in_a_list() -> None:
    text = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
    gemini = lambda body, _: (400, [error_body(text)]) if "seed" in body else None  # noqa: E731
    replies, seen = ask_all([question()], gemini)
    assert isinstance(replies[0], Reply)
    assert "seed" not in seen[1]


def test_thinking_gets_room_and_then_is_switched_off() -> None:
    replies, seen = ask_all([question(max_tokens=100)] * 2, thinks=500)
    assert [one.calls for one in replies if isinstance(one, Reply)] == [2, 1]
    assert [body["max_tokens"] for body in seen] == [100, 800, 800]
    replies, seen = ask_all([question(max_tokens=100)] * 2, thinks=5_000)
    assert [one.calls for one in replies if isinstance(one, Reply)] == [3, 1]
    assert seen[-1]["chat_template_kwargs"]["enable_thinking"] is False
    assert seen[-1]["reasoning_effort"] == "none"
    replies, seen = ask_all([question(max_tokens=100)], thinks=500, max_tokens=600)
    assert [body["max_tokens"] for body in seen] == [600]


def test_who_thinks_whatever_is_asked_is_told_apart() -> None:
    (reply,), _ = ask_all(
        [question(max_tokens=100)],
        thinks=5_000,
        refuses=["reasoning_effort", "chat_template_kwargs"],
    )
    assert isinstance(reply, Reply)
    assert (reply.text, reply.only_thought, reply.calls) == ("", True, 3)
    assert reply.reasoning == "Let me think."


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"}) > 1e6
    assert retry_after({"retry-after": "soon"}) == retry_after({}) == 0
