"""How a prompt is enhanced: the options, stated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.enhance.words import ANY, Lexicon, cinema, load_lexicon, manner_of
from instancecap.errors import UsageError
from instancecap.render.options import Prose
from instancecap.render.targets import Target
from instancecap.schema.vocabulary import Primitive, ShotType

Mode = Literal["fused", "staged"]
Intensity = Literal["off", "light", "full"]

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16")
"""That targets with a field for the aspect ratio take."""

SHOWN_WORDS: dict[Intensity, int] = {"off": 0, "light": 8, "full": 24}
"""Adjectives of the positive list that a model is shown."""

LONGEST_PROMPT = 20_000
"""Characters; about 5,000 tokens, more than any text-to-video model reads."""

NEEDS_MODEL = "needs a model: name it with --mllm-url and --mllm-model"

_PINS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shot_type": (("shot_type", "shot_angle", "shot_position"), get_args(ShotType)[:-1]),
    "style": (("style",), ("real", "animation", "graphics")),
    "camera": (("motion", "stability", "other"), get_args(Primitive)),
}
"""Options that pin a field: the fields that their phrases fill, and the schema's words."""

_SUCH = {"shot_type": "'low angle'", "style": "'film noir'", "camera": "'slow zoom' or 'handheld'"}


def _pin(fields: tuple[str, ...], value: str) -> str:
    """A phrase of the cinema for a word of the schema, or the value that has one; else empty."""
    terms, pattern = cinema()
    text = value.replace("_", " ")
    found = (terms[match[0]] for match in pattern.finditer(text.lower().replace("-", " ")))
    if any(term.field in fields for term in found):
        return text
    of = (name for name, term in terms.items() if term.value == value and term.field in fields)
    return next(of, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhanceOptions:
    """How a prompt is enhanced.

    Attributes:
        target: the model that the prompt is for; None for a caption alone.
        mode: how a language model is asked: ``fused``, all in one question, or ``staged``, a story
            first and then instance by instance.
        max_instances: instances at most.
        lexicon: folder with ``positive.txt`` and ``negative.txt`` to use instead of ours.
        intensity: how many adjectives of the positive list a model is shown; ``off`` for none, and
            for targets whose guides ask for plain prose.
        shots: shots that the prompt becomes; 0 for as many as it has marks such as *Shot 2:*.
        duration: seconds; 0 for 5, where times are needed.
        fps, aspect: of the clip to be made; 0 and empty where the target has its own.
        camera, style, shot_type: what these fields are to say, whatever the prompt says: the
            schema's words, or words of the cinema.
        negative: what the clip must not show, beside what the target and the prompt exclude.
        variants: how many different results.
        prose: ``model`` asks for a flowing paragraph beside the fields, for targets that take one;
            ``fields`` puts the fields into sentences.
        seed: of the model's sampling, and of what differs between variants.
        attempts: times that a question is asked.
        has_picture: the clip begins with a given picture.

    Raises:
        UsageError: a value that cannot be; the message says what is allowed.
    """

    target: Target | None = None
    mode: Mode = "fused"
    max_instances: int = 8
    lexicon: str = ""
    intensity: Intensity = "light"
    shots: int = 0
    duration: float = 0.0
    fps: float = 0.0
    aspect: str = ""
    camera: str = ""
    style: str = ""
    shot_type: str = ""
    negative: str = ""
    variants: int = 1
    prose: Prose = "model"
    seed: int = 0
    attempts: int = 3
    has_picture: bool = False

    def __post_init__(self) -> None:
        for name, kinds in (("mode", Mode), ("intensity", Intensity), ("prose", Prose)):
            if (value := getattr(self, name)) not in (allowed := get_args(kinds)):
                raise UsageError(f"--{name} {value}: allowed are {', '.join(allowed)}")
        limits = (("max_instances", 1, 50), ("shots", 0, 20), ("duration", 0, 600),
                  ("fps", 0, 120), ("variants", 1, 64), ("attempts", 1, 10))  # fmt: skip
        for name, least, most in limits:
            if not least <= (number := getattr(self, name)) <= most:
                option = "n" if name == "variants" else name.replace("_", "-")
                raise UsageError(f"--{option} {number:g}: allowed are {least} to {most}")
        if self.aspect and self.aspect not in RATIOS:
            raise UsageError(f"--aspect {self.aspect}: allowed are {', '.join(RATIOS)}")
        for name, (fields, words) in _PINS.items():
            if (value := getattr(self, name)) and not _pin(fields, value):
                raise UsageError(
                    f"--{name.replace('_', '-')} {value}: allowed are {', '.join(words)}, and "
                    f"phrases such as {_SUCH[name]}"
                )
        self._check_target()
        load_lexicon(self.lexicon)

    def _check_target(self) -> None:
        """Lengths and rates that the target makes."""
        if self.target is None:
            return
        manner, name = manner_of(self.target.name), self.target.name
        if self.negative and not manner.negative:
            raise UsageError(f"--negative: {name} takes no negative prompt; leave it out")
        for option, value, (least, most) in (
            ("duration", self.duration, manner.seconds), ("fps", self.fps, manner.rates)
        ):  # fmt: skip
            odd = option == "fps" and most < ANY and value % 2
            if value and (odd or not least <= value <= most):
                kind = "even numbers from" if option == "fps" else "seconds from"
                raise UsageError(f"--{option} {value:g}: {name} takes {kind} {least:g} to {most:g}")

    def check_unasked(self) -> None:
        """Raise :class:`UsageError` where something is wanted that only a model can do."""
        usual = EnhanceOptions()
        for option, name in (("n", "variants"), ("mode", "mode"), ("intensity", "intensity"),
                             ("lexicon", "lexicon")):  # fmt: skip
            if getattr(self, name) != getattr(usual, name):
                raise UsageError(f"--{option} {NEEDS_MODEL}")

    @property
    def asks_prose(self) -> bool:
        """Whether a model is to write the paragraph too: for a plain one that shows everything."""
        takes = self.target is None or self.target.takes_prose
        return self.prose == "model" and takes and not self.has_picture

    @property
    def words(self) -> Lexicon:
        """The adjectives."""
        return load_lexicon(self.lexicon)

    @property
    def seconds(self) -> float:
        """Of the clip, where times are needed."""
        return self.duration or 5.0

    @property
    def shown_words(self) -> int:
        """Adjectives of the positive list that a model is shown."""
        plain = self.target is not None and manner_of(self.target.name).plain
        return 0 if plain else SHOWN_WORDS[self.intensity]

    def pinned(self, prompt: str) -> tuple[str, int]:
        """The prompt with what is pinned behind it, and where that begins."""
        text = prompt.rstrip().rstrip(",")
        given = ((fields, getattr(self, name)) for name, (fields, _) in _PINS.items())
        pins = [_pin(fields, value) for fields, value in given if value]
        if not pins:
            return prompt, len(prompt)
        link = " " if text.endswith((".", "!", "?")) else ", "
        return f"{text}{link}{', '.join(pins)}", len(text)
