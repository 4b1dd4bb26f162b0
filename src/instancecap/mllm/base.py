"""A question to a multimodal language model, its reply, and who can be asked."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from instancecap.errors import ModelError


@dataclass(frozen=True, slots=True)
class Image:
    """One frame as a JPEG file; ``t`` is its time in seconds from the clip's start."""

    jpeg: bytes
    t: float | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """A whole clip, which the server fetches and samples itself.

    Attributes:
        url: ``file:///…`` for a file that the server can read, or ``http(s)://…``.
    """

    url: str


Media = Image | Video
Part = str | Media


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Images come first, so that servers can reuse what they computed of them.
    """

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A question.

    Attributes:
        messages: the conversation up to the answer that is wanted.
        schema: JSON Schema that the answer has to fit; None for free text.
        max_tokens: bound of the answer's length.
        temperature: 0 for the most likely answer.
        penalty: against repetition, 1.0 for none; servers that lack it ignore it.
        logprobs: how likely the first token's rivals were is wanted as well.
    """

    messages: tuple[Message, ...]
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 1024
    temperature: float = 0.0
    penalty: float = 1.0
    seed: int = 0
    logprobs: bool = False

    @property
    def pictures(self) -> list[Image]:
        """The images of all messages, in order."""
        return [part for one in self.messages for part in one.parts if isinstance(part, Image)]

    @property
    def images(self) -> int:
        """Number of images in all messages."""
        return len(self.pictures)

    @property
    def has_video(self) -> bool:
        """Whether a clip is sent by its URL."""
        return any(isinstance(part, Video) for one in self.messages for part in one.parts)

    def digest(self, *, model: str) -> str:
        """SHA-256 over all that the answer depends on, images included, as hexadecimal text.

        Of a :class:`Video` it is the URL that counts: its frames are the server's choice.
        """
        settings = [model, self.schema, self.max_tokens, self.temperature, self.penalty, self.seed]
        settings += ["logprobs"] if self.logprobs else []
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for message in self.messages:
            digest.update(f"\0{message.role}".encode())
            for part in message.parts:
                kind, content = _content(part)
                digest.update(f"\0{kind}\0{len(content)}\0".encode())
                digest.update(content)
        return digest.hexdigest()


def _content(part: Part) -> tuple[str, bytes]:
    match part:
        case Image():
            return "image", part.jpeg
        case Video():
            return "video", part.url.encode()
    return "text", part.encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        text: what was answered, without any reasoning that came before it.
        finish: ``stop``; ``length`` where the answer was cut off at its bound of tokens; or
            ``content_filter``.
        model: the name that the server gives in its reply.
        prompt_tokens, completion_tokens: of all calls that this answer took.
        seconds: waited for this answer, retries included.
        reasoning: what a thinking model wrote before the answer.
        calls: answered calls that it took: more than one where a thinking model needed room.
        logprobs: natural logarithms of the probabilities of the likeliest first tokens, by token;
            empty where they were not asked for, or the server does not give them.
    """

    text: str
    finish: str = "stop"
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    reasoning: str = ""
    calls: int = 1
    logprobs: Mapping[str, float] = field(default_factory=dict)

    @property
    def only_thought(self) -> bool:
        """Whether all tokens went into reasoning, shown or hidden, and none into the answer."""
        return self.finish == "length" and not self.text


class Backend(ABC):
    """Someone who can be asked."""

    model: str
    """The name of the model that is asked for."""

    answers_later: bool = False
    """Answers may come a day later, so nothing is tried out."""

    @abstractmethod
    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Answer every request, in order; one that failed for good is an error in its place.

        Raises:
            ServerError: nothing can be asked at all: the server is not there, refuses the key,
                does not serve the model, or refuses every question.
        """

    async def close(self) -> None:
        """Give connections and memory back."""
        return


# Usage --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """A sum over calls; sums add up, and ``Usage()`` is zero, so ``sum(many, Usage())`` works.

    Attributes:
        calls: questions that were answered.
        images: sent with them.
        seconds: waited for the answers, one after the other; those in flight at the same time
            count each.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, request: Request, reply: Reply) -> Usage:
        """The cost of one call."""
        return cls(
            calls=reply.calls,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            images=reply.calls * request.images,
            seconds=reply.seconds,
        )

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            images=self.images + other.images,
            seconds=self.seconds + other.seconds,
        )
