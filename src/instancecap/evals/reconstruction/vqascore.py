"""VQAScore: how likely a model finds it that a video shows what a text says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from instancecap.errors import ModelError
from instancecap.evals.asking import Asker
from instancecap.evals.frames import count_frames, evenly, shown_frames
from instancecap.evals.reconstruction.metric import FEW, MetricOptions
from instancecap.mllm.base import Image, Message, Request
from instancecap.video.clip import Clip

PUBLISHED_FRAMES = 6

QUESTION = 'Does this video show "{text}"? Please answer yes or no.'
PUBLISHED_QUESTION = 'Does this figure show "{text}"? Please answer yes or no.'
"""The template that defines VQAScore (Lin et al. 2024)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: frames and a question."""

    frames: tuple[Image, ...]
    text: str


@dataclass(frozen=True, slots=True)
class VqaScore:
    """The probability that an answer begins with yes, from a server's log-probabilities.

    All frames go into one question, and the probabilities of every way to write *yes* add up. As
    published, each of six frames is asked about alone, only the token ``Yes`` counts, and the mean
    is taken.
    """

    options: MetricOptions

    def look(self, clip: Clip, text: str) -> Asked:
        """Frames as the model is shown them."""
        count = count_frames(clip)
        if self.options.method == "as-published":
            step = max(count // PUBLISHED_FRAMES, 1)
            places = [min(one * step, count - 1) for one in range(PUBLISHED_FRAMES)]
        else:
            places = evenly(count, FEW)
        return Asked(shown_frames(clip, places), text)

    async def ask(self, asker: Asker, seen: Asked) -> float:
        """The score, 0..1.

        Raises:
            ModelError: no answer, or one without log-probabilities.
        """
        if self.options.method == "correct":
            question = QUESTION.format(text=seen.text)
            return yes_probability(await _first_token(asker, seen.frames, question))
        question = PUBLISHED_QUESTION.format(text=seen.text)
        found = [
            yes_probability(await _first_token(asker, (one,), question), exact=True)
            for one in seen.frames
        ]
        return sum(found) / len(found)


async def _first_token(
    asker: Asker, frames: tuple[Image, ...], question: str
) -> Mapping[str, float]:
    request = Request(
        messages=(Message("user", (*frames, question)),),
        max_tokens=16,
        seed=asker.seed,
        logprobs=True,
    )
    reply = await asker.complete(request)
    if not reply.logprobs:
        raise ModelError(
            f"{reply.model or asker.model}: no log-probabilities in the answer; VQAScore needs a "
            "server that gives them, such as vLLM"
        )
    return reply.logprobs


def yes_probability(logprobs: Mapping[str, float], *, exact: bool = False) -> float:
    """Of tokens that read *yes*, in any case and with any space; ``exact``: of ``Yes`` alone."""
    found = [
        math.exp(value)
        for token, value in logprobs.items()
        if token == "Yes" or (not exact and token.strip().casefold() == "yes")
    ]
    return min(1.0, sum(found))
