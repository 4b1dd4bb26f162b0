"""The servers that a question may go to, and which one is asked next."""

from __future__ import annotations

import base64
import logging
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from instancecap.errors import UsageError
from instancecap.mllm.base import Image, Request
from instancecap.mllm.dialect import Dialect

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

SLACK = 4
"""Questions more than the least busy server has, before frames go to one that has not seen them."""

LONGEST_REST = 60.0
"""Seconds between two tries of a server that is gone."""


@dataclass(slots=True)
class Server:
    """One of the URLs.

    Attributes:
        url: without user, password and query, so that it can be shown.
        load: questions in flight.
        losses: times in a row that it was gone.
        rests_until: not asked before, on the monotonic clock, while another can be.
        dialect: how it is asked.
        settled: a question with a schema was taken in this dialect.
        saw_images: a question with images was answered, beside those that check the server.
    """

    url: str
    client: AsyncOpenAI
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
            self.rest(min(LONGEST_REST, 2.0 ** (self.losses - 1)))

    def rest(self, seconds: float) -> None:
        """Prefer others for so long."""
        self.rests_until = max(self.rests_until, time.monotonic() + seconds)

    def learn(self, dialect: Dialect, request: Request, *, since: Dialect) -> None:
        """It took a question in this dialect; ``since``: the one that was tried first.

        A schema that it refuses later on, after it took others, says nothing of the rest.
        """
        changes = dialect.changes(since)
        if request.schema is not None:
            if self.settled:
                changes.pop("form", None)
            self.settled = True
        if {"images", "pixels"} & set(changes):
            log.warning(
                "%s takes %s a question; it is shown no more from now on",
                self.url,
                " of ".join(
                    f"{number:,} {name}"
                    for name, number in (("images", dialect.images), ("pixels", dialect.pixels))
                    if number
                ),
            )
        self.dialect = replace(self.dialect, **changes)
        self.losses, self.rests_until = 0, 0.0


def choose(servers: Sequence[Server], request: Request) -> Server:
    """The server to ask next.

    The same frames go to the same server, which may have kept what it computed of them, unless
    that one is busier than others or rests.
    """
    now = time.monotonic()
    ready = [one for one in servers if one.rests_until <= now]
    if not ready:
        return min(servers, key=lambda one: one.rests_until)
    chosen = min(ready, key=lambda one: one.load)
    media = (p for m in request.messages for p in m.parts if not isinstance(p, str))
    if (first := next(media, None)) is not None:
        seen = first.jpeg if isinstance(first, Image) else first.url.encode()
        home = servers[zlib.crc32(seen) % len(servers)]
        if home in ready and home.load <= chosen.load + SLACK:
            chosen = home
    if chosen.losses:  # one question tries whether it is back; the others do not wait for it
        chosen.rest(min(LONGEST_REST, 2.0**chosen.losses))
    return chosen


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
