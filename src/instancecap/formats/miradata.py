"""MiraData: six texts a clip, the columns of its tables."""

from __future__ import annotations

from typing import Any

from instancecap.formats.cosmos3 import MEDIA, read_style
from instancecap.formats.fields import Fields, sentences
from instancecap.formats.prose import filming_prose, instance_prose, read_filming
from instancecap.formats.text import paragraph
from instancecap.schema.caption import Caption, Instance

HOLDS = {
    "/global_description": "short_caption",
    "/background": "background_caption",
    "/style": "style_caption; unknown is left empty",
    "/camera/description": "camera_caption",
    "/camera/shot_type": "camera_caption, its last sentence",
    "/camera/shot_angle": "camera_caption, its last sentence",
    "/camera/shot_position": "camera_caption, its last sentence",
}

COLUMNS = (
    "short_caption",
    "dense_caption",
    "main_object_caption",
    "background_caption",
    "camera_caption",
    "style_caption",
)

SUBJECT = "subject"
"""Class of the one instance that a text about the main objects becomes."""


def write(caption: Caption) -> dict[str, Any]:
    """All instances go into one text; ``dense_caption`` says everything."""
    return {
        "short_caption": caption.global_description,
        "dense_caption": paragraph(caption),
        "main_object_caption": _main_objects(caption),
        "background_caption": caption.background,
        "camera_caption": filming_prose(caption.camera),
        "style_caption": MEDIA.get(caption.style, ""),
    }


def _main_objects(caption: Caption) -> str:
    alone = [one for one in caption.instances if one.class_ == SUBJECT and one.appearance]
    if len(alone) == 1 == len(caption.instances):
        only = alone[0].model_copy(update={"id": 0, "is_main": True})
        if only == _subject(only.appearance):
            return only.appearance  # as it was read: a text stays as it is
    return sentences(instance_prose(one) for one in caption.instances)


def _subject(text: str) -> Instance:
    return Instance(id=0, class_=SUBJECT, is_main=True, appearance=text)


def read(fields: Fields) -> Caption:
    """``dense_caption`` repeats the others; it counts where there is no ``short_caption`` field."""
    dense = "" if fields.has("short_caption") else fields.text("dense_caption")
    fields.take("dense_caption")
    main = fields.text("main_object_caption")
    return Caption(
        video=None,
        global_description=fields.text("short_caption") or dense,
        instances=[_subject(main)] if main else [],
        background=fields.text("background_caption"),
        camera=read_filming(fields.text("camera_caption")),
        style=read_style(fields.text("style_caption")),
    )
