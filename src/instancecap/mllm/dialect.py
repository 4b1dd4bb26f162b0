"""What one server takes of a question, learned from its refusals."""

from __future__ import annotations

import email.utils
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from instancecap.errors import ModelError, QuestionRefused, ServerError
from instancecap.mllm.base import Image, Message, Part, Request

if TYPE_CHECKING:
    from openai import APIStatusError

SCHEMA_FORMS = ("json_schema", "unbounded", "json_object", "")
"""How a schema is asked for, the best first: ``json_schema`` (vLLM, SGLang, llama.cpp, Ollama,
hosted); the same without bounds of lengths and numbers, which some hosted services refuse;
``json_object`` with a schema beside it (llama-cpp-python); not at all."""

OPTIONAL = (
    *("seed", "temperature", "repetition_penalty", "repeat_penalty"),
    *("chat_template_kwargs", "reasoning_effort", "logprobs", "top_logprobs"),
)
"""Parameters that a question can do without where a server refuses them."""

THINKING_ROOM = 8
"""Times the tokens of an answer that a model gets which spent all of them on thinking."""

_ABOUT_SCHEMA = re.compile(
    r"response_format|json.?(?:schema|mode)|grammar|(?:structured|guided).?(?:output|decoding|json)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server takes.

    Attributes:
        form: index into ``SCHEMA_FORMS``.
        refused: names of optional parameters that are left out.
        limit: the name of the bound of the answer's length.
        tokens: the most that this bound may be; 0 for any.
        room: times a question's own bound, for models that think before they answer.
        think: False where a model is told to answer at once.
        effort: the least effort of thinking that can be asked for.
        system: False where system text goes into the first message of the user.
        images: the most images a question; 0 for any number.
        pixels: the most pixels an image; 0 for any number.
    """

    form: int = 0
    refused: frozenset[str] = frozenset()
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    tokens: int = 0
    room: int = 1
    think: bool = True
    effort: Literal["none", "low"] = "none"
    system: bool = True
    images: int = 0
    pixels: int = 0

    def after(self, refusal: str, sent: Mapping[str, Any]) -> Dialect | None:
        """What to try after a parameter of ``sent`` was refused; None when nothing is left."""
        if "max_completion_tokens" in refusal and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        if "reasoning_effort" in sent and "'none'" in refusal and self.effort == "none":
            return replace(self, effort="low")
        for name in OPTIONAL:
            if name in sent and re.search(rf"\b{name}\b", refusal):
                return replace(self, refused=self.refused | {name})
        if "response_format" in sent and _ABOUT_SCHEMA.search(refusal):
            return replace(self, form=self.form + 1)
        return None

    def with_room(self, tokens: int) -> Dialect | None:
        """What to try after ``tokens`` were all spent on thinking; None when nothing is left."""
        if self.room == 1 and not 0 < self.tokens <= tokens:
            return replace(self, room=THINKING_ROOM)
        return replace(self, think=False) if self.think else None

    def bound(self, tokens: int) -> int:
        """The bound of an answer's length, for one that takes ``tokens``."""
        return min(tokens * self.room, self.tokens or tokens * self.room)

    def changes(self, since: Dialect) -> dict[str, Any]:
        """What was learned since another."""
        now = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in now.items() if value != getattr(since, name)}

    def with_changes(self, changes: Mapping[str, Any]) -> Dialect:
        """With what another question taught; of two limits the lower one counts."""
        limits = {
            name: min(value, getattr(self, name) or value)
            for name, value in changes.items()
            if name in ("tokens", "images", "pixels") and value
        }
        return replace(self, **{**changes, **limits})


def fit(request: Request, dialect: Dialect) -> Request:
    """The question as a server takes it; of more images than it takes, some, evenly chosen."""
    messages = request.messages if dialect.system else _without_system(request.messages)
    if dialect.images or dialect.pixels:
        count = request.images
        kept = spread(count, min(count, dialect.images or count))
        places = iter(range(count))
        messages = tuple(
            replace(one, parts=_with_images(one.parts, places, kept, dialect.pixels))
            for one in messages
        )
    return replace(request, messages=messages)


def spread(count: int, kept: int) -> tuple[int, ...]:
    """``kept`` of ``count`` places, evenly chosen, the first and the last among them."""
    if kept < 2:
        return (count // 2,) if kept else ()
    return tuple(round(index * (count - 1) / (kept - 1)) for index in range(kept))


def _without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """System text at the start of the first message that is left."""
    text = tuple(part for one in messages if one.role == "system" for part in one.parts)
    first, *rest = (one for one in messages if one.role != "system")
    return (replace(first, parts=(*text, *first.parts)), *rest)


def _with_images(
    parts: tuple[Part, ...], places: Iterator[int], kept: tuple[int, ...], pixels: int
) -> tuple[Part, ...]:
    """The parts without the images that are not kept, nor the words right before them."""
    chosen: list[Part] = []
    for part in parts:
        if not isinstance(part, Image):
            chosen.append(part)
        elif next(places) in kept:
            chosen.append(replace(part, jpeg=_shrunk(part.jpeg, pixels)) if pixels else part)
        elif chosen and isinstance(chosen[-1], str):
            chosen.pop()  # its number
    return tuple(chosen)


@lru_cache(maxsize=128)
def _shrunk(jpeg: bytes, pixels: int) -> bytes:
    """The image with ``pixels`` pixels at most, and at least 28 a side."""
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape[0] * picture.shape[1] <= pixels:
        return jpeg
    factor = (pixels / (picture.shape[0] * picture.shape[1])) ** 0.5
    height, width = (max(28, int(side * factor)) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


# Refusals -----------------------------------------------------------------------------------------


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
