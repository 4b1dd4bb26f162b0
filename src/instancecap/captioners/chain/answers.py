"""What a model has to answer: pydantic models of exactly the keys that are asked, no more.

Answers are read generously (``Close-up`` is ``close_up``, a list of sentences is a text), so that
a question is asked again only where there is nothing to read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from instancecap.schema.vocabulary import (
    Category,
    Place,
    Primitive,
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

Way: Any = Literal[
    *("left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right", "stays"),
    "unknown",
]
Depth = Literal["toward", "away", "neither", "unknown"]
Target = Literal["single", "several", "part", "mixed", "not_a_thing"]


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


def _read_word(value: Any, words: Sequence[str]) -> Any:
    if not isinstance(value, str):
        return UNKNOWN if value is None else value
    word = re.sub(r"[\s\-/]+", "_", value.strip().strip(".").lower())
    return word if word in words else UNKNOWN


def _as_flag(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "yes", "1", "main")
    return False if value is None else value


def _as_count(value: Any) -> Any:
    if isinstance(value, str) and (match := re.search(r"\d+", value)):
        value = int(match[0])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1
    return int(min(max(value, 1), 9999))


def _as_list(value: Any) -> Any:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _as_numbers(value: Any) -> Any:
    flat = [two for one in _as_list(value) for two in (one if isinstance(one, list) else [one])]
    numbers = [one for one in flat if isinstance(one, int | float) and not isinstance(one, bool)]
    return numbers if len(numbers) == len(flat) else []


def _as_known_words(words: Sequence[str]) -> BeforeValidator:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            value = re.split(r"\s*[,;]\s*", value)
        found = [_read_word(one, words) for one in _as_list(value)]
        return [one for one in dict.fromkeys(found) if one in words]

    return BeforeValidator(read)


Text = Annotated[str, BeforeValidator(_as_text)]
Flag = Annotated[bool, BeforeValidator(_as_flag)]
Count = Annotated[int, BeforeValidator(_as_count)]
Numbers = Annotated[list[float], BeforeValidator(_as_numbers)]
Whole = Annotated[list[int], BeforeValidator(lambda value: [int(x) for x in _as_numbers(value)])]
Texts = Annotated[list[Text], BeforeValidator(_as_list)]


def choice(vocabulary: Any) -> Any:
    """One word of a closed vocabulary, or ``unknown``; any other word is read as unknown."""
    words = tuple(word for word in get_args(vocabulary) if word != UNKNOWN)
    reader = BeforeValidator(lambda value: _read_word(value, words))
    return Annotated[Literal[(*words, UNKNOWN)], reader]


class PictureBox(Answer):
    """A box in one of the pictures, by its number, in the model's own convention."""

    picture: Count = 0
    box: Numbers = []


class TextBox(PictureBox):
    """Writing, and where it stands."""

    text: Text = ""


MOVES: Any = Literal[tuple(one for one in get_args(Primitive) if one != "tracking")]
COLORS: Any = Literal[
    *("black", "white", "gray", "silver", "red", "orange", "yellow", "green", "blue", "purple"),
    *("pink", "brown", "beige", "gold", "turquoise"),
]

KINDS: dict[str, tuple[Any, Any]] = {
    "place": (choice(Place), UNKNOWN),
    "time_of_day": (choice(TimeOfDay), UNKNOWN),
    "style": (choice(Style), UNKNOWN),
    "shot_type": (choice(ShotType), UNKNOWN),
    "shot_angle": (choice(ShotAngle), UNKNOWN),
    "shot_position": (choice(ShotPosition), UNKNOWN),
    "category": (choice(Category), UNKNOWN),
    "direction": (choice(Way), UNKNOWN),
    "toward_or_away": (choice(Depth), UNKNOWN),
    "target_ok": (choice(Target), UNKNOWN),
    "verdict": (choice(Literal["kept", "corrected"]), UNKNOWN),
    "camera_motion": (Annotated[list[MOVES], _as_known_words(get_args(MOVES))], []),
    "colors": (Annotated[list[COLORS], _as_known_words(get_args(COLORS))], []),
    "is_main": (Flag, False),
    "enters": (Flag, False),
    "leaves": (Flag, False),
    "count": (Count, 1),
    "pictures": (Whole, []),
    "boxes": (Annotated[list[PictureBox], BeforeValidator(_as_list)], []),
    "texts": (Annotated[list[TextBox], BeforeValidator(_as_list)], []),
    "with": (Texts, []),
    "who": (Texts, []),
}
"""Type and default of the keys that hold no text."""

