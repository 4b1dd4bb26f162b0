"""The questions to a model: files of text, ours or a user's, with one version over all of them."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from instancecap.enhance.faithful import in_words
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.tokens import Parsed
from instancecap.enhance.words import leads, manner_of
from instancecap.errors import UsageError

_SECTION = re.compile(r"^## (\w+)$", re.MULTILINE)


@cache
def _texts(folder: str) -> dict[str, str]:
    """Texts by ``file`` or ``file.section``."""
    found: dict[str, str] = {}
    for file in sorted((files(__package__) / "prompts").iterdir(), key=lambda one: one.name):
        mine = Path(folder, file.name) if folder else None
        try:
            text = (mine if mine is not None and mine.exists() else file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--prompts {mine}: cannot be read: {error}") from error
        head, *sections = _SECTION.split(text)
        stem = file.name.removesuffix(".md")
        found[stem] = head.strip()
        found |= {
            f"{stem}.{a}": b.strip() for a, b in zip(sections[::2], sections[1::2], strict=True)
        }
    return found


def version(folder: str = "") -> str:
    """The first 12 digits of the SHA-256 over all questions."""
    return hashlib.sha256(repr(sorted(_texts(folder).items())).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Like:
    """How the captions of a training set read, for a model to write alike.

    Attributes:
        lengths: median words by field; fields that the set leaves empty are not among them.
        words: the commonest content words.
    """

    lengths: Mapping[str, int]
    words: tuple[str, ...]


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
        """A text with its ``$placeholders`` filled. Raises :class:`UsageError`."""
        usual = {"prompt": self.prompt, "context": self.context, "shots": self.shots}
        filled = {**usual, "most": self.options.max_instances, **values}
        try:
            return Template(_texts(self.options.prompts_dir)[name]).substitute(filled).strip()
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"--prompts: {name}: {error} cannot be filled in; write a dollar sign as $$"
            ) from error

    @property
    def prompt(self) -> str:
        """The user's prompt between its marks, and what was found in it."""
        # The marks are what parts the prompt from the question: none may stand in it.
        text = self.parsed.text.replace("<<<", "«").replace(">>>", "»")
        lines = [self._fill("context.prompt", prompt=text)]
        if parts := list(dict.fromkeys(map(in_words, self.parsed.parts)))[:40]:
            lines.append(self._fill("context.found", found=", ".join(parts)))
        return "\n".join(lines)

    @property
    def context(self) -> str:
        """Words, sound, length, variety, pictures and the training set."""
        options, dice = self.options, random.Random(f"{self.options.seed} {self.number}")
        manner = manner_of(options.target.name) if options.target else None
        lines = []
        if count := options.shown_words:
            known = options.words.positive
            shown = ", ".join(dice.sample(known, min(count, len(known))))
            lines.append(self._fill("context.positive", words=shown))
        elif manner and manner.plain:
            lines.append(self._fill("context.plain"))
        negative = sorted(options.words.negative)
        if negative:
            lines.append(self._fill("context.negative", words=", ".join(negative[:120])))
        lines.append(self._fill("context.sound" if manner and manner.sound else "context.silent"))
        if options.duration:
            lines.append(self._fill("context.seconds", seconds=f"{options.duration:g}"))
        if options.variants > 1:
            order = random.Random(options.seed).sample(leads(), len(leads()))
            lead = order[self.number % len(order)]
            number, count = self.number + 1, options.variants
            lines.append(self._fill("context.variety", number=number, count=count, lead=lead))
        if self.names:
            last = " and ends with the second one" if self.last else ""
            names = "; ".join(self.names)
            lines.append(self._fill("context.picture", last=last, names=names))
        if self.like is not None:
            lengths = ", ".join(
                f"{name} {count} words" for name, count in self.like.lengths.items()
            )
            words = ", ".join(self.like.words[:30])
            lines.append(self._fill("context.like", lengths=lengths, words=words))
        return "\n".join(lines)

    @property
    def shots(self) -> str:
        """What is said of several shots."""
        count = self.shot_count
        return self._fill("context.shots", count=count) if count > 1 else ""

    @property
    def shot_count(self) -> int:
        """How many shots the video has; 0 where nobody said."""
        return self.options.shots or len(self.parsed.shots)

    def _fill(self, name: str, **values: object) -> str:
        return Template(_texts(self.options.prompts_dir)[name]).substitute(values)
