"""MiraData: six texts a clip, the columns of its tables."""

from __future__ import annotations

from typing import Any

from instancecap.formats.phrases import (
    MEDIA,
    camera_words,
    filming_sentences,
    instance_sentences,
    style_of,
)
from instancecap.formats.shape import of_texts, sentences
from instancecap.formats.text import paragraph
from instancecap.schema.caption import Camera, Caption, Instance

COLUMNS = ("short_caption", "dense_caption", "main_object_caption", "background_caption",
           "camera_caption", "style_caption")  # fmt: skip

Answer: Any = of_texts("Answer", " ".join(COLUMNS))
"""The six texts."""

SUBJECT = "subject"
"""Class of the one instance that a text about the main objects becomes."""


def write(caption: Caption) -> dict[str, Any]:
    """All instances go into one text; ``dense_caption`` says everything."""
    answer = Answer(
        short_caption=caption.global_description,
        dense_caption=paragraph(caption),
        main_object_caption=_main_objects(caption),
        background_caption=caption.background,
        camera_caption=filming_sentences(caption.camera),
        style_caption=MEDIA.get(caption.style, ""),
    )
    return dict(answer.model_dump())


def _main_objects(caption: Caption) -> str:
    alone = [one for one in caption.instances if one.class_ == SUBJECT and one.appearance]
    if len(alone) == 1 == len(caption.instances):
        only = alone[0].model_copy(update={"id": 0, "is_main": True})
        if only == _subject(only.appearance):
            return only.appearance  # as it was read: a text stays as it is
    return sentences(instance_sentences(one) for one in caption.instances)


def _subject(text: str) -> Instance:
    return Instance(id=0, class_=SUBJECT, is_main=True, appearance=text)


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """``dense_caption`` repeats the others; it counts where there is no ``short_caption`` field."""
    given = Answer.take(value, warnings)
    dense = "" if "short_caption" in given.model_fields_set else given.dense_caption
    main = given.main_object_caption
    return Caption(
        video=None,
        global_description=given.short_caption or dense,
        instances=[_subject(main)] if main else [],
        background=given.background_caption,
        camera=Camera.model_validate(camera_words(given.camera_caption)),
        style=style_of(given.style_caption, warnings),
    )
