"""The servers that a question may go to: which one is asked next, and what their refusals mean."""

from __future__ import annotations

import base64
import email.utils
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.base import Image, Request
from instancecap.mllm.wire import Dialect

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

SLACK = 4
"""Questions more than the least busy server has, before frames go to one that has not seen them."""

LONGEST_REST = 60.0
"""Seconds between two tries of a server that is gone."""

_NO_IMAGES = re.compile(
    r"not a (?:multimodal|vision)|(?:image|vision|multimodal).{0,40}(?:not|n't|only) support"
    r"|not support.{0,40}(?:image|vision|multimodal)|missing data required for image"
    r"|image_url is only supported|at most 0 image|text.only model",
    re.IGNORECASE,
)
_NO_VIDEO = re.compile(
    r"video.{0,40}(?:not|n't|only) support|(?:not |un)support.{0,40}video|at most 0 video"
    r"|unsupported content|(?:invalid|unknown).{0,40}video_url",
    re.IGNORECASE,
)
_NO_FILES = re.compile(
    r"allowed.local.media.path|(?:cannot|not allowed).{0,20}local (?:file|media)"
)
_NO_MODEL = re.compile(
    r"model.{0,200}(?:not found|not exist|not supported|not available)|invalid model|unknown model",
    re.IGNORECASE | re.DOTALL,
)
_NO_CREDIT = re.compile(r"insufficient_quota|exceeded your current quota|billing", re.IGNORECASE)
_TOO_LONG = re.compile(r"context.length|maximum context|context size|too long", re.IGNORECASE)


class Fault(Exception):
    """A failure that may pass. ``gone``: no connection could be made."""

    def __init__(self, kind: str, says: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(says)
        self.kind, self.gone, self.wait = kind, gone, wait


@dataclass(slots=True)
class Server:
    """One of the URLs.

    Attributes:
        url: without user, password and query, so that it can be shown.
        load: questions in flight.
        losses: times in a row that it was gone.
        rests_until: not asked before, on the monotonic clock, while another can be.
        settled: a question with a schema was taken in this dialect.
    """

    url: str
    client: AsyncOpenAI
    load: int = 0
    losses: int = 0
    rests_until: float = 0.0
    dialect: Dialect = field(default_factory=Dialect)
    settled: bool = False

    def lose(self) -> None:
        """It was gone. Twice as long a rest each time, if it does not rest already."""
        if time.monotonic() >= self.rests_until:
            self.losses += 1
            self.rest(min(LONGEST_REST, 2.0 ** (self.losses - 1)))

    def rest(self, seconds: float) -> None:
        """Prefer others for so long."""
        self.rests_until = max(self.rests_until, time.monotonic() + seconds)

    def learn(self, dialect: Dialect, request: Request) -> None:
        """It took a question in this dialect.

        A schema that it refuses later on, after it took others, says nothing of the rest.
        """
        form = self.dialect.form
        if request.schema is not None and not self.settled:
            form, self.settled = dialect.form, True
        self.dialect = replace(dialect, form=form)
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


def words_of(error: APIStatusError) -> str:
    """What the server said, in one line of at most 300 characters."""
    body: Any = error.body
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and name in body:
            body = body[name]
    said = re.sub(r"<[^>]*>", " ", body if isinstance(body, str) else str(body or ""))
    return " ".join(said.split())[:300]


def judge(
    error: APIStatusError, request: Request, *, said: str, server: str, model: str, key_env: str
) -> Fault | ModelError | ServerError | None:
    """What a refusal means; None: the model or the address is wrong, and the server's list says.

    Arguments:
        said: the server's words, without secrets.
        server: its URL as it can be shown.
        key_env: the environment variable that holds the key that was sent.
    """
    status = error.status_code
    codes = f"{error.code or ''} {error.type or ''} {said}"
    if request.images and _NO_IMAGES.search(said):
        return ServerError(
            f"{server}: the model {model!r} takes no images ({said}); "
            "serve a vision-language model, such as Qwen/Qwen3-VL-8B-Instruct"
        )
    if request.has_video and _NO_FILES.search(said):
        return ServerError(
            f"{server} may not read files ({said}); start it with the clips' folder allowed "
            "(vLLM: --allowed-local-media-path DIR), or use --mllm-input images"
        )
    if request.has_video and _NO_VIDEO.search(said):
        return ServerError(
            f"{server}: the model {model!r} takes no clips by URL ({said}); use --mllm-input images"
        )
    if status in (401, 403):
        return ServerError(
            f"{server} refused the key in ${key_env} ({status}); set it to one that is valid there"
        )
    if status == 402 or (status == 429 and _NO_CREDIT.search(codes)):
        return ServerError(f"{server}: the account may not ask any more ({said}); add credit to it")
    if status in (404, 405) or (status in (400, 422) and _NO_MODEL.search(said)):
        return None
    if status in (408, 409, 425, 429) or status >= 500:
        says = f"{server} answered {status}" + (f" ({said})" if said else "")
        return Fault(str(status), says, wait=retry_after(error.response.headers))
    hint = ""
    if status == 413 or _TOO_LONG.search(said):
        hint = "; ask for fewer or smaller frames, or serve the model with a longer context"
    return ModelError(f"{server} refused the question ({status}: {said}){hint}")


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait, by number or by date; 0 where it does not say."""
    said = headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0
