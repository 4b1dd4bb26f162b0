"""How a caption is rendered, and what comes of it."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from instancecap.errors import UsageError
from instancecap.render.targets import JSON, MINIMAX, Target
from instancecap.schema.caption import Caption


def motion_score(caption: Caption) -> float | None:
    """How fast the instances move: percent of the frame's diagonal a second, the fastest's mean.

    Measured along the tracks of the caption; None where it has none. It is of the scale of
    Open-Sora's motion score (0 still, 10 lively), but not the same figure: that one is the mean
    optical flow of every pixel, the camera's movement included.
    """
    if caption.video is None:
        return None
    width, height = caption.video.width, caption.video.height
    speeds = []
    for one in caption.instances:
        centers = [
            ((box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height)
            for box in (point.box for point in one.track)
        ]
        seconds = one.track[-1].t - one.track[0].t if one.track else 0
        if seconds > 0 and width and height:
            way = sum(math.dist(first, second) for first, second in pairwise(centers))
            speeds.append(100 * way / math.hypot(width, height) / seconds)
    return max(speeds, default=None)


def _rounded(value: float | None) -> str | None:
    return None if value is None or not math.isfinite(value) else f"{value:.1f}"


FIELDS: dict[str, Callable[[Caption], str | None]] = {
    "motion": lambda caption: _rounded(motion_score(caption)),
    "instances": lambda caption: str(len(caption.instances)),
    "duration": lambda caption: _rounded(caption.video.duration) if caption.video else None,
    "fps": lambda caption: f"{caption.video.fps:g}" if caption.video else None,
    "width": lambda caption: str(caption.video.width) if caption.video else None,
    "height": lambda caption: str(caption.video.height) if caption.video else None,
}
"""What a suffix may name between braces."""


def check_suffix(template: str) -> None:
    """Refuse a suffix that names what no caption has.

    Raises:
        UsageError: an unknown field, or braces that do not match.
    """
    allowed = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"suffix {template!r}: {error}; allowed are {allowed}") from error
    for _, name, spec, conversion in parts:
        if name is not None and (name not in FIELDS or spec or conversion):
            raise UsageError(f"suffix {template!r}: {{{name}}} not known; allowed are {allowed}")


def fill_suffix(template: str, caption: Caption) -> str | None:
    """The suffix with the caption's figures; None where the caption lacks one of them."""
    named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    values = {name: FIELDS[name](caption) for name in named}
    if None in values.values():
        return None
    return template.format(**values)


NAMES_NOTHING = "its prompt names no subject and no event"
"""The warning on a prompt of camera, surroundings and light alone."""

Task = Literal["t2v", "i2v"]
Length = Literal["dense", "medium", "short", "tags"]
Prose = Literal["model", "fields"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How a caption becomes a prompt.

    Attributes:
        target: the model that the prompt is for.
        task: ``i2v`` says only what moves, and the camera.
        length: ``dense`` says all, ``medium`` the first sentence of each field, ``short`` one
            sentence about the clip or its main instance, ``tags`` words between commas.
        prefix: trigger words, put in front as they are.
        suffix: put behind; may name figures of the caption, as in ``motion score: {motion}.``
        drop_fields: probability 0..1 with which each field is left out, for caption dropout.
        prose: ``model`` takes the caption's own paragraph (``dense_description``) as a dense prompt
            where it has one that fits; ``fields`` always puts the fields into sentences.
        seed: of the dropout and the wording; the same seed and clip give the same choice.
        variant: 0 for the usual wording, 1 and more for others that say the same: see
            :mod:`instancecap.render.wording`.

    Raises:
        UsageError: a value that no caption can be rendered with; the message says what is allowed.
    """

    target: Target
    task: Task = "t2v"
    length: Length = "dense"
    prefix: str = ""
    suffix: str = ""
    drop_fields: float = 0.0
    prose: Prose = "model"
    seed: int = 0
    variant: int = 0

    def __post_init__(self) -> None:
        for name, kinds in (("task", Task), ("length", Length), ("prose", Prose)):
            if (value := getattr(self, name)) not in (allowed := get_args(kinds)):
                raise UsageError(f"{name} {value!r}: allowed are {', '.join(allowed)}")
        if not 0 <= self.drop_fields <= 1:
            raise UsageError(f"drop_fields {self.drop_fields}: give a probability from 0 to 1")
        check_suffix(self.suffix)
        if self.is_json and (self.prefix or self.suffix):
            raise UsageError(
                f"target {self.target.name}: its prompt is JSON, without prefix or suffix"
            )

    @property
    def is_json(self) -> bool:
        """Whether the prompt is JSON; short ones and tags are text for every target."""
        return self.target.style == JSON and self.length in ("dense", "medium")

    @property
    def in_fields(self) -> bool:
        """Whether the prompt has MiniMax's fields, with shots and speech in their own marks."""
        return self.target.style == MINIMAX and self.length in ("dense", "medium")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A caption rendered for one model.

    Attributes:
        text: the prompt, one line, never empty.
        target: name of the model it is for.
        length: ``dense``, ``medium``, ``short`` or ``tags``.
        tokens: its length by ``counter``, special tokens included.
        counter: ``estimate:KIND``, which is rather too high, or the name of the real tokenizer.
        limit: tokens it was kept within; the target's soft limit where it has one.
        dropped: what was left out for the budget, as JSON pointers (the number after
            ``/instances/`` is the instance's id): whole fields, instances as ``/instances/ID``,
            and with ``+`` behind it what follows the first sentences of a field.
        omitted: fields that caption dropout left out, as JSON pointers.
        warnings: one line each, for the user: what had to be left out, and why; that no subject
            and no event is named.
        prose: ``model`` where it is the caption's own paragraph, ``fields`` where the fields were
            put into sentences.
        fused: ``model`` where a language model's wording was kept; else why it was not, or
            empty where none was asked.
    """

    text: str
    target: str
    length: str
    tokens: int
    counter: str
    limit: int
    dropped: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    prose: Prose = "fields"
    fused: str = ""
