"""What a model has to answer: pydantic models of exactly the keys that are asked, no more.

:mod:`instancecap.mllm.schemas` reads answers generously (``Close-up`` is ``close_up``, a list of
sentences is a text), so that a question is asked again only where there is nothing to read.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model

from instancecap.schema.vocabulary import (
    Category,
    Intensity,
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


class Answer(BaseModel):
    """Every key has a default, so that a part of an answer counts; ``model_fields_set`` tells
    which keys were answered."""

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


class PictureBox(Answer):
    """A box in one of the pictures, by its number, in the model's own convention."""

    picture: int = 0
    box: list[float] = []


class FaceLook(Answer):
    """What a face shows in one of the pictures."""

    picture: int = 0
    shows: str = ""
    intensity: Literal[Intensity, "unknown"] = "unknown"


class TextBox(PictureBox):
    """Writing, and where it stands."""

    text: str = ""


def _words(*vocabularies: Any) -> Any:
    """The words of vocabularies, or words, and ``unknown``."""
    words = [word for one in vocabularies for word in get_args(one) or (one,)]
    return Literal[tuple(dict.fromkeys((*words, UNKNOWN)))]


def _short(characters: int) -> Any:
    return Annotated[str, Field(json_schema_extra={"maxLength": characters})]


def _most(items: int) -> Any:
    return Field(json_schema_extra={"maxItems": items})


NAME: Any = _short(60)
DIRECTIONS = ("left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right")
NEARLY_STATIC = "nearly_static"
MOVES: Any = Literal[*(word for word in get_args(Primitive) if word != "tracking"), NEARLY_STATIC]
COLORS: Any = Literal[
    *("black", "white", "gray", "silver", "red", "orange", "yellow", "green", "blue", "purple"),
    *("pink", "brown", "beige", "gold", "turquoise"),
]
KINDS: dict[str, tuple[Any, Any]] = {
    "place": (_words(Place), UNKNOWN),
    "time_of_day": (_words(TimeOfDay), UNKNOWN),
    "style": (_words(Style), UNKNOWN),
    "shot_type": (_words(ShotType), UNKNOWN),
    "shot_angle": (_words(ShotAngle), UNKNOWN),
    "shot_position": (_words(ShotPosition), UNKNOWN),
    "category": (_words(Category), UNKNOWN),
    "direction": (_words(*DIRECTIONS, "stays"), UNKNOWN),
    "toward_or_away": (_words("toward", "away", "neither"), UNKNOWN),
    "target_ok": (_words("single", "group", "crowded", "part", "mixed", "not_a_thing"), UNKNOWN),
    "key": (_words("name", "class", "count", "appearance"), UNKNOWN),
    "verdict": (_words("kept", "corrected"), UNKNOWN),
    "camera_motion": (list[MOVES], []),
    "colors": (list[COLORS], []),
    **dict.fromkeys(("is_main", "enters", "leaves"), (bool, False)),
    "count": (int, 1),
    "number": (int, 0),
    "new_views": (list[int], []),
    "pictures": (list[int], []),
    "shown_in": (list[int], []),
    "boxes": (list[PictureBox], []),
    "faces": (Annotated[list[FaceLook], _most(4)], []),
    "texts": (Annotated[list[TextBox], _most(4)], []),
    **dict.fromkeys(("with", "who"), (Annotated[list[NAME], _most(3)], [])),
    **dict.fromkeys(("name", "about", "right_name"), (NAME, "")),
    "class": (_short(40), ""),
    "looks": (_short(120), ""),
}
"""Type and default of the keys that hold no text, or a short one: what is bounded leaves room for
the others where a model in this process is held to a schema."""

WORDS, FEW_WORDS = 35, 4
"""Words that a text usually has, and a short one; from these the cost of a run is estimated."""

USUAL_INSTANCES = 4
"""Of a clip, by the same reckoning."""


def stem_of(key: str) -> str:
    """A key without its number: ``part`` of ``part_2``."""
    return re.sub(r"_\d+$", "", key)


def _key(name: str) -> tuple[str, tuple[Any, Any]]:
    """The attribute that a key is kept under, its type and its default."""
    kind, default = KINDS.get(stem_of(name), (str, ""))
    if name in ("class", "with"):  # words of Python
        return f"{name}_", (kind, Field(default=default, alias=name))
    return name, (kind, default)


Keys = tuple["str | tuple[str, tuple[str, ...]]", ...]
"""Keys of an answer, in order. A pair is a list of objects: its key, and the keys of each."""


@cache
def answer_type(keys: Keys) -> type[Answer]:
    """The model of an answer with these keys, in this order."""
    fields: dict[str, Any] = {}
    for key in keys:
        if isinstance(key, str):
            fields |= [_key(key)]
        else:
            entry: Any = answer_type(key[1])
            fields[key[0]] = (list[entry], [])
    return create_model("Answer", __base__=Answer, **fields)


def choices_of(key: str) -> tuple[str, ...]:
    """The words that a key may have; none for a text."""
    kind = KINDS.get(stem_of(key), (str, ""))[0]
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) is list:
        kind = get_args(kind)[0]
    return get_args(kind) if get_origin(kind) is Literal else ()


def typical(answer: type[BaseModel]) -> BaseModel:
    """An answer of the usual length, to reckon with."""
    values = {name: _typical(name, field.annotation) for name, field in answer.model_fields.items()}
    return answer.model_construct(_fields_set=set(values), **values)


def _typical(name: str, kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return typical(kind)
    if get_origin(kind) is list:
        usual = {"instances": USUAL_INSTANCES, "subjects": 2, "colors": 1, "second_look": 4}
        count = usual.get(name, 0)
        listed = [_typical(name, get_args(kind)[0]) for _ in range(count)]
        for number, one in enumerate(listed):
            if "name" in getattr(one, "model_fields_set", ()):
                one.name = f"the usual thing {number}"
        return listed
    if get_origin(kind) is dict:
        return {str(index): _typical(name, get_args(kind)[1]) for index in range(2)}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if kind in (int, bool):
        return kind(kind is int)
    return " ".join(["words"] * (FEW_WORDS if name.rstrip("_") in KINDS else WORDS))
