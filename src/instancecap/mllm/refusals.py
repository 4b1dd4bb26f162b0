"""What servers mean when they refuse, and how a question can be put so that they take it."""

from __future__ import annotations

import email.utils
import re
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from instancecap.errors import ModelError, QuestionRefused, ServerError
from instancecap.mllm.base import Request
from instancecap.mllm.dialect import Dialect

if TYPE_CHECKING:
    from openai import APIStatusError

PIXELS = (147_456, 65_536, 16_384)
"""Of an image, one after the other, where larger ones are refused: 512×288, 341×192, 170×96."""

MIN_TOKENS = 1024
"""For an answer; where even these are too many, the images have to give way."""

_NO_MODEL = re.compile(
    r"model.{0,200}(?:not found|not exist|not supported|not available)|invalid model|unknown model",
    re.IGNORECASE | re.DOTALL,
)


class Fault(Exception):
    """A failure that may pass. ``gone``: no connection could be made."""

    def __init__(self, text: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(text)
        self.gone, self.wait = gone, wait


@cache
def _table(name: str) -> list[tuple[re.Pattern[str] | None, dict[str, Any]]]:
    """The entries of a table of ``refusals.toml``, each with the pattern of its words."""
    text = files("instancecap.mllm").joinpath("refusals.toml").read_text(encoding="utf-8")
    return [
        (re.compile("|".join(words), re.IGNORECASE | re.DOTALL) if words else None, entry)
        for entry in tomllib.loads(text)[name]
        for words in [entry.get("words")]
    ]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in a server's words.

    Attributes:
        status: of HTTP.
        text: in one line, without secrets.
        codes: its code, type and parameter.
        wait: seconds that the server asks to wait.
    """

    status: int
    text: str
    codes: str = ""
    wait: float = 0.0

    @classmethod
    def of(cls, error: APIStatusError, *, text: str) -> Refusal:
        """``text``: :func:`words_of` the error, without secrets."""
        codes = " ".join(str(one) for one in (error.code, error.type, error.param) if one)
        return cls(error.status_code, text, codes, retry_after(error.response.headers))

    @property
    def topic(self) -> str:
        """What it is about, by ``refusals.toml``; empty where its words tell nothing."""
        return str(self._entry().get("name", ""))

    @property
    def fix(self) -> str:
        """What to do where no way to put the question is taken."""
        return str(self._entry().get("fix", ""))

    def _entry(self) -> Mapping[str, Any]:
        words = f"{self.codes} {self.text}"
        for pattern, entry in _table("topic"):
            if (pattern and pattern.search(words)) or (entry["name"], self.status) == ("size", 413):
                return entry
        return {}


def adapt(
    dialect: Dialect, refusal: Refusal, request: Request, sent: Mapping[str, Any], *, topic: str,
    before: str = "",
) -> Dialect | None:  # fmt: skip
    """How to put a question after a refusal; None when there is no other way.

    Args:
        dialect: in which it was put.
        sent: the body that was refused.
        before: the words of the refusal before this one, of the same question.
    """
    shown = min(request.images, dialect.images or request.images)
    match topic:
        case "system" if dialect.system and any(one.role == "system" for one in request.messages):
            return replace(dialect, system=False)
        case "context" if sent[dialect.limit] > MIN_TOKENS:
            return replace(dialect, tokens=max(MIN_TOKENS, sent[dialect.limit] // 2))
        case "context" | "size" if shown:
            smaller = [one for one in PIXELS if not dialect.pixels or one < dialect.pixels]
            # Some models make the same number of tokens of every image, small or large.
            vain = topic == "context" and bool(dialect.pixels) and refusal.text == before
            if smaller and not vain:
                return replace(dialect, pixels=smaller[0])
            pixels = 0 if vain else dialect.pixels
            return replace(dialect, pixels=pixels, images=shown // 2) if shown > 1 else None
        case "images" if shown > 1:
            numbers = [int(one) for one in re.findall(r"\d+", refusal.text)]
            if re.search(r"single|one image|multiple", refusal.text, re.IGNORECASE):
                numbers = [1]
            allowed = max((one for one in numbers if 0 < one < shown), default=shown // 2)
            return replace(dialect, images=allowed)
    if refusal.status in (400, 422):
        return dialect.after(f"{refusal.codes} {refusal.text}", sent)
    return None


def judge(
    refusal: Refusal, request: Request, *, server: str, model: str, key_env: str, has_key: bool
) -> Fault | ModelError | ServerError | None:
    """What a refusal means that cannot be adapted to.

    None: the model or the address is wrong, and the server's list of models tells which.

    Args:
        server: its URL as it can be shown.
        key_env: the environment variable of the key; ``has_key``: whether it is set.
    """
    status, text = refusal.status, refusal.text
    if refusal.topic == "filter" and 400 <= status < 500 and status != 429:
        return QuestionRefused(f"a content filter of {server} refused the question ({text})")
    given = {"images": request.images, "video": request.has_video, "no key": not has_key}
    for pattern, entry in _table("final"):
        known = pattern and pattern.search(f"{refusal.codes} {text}")
        if given.get(entry.get("needs", ""), True) and (known or status in entry.get("status", ())):
            names = {"server": server, "model": model, "key_env": key_env}
            return ServerError(entry["says"].format(text=text, status=status, **names))
    if status in (404, 405) or (status in (400, 422) and _NO_MODEL.search(text)):
        return None
    if status in (408, 409, 425, 429) or status >= 500:
        words = f"{server} answered {status}" + (f" ({text})" if text else "")
        return Fault(words, wait=refusal.wait)
    return ModelError(f"{server} refused the question ({status}: {text})")


def words_of(error: APIStatusError) -> str:
    """What the server wrote, in one line of at most 400 characters."""
    body: Any = error.body
    if isinstance(body, list) and body:  # Gemini's compatibility layer
        body = body[0]
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and name in body:
            body = body[name]
    text = re.sub(r"<[^>]*>", " ", body if isinstance(body, str) else str(body or ""))
    return " ".join(text.split())[:400]


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks to wait, by number or by date; 0 where it does not say."""
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
