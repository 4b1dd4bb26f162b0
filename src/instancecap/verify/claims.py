"""What a caption claims, and what comes of holding it against the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instancecap.language import en
from instancecap.verify.lexicon import Noun

Kind = Literal[
    "count", "presence", "class", "color", "attribute", "direction", "position", "enters",
    "leaves", "motion", "camera", "shot_type", "shot_angle", "time_of_day", "place", "speech",
    "face", "pose",
]  # fmt: skip
"""What a claim is about. An ``attribute`` is one that evidence does not measure."""

When = Literal["", "start", "end"]


@dataclass(eq=False, slots=True)
class Mention:
    """An instance that a sentence speaks of."""

    noun: Noun | None  # what it is called; None where it has no name that is known
    instance: int | None = None  # id in the caption, None where the text alone names it
    number: int = 1  # how many, 0 where that is left open
    colors: tuple[str, ...] = ()  # that tell it from others
    spot: str = ""  # where it is, such as "top left", where that tells it from others
    vague: bool = False  # in the background, another one, or otherwise hardly the tracked one
    head: str = ""  # the noun itself, without what stands before it
    text: str = ""

    @property
    def is_several(self) -> bool:
        """Whether its verb stands in the plural."""
        return self.number > 1 or (self.noun is not None and self.noun.plural)


@dataclass(frozen=True, slots=True)
class Claim:
    """One checkable thing that a caption claims."""

    kind: Kind
    value: str  # a word of the kind's vocabulary, a number, or free words for an attribute
    subject: tuple[Mention, ...] = ()  # empty for the camera and the scene
    negated: bool = False  # claimed not to be so
    when: When = ""  # a part of the clip that it is limited to
    pointer: str = ""  # JSON pointer of the field; after /instances/ stands the instance's id
    sentence: str = ""  # where it stands; empty for a structured value
    span: tuple[float, float] | None = None  # seconds of the clip that the field is about
    complete: bool = True  # for a count: all instances of the class are counted

    def in_words(self) -> str:
        """What it claims, for a person: *dog moves to the left*."""
        who = en.join([mention.text or "it" for mention in self.subject])
        several = len(self.subject) > 1 or any(one.is_several for one in self.subject)
        text = f"{who} {_predicate(self.kind, self.value, several=several)}".strip()
        time = {"start": " at first", "end": " at last"}.get(self.when, "")
        return f"{'not: ' if self.negated else ''}{text}{time}"


_PREDICATES = {
    "toward": "comes closer", "away": "goes away", "moving": "moves", "still": "stays still",
    "in_place": "moves in place", "enters": "comes into view", "leaves": "leaves the frame",
    "presence": "is there", "count": "is {} in number", "color": "is {}", "attribute": "has {}",
    "class": "is of class {}", "position": "is at the {}", "camera": "the camera is {}",
    "speech": '"{}" is heard', "face": "has a face in view",
    "pose": "is {}",
}  # fmt: skip


_PLURALS = {"is": "are", "has": "have", "goes": "go"}


def _predicate(kind: str, value: str, *, several: bool) -> str:
    known = {"camera": en.CAMERA_VERBS, "position": en.IN_CELLS, "direction": en.DIRECTIONS}
    if phrase := known.get(kind, {}).get(value):
        start = {"camera": "the camera", "position": "is", "direction": "moves"}[kind]
        words = f"{start} {phrase}"
    else:
        words = _PREDICATES.get(value) or _PREDICATES.get(kind) or "{}"
    verb, space, rest = words.partition(" ")
    if several and verb not in ("the", "{}"):
        words = f"{_PLURALS.get(verb) or verb.removesuffix('s')}{space}{rest}"
    return words.format(value.replace("_", " "))


Outcome = Literal["supported", "contradicted", "disputed", "unchecked"]
_NEGATED: dict[Outcome, Outcome] = {"supported": "contradicted", "contradicted": "supported"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence has on a claim."""

    support: Outcome = "unchecked"
    confidence: float = 0.0
    measured: str = ""  # in words
    frames: list[float] = field(default_factory=list)  # seconds that show it
    instead: Any = None  # the measured value for the claim's field
    fact: str = ""  # the kind of instancecap.evidence.reliability; empty where nobody counted it

    def negated(self) -> Verdict:
        """The verdict on the opposite of the claim."""
        return replace(self, support=_NEGATED.get(self.support, self.support))


def outcome(agrees: bool, *, sure: bool, believed: bool = True) -> Outcome:
    """Evidence that agrees supports if it is ``believed``; else it contradicts if ``sure``."""
    if agrees:
        return "supported" if believed else "unchecked"
    return "contradicted" if sure else "unchecked"


def any_of(verdicts: Sequence[Verdict], *, certain: bool) -> Verdict:
    """Of an instance that may be any of several, the most likely first.

    Supported where the first agrees, or some do and none disagrees; contradicted where all
    disagree and it is ``certain`` to be one of them.
    """
    against = [one for one in verdicts if one.support == "contradicted"]
    for one in verdicts:
        if one.support == "supported" and (one is verdicts[0] or not against):
            return one
    if certain and against and len(against) == len(verdicts):
        return min(against, key=lambda one: one.confidence)
    return replace(verdicts[0], support="unchecked") if verdicts else Verdict()


def all_of(verdicts: Sequence[Verdict]) -> Verdict:
    """Of several instances at once: one that disagrees is enough, all must agree."""
    for support in ("contradicted", "unchecked"):
        for one in verdicts:
            if one.support == support:
                return one
    return min(verdicts, key=lambda one: one.confidence, default=Verdict())
