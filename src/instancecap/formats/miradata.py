"""MiraData: six texts a clip, the columns of its tables.

Its own tables (mira-space/MiraData: ``assets/miradata_v0_100_samples.csv``) name the source video
by ``video_id``, the span in it by ``start_frame``, ``end_frame`` and ``fps``, later ones by
``frame_number``, a pair; the clip is ``index``, later ``clip_id``.
"""

from __future__ import annotations

import re
from typing import Any

from instancecap.errors import FormatError
from instancecap.formats.phrases import (
    MEDIA,
    camera_words,
    filming_sentences,
    instance_sentences,
    style_of,
)
from instancecap.formats.shape import number, of_texts, sentences
from instancecap.formats.text import paragraph
from instancecap.schema.caption import Camera, Caption, Instance, Video

COLUMNS = ("short_caption", "dense_caption", "main_object_caption", "background_caption",
           "camera_caption", "style_caption")  # fmt: skip

Answer: Any = of_texts("Answer", " ".join(COLUMNS))
"""The six texts."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

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
    known = {name: one for name, one in value.items() if name not in _OF_THE_CLIP}
    given = Answer.take(known, warnings)
    if not any(given.model_dump().values()):
        raise FormatError("none of its six texts has a word")
    dense = "" if "short_caption" in given.model_fields_set else given.dense_caption
    main = given.main_object_caption
    return Caption(
        video=_video(value),
        global_description=given.short_caption or dense,
        instances=[_subject(main)] if main else [],
        background=given.background_caption,
        camera=Camera.model_validate(camera_words(given.camera_caption)),
        style=style_of(given.style_caption, warnings),
    )


_OF_THE_CLIP = frozenset(
    ("index", "video_id", "start_frame", "end_frame", "fps", "start_timestep", "end_timestep",
     "clip_id", "source", "video_url", "width", "height", "seconds", "timestamp", "frame_number")
)  # fmt: skip
"""Columns that tell of the clip and not of what is seen."""


def _video(row: dict[str, Any]) -> Video | None:
    """The span of the source video; its path is the source's id, as that of any video."""
    source = str(row.get("video_id") or "").strip()
    if not source:
        return None
    pair = [number(one) for one in _NUMBER.findall(str(row.get("frame_number") or ""))]
    first, last = number(row.get("start_frame")), number(row.get("end_frame"))
    if len(pair) == 2 and not last:
        first, last = pair
    video, fps = Video.named(source), number(row.get("fps"))
    video.id = str(row.get("index") or row.get("clip_id") or f"{source}@{first:g}-{last:g}").strip()
    video.width, video.height = int(number(row.get("width"))), int(number(row.get("height")))
    video.fps = fps
    if fps and last > first >= 0:
        video.start, video.end = round(first / fps, 6), round(last / fps, 6)
        video.duration, video.frames = video.end - video.start, int(last - first)
    return video
