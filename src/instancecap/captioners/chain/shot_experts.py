"""Models trained on cinematography: one question in their own words, on the camera alone.

ShotVL (Liu et al., arXiv 2506.21356) answers with the labels of ShotBench, the models of
CameraBench (Lin et al., arXiv 2504.15376) with a sentence on the movement. What is not about the
camera stays as it was measured.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.formats.shape import Shape
from instancecap.language.sentences import split_sentences
from instancecap.verify.extract import extract

_TAGS = re.compile(r"</?answer>")
_LISTED = re.compile(r"[,;/\n]|\band\b")
_TRUCKS = {"trucks": "moves", "trucking": "moving"}
"""What a camera does by these words; elsewhere they are cars."""


class ShotLabels(Shape):
    """ShotVL's answer; of what a caption has no word for (lens, light, composition) nothing is
    asked."""

    shot_size: str = ""
    shot_framing: str = ""
    camera_angle: str = ""
    camera_movement: str = ""

    @classmethod
    def from_text(cls, text: str) -> ShotLabels | None:
        """An answer in lines (``Shot size: Wide``) in place of an object; None where it is none."""
        found = {
            key: match[1]
            for key in cls.model_fields
            if (match := re.search(rf"(?im)^\W*{key.replace('_', '[ _]')}\W+(.+)$", text))
        }
        return cls(**found) if found else None


class MotionSentence(Shape):
    """A cam-motion model's answer."""

    camera_motion: str = ""

    @classmethod
    def from_text(cls, text: str) -> MotionSentence | None:
        """The text itself; None where there is none."""
        return cls(camera_motion=text) if text else None


@dataclass(frozen=True, slots=True)
class ShotExpert:
    """How one family of models is asked.

    Attributes:
        prompt: name of the question.
        answer: the object that it is asked for; it may also be read from a text.
        read: takes that to values of the camera's leaves.
        prose: the leaf of an answer in prose; empty where an object is due.
    """

    prompt: str
    answer: type[ShotLabels] | type[MotionSentence]
    read: Callable[[Any], Values]
    prose: str = ""


def read_labels(labels: ShotLabels) -> Values:
    """Values of the camera's leaves; empty where no label of a kind has a word in a caption."""
    found: dict[str, Any] = dict.fromkeys(("shot_type", "shot_angle", "shot_position"), "")
    motion = []
    for key, words in _words().items():
        for label in _LISTED.split(getattr(labels, key)):
            plain = re.sub(r"[\W_]+", " ", label).strip().casefold()
            leaf, _, word = words.get(plain.removesuffix(" shot"), "").partition(" ")
            if leaf == "motion":
                motion.append(word)
            elif leaf and not found[leaf]:
                found[leaf] = word
    return {f"/camera/{leaf}": value for leaf, value in (found | {"motion": motion}).items()}


def read_motion(sentence: MotionSentence) -> Values:
    """The sentence, and the movements that it claims."""
    text = sentence.camera_motion
    plain = re.sub(r"\btruck(?:s|ing)\b", lambda found: _TRUCKS[found[0]], text)
    claims = [claim for one in split_sentences(plain) for claim in extract(one.text)]
    moves = [claim.value for claim in claims if claim.kind == "camera" and not claim.negated]
    return {"/camera/description": text, "/camera/motion": list(dict.fromkeys(moves))}


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    """By ShotBench's kind and label, a leaf of the camera and its word."""
    text = files(__package__).joinpath("shot_labels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


EXPERTS: dict[str, ShotExpert] = {
    "shotvl": ShotExpert("shotvl", ShotLabels, read_labels),
    "cam-motion": ShotExpert("cam_motion", MotionSentence, read_motion, "/camera/description"),
}
"""By the name of the single format."""


def ask_shot_expert(scene: Scene) -> Chain:
    """One call on the clip as a whole."""
    if scene.prepared.images:
        expert = EXPERTS[scene.options.single_format]
        (answered,) = yield [_question(scene, expert)]
        scene.take(_from_text(answered, expert))


def _question(scene: Scene, expert: ShotExpert) -> Question:
    return Question(
        about="the camera",
        images=scene.prepared.images,
        text=scene.prompts.say(expert.prompt),
        answer=expert.answer,
        pointers=tuple(expert.read(expert.answer())),
        read=expert.read,
        plain=True,
        prose=expert.prose,
    )


def _from_text(answered: Answered, expert: ShotExpert) -> Answered:
    """The answer with its text as the object that was due, where it is none."""
    if answered.value is not None:
        return answered
    return replace(answered, value=expert.answer.from_text(_TAGS.sub("", answered.text).strip()))
