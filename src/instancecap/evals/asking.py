"""Questions about one sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Message, Part, Reply, Request, Usage
from instancecap.mllm.structured import ask

T = TypeVar("T", bound=BaseModel)

TOKENS = 1024


@dataclass
class Asker:
    """Asks a model about one sample, and keeps the accounts.

    Attributes:
        enforced: whether the backend keeps to schemas; None to find out.
        usage: of all questions about the sample.
    """

    backend: Backend
    enforced: bool | None = None
    seed: int = 0
    attempts: int = 3
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    async def __call__(
        self,
        answer: type[T],
        *parts: Part,
        before: tuple[Message, ...] = (),
        seed: int = 0,
        temperature: float = 0.0,
    ) -> T:
        """The answer to a question of text and pictures, whole.

        Args:
            before: the conversation so far.
            seed: added to the run's.

        Raises:
            ModelError: there is no whole answer; the sample counts as partial, and the next run
                asks about it again.
        """
        request = Request(
            messages=(*before, Message("user", parts)),
            max_tokens=TOKENS,
            temperature=temperature,
            seed=self.seed + seed,
        )
        asked = await ask(
            self.backend, request, answer, attempts=self.attempts, enforced=self.enforced
        )
        self.usage += asked.usage
        if asked.replies:
            self.model = asked.replies[-1].model or self.model
        if asked.value is None or asked.missing:
            raise ModelError(asked.problem)
        return asked.value

    async def complete(self, request: Request) -> Reply:
        """The reply to a question without a schema. Raises :class:`ModelError`."""
        (reply,) = await self.backend.complete([request])
        if isinstance(reply, ModelError):
            raise reply
        self.usage += Usage.of(request, reply)
        self.model = reply.model or self.model
        return reply
