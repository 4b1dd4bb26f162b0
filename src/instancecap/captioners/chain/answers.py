"""What a model has to answer: a pydantic model of exactly the keys that are asked, no more.

Answers are read generously (``Close-up`` is ``close_up``, a list of sentences is a text), so that
a question is asked again only where there is nothing to read.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from instancecap.schema.vocabulary import (
    Category,
    Place,
    ShotAngle,
    ShotPosition,
    ShotType,
    Style,
    TimeOfDay,
)

UNKNOWN = "unknown"

MAX_CHARACTERS = 1500
"""Of one text of a caption, about 250 words; a longer one is cut after its last whole sentence."""


NOTHING = frozenset({"n/a", "none", "null", "unknown", "not visible", "not applicable"})
"""What models write where they have nothing to say."""


class Answer(BaseModel):
    """Read generously. Every key has a default, so that a part of an answer counts;
    ``model_fields_set`` tells which keys those are."""

    model_config = ConfigDict(extra="ignore")


def clean(text: str, *, limit: int = MAX_CHARACTERS) -> str:
    """The text on one line, without what JSON or UTF-8 cannot hold, whole sentences only."""
    kept = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in text[: 4 * limit]
        if unicodedata.category(letter) not in ("Cs", "Cn", "Co")
    )
    line = " ".join(kept.split())
    if line.strip(" .").lower() in NOTHING or not any(map(str.isalnum, line)):
        return ""
    if len(line) <= limit:
        return line
    head = line[:limit]
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)|[。！？]", head)]
    if ends:
        return head[: ends[-1]]
    return head.rsplit(" ", 1)[0].rstrip(",;: ") + " …"


def _as_text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return value


def _as_word(words: tuple[str, ...]) -> BeforeValidator:
    def read(value: Any) -> Any:
        if value is None:
            return UNKNOWN
        if not isinstance(value, str):
            return value
        word = re.sub(r"[\s\-/]+", "_", value.strip().strip(".").lower())
        return word if word in words else UNKNOWN

    return BeforeValidator(read)


def _as_flag(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1", "main")
    return value


Text = Annotated[str, BeforeValidator(_as_text)]
Flag = Annotated[bool, BeforeValidator(_as_flag)]


def choice(vocabulary: Any) -> Any:
    """One word of a closed vocabulary, or ``unknown``; any other word is read as unknown."""
    words = tuple(word for word in get_args(vocabulary) if word != UNKNOWN)
    return Annotated[Literal[(*words, UNKNOWN)], _as_word(words)]


CHOICES: dict[str, Any] = {
    "place": choice(Place),
    "time_of_day": choice(TimeOfDay),
    "style": choice(Style),
    "shot_type": choice(ShotType),
    "shot_angle": choice(ShotAngle),
    "shot_position": choice(ShotPosition),
    "category": choice(Category),
}
"""Keys whose value is a word of a list."""

WORDS: dict[str, int] = {
    "global_description": 18,
    "background": 35,
    "lighting": 20,
    "camera_description": 25,
    "foreground": 10,
    "events": 20,
    "camera_notes": 12,
    "seen": 12,
    "changes": 18,
    "appearance": 50,
    "action": 35,
    "expression": 12,
    "name": 2,
    "segment": 30,
    "text": 70,
}
"""Words that a text usually has, by key; from these the cost of a run is estimated."""


@cache
def answer_type(keys: tuple[str, ...]) -> type[Answer]:
    """The model of an answer with these keys, in this order."""
    fields: dict[str, Any] = {key: _field(key) for key in keys}
    return create_model("Answer", __base__=Answer, **fields)


def _field(key: str) -> tuple[Any, Any]:
    """Type and default of a key."""
    if key == "is_main":
        return Flag, False
    return (CHOICES[key], UNKNOWN) if key in CHOICES else (Text, "")


@cache
def single_type(
    clip_keys: tuple[str, ...], things: tuple[tuple[str, tuple[str, ...]], ...]
) -> type[Answer]:
    """One answer about everything: first the things, each under its name, then the clip."""
    fields: dict[str, Any] = {}
    for name, keys in things:
        model = answer_type(keys)
        fields[name] = (model, model())
    fields |= {key: _field(key) for key in clip_keys}
    return create_model("Answer", __base__=Answer, **fields)


def choices_of(key: str) -> tuple[str, ...]:
    """The words that a key may have; none for a text."""
    if key not in CHOICES:
        return ()
    words: tuple[str, ...] = get_args(get_args(CHOICES[key])[0])
    return words


def typical(answer: type[BaseModel]) -> BaseModel:
    """An answer of the usual length, to reckon with."""
    values = {name: _typical(name, field.annotation) for name, field in answer.model_fields.items()}
    return answer.model_construct(**values)


def _typical(name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return typical(kind)
    if get_origin(kind) is list:
        return [_typical(name, get_args(kind)[0])] * 2
    if get_origin(kind) is dict:
        return {str(index): _typical(name, get_args(kind)[1]) for index in range(2)}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return False if kind is bool else " ".join(["words"] * WORDS.get(name, 15))


# SkyCaptioner-V1 -------------------------------------------------------------------------------


class SkyTypes(Answer):
    """What a subject is."""

    type: Text = ""
    sub_type: Text = ""


class SkySubject(Answer):
    """One subject in SkyCaptioner-V1's words."""

    TYPES: SkyTypes = SkyTypes()
    appearance: Text = ""
    action: Text = ""
    expression: Text = ""
    position: Text = ""
    is_main_subject: Flag = False


class SkyAnswer(Answer):
    """The JSON object that SkyCaptioner-V1 was trained to answer with."""

    subjects: list[SkySubject] = []
    shot_type: Annotated[Literal[ShotType, "unknown"], _as_word(get_args(ShotType))] = "unknown"
    shot_angle: Annotated[Literal[ShotAngle, "unknown"], _as_word(get_args(ShotAngle))] = "unknown"
    shot_position: Annotated[Literal[ShotPosition, "unknown"], _as_word(get_args(ShotPosition))] = (
        "unknown"
    )
    camera_motion: Text = ""
    environment: Text = ""
    lighting: Text = ""


# InstanceCap-Captioner -------------------------------------------------------------------------


class VidInstance(Answer):
    """One instance as InstanceVid writes it."""

    class_: Text = Field(default="", alias="Class")
    appearance: Text = Field(default="", alias="Appearance")
    action: Text = Field(default="", alias="Actions and Motion")
    position: Text = Field(default="", alias="Position")


class VidStructure(Answer):
    """The structured part of an InstanceVid caption."""

    instances: dict[str, VidInstance] = Field(default={}, alias="Main Instance")
    background: Text = Field(default="", alias="Background Detail")
    camera: Text = Field(default="", alias="Camera Movement")


class VidAnswer(Answer):
    """The JSON object of InstanceVid, which InstanceCap-Captioner was trained on."""

    global_description: Text = Field(default="", alias="Global Description")
    structure: VidStructure = Field(default=VidStructure(), alias="Structural Description")
