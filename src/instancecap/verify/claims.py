"""What a caption claims: of an instance, of the camera, or of the scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from instancecap.language import en
from instancecap.verify.lexicon import Noun

Kind = Literal[
    "count", "presence", "class", "color", "attribute", "direction", "position", "enters",
    "leaves", "motion", "camera", "shot_type", "shot_angle", "time_of_day", "place",
]  # fmt: skip
"""What a claim is about. An ``attribute`` is one that evidence does not measure."""

When = Literal["", "start", "end"]


@dataclass(eq=False, slots=True)
class Mention:
    """An instance that a sentence speaks of.

    Attributes:
        noun: what it is called; None where it has no name that is known.
        instance: id of the caption's instance that it is, None where the text alone names it.
        number: how many, 0 where that is left open.
        colors: color words that tell it from others.
        spot: where it is, in words such as ``left`` or ``top left``, where that tells it apart.
        vague: in the background, another one, or otherwise not what was tracked for sure.
        head: the noun itself, without what stands before it.
    """

    noun: Noun | None
    instance: int | None = None
    number: int = 1
    colors: tuple[str, ...] = ()
    spot: str = ""
    vague: bool = False
    head: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable thing that a caption claims.

    Attributes:
        value: a word of the kind's vocabulary: ``left``, ``moving``, ``pan_left``, ``day``, a
            spot, a class; a number for ``count``; free words for ``attribute``.
        subject: the instances that it is of; empty for the camera and the scene.
        negated: claimed not to be so.
        when: a part of the clip that it is limited to.
        pointer: JSON pointer of the field; after ``/instances/`` stands the instance's id.
        sentence: where it stands; empty for a structured value.
        span: start and end, seconds, of the part of the clip that the field is about.
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
    complete: bool = True

    def in_words(self) -> str:
        """What it claims, for a person: *dog moves to the left*."""
        who = en.join([mention.text or "it" for mention in self.subject])
        text = f"{who} {_predicate(self.kind, self.value)}".strip()
        time = {"start": " at first", "end": " at last"}.get(self.when, "")
        return f"{'not: ' if self.negated else ''}{text}{time}"


_PREDICATES = {
    "toward": "comes closer", "away": "goes away", "moving": "moves", "still": "stays still",
    "in_place": "moves in place", "enters": "comes into view", "leaves": "leaves the frame",
    "presence": "is there", "count": "is a count of {}", "color": "is {}", "attribute": "has {}",
    "class": "is of class {}", "position": "is at the {}", "camera": "the camera is {}",
}  # fmt: skip


def _predicate(kind: str, value: str) -> str:
    known = {"camera": en.CAMERA_VERBS, "position": en.IN_CELLS, "direction": en.DIRECTIONS}
    if phrase := known.get(kind, {}).get(value):
        start = {"camera": "the camera", "position": "is", "direction": "moves"}[kind]
        return f"{start} {phrase}"
    phrase = _PREDICATES.get(value) or _PREDICATES.get(kind) or "{}"
    return phrase.format(value.replace("_", " "))
