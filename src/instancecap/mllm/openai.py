"""Any server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp, Ollama, hosted ones."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from instancecap.errors import (
    ModelError,
    QuestionRefused,
    ServerError,
    ServerRefusal,
    UsageError,
)
from instancecap.mllm.base import Backend, Image, Message, Reply, Request
from instancecap.mllm.dialect import Dialect, fit
from instancecap.mllm.refusals import (
    FIXES,
    Fault,
    Refusal,
    Topic,
    adapt,
    judge,
    retry_after,
    words_of,
)
from instancecap.mllm.servers import Address, Server, choose
from instancecap.mllm.wire import parse_reply, payload

if TYPE_CHECKING:
    from openai import APIConnectionError

log = logging.getLogger(__name__)

MAX_WAIT = 300.0
"""Seconds; a server that asks for more is asked again after this."""

MAX_BACKOFF = 30.0

MAX_ADAPTATIONS = 24
"""Ways to put one question; a refusal that leads nowhere ends much earlier."""

LARGE = 32_000
"""Bytes of images, above which a 404 may mean that the request is too large."""


@dataclass(slots=True)
class _Session:
    """Connections belong to the event loop in which they were opened."""

    servers: list[Server]
    slots: asyncio.Semaphore


class OpenAIBackend(Backend):
    """Ask a model behind one URL, or behind several that serve the same model.

    Frames go as JPEG data URLs, each after its time as text: the one form that every server
    takes, and the one that keeps times right. Failures that may pass (429, 5xx, timeouts, lost
    connections, garbled answers) are tried again with growing, randomly shortened pauses, or
    when the server says (``Retry-After``). Of several servers the least busy one is asked; one
    that is gone is left alone for a while. Where no try helps, one small question tells whether
    it was this question that cannot be answered, or nothing can be asked any more.

    What a server refuses of a question (a parameter, the system role, the number or size of
    images) is put otherwise, and so from then on; a model that spends all tokens on thinking gets
    more of them, then is told not to think.

    Attributes:
        retried: how often each kind of failure was tried again: ``"429"``, ``"timeout"``, ….
    """

    def __init__(
        self,
        *,
        urls: Sequence[str],
        model: str,
        key_env: str = "OPENAI_API_KEY",
        concurrency: int = 64,
        timeout: float = 300.0,
        max_tokens: int = 0,
        retries: int = 6,
        backoff: float = 0.5,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Arguments:
            urls: such as ``http://localhost:8000/v1``.
            key_env: name of the environment variable that holds the key; it may be unset for
                servers that ask for none.
            concurrency: questions in flight at most, over all servers.
            timeout: seconds for one answer.
            max_tokens: the least that an answer's length is bounded to, thinking included;
                questions have smaller bounds of their own.
            retries: tries after the first.
            backoff: seconds before the second try, at most; doubled for each further one.
            sleep: waits between tries.

        Raises:
            UsageError: no URL, one that is none, or a key that cannot be one.
        """
        if not urls:
            raise UsageError("no server to ask: give a URL such as http://localhost:8000/v1")
        self.model = model
        self.retried: Counter[str] = Counter()
        self._addresses = [Address.parse(url) for url in urls]
        self._key_env = key_env
        self._key = os.environ.get(key_env, "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise UsageError(f"the key in ${key_env} has characters that no key has; set it anew")
        self._concurrency, self._timeout = concurrency, timeout
        self._retries, self._backoff, self._sleep = retries, backoff, sleep
        self._max_tokens = max_tokens
        self._answered = False
        secrets = [self._key, *(one for address in self._addresses for one in address.secrets)]
        self._secrets = sorted((one for one in secrets if len(one) > 3), key=len, reverse=True)
        self._sessions: WeakKeyDictionary[AbstractEventLoop, _Session] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"OpenAIBackend({[one.url for one in self._addresses]}, model={self.model!r})"

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        tasks = [asyncio.ensure_future(self._answer(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def check(self) -> None:
        """Ask one small question with one image, to learn now whether the rest can be asked.

        Raises:
            ServerError: no; it says why, and how to mend it.
        """
        (reply,) = await self.complete([_probe()])
        if isinstance(reply, ModelError):
            raise ServerError(f"{reply}; a first question with one small image got no answer")
        log.debug("%r answers as %r", self, reply.model)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        for server in session.servers if session else []:
            await server.client.close()

    def _session(self) -> _Session:
        """The connections of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            import openai

            servers = [
                Server(
                    url=address.url,
                    client=openai.AsyncOpenAI(
                        base_url=address.url,
                        api_key=self._key or "none",
                        default_headers=address.headers,
                        default_query=address.query,
                        max_retries=0,
                        timeout=openai.Timeout(self._timeout, connect=min(10.0, self._timeout)),
                    ),
                )
                for address in self._addresses
            ]
            if any(address.query for address in self._addresses):
                for name in ("httpx", "httpx2"):  # they log every URL with its query
                    logging.getLogger(name).addFilter(self._scrub_record)
            self._sessions[loop] = _Session(servers, asyncio.Semaphore(self._concurrency))
        return self._sessions[loop]

    async def _answer(self, request: Request) -> Reply | ModelError:
        """Ask until there is an answer, a refusal for good, or no try left."""
        session = self._session()
        async with session.slots:
            began = time.perf_counter()
            for attempt in range(self._retries + 1):
                server = choose(session.servers, request)
                try:
                    reply = await self._ask(server, request)
                except ModelError as error:
                    return error
                except Fault as fault:
                    last = fault
                    await self._wait(session, server, fault, attempt)
                else:
                    self._answered = True
                    server.saw_images |= request.images > 0 and request is not _probe()
                    seconds = time.perf_counter() - began
                    log.debug("%s answered in %.2f s: %s", server.url, seconds, reply.finish)
                    return replace(reply, seconds=seconds)
            if last.gone:
                says = f"{last} (tried {self._retries + 1} times); start the server again"
                raise ServerError(says)
            if not await self._answers_at_all(session):
                raise ServerError(
                    f"{last} (tried {self._retries + 1} times), and to a small question as well; "
                    "see the server's log, or start it again"
                )
        return ModelError(f"{last}; given up after {self._retries + 1} tries")

    async def _answers_at_all(self, session: _Session) -> bool:
        """Whether a small question gets an answer, so that a failure is that of the question."""
        for server in session.servers:
            try:
                await self._ask(server, _probe(), probing=True)
            except Fault:
                continue
            except ModelError:
                pass  # a refusal is an answer, too
            return True
        return False

    async def _takes_small(self, server: Server) -> bool:
        """Whether a server answers a small question, so that it does not refuse every one."""
        try:
            await self._ask(server, _probe(), probing=True)
        except (Fault, ModelError, ServerError):
            return False
        return True

    async def _wait(self, session: _Session, server: Server, fault: Fault, attempt: int) -> None:
        """Before the next try.

        Raises:
            ServerError: no server has ever been there.
        """
        others = [one for one in session.servers if one is not server]
        if fault.gone:
            server.lose()
            if not self._answered and all(one.losses for one in session.servers):
                raise ServerError(f"{fault}; start the server, or give its right URL")
        if attempt == self._retries:
            return
        self.retried[fault.kind] += 1
        wait = min(MAX_BACKOFF, self._backoff * 2**attempt) * random.uniform(0.5, 1.0)
        if fault.wait:
            wait = min(MAX_WAIT, fault.wait) + self._backoff * random.uniform(0.0, 0.5)
            server.rest(min(MAX_WAIT, fault.wait))
        if fault.gone or fault.wait:
            now = time.monotonic()
            wait = 0.0 if any(one.rests_until <= now for one in others) else wait
        log.debug("%s; asked again in %.2f s", fault, wait)
        await self._sleep(wait)

    async def _ask(self, server: Server, request: Request, *, probing: bool = False) -> Reply:
        """One try, or a few where the question has to be put otherwise.

        Arguments:
            probing: nothing depends on the answer, so it gets no more room.

        Raises:
            Fault: it may be tried again.
            ModelError: the question is refused for good.
            ServerError: every question would be.
        """
        import openai

        dialect = since = server.dialect
        before = ""
        replies: list[Reply] = []
        server.load += 1
        try:
            for _ in range(MAX_ADAPTATIONS):
                put, shown = fit(request, dialect)
                body = payload(put, model=self.model, dialect=dialect, max_tokens=self._max_tokens)
                try:
                    reply = replace(await self._post(server, body), shown=shown)
                except openai.APIStatusError as error:
                    refusal = Refusal.of(error, text=self._scrub(words_of(error)))
                    other = await self._otherwise(
                        server, refusal, request, dialect, body, before=before, probing=probing
                    )
                    if other is None:
                        wait = retry_after(error.response.headers)
                        raise await self._problem(
                            server, refusal, request, wait, probing
                        ) from error
                    log.debug("%s: %s; asked otherwise", server.url, refusal.text)
                    dialect, before = other, refusal.text
                    continue
                replies.append(reply)
                roomier = dialect.with_room(body[dialect.limit])
                if not reply.only_thought or probing or roomier is None:
                    server.learn(dialect, request, since=since)
                    return _total(replies)
                dialect = roomier
        finally:
            server.load -= 1
        raise ModelError(f"{server.url} refuses the question, however it is put ({before})")

    async def _post(self, server: Server, body: dict[str, Any]) -> Reply:
        """The reply to one request.

        Raises:
            Fault: there is none, or it cannot be read.
            openai.APIStatusError: the server refuses it.
        """
        import openai

        try:
            async with asyncio.timeout(self._timeout):
                answer = await server.client.post("/chat/completions", cast_to=object, body=body)
            return parse_reply(answer)
        except (openai.APITimeoutError, TimeoutError) as error:
            text = f"{server.url} gave no answer within {self._timeout:g} s"
            raise Fault("timeout", text, gone=_never_connected(error)) from error
        except openai.APIConnectionError as error:
            raise self._lost(server, error) from error
        except ValueError as error:
            reason = self._scrub(str(error))
            text = f"{server.url} sent something that is not a chat completion"
            _, _, detail = reason.partition("not a chat completion: ")
            raise Fault("garbled", f"{text} ({detail})" if detail else text) from error

    def _lost(self, server: Server, error: APIConnectionError) -> Fault:
        if not _never_connected(error):
            return Fault("disconnect", f"{server.url} closed the connection")
        cause = self._scrub(str(error.__cause__))
        return Fault("gone", f"no connection to {server.url} ({cause})", gone=True)

    async def _otherwise(
        self,
        server: Server,
        refusal: Refusal,
        request: Request,
        dialect: Dialect,
        body: dict[str, Any],
        *,
        before: str,
        probing: bool,
    ) -> Dialect | None:
        """Another way to put a question that was refused; None where there is none."""
        topic: Topic | None = refusal.topic
        if refusal.status in (401, 402, 403, 408, 429):
            return None
        if refusal.status in (404, 405):
            if probing or _bytes_of(request) < LARGE or not await self._takes_small(server):
                return None
            topic = "body"  # some proxies know no path for a body that is too large
        return adapt(dialect, refusal, request, body, topic=topic, before=before)

    async def _problem(
        self, server: Server, refusal: Refusal, request: Request, wait: float, probing: bool
    ) -> Exception:
        """Why a question is not answered that cannot be put otherwise."""
        topic = refusal.topic
        if refusal.status in (401, 403) and not self._key:
            return ServerError(
                f"{server.url} asks for a key: set the environment variable {self._key_env}"
            )
        problem = judge(
            refusal,
            request,
            server=server.url,
            model=self.model,
            key_env=self._key_env,
            wait=wait,
        )
        if problem is None:
            return await self._not_served(server, refusal.text)
        if isinstance(problem, QuestionRefused | ServerError) or probing:
            return problem
        fix = FIXES.get(topic) if topic else None
        if fix and (isinstance(problem, ModelError) or refusal.status >= 500):
            if request.images and not server.saw_images:
                return ServerRefusal(
                    f"{server.url} refuses questions with images, even with one small image "
                    f"({refusal.status}: {refusal.text}); {fix}"
                )
            return ModelError(
                f"{server.url} refused the question ({refusal.status}: {refusal.text}); {fix}"
            )
        hopeless = isinstance(problem, ModelError) and not server.saw_images
        if hopeless and not await self._takes_small(server):
            return ServerRefusal(
                f"{server.url} refuses every question, a small one as well "
                f"({refusal.status}: {refusal.text}); see the server's log"
            )
        return problem

    async def _not_served(self, server: Server, text: str) -> ServerError:
        """Why there is nothing at an address: a wrong URL, or a wrong name of the model."""
        import openai

        try:
            async with asyncio.timeout(10.0):
                listed: Any = await server.client.get("/models", cast_to=object)
            names = [str(one["id"]) for one in listed["data"]]
        except openai.InternalServerError:  # it is there, and cannot list what it serves
            return ServerError(f"{server.url} does not serve the model {self.model!r}: {text}")
        except (openai.OpenAIError, TimeoutError, ValueError, LookupError, TypeError):
            base = server.url.partition("/chat/completions")[0].removesuffix("/v1") + "/v1"
            advice = f"try {base}" if base != server.url else "give the URL of one, up to its /v1"
            return ServerError(
                f"there is no OpenAI-protocol server at {server.url} ({text or 'not found'}); "
                f"{advice}"
            )
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        if self.model in names:
            return ServerError(f"{server.url} lists the model {self.model!r}, but answers: {text}")
        return ServerError(
            f"{server.url} does not serve the model {self.model!r}; it serves: {shown or 'none'}"
        )

    def _scrub(self, text: str) -> str:
        """``text`` without keys and passwords, whoever put them there."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _scrub_record(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                one if isinstance(one, int | float) else self._scrub(str(one))
                for one in record.args
            )
        return True


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


def _bytes_of(request: Request) -> int:
    """Bytes of all images."""
    parts = (part for message in request.messages for part in message.parts)
    return sum(len(part.jpeg) for part in parts if isinstance(part, Image))


@cache
def _probe() -> Request:
    """A small gray image; Qwen's processors want at least 28 pixels a side."""
    import cv2
    import numpy as np

    _, jpeg = cv2.imencode(".jpg", np.full((64, 64, 3), 128, np.uint8))
    question = "What color is this image? Answer in one word."
    return Request(messages=(Message("user", (Image(jpeg.tobytes()), question)),), max_tokens=16)
