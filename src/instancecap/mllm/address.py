"""URLs of servers, and the secrets in them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from instancecap.errors import UsageError


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
