"""One server of a model: it is asked, and what it takes is learned."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from instancecap.errors import ModelError, QuestionRefused, ServerError
from instancecap.mllm.base import Image, Message, Reply, Request
from instancecap.mllm.dialect import Dialect, Fault, Refusal, adapt, fit, judge, words_of
from instancecap.mllm.wire import parse_reply, payload

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

MAX_REST = 60.0
"""Seconds between two tries of a server that is gone."""

MAX_ADAPTATIONS = 24
"""Ways to put one question; a refusal that leads nowhere ends much earlier."""

LARGE = 32_000
"""Bytes of images, above which a 404 may mean that the request is too large."""


@dataclass(slots=True)
class Endpoint:
    """One of the URLs.

    Attributes:
        url: without user, password and query, so that it can be shown.
        client: its connections.
        model: the name that it knows the model by.
        key_env: environment variable of the key; ``has_key``: whether it is set.
        timeout: seconds for one answer.
        max_tokens: the least bound of an answer's length.
        scrub: takes keys and passwords out of a text.
        load: questions in flight.
        losses: times in a row that it was gone.
        rests_until: not asked before, on the monotonic clock, while another can be.
        dialect: how it is asked.
        settled: a question with a schema was taken in this dialect.
        saw_images: a question with images was answered, beside those that check the server.
    """

    url: str
    client: AsyncOpenAI
    model: str
    key_env: str
    has_key: bool
    timeout: float
    max_tokens: int
    scrub: Callable[[str], str]
    load: int = 0
    losses: int = 0
    rests_until: float = 0.0
    dialect: Dialect = field(default_factory=Dialect)
    settled: bool = False
    saw_images: bool = False

    def lose(self) -> None:
        """It was gone. Twice as long a rest each time, if it does not rest already."""
        if time.monotonic() >= self.rests_until:
            self.losses += 1
            self.rest(min(MAX_REST, 2.0 ** (self.losses - 1)))

    def rest(self, seconds: float) -> None:
        """Prefer others for so long."""
        self.rests_until = max(self.rests_until, time.monotonic() + seconds)

    def _learn(self, dialect: Dialect, request: Request, *, since: Dialect) -> None:
        """It took a question in this dialect; ``since``: the one that was tried first.

        A schema that it refuses later on, after it took others, says nothing of the rest.
        """
        changes = dialect.changes(since)
        if request.schema is not None:
            if self.settled:
                changes.pop("form", None)
            self.settled = True
        before, self.dialect = self.dialect, self.dialect.with_changes(changes)
        if (self.dialect.images, self.dialect.pixels) != (before.images, before.pixels):
            amounts = {"image(s) a question": dialect.images, "pixels an image": dialect.pixels}
            most = " and ".join(f"{one:,} {name}" for name, one in amounts.items() if one)
            log.warning("%s takes at most %s; it is shown no more from now on", self.url, most)
        self.losses, self.rests_until = 0, 0.0

    async def ask(self, request: Request) -> Reply:
        """One try, or a few where the question has to be put otherwise.

        Raises:
            Fault: it may be tried again.
            ModelError: the question is refused for good.
            ServerError: every question would be.
        """
        import openai

        dialect = since = self.dialect
        before = ""
        replies: list[Reply] = []
        self.load += 1
        try:
            for _ in range(MAX_ADAPTATIONS):
                put, least = fit(request, dialect), self.max_tokens
                body = payload(put, model=self.model, dialect=dialect, max_tokens=least)
                try:
                    reply = await self._post(body)
                except openai.APIStatusError as error:
                    refusal = Refusal.of(error, text=self.scrub(words_of(error)))
                    other = await self._otherwise(refusal, request, dialect, body, before)
                    if other is None:
                        raise await self._problem(refusal, request) from error
                    log.debug("%s: %s; asked otherwise", self.url, refusal.text)
                    dialect, before = other, refusal.text
                    continue
                replies.append(reply)
                roomier = dialect.with_room(body[dialect.limit])
                if not reply.only_thought or roomier is None or request is probe():
                    self._learn(dialect, request, since=since)
                    return _total(replies)
                dialect = roomier
        finally:
            self.load -= 1
        raise ModelError(f"{self.url} refuses the question, however it is put ({before})")

    async def _post(self, body: dict[str, Any]) -> Reply:
        """The reply to one request.

        Raises:
            Fault: there is none, or it cannot be read.
            openai.APIStatusError: the server refuses it.
        """
        import openai

        try:
            async with asyncio.timeout(self.timeout):
                answer = await self.client.post("/chat/completions", cast_to=object, body=body)
            return parse_reply(answer)
        except (openai.APITimeoutError, TimeoutError) as error:
            text = f"{self.url} gave no answer within {self.timeout:g} s"
            raise Fault(text, gone=_never_connected(error)) from error
        except openai.APIConnectionError as error:
            if not _never_connected(error):
                raise Fault(f"{self.url} closed the connection") from error
            cause = self.scrub(str(error.__cause__))
            text = f"no connection to {self.url} ({cause})"
            raise Fault(text, gone=True) from error
        except ValueError as error:
            text = self.scrub(str(error))
            raise Fault(f"{self.url} sent something that is {text}") from error

    async def _otherwise(
        self,
        refusal: Refusal,
        request: Request,
        dialect: Dialect,
        body: dict[str, Any],
        before: str,
    ) -> Dialect | None:
        """Another way to put a question that was refused; None where there is none."""
        topic = refusal.topic
        if refusal.status in (401, 402, 403, 408) or (refusal.status == 429 and topic != "size"):
            return None
        if refusal.status in (404, 405):
            large = sum(len(one.jpeg) for one in request.pictures) >= LARGE
            if not large or not await self.takes_small():
                return None
            topic = "size"  # some proxies know no path for a body that is too large
        return adapt(dialect, refusal, request, body, topic=topic, before=before)

    async def _problem(self, refusal: Refusal, request: Request) -> Exception:
        """Why a question is not answered that cannot be put otherwise."""
        problem = judge(
            refusal, request, server=self.url, model=self.model, key_env=self.key_env,
            has_key=self.has_key,
        )  # fmt: skip
        if problem is None:
            return await self._not_served(refusal.text)
        words = f"({refusal.status}: {refusal.text})"
        if isinstance(problem, ServerError | QuestionRefused) or request is probe():
            return problem
        if refusal.fix and request.images and not self.saw_images:
            return ServerError(
                f"{self.url} refuses questions with images, even with one small image {words}; "
                f"{refusal.fix}"
            )
        if refusal.fix:
            return ModelError(f"{self.url} refused the question {words}; {refusal.fix}")
        if isinstance(problem, Fault) or self.saw_images or await self.takes_small():
            return problem
        return ServerError(
            f"{self.url} refuses every question, a small one as well {words}; see the server's log"
        )

    async def _not_served(self, text: str) -> ServerError:
        """Why there is nothing at an address: a wrong URL, or a wrong name of the model."""
        import openai

        names: list[str] | None = []
        try:
            async with asyncio.timeout(10.0):
                listed: Any = await self.client.get("/models", cast_to=object)
            names = [str(one["id"]) for one in listed["data"]]
        except openai.InternalServerError:  # it is there, and cannot list what it serves
            names = None
        except (openai.OpenAIError, TimeoutError, ValueError, LookupError, TypeError):
            base = self.url.partition("/chat/completions")[0].removesuffix("/v1") + "/v1"
            advice = f"try {base}" if base != self.url else "give the URL of one, up to its /v1"
            return ServerError(
                f"there is no OpenAI-protocol server at {self.url} ({text or 'not found'}); "
                f"{advice}"
            )
        model = repr(self.model)
        if names and self.model in names:
            return ServerError(f"{self.url} lists the model {model}, but answers: {text}")
        shown = text if names is None else f"it serves: {', '.join(names[:20]) or 'none'}"
        return ServerError(f"{self.url} does not serve the model {model}; {shown}")

    async def takes_small(self) -> bool:
        """Whether it answers a small question, so that it does not refuse every one."""
        try:
            await self.ask(probe())
        except (Fault, ModelError, ServerError):
            return False
        return True


def choose(servers: Sequence[Endpoint]) -> Endpoint:
    """The server to ask next: the least busy one that does not rest."""
    now = time.monotonic()
    ready = [one for one in servers if one.rests_until <= now]
    if not ready:
        return min(servers, key=lambda one: one.rests_until)
    chosen = min(ready, key=lambda one: one.load)
    if chosen.losses:  # one question tries whether it is back; the others do not wait for it
        chosen.rest(min(MAX_REST, 2.0**chosen.losses))
    return chosen


def _never_connected(error: BaseException) -> bool:
    """Whether the connection was never made; httpx and its successor use the same names."""
    return type(error.__cause__).__name__ in ("ConnectError", "ConnectTimeout")


def _total(replies: Sequence[Reply]) -> Reply:
    """The last reply, with the tokens and calls of all."""
    return replace(
        replies[-1],
        prompt_tokens=sum(one.prompt_tokens for one in replies),
        completion_tokens=sum(one.completion_tokens for one in replies),
        calls=len(replies),
    )


@cache
def probe() -> Request:
    """A small gray image; Qwen's processors want at least 28 pixels a side."""
    import cv2
    import numpy as np

    _, jpeg = cv2.imencode(".jpg", np.full((64, 64, 3), 128, np.uint8))
    question = "What color is this image? Answer in one word."
    return Request(messages=(Message("user", (Image(jpeg.tobytes()), question)),), max_tokens=16)
