"""What asking a model about prompts would take, before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.questions import Like, Questions
from instancecap.enhance.structure import structure
from instancecap.errors import FormatError
from instancecap.render.tokens import estimate_tokens

WHOLE, PARAGRAPH, SHOT, STEP = 550, 210, 130, 75
"""Tokens of answers, as a careful reader wrote them: all fields at once, the paragraph, a shot, and
one of the short answers of ``staged``."""

STORY = "word " * 120
"""As long as a story of ``staged``, which later questions repeat."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What asking would take.

    Attributes:
        prompts: how many are asked about; ``unusable`` ones are not.
        least, most: questions, without and with all that may be asked once more; answers that
            break off or cannot be read are asked again beside these.
        prompt_tokens, completion_tokens: of the least.
    """

    prompts: int = 0
    unusable: int = 0
    least: int = 0
    most: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        mine, theirs = asdict(self), asdict(other)
        return Estimate(**{name: mine[name] + theirs[name] for name in mine})

    def in_words(self) -> str:
        """One line."""
        return (
            f"{self.prompts} prompts: {self.least} to {self.most} questions, about "
            f"{self.prompt_tokens:,} tokens asked and {self.completion_tokens:,} answered; "
            f"nobody was asked" + (f"; {self.unusable} cannot be used" if self.unusable else "")
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def estimate(
    prompts: Iterable[str], options: EnhanceOptions, *, like: Like | None = None
) -> Estimate:
    """What asking about all of them would take, with their variants."""
    return sum((_one(prompt, options, like) for prompt in prompts), Estimate())


def _one(prompt: str, options: EnhanceOptions, like: Like | None) -> Estimate:
    try:
        caption, parsed = structure(prompt, options)
    except FormatError:
        return Estimate(unusable=1)
    found = Estimate(prompts=1)
    for number in range(options.variants):
        questions = Questions(parsed, options, number, like=like)
        answers = PARAGRAPH * options.asks_prose
        answers += SHOT * questions.shot_count * (questions.shot_count > 1)
        if options.mode == "fused":
            texts, answers = [questions.say("fused")], answers + WHOLE
        else:
            texts = _staged(questions, max(1, len(caption.instances)))
            answers += 2 * PARAGRAPH + STEP * (len(texts) - 2)
        system = questions.say("system")
        found += Estimate(
            least=len(texts),
            most=len(texts) + 1 + options.asks_prose,
            prompt_tokens=sum(estimate_tokens(f"{system} {text}", "qwen") for text in texts),
            completion_tokens=answers,
        )
    return found


def _staged(questions: Questions, things: int) -> list[str]:
    """The questions of ``staged``; those of a conversation with what was said before."""
    given = {"story": STORY, "names": "", "thing": "", "caption": STORY}
    steps = [
        questions.say(f"staged.{name}", **given) for name in ("appearance", "action", "position")
    ]
    talk = [" ".join(steps[: index + 1]) for index in range(len(steps))]
    others = ("story", "list", "background", "camera")
    return [questions.say(f"staged.{name}", **given) for name in others] + talk * things
