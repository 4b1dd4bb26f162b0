"""What questions cost."""

from __future__ import annotations

from dataclasses import dataclass

from instancecap.mllm.base import Reply, Request


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
