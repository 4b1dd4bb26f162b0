"""SkyCaptioner-V1: the structural caption of SkyReels-V2 (arXiv 2504.13074)."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, get_args

from instancecap.formats.phrases import camera_sentence, camera_words
from instancecap.formats.shape import Shape, Word, find_word, loosely, synonyms
from instancecap.language import en
from instancecap.schema.caption import Camera, Caption, Instance, Position
from instancecap.schema.vocabulary import Category, ShotAngle, ShotPosition, ShotType


class Types(Shape):
    """What a subject is."""

    type: str = ""
    sub_type: str = ""


class Subject(Shape):
    """One subject."""

    prose: ClassVar[str] = "appearance"

    TYPES: Types = Types()
    appearance: str = ""
    action: str = ""
    expression: str = ""
    position: str = ""
    is_main_subject: bool = False

    @classmethod
    def arrange(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Takes the type also where it is not nested."""
        if "types" in map(loosely, value):
            return value
        types = {name: one for name, one in value.items() if loosely(name) in Types.loose_keys()}
        return {**{name: one for name, one in value.items() if name not in types}, "TYPES": types}


class Answer(Shape):
    """The object that SkyCaptioner-V1 answers with."""

    subjects: list[Subject] = []
    shot_type: Annotated[str, Word(get_args(ShotType), synonyms("shot_type"))] = ""
    shot_angle: Annotated[str, Word(get_args(ShotAngle), synonyms("shot_angle"))] = ""
    shot_position: Annotated[str, Word(get_args(ShotPosition), synonyms("shot_position"))] = ""
    camera_motion: str = ""
    environment: str = ""
    lighting: str = ""


def write(caption: Caption) -> dict[str, Any]:
    """The global description, the video and what lies in time are left out."""
    camera = caption.camera
    answer = Answer(
        subjects=[_subject(one) for one in caption.instances],
        shot_type=camera.shot_type,
        shot_angle="high_angle" if camera.shot_angle == "overhead" else camera.shot_angle,
        shot_position=camera.shot_position,
        camera_motion=camera_sentence(camera),
        environment=caption.background,
        lighting=caption.lighting,
    )
    return answer.model_dump()


def _subject(one: Instance) -> Subject:
    """A class that only repeats the category is left out: it is read back from there."""
    class_ = "" if one.class_ == one.category.replace("_", " ") else one.class_
    return Subject(
        TYPES=Types(
            type=one.category.replace("_", " ").capitalize(), sub_type=one.subcategory or class_
        ),
        appearance=one.appearance,
        action=one.action,
        expression=one.expression,
        position=en.position(one.position),
        is_main_subject=one.is_main,
    )


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """``Woman`` becomes the class ``woman``, and the subcategory as it is written."""
    given = Answer.take(value, warnings)
    camera = {name: getattr(given, name) for name in ("shot_type", "shot_angle", "shot_position")}
    return Caption(
        video=None,
        instances=[_instance(*one, warnings) for one in enumerate(given.subjects)],
        background=given.environment,
        lighting=given.lighting,
        camera=Camera.model_validate({**camera, **camera_words(given.camera_motion)}),
    )


def _instance(number: int, one: Subject, warnings: list[str]) -> Instance:
    category = _category(one.TYPES.type, warnings)
    kind = one.TYPES.sub_type
    return Instance(
        id=number,
        class_=noun(kind) or category.replace("_", " "),
        category=category,
        subcategory=kind,
        is_main=one.is_main_subject,
        appearance=one.appearance,
        action=one.action,
        expression=one.expression,
        position=Position(text=one.position),
    )


def noun(text: str) -> str:
    """``Woman`` as ``woman``; a text that is written otherwise stays."""
    return text.casefold() if re.fullmatch(r"[A-Z][a-z]+(?:[ -][A-Za-z][a-z]+)*", text) else text


def _category(text: str, warnings: list[str]) -> Any:
    found = find_word(text, get_args(Category), synonyms("category"))
    if text.strip() and not found:
        warnings.append(f"subject type {text!r:.60} is taken for 'other'")
        return "other"
    return found