WORDS: dict[str, int] = {
    "global_description": 20,
    "background": 35,
    "lighting": 20,
    "camera_description": 25,
    "class": 1,
    "name": 3,
    "looks": 6,
    "appearance": 40,
    "action": 40,
    "expression": 8,
    "position": 18,
    "segment": 30,
    "text": 70,
}
"""Words that a text usually has, by key; from these the cost of a run is estimated."""

USUAL_INSTANCES = 4
"""Of a clip, by the same reckoning."""


def _key(name: str) -> tuple[str, tuple[Any, Any]]:
    """The attribute that a key is kept under, its type and its default."""
    kind, default = KINDS.get(name, (Text, ""))
    if name in ("class", "with"):  # words of Python
        return f"{name}_", (kind, Field(default=default, alias=name))
    return name, (kind, default)


@cache
def answer_type(keys: tuple[str, ...]) -> type[Answer]:
    """The model of an answer with these keys, in this order."""
    fields: dict[str, Any] = dict(map(_key, keys))
    return create_model("Answer", __base__=Answer, **fields)


@cache
def look_type(entry_keys: tuple[str, ...], clip_keys: tuple[str, ...]) -> type[Answer]:
    """First a list of instances, each with keys of its own, then the clip's keys."""
    fields: dict[str, Any] = {}
    if entry_keys:
        entry: Any = answer_type(entry_keys)
        fields["instances"] = (Annotated[list[entry], BeforeValidator(_as_list)], [])
    fields |= dict(map(_key, clip_keys))
    return create_model("Answer", __base__=Answer, **fields)


def choices_of(key: str) -> tuple[str, ...]:
    """The words that a key may have; none for a text."""
    kind = KINDS.get(key, (Text, ""))[0]
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(inner) is list:
        inner = get_args(inner)[0]
    return get_args(inner) if get_origin(inner) is Literal else ()


def typical(answer: type[BaseModel]) -> BaseModel:
    """An answer of the usual length, to reckon with."""
    values = {name: _typical(name, field.annotation) for name, field in answer.model_fields.items()}
    return answer.model_construct(_fields_set=set(values), **values)


def _numbered(value: Any, number: int) -> Any:
    """An entry of a list under a name of its own."""
    named = isinstance(value, BaseModel) and "name" in type(value).model_fields
    return value.model_copy(update={"name": f"the usual thing {number}"}) if named else value


def _typical(name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return typical(kind)
    if get_origin(kind) is list:
        count = {"instances": USUAL_INSTANCES, "subjects": 2, "colors": 1}.get(name, 0)
        return [_numbered(_typical(name, get_args(kind)[0]), number) for number in range(count)]
    if get_origin(kind) is dict:
        return {str(index): _typical(name, get_args(kind)[1]) for index in range(2)}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if kind is int:
        return 1
    return False if kind is bool else " ".join(["words"] * WORDS.get(name.rstrip("_"), 15))


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
    shot_type: choice(ShotType) = UNKNOWN  # type: ignore[valid-type]
    shot_angle: choice(ShotAngle) = UNKNOWN  # type: ignore[valid-type]
    shot_position: choice(ShotPosition) = UNKNOWN  # type: ignore[valid-type]
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
