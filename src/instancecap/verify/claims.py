"""What a caption claims: of an instance, of the camera, or of the scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from instancecap.verify.lexicon import Noun

Kind = Literal[
    "count", "presence", "class", "color", "attribute", "direction", "position", "enters",
    "leaves", "motion", "order", "camera", "shot_type", "shot_angle", "time_of_day", "place",
]  # fmt: skip
"""What a claim is about. An ``attribute`` is one that evidence does not measure."""

When = Literal["", "start", "end"]

SCENE_KINDS = ("camera", "shot_type", "shot_angle", "time_of_day", "place")
"""Kinds that are of no instance."""


@dataclass(eq=False, slots=True)
class Mention:
    """An instance that a text speaks of; two sentences about one instance share the mention.

    Attributes:
        noun: what it is called; None where it has no name that is known.
        instance: id of the caption's instance that it is, None where the text alone names it.
        number: how many, 0 where that is left open.
        colors: color words that tell it from others.
        spot: where it is, in words such as ``left`` or ``top left``, where that tells it apart.
        other: another one than those named ``before``.
        vague: in the background, or otherwise not what was tracked for sure.
        head: the noun itself, without what stands before it.
    """

    noun: Noun | None
    instance: int | None = None
    number: int = 1
    colors: tuple[str, ...] = ()
    spot: str = ""
    other: bool = False
    vague: bool = False
    before: list[Mention] = field(default_factory=list)
    head: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable thing that a caption claims.

    Attributes:
        kind: what it is about.
        value: a word of the kind's vocabulary: ``left``, ``moving``, ``pan_left``, ``day``, a
            spot, a class; a number for ``count``; free words for ``attribute``.
        subject: the instances that it is of; empty for the camera and the scene.
        negated: claimed not to be so.
        when: a part of the clip that it is limited to.
        pointer: JSON pointer of the field; after ``/instances/`` stands the instance's id.
        sentence: where it stands; empty for a structured value.
        span: start and end, seconds, of the part of the clip that the field is about.
        first, second: for ``order``, what comes first and second.
        complete: for ``count``, whether all instances of the class are counted.
    """

    kind: Kind
    value: str
    subject: tuple[Mention, ...] = ()
    negated: bool = False
    when: When = ""
    pointer: str = ""
    sentence: str = ""
    span: tuple[float, float] | None = None
    first: Claim | None = None
    second: Claim | None = None
    complete: bool = True

    @property
    def is_structured(self) -> bool:
        """Whether it comes from a field of its own and not from a sentence."""
        return not self.sentence
