"""What servers mean when they refuse, and how a question can be put so that they take it.

The words are those of vLLM, SGLang, llama.cpp, llama-cpp-python, Ollama, OpenAI, Azure, Gemini's
compatibility layer, Mistral, Groq, LiteLLM and the proxies in front of them, from their sources
and from reports of their users (2024 to 2026).
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from instancecap.errors import ModelError, QuestionRefused, ServerError
from instancecap.mllm.base import Request
from instancecap.mllm.dialect import Dialect, pixels_of

if TYPE_CHECKING:
    from openai import APIStatusError

Topic = Literal["filter", "system", "tokens", "context", "images", "body", "picture"]
"""What a refusal is about: a content filter, the system role, the bound of the answer's length,
the model's context, the number of images, the size of the request, the size of an image."""

MIN_PIXELS = 128 * 128
"""Of an image: a smaller one shows nothing."""

MIN_TOKENS = 128
"""For an answer: where a context leaves fewer, images have to go."""

_WORDS: Mapping[Topic, str] = {
    "filter": r"content.?(?:management.?)?(?:filter|policy|inspection)|responsible.?ai"
    r"|data_inspection_failed|inappropriate content|(?:was|were|been|input) flagged"
    r"|requires moderation|safety (?:system|filter|policy)|usage policies"
    r"|sensitive (?:content|words)",
    "system": r"system role|role.{0,30}'system'|roles must alternate|developer instruction"
    r"|system (?:message|prompt|instruction)s?.{0,40}(?:not|n't|un)\W?(?:support|allow|enabl)"
    r"|only user and assistant roles|input should be 'user' or 'assistant'",
    "tokens": r"max(?:_completion|_output|_new)?_tokens\W.{0,60}"
    r"(?:too (?:large|big|high)|at most|exceed|less than|<=|maximum)"
    r"|at most \d+ completion tokens",
    "context": r"context.?(?:length|window|size)|exceed_context|max_model_len"
    r"|maximum model length"
    r"|(?:prompt|input|question|messages?)\b.{0,40}too long|reduce the length"
    r"|(?:input|prompt) token count.{0,40}exceed|maximum number of tokens|token limit",
    "images": r"too many (?:\w+ ){0,3}images|at most \d+ image|images?\b.{0,60}"
    r"(?:max(?:imum)?|at most|up to|limit)\D{0,30}\d"
    r"|(?:max(?:imum)?|up to|limit)\D{0,30}\d+ images?"
    r"|single image|only (?:one|1) image|multiple images|more than (?:one|\d+) image",
    "picture": r"image.{0,80}(?:too (?:large|big)|exceeds?\b|dimension|resolution|\d\s?MB)",
    "body": r"(?:entity|payload|body|request|content)(?: size| length)?.{0,30}too (?:large|big)"
    r"|(?:payload|body|request)(?: size)?.{0,20}exceed|payloadtoolarge",
}
_TOPICS = {topic: re.compile(words, re.IGNORECASE | re.DOTALL) for topic, words in _WORDS.items()}
_A_SIZE = re.compile(r"dimension|pixel|resolution|\d\s?[KM]i?B\b|bytes", re.IGNORECASE)

