"""Servers that work, fail for a while, and refuse."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest

from instancecap.errors import InstanceCapError, ModelError, ServerError, UsageError
from instancecap.mllm.base import Message, Reply, Request, Video
from instancecap.mllm.openai import OpenAIBackend
from tests.mllm.questions import GOOD, question, run
from tests.mllm.server import MODEL, serve

NOBODY = "http://127.0.0.1:9/v1"
KEY = "sk-0123456789-secret"


async def complete(
    urls: Sequence[str], requests: Sequence[Request], **options: Any
) -> list[Reply | ModelError]:
    """Ask, with pauses that a test can wait for."""
    defaults = {"model": MODEL, "backoff": 0.02, "timeout": 30.0}
    backend = OpenAIBackend(urls=urls, **{**defaults, **options})
    try:
        return await backend.complete(requests)
    finally:
        await backend.close()


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(ServerError) as error:
        run(complete([url], [question()], **options))
    assert KEY not in str(error.value)
    return str(error.value)


def test_questions_are_answered_in_order() -> None:
    with serve(lambda body: body["messages"][1]["content"]) as url:
        requests = [question(str(number), images=0) for number in range(100)]
        replies = run(complete([url], requests, concurrency=8))
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == [
        str(number) for number in range(100)
    ]


def test_no_more_are_in_flight_than_allowed() -> None:
    in_flight: list[int] = []

    async def watched() -> int:
        backend = OpenAIBackend(urls=[url], model=MODEL, concurrency=3)
        asking = asyncio.ensure_future(backend.complete([question(images=0)] * 12))
        while not asking.done():
            in_flight.append(sum(one.load for one in backend._session().servers))
            await asyncio.sleep(0)
        await backend.close()
        return len(asking.result())

    with serve() as url:
        assert run(watched()) == 12
    assert max(in_flight) == 3


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


def test_failures_that_pass_are_tried_again() -> None:
    faults = ["429", "500", "stall", "disconnect", "garbled"]
    with serve(lambda _: "well", faults, stall=60.0) as url:
        (reply,) = run(complete([url], [question()], timeout=1.0, sleep=no_pause))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.model) == ("well", MODEL)


def pauses(faults: Sequence[str], **options: Any) -> list[float]:
    """The waits between the tries of one question."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    with serve(faults=faults, retry_after=options.pop("retry_after", "0")) as url:
        run(complete([url], [question()], sleep=sleep, **options))
    return waited


def test_pauses_grow() -> None:
    waited = pauses(["500"] * 4, backoff=8.0)
    assert all(4 * 2**n <= wait <= 8 * 2**n for n, wait in enumerate(waited[:2]))
    assert all(15 <= wait <= 30 for wait in waited[2:])
    assert len(waited) == 4


@pytest.mark.parametrize(("asked", "least", "most"), [("40", 40, 41), ("9000", 300, 301)])
def test_a_server_says_when_to_come_back(asked: str, least: float, most: float) -> None:
    (wait,) = pauses(["429"], retry_after=asked, backoff=1.0)
    assert least <= wait <= most


def test_tries_have_an_end() -> None:
    with serve(lambda _: "well", ["500"] * 3) as url:
        replies = run(complete([url], [question(), question()], retries=2, concurrency=1))
    assert isinstance(replies[0], ModelError)
    assert str(replies[0]) == f"{url} answered 500 (try again later); given up after 3 tries"
    assert isinstance(replies[1], Reply)


def test_a_dead_server_is_avoided() -> None:
    with serve() as url:
        requests = [question(str(number)) for number in range(40)]
        replies = run(complete([NOBODY, url], requests, concurrency=4))
    assert all(isinstance(reply, Reply) for reply in replies)


def test_servers_share_the_questions() -> None:
    first: list[dict[str, Any]] = []
    second: list[dict[str, Any]] = []
    with serve(seen=first) as one, serve(seen=second) as other:
        run(complete([one, other], [question(str(n)) for n in range(40)]))
    assert min(len(first), len(second)) >= 10


def test_a_server_that_dies_stops_the_run() -> None:
    with serve() as url:
        pass
    with pytest.raises(ServerError, match=r"no connection to http.*; start the server, or"):
        run(complete([url], [question()] * 10))


def test_a_server_that_answered_is_waited_for_and_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def both() -> list[Reply | ModelError]:
        backend = OpenAIBackend(urls=[url], model=MODEL, retries=1, backoff=0.01, wait=60.0)
        first = await backend.complete([question("1")])
        second = await backend.complete([question(str(number)) for number in range(3)])
        await backend.close()
        return first + second

    with serve(faults=["", *["500"] * 20]) as url:
        assert all(isinstance(reply, Reply) for reply in run(both()))
    told = [one.getMessage() for one in caplog.records if "waiting" in one.message]
    assert told == [f"waiting up to 60 s for the server: {url} answered 500 (try again later)"]


