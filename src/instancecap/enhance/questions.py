"""The questions to a model: files of text, ours or a user's, with one version over all of them."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.parse import category_of
from instancecap.enhance.prose import words_for
from instancecap.enhance.tokens import Parsed
from instancecap.enhance.words import LEADS, Manner, manner_of

_SECTION = re.compile(r"^## (\w+)$", re.MULTILINE)


@cache
def _texts() -> dict[str, str]:
    """Texts by ``file`` or ``file.section``."""
    found: dict[str, str] = {}
    for file in (files(__package__) / "prompts").iterdir():
        head, *sections = _SECTION.split(file.read_text(encoding="utf-8"))
        stem = file.name.removesuffix(".md")
        found[stem] = head.strip()
        for name, body in zip(sections[::2], sections[1::2], strict=True):
            found[f"{stem}.{name}"] = body.strip()
    return found


@cache
def version() -> str:
    """The first 12 digits of the SHA-256 over all questions."""
    return hashlib.sha256(repr(sorted(_texts().items())).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Like:
    """How the captions of a training set read, for a model to write alike.

    Attributes:
        lengths: median words by field; fields that the set leaves empty are not among them.
        words: the commonest content words.
        order: what their paragraphs tell first, and last; empty where they have none.
    """

    lengths: Mapping[str, int]
    words: tuple[str, ...]
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked about one prompt.

    Attributes:
        number: of the variant, from 0.
        names: instances of a given picture.
        last: whether a last picture is given too.
    """

    parsed: Parsed
    options: EnhanceOptions
    number: int = 0
    names: Sequence[str] = ()
    last: bool = False
    like: Like | None = None

    def say(self, name: str, /, **values: object) -> str:
        """A text with its ``$placeholders`` filled."""
        usual = {"prompt": self.prompt, "context": self.context, "shots": self.shots,
                 "dense": self.dense, "rest": self._fill("context.rest") if self.dense else "",
                 "most": self.options.max_instances}  # fmt: skip
        return self._fill(name, **{**usual, **values})

    @property
    def prompt(self) -> str:
        """The user's prompt between its marks, and what was found in it."""
        # The marks are what parts the prompt from the question: none may stand in it.
        text = self.parsed.text.replace("<<<", "«").replace(">>>", "»")
        told = ", ".join(self.parsed.found[:40])
        found = self._fill("context.found", found=told) if told else ""
        return f"{self._fill('context.prompt', prompt=text)}\n{found}".strip()

    @property
    def context(self) -> str:
        """Words, sound, length, variety, pictures and the training set."""
        options, count = self.options, self.options.variants
        manner = manner_of(options.target.name) if options.target else Manner()
        dice = random.Random(f"{options.seed} {self.number} {self.parsed.text}")
        fitting = sorted({*options.words.positive.get("any", []), *self._fitting()})
        shown = dice.sample(fitting, min(options.shown_words, len(fitting)))
        order = random.Random(options.seed).sample(LEADS, len(LEADS))
        like = self.like or Like({}, ())
        lengths = ", ".join(f"{name} {length} words" for name, length in like.lengths.items())
        told: dict[str, tuple[object, dict[str, object]]] = {
            "positive": (shown, {"words": ", ".join(shown)}),
            "plain": (manner.plain, {}),
            "negative": (True, {"words": ", ".join(sorted(options.words.negative)[:120])}),
            "sound": (manner.sound, {}),
            "silent": (not manner.sound, {}),
            "seconds": (options.duration, {"seconds": f"{options.duration:g}"}),
            "variety": (count > 1, {"number": self.number + 1, "count": count,
                                    "lead": order[self.number % len(order)]}),
            "picture": (self.names, {"names": "; ".join(self.names),
                                     "last": " and ends with the second one" * self.last}),
            "like": (like.lengths, {"lengths": lengths, "words": ", ".join(like.words[:30])}),
            "order": (like.order and options.asks_prose, {"order": ", ".join(like.order)}),
        }  # fmt: skip
        lines = (self._fill(f"context.{name}", **how) for name, (use, how) in told.items() if use)
        return "\n".join(lines)

    def _fitting(self) -> Iterator[str]:
        """Adjectives for the kinds of things and places that the prompt names."""
        for one in self.parsed.phrases:
            kind = (category_of(one.noun) or "thing") if one.role == "thing" else "place"
            yield from self.options.words.positive.get(kind, [])

    @property
    def shots(self) -> str:
        """What is said of several shots."""
        count = self.shot_count
        return self._fill("context.shots", count=count) if count > 1 else ""

    @property
    def dense(self) -> str:
        """What is said of the paragraph."""
        options, target = self.options, self.options.target
        if not options.asks_prose:
            return ""
        denied = [self.parsed.at(one.core) for one in self.parsed.phrases if one.negated]
        apart = denied if target is not None and manner_of(target.name).negative else []
        usual = words_for(options, self.shot_count)
        known = self.like.lengths.get("dense_description", usual) if self.like else usual
        more = [self._fill("context.denied", denied=", ".join(apart))] if apart else []
        more += [self._fill("context.labels")] if self.shot_count > 1 else []
        return self._fill(
            "context.dense",
            words=min(usual, known),
            more="".join(f" {one}" for one in more),
        )

    @property
    def shot_count(self) -> int:
        """How many shots the video has; 0 where nobody said."""
        return self.options.shots or len(self.parsed.shots)

    def _fill(self, name: str, /, **values: object) -> str:
        return Template(_texts()[name]).substitute(values).strip()
