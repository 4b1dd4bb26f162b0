"""What a caption states: of a thing in it, of the camera, or of the scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from instancecap.verify.lexicon import Color, Noun

Kind = Literal[
    "count", "presence", "class", "color", "direction", "position", "enters", "leaves", "motion",
    "order", "camera", "shot_type", "shot_angle", "time_of_day", "place",
]  # fmt: skip
"""What a statement is about."""

When = Literal["", "start", "end"]


@dataclass(eq=False, slots=True)
class Mention:
    """A thing that a text speaks of; two sentences about one thing share the mention.

    Attributes:
        noun: what it is called; None for the thing that a field is about where it has no name.
        instance: id of the caption's instance that it is, None where the text alone names it.
        number: how many, 0 where that is left open.
        colors: colour words that tell it from others.
        spot: where it is said to be, in words such as ``left`` or ``top left``.
        other: said to be another than those named ``before``.
        head: the noun itself, without what stands before it.
        vague: in the background, or otherwise not what was followed for sure.
    """

    noun: Noun | None
    instance: int | None = None
    number: int = 1
    colors: list[tuple[str, Color]] = field(default_factory=list)
    spot: str = ""
    other: bool = False
    vague: bool = False
    before: list[Mention] = field(default_factory=list)
    head: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One checkable thing that is said.

    Attributes:
        kind: what it is about.
        value: a word of the kind's vocabulary: ``left``, ``moving``, ``pan_left``, ``day``, a
            spot, a class; a number for ``count``.
        subject: the things that it is said of; empty for the camera and the scene.
        negated: said not to be so.
        when: a part of the clip that it is limited to.
        pointer: JSON pointer of the field; after ``/instances/`` stands the instance's id.
        sentence: that says it; empty for a structured value.
        span: start and end, seconds, of the part of the clip that the field is about.
        first, second: for ``order``, what is said to come first and second.
        complete: for ``count``, whether it is said of all things of the class.
    """

    kind: Kind
    value: str
    subject: tuple[Mention, ...] = ()
    negated: bool = False
    when: When = ""
    pointer: str = ""
    sentence: str = ""
    span: tuple[float, float] | None = None
    first: Statement | None = None
    second: Statement | None = None
    complete: bool = True

    @property
    def is_structured(self) -> bool:
        """Whether it comes from a field of its own and not from a sentence."""
        return not self.sentence
