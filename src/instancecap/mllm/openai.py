"""Any server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp, Ollama, hosted ones."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import random
import re
import time
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit
from weakref import WeakKeyDictionary

from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.dialect import Fault
from instancecap.mllm.endpoint import Endpoint, choose, probe

log = logging.getLogger(__name__)

MAX_WAIT = 300.0
"""Seconds; a server that asks for more is asked again after this."""

MAX_BACKOFF = 30.0


@dataclass(slots=True)
class _Session:
    """Connections belong to the event loop in which they were opened."""

    servers: list[Endpoint]
    slots: asyncio.Semaphore


class OpenAIBackend(Backend):
    """Ask a model behind one URL, or behind several that serve the same model.

    Failures that may pass (429, 5xx, timeouts, lost connections, garbled answers) are tried again
    with growing, randomly shortened pauses, or when the server says (``Retry-After``). Of several
    servers the least busy one is asked; one that is gone is left alone for a while. Where no try
    helps, one small question tells whether nothing can be asked any more; then a server that has
    answered before is waited for. How a question is put so that a server takes it is learned
    (:class:`~instancecap.mllm.endpoint.Endpoint`).
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
        wait: float = 0.0,
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
            wait: seconds that servers which answered, and answer nothing any more, are waited for.
            sleep: waits between tries.

        Raises:
            UsageError: no URL, one that is none, or a key that cannot be one.
        """
        if not urls:
            raise UsageError("no server to ask: give a URL such as http://localhost:8000/v1")
        self.model = model
        self._addresses = [Address.parse(url) for url in urls]
        self._key = os.environ.get(key_env, "").strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise UsageError(f"the key in ${key_env} has characters that no key has; set it anew")
        self._concurrency = concurrency
        self._retries, self._backoff, self._sleep = retries, backoff, sleep
        self._patience, self._answered, self._announced = wait, 0.0, False
        secrets = [self._key, *(one for address in self._addresses for one in address.secrets)]
        self._secrets = sorted((one for one in secrets if len(one) > 3), key=len, reverse=True)
        self._key_env, self._timeout, self._max_tokens = key_env, timeout, max_tokens
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

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        for server in session.servers if session else []:
            await server.client.close()

    def _session(self) -> _Session:
        """The connections of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            import openai

            timeout = self._timeout
            servers = [
                Endpoint(
                    url=address.url,
                    model=self.model,
                    key_env=self._key_env,
                    has_key=bool(self._key),
                    timeout=timeout,
                    max_tokens=self._max_tokens,
                    scrub=self._scrub,
                    client=openai.AsyncOpenAI(
                        base_url=address.url,
                        api_key=self._key or "none",
                        default_headers=address.headers,
                        default_query=address.query,
                        max_retries=0,
                        timeout=openai.Timeout(timeout, connect=min(10.0, timeout)),
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
            began, attempt, waited = time.monotonic(), 0, False
            while True:
                server = choose(session.servers)
                try:
                    reply = await server.ask(request)
                except ModelError as error:
                    return error
                except Fault as fault:
                    if attempt >= self._retries:
                        alone = await self._fails_alone(session, fault, began)
                        if alone and not waited:
                            return ModelError(f"{fault}; given up after {attempt + 1} tries")
                        attempt, waited = (0 if alone else attempt), not alone
                    await self._wait(session, server, fault, attempt)
                    attempt += 1
                else:
                    self._answered, self._announced = time.monotonic(), False
                    server.saw_images |= request.images > 0 and request is not probe()
                    seconds = time.monotonic() - began
                    log.debug("%s answered in %.2f s: %s", server.url, seconds, reply.finish)
                    return replace(reply, seconds=seconds)

    async def _fails_alone(self, session: _Session, fault: Fault, began: float) -> bool:
        """Whether only this question fails; False where the servers are to be waited for.

        Raises:
            ServerError: the wait is over, or none of them ever answered.
        """
        problem = f"{fault} (tried {self._retries + 1} times)"
        if fault.gone:
            problem += "; start the server again"
        elif any([await one.takes_small() for one in session.servers]):
            return True
        else:
            problem += ", and to a small question as well; see the server's log, or start it again"
        # An answer to another question counts too.
        if not self._answered or time.monotonic() - max(began, self._answered) >= self._patience:
            raise ServerError(problem)
        if not self._announced:
            log.warning("waiting up to %g s for the server: %s", self._patience, fault)
        self._announced = True
        return False

    async def _wait(self, session: _Session, server: Endpoint, fault: Fault, attempt: int) -> None:
        """Before the next try.

        Raises:
            ServerError: no server has ever been there.
        """
        others = [one for one in session.servers if one is not server]
        if fault.gone:
            server.lose()
            if not self._answered and all(one.losses for one in session.servers):
                raise ServerError(f"{fault}; start the server, or give its right URL")
        pause = self._backoff * 2 ** min(attempt, self._retries)
        wait = min(MAX_BACKOFF, pause) * random.uniform(0.5, 1.0)
        if fault.wait:
            wait = min(MAX_WAIT, fault.wait) + self._backoff * random.uniform(0.0, 0.5)
            server.rest(min(MAX_WAIT, fault.wait))
        if fault.gone or fault.wait:
            now = time.monotonic()
            wait = 0.0 if any(one.rests_until <= now for one in others) else wait
        log.debug("%s; asked again in %.2f s", fault, wait)
        await self._sleep(wait)

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


# Address ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart, so that no secret in it is ever shown."""

    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    secrets: tuple[str, ...]

    @classmethod
    def parse(cls, url: str) -> Address:
        """``http(s)://[user:password@]host[:port]/path[?key=…]``.

        Raises:
            UsageError: it is not the URL of a server.
        """
        try:
            parts = urlsplit(url.strip())
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            shown = re.sub(r"//[^/@]*@|\?.*", "…", url)
            raise UsageError(
                f"not the URL of a model server: {shown!r}: give one such as "
                "http://localhost:8000/v1"
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        query = dict(parse_qsl(parts.query))
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        location = parts.netloc.rpartition("@")[2]
        return cls(
            url=urlunsplit((parts.scheme, location, parts.path.rstrip("/"), "", "")),
            headers={"Authorization": f"Basic {pair}"} if user else {},
            query=query,
            secrets=tuple(one for one in (user and pair, password, *query.values()) if one),
        )