_NO_IMAGES = re.compile(
    r"not a (?:multimodal|vision)|(?:image|vision|multimodal).{0,40}(?:not|n't|only) support"
    r"|not support.{0,40}(?:image|vision|multimodal)|missing data required for image"
    r"|image_url is only supported|at most 0 image|text.only model"
    r"|image input is not|no endpoints found that support image",
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

FIXES: Mapping[Topic, str] = {
    "context": "serve the model with a longer context (vLLM: --max-model-len, llama.cpp: "
    "--ctx-size, Ollama: OLLAMA_CONTEXT_LENGTH)",
    "images": "allow images (vLLM: --limit-mm-per-prompt '{\"image\": 16}')",
    "body": "let larger requests through (nginx: client_max_body_size 32m)",
    "picture": "serve a model that takes images of 128×128 pixels",
    "tokens": "serve the model with a longer context, or lower --mllm-max-tokens",
    "system": "serve the model with another chat template",
}
"""What to do where no way to put a question is taken."""


class Fault(Exception):
    """A failure that may pass. ``gone``: no connection could be made."""

    def __init__(self, kind: str, text: str, *, gone: bool = False, wait: float = 0.0) -> None:
        super().__init__(text)
        self.kind, self.gone, self.wait = kind, gone, wait


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in a server's words.

    Attributes:
        status: of HTTP.
        text: in one line, without secrets.
        codes: its code, type and parameter.
    """

    status: int
    text: str
    codes: str = ""

    @classmethod
    def of(cls, error: APIStatusError, *, text: str) -> Refusal:
        """``text``: :func:`words_of` the error, without secrets."""
        codes = (error.code, error.type, error.param)
        return cls(error.status_code, text, " ".join(str(one) for one in codes if one))

    @property
    def topic(self) -> Topic | None:
        """What it is about; None where its words tell nothing."""
        words = f"{self.codes} {self.text}"
        for topic, pattern in _TOPICS.items():
            if not pattern.search(words) or (topic == "images" and _A_SIZE.search(words)):
                continue
            return topic
        return "body" if self.status == 413 else None

    @property
    def numbers(self) -> list[int]:
        """The numbers in its words, those with commas included."""
        return [int(one.replace(",", "")) for one in re.findall(r"\d+(?:,\d{3})*", self.text)]


def adapt(
    dialect: Dialect,
    refusal: Refusal,
    request: Request,
    sent: Mapping[str, Any],
    *,
    topic: Topic | None,
    before: str = "",
) -> Dialect | None:
    """How to put a question after a refusal; None when there is no other way.

    Args:
        dialect: in which it was put.
        sent: the body that was refused.
        before: the words of the refusal before this one, of the same question.
    """
    match topic:
        case "system" if dialect.system and any(one.role == "system" for one in request.messages):
            return replace(dialect, system=False)
        case "tokens":
            if (room := _tokens_left(refusal, sent[dialect.limit])) >= MIN_TOKENS:
                return replace(dialect, tokens=room)
            return _smaller(dialect, refusal, request, steady=False)
        case "context":
            if MIN_TOKENS <= _context_left(refusal) < sent[dialect.limit]:
                return replace(dialect, tokens=_context_left(refusal))
            return _smaller(dialect, refusal, request, steady=refusal.text == before)
        case "images":
            return _fewer(dialect, refusal, request)
        case "body" | "picture":
            return _smaller(dialect, refusal, request, steady=False)
    if refusal.status in (400, 422, 500):
        return dialect.after(f"{refusal.codes} {refusal.text}", sent)
    return None


def _tokens_left(refusal: Refusal, asked: int) -> int:
    """Tokens that an answer may have."""
    if match := re.search(r">\s*(\d+)\s*-\s*(\d+)", refusal.text):
        return int(match[1]) - int(match[2])
    if match := re.search(r"(?:at most|<=|less than|maximum\D{0,20})\s*(\d+)", refusal.text):
        return min(int(match[1]), asked - 1)
    return max((one for one in refusal.numbers if MIN_TOKENS <= one < asked), default=asked // 2)


def _context_left(refusal: Refusal) -> int:
    """Tokens that the context leaves for the answer; 0 where the server does not tell."""
    whole, used = _context(refusal)
    return max(0, whole - used) if whole and used else 0


def _context(refusal: Refusal) -> tuple[int, int]:
    """Tokens of the context, and of the question; 0 where the server does not tell."""
    whole = re.search(
        r"(?:context (?:length|window|size)|maximum model length)\D{0,20}(\d+)", refusal.text
    )
    used = re.search(
        r"(\d+)(?: tokens?)? (?:in the messages|input|prompt)", refusal.text
    ) or re.search(r"(?:input|prompt|request)\D{0,20}(\d+)", refusal.text)
    return int(whole[1]) if whole else 0, int(used[1]) if used else 0


def _fewer(dialect: Dialect, refusal: Refusal, request: Request) -> Dialect | None:
    """As many images as the words allow; half of them where they name no number."""
    shown = min(request.images, dialect.images or request.images)
    if shown < 2:
        return None
    if re.search(r"single|one image|multiple", refusal.text, re.IGNORECASE):
        return replace(dialect, images=1)
    allowed = max((one for one in refusal.numbers if 0 < one < shown), default=shown // 2)
    return replace(dialect, images=allowed)


def _smaller(
    dialect: Dialect, refusal: Refusal, request: Request, *, steady: bool
) -> Dialect | None:
    """Smaller images, then fewer.

    ``steady``: the refusal is the same as before smaller ones were sent, so their size does not
    count (some models make the same number of tokens of every image).
    """
    shown = min(request.images, dialect.images or request.images)
    if not shown:
        return None
    whole, used = _context(refusal)
    share = 0.8 * whole / used if 0 < whole < used else 0.5
    pixels = min(dialect.pixels or pixels_of(request), pixels_of(request))
    if pixels > MIN_PIXELS and not (steady and dialect.pixels):
        return replace(dialect, pixels=max(MIN_PIXELS, int(pixels * share)))
    if shown == 1:
        return None
    back = 0 if steady else dialect.pixels
    return replace(dialect, pixels=back, images=max(1, min(shown - 1, int(shown * share))))


def judge(
    refusal: Refusal, request: Request, *, server: str, model: str, key_env: str, wait: float
) -> Fault | ModelError | ServerError | None:
    """What a refusal means that cannot be adapted to.

    None: the model or the address is wrong, and the server's list of models tells which.

    Args:
        server: its URL as it can be shown.
        key_env: the environment variable that holds the key that was sent.
        wait: seconds that the server asks to wait.
    """
    status, text = refusal.status, refusal.text
    if refusal.topic == "filter" and 400 <= status < 500 and status != 429:
        return QuestionRefused(f"a content filter of {server} refused the question ({text})")
    if request.images and _NO_IMAGES.search(text):
        return ServerError(
            f"{server}: the model {model!r} takes no images ({text}); "
            "serve a vision-language model, such as Qwen/Qwen3-VL-8B-Instruct"
        )
    if request.has_video and _NO_FILES.search(text):
        return ServerError(
            f"{server} may not read files ({text}); start it with the clips' folder allowed "
            "(vLLM: --allowed-local-media-path DIR), or use --mllm-input images"
        )
    if request.has_video and _NO_VIDEO.search(text):
        return ServerError(
            f"{server}: the model {model!r} takes no clips by URL ({text}); use --mllm-input images"
        )
    if status in (401, 403):
        return ServerError(
            f"{server} refused the key in ${key_env} ({status}); set it to one that is valid there"
        )
    if status == 402 or (status == 429 and _NO_CREDIT.search(f"{refusal.codes} {text}")):
        return ServerError(f"{server}: the account may not ask any more ({text}); add credit to it")
    if status in (404, 405) or (status in (400, 422) and _NO_MODEL.search(text)):
        return None
    if status in (408, 409, 425, 429) or status >= 500:
        return Fault(
            str(status), f"{server} answered {status}" + (f" ({text})" if text else ""), wait=wait
        )
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