def test_the_wait_for_a_server_ends() -> None:
    async def both() -> None:
        backend = OpenAIBackend(urls=[url], model=MODEL, retries=0, backoff=0.01, wait=0.3)
        try:
            await backend.complete([question()])
            await backend.complete([question()])
        finally:
            await backend.close()

    began = time.monotonic()
    with serve(faults=["", *["500"] * 2000]) as url, pytest.raises(ServerError, match="500"):
        run(both())
    assert time.monotonic() - began > 0.3


def test_a_backend_serves_one_event_loop_after_another() -> None:
    async def once() -> None:
        (reply,) = await backend.complete([question()])
        assert isinstance(reply, Reply)
        await backend.close()

    with serve() as url:
        backend = OpenAIBackend(urls=[url], model=MODEL)
        run(once())
        run(once())


def test_a_server_is_asked_in_its_own_dialect() -> None:
    seen: list[dict[str, Any]] = []
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    refuses = ("response_format", "max_tokens", "seed", "repetition_penalty", "repeat_penalty")
    with serve(refuses=refuses, seen=seen) as url:
        requests = [question(str(n), schema=schema, penalty=1.1) for n in range(3)]
        replies = run(complete([url], requests, concurrency=1))
    assert all(isinstance(reply, Reply) for reply in replies)
    assert len(seen) == 7 + 3  # it learns only once
    assert set(seen[-1]) == {"model", "messages", "max_completion_tokens", "temperature"}


def test_refusals_say_how_to_mend_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert refusal(NOBODY).endswith("; start the server, or give its right URL")
    with serve() as url:
        assert refusal(url[:-3]).endswith(f"; try {url}")
        assert refusal(f"{url}/chat/completions").endswith(f"; try {url}")
        assert refusal(url, model="gpt") == (
            f"{url} does not serve the model 'gpt'; it serves: {MODEL}"
        )
    with serve(images=False) as url:
        assert "takes no images" in refusal(url)
    with serve(key="another") as url:
        assert refusal(url) == (
            f"{url} asks for a key: set the environment variable OPENAI_API_KEY"
        )
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert refusal(url) == (
            f"{url} refused the key in $OPENAI_API_KEY (401); set it to one that is valid there"
        )


def test_the_key_is_sent_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY + "\n")
    caplog.set_level(logging.DEBUG)
    with serve(lambda _: GOOD, ["500", "", "disconnect"], key=KEY) as url:
        run(complete([url], [question()], key_env="MY_KEY"))
        address = url.replace("//", "//someone:hidden-word@") + "?api_key=query-secret"
        message = refusal(address, key_env="MY_KEY")  # the password takes the key's place
        assert message.startswith(f"{url} refused")
    assert "answered in" in caplog.text
    for secret in (KEY, "hidden-word", "query-secret", "base64", "/9j/"):
        assert secret not in caplog.text
        assert secret not in message
        assert secret not in repr(OpenAIBackend(urls=[address], model=MODEL, key_env="MY_KEY"))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://here", "http://", "http://a:b/v1", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="give one such as http://localhost:8000/v1"):
        OpenAIBackend(urls=[url], model=MODEL)


def test_what_is_no_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-\u00e9\u00e9")
    with pytest.raises(InstanceCapError, match=r"the key in \$OPENAI_API_KEY has characters"):
        OpenAIBackend(urls=[NOBODY], model=MODEL)
    with pytest.raises(UsageError, match="no server to ask"):
        OpenAIBackend(urls=[], model=MODEL)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("Cannot load local files without `--allowed-local-media-path`.", "may not read files"),
        ("This model does not support video input.", "takes no clips by URL"),
        ("At most 0 video(s) may be provided in one prompt.", "takes no clips by URL"),
        ("unsupported content[].type", "takes no clips by URL"),
    ],
)
def test_a_server_that_takes_no_clips_ends_the_run(words: str, says: str) -> None:
    clip = Request((Message("user", (Video("file:///a.mp4"), "?")),))
    with serve(no_videos=words) as url:
        with pytest.raises(ServerError, match=says) as error:
            run(complete([url], [clip]))
        assert "--mllm-input images" in str(error.value)
        (reply,) = run(complete([url], [question()]))
    assert isinstance(reply, Reply)


def test_a_clip_that_cannot_be_read_costs_its_own_answer() -> None:
    clip = Request((Message("user", (Video("file:///a.mp4"), "?")),))
    with serve(no_videos="Failed to decode the video: moov atom not found") as url:
        (reply,) = run(complete([url], [clip]))
    assert isinstance(reply, ModelError)
