"""Our own format, strict and whole; and the part of it that a captioner is taught to answer."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Annotated, Any, ClassVar, get_args

from pydantic import ValidationError
from pydantic_core import to_json

from instancecap.errors import FormatError
from instancecap.formats.shape import Shape, Word, key, synonyms
from instancecap.language import en
from instancecap.schema import vocabulary as v
from instancecap.schema.caption import Caption, Instance


class AnswerPosition(Shape):
    """Where an instance is, in a sentence."""

    prose: ClassVar[str] = "text"

    text: str = ""
    enters: bool = False
    leaves: bool = False


class AnswerInstance(Shape):
    """What can be seen of one instance."""

    prose: ClassVar[str] = "appearance"

    name: str = ""
    class_: str = key("class")
    category: Annotated[str, Word(get_args(v.Category), synonyms("category"))] = ""
    count: int = 1
    is_main: bool = False
    appearance: str = ""
    colors: list[str] = []
    action: str = ""
    expression: str = ""
    position: AnswerPosition = AnswerPosition()


class AnswerCamera(Shape):
    """How the clip is filmed."""

    prose: ClassVar[str] = "description"

    motion: list[v.Primitive] = []
    description: str = ""
    shot_type: Annotated[str, Word(get_args(v.ShotType), synonyms("shot_type"))] = ""
    shot_angle: Annotated[str, Word(get_args(v.ShotAngle), synonyms("shot_angle"))] = ""
    shot_position: Annotated[str, Word(get_args(v.ShotPosition), synonyms("shot_position"))] = ""


class Answer(Shape):
    """The part of a caption that a model sees: no times, tracks, ids and bookkeeping.

    Instances come first: what is said of the clip rests on them.
    """

    instances: list[AnswerInstance] = []
    global_description: str = ""
    background: str = ""
    place: Annotated[str, Word(get_args(v.Place), synonyms("place"))] = ""
    lighting: str = ""
    time_of_day: Annotated[str, Word(get_args(v.TimeOfDay), synonyms("time_of_day"))] = ""
    style: Annotated[str, Word(get_args(v.Style), synonyms("style"))] = ""
    camera: AnswerCamera = AnswerCamera()


def write(caption: Caption) -> dict[str, Any]:
    """The published form."""
    return caption.model_dump(mode="json")


def answer(caption: Caption) -> dict[str, Any]:
    """What a captioner is taught to answer where this is the caption."""
    camera = {name: getattr(caption.camera, name) for name in AnswerCamera.model_fields}
    kept = {name: getattr(caption, name) for name in Answer.model_fields}
    instances = [_answer_instance(one) for one in caption.instances]
    told = Answer(**{**kept, "instances": instances, "camera": AnswerCamera(**camera)})
    return told.model_dump()


def _answer_instance(one: Instance) -> AnswerInstance:
    where = one.position
    position = AnswerPosition(text=en.position(where), enters=where.enters, leaves=where.leaves)
    told = {name: getattr(one, name) for name in AnswerInstance.model_fields}
    return AnswerInstance(**{**told, "position": position})


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """Validate; a missing ``video`` or ``id`` is forgiven, keys that are not known are left out,
    and words such as *Close-up* are read as ``close_up``; the latter two are named in ``warnings``.

    Raises :class:`FormatError`.
    """
    whole = {"video": None, **value}
    if isinstance(listed := whole.get("instances"), list):
        bare = all(isinstance(one, dict) and "id" not in one for one in listed)
        whole |= {"instances": [{"id": at, **one} for at, one in enumerate(listed)]} if bare else {}
    try:
        return _parse(whole)
    except FormatError as error:
        mended, problems = _mended(whole, error.__cause__)
        if mended == whole:
            raise
    caption = _parse(mended)
    warnings += problems
    return caption


def _mended(value: dict[str, Any], cause: object) -> tuple[dict[str, Any], list[str]]:
    """The value without keys that are not in the schema and with words as they are spelled there,
    and what was done."""
    unknown: list[str] = []
    spelled: list[str] = []
    value = deepcopy(value)
    for fault in cause.errors(include_url=False) if isinstance(cause, ValidationError) else []:
        if not fault["loc"]:  # of the caption as a whole: nothing here can mend it
            continue
        *way, key = fault["loc"]
        owner: Any = value
        for step in way:
            owner = owner[step]
        pointer = "/" + "/".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            del owner[key]
            unknown.append(pointer)
        elif fault["type"] == "literal_error" and isinstance(owner[key], str):
            word = re.sub(r"[\W_]+", "_", owner[key].casefold()).strip("_")
            if word == "unknown":
                owner[key] = ""
            elif word != owner[key]:
                spelled.append(f"{pointer}: {owner[key]!r:.40} is read as {word}")
                owner[key] = word
    left_out = [f"unknown keys left out: {', '.join(unknown)}"] if unknown else []
    return value, [*left_out, *spelled]


def _parse(whole: dict[str, Any]) -> Caption:
    try:
        text: str | bytes = to_json(whole)  # several times as fast as json, and most of the work
    except ValueError:  # half a surrogate pair, which json escapes
        text = json.dumps(whole)
    try:
        return Caption.from_json(text)
    except FormatError as error:
        raise FormatError(str(error).removeprefix("text: ")) from error.__cause__
