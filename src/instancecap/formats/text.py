"""Plain text: one line that says everything, for reading and for tables of text.

A prompt for a certain model, within its token budget, is what ``instancecap render`` writes.
"""

from __future__ import annotations

import re

from instancecap.errors import FormatError
from instancecap.formats.phrases import filming_sentences, instance_sentences, scene_sentences
from instancecap.formats.shape import sentences
from instancecap.language.sentences import split_sentences
from instancecap.schema.caption import Caption


def paragraph(caption: Caption) -> str:
    """Every text of the caption on one line; empty where it says nothing."""
    if caption.dense_description:
        return " ".join(caption.dense_description.split())
    told = caption.global_description
    parts = (
        *([told] if told else (one.description for one in caption.segments)),
        *(_news(instance_sentences(one), told) for one in caption.instances),
        scene_sentences(_news(caption.background, told), what="the setting"),
        scene_sentences(_news(caption.lighting, told), what="it"),
        filming_sentences(caption.camera),
    )
    return " ".join(sentences(" ".join(part.split()) for part in parts).split())


def _news(text: str, told: str) -> str:
    """The sentences of a text that were not said word for word."""
    known = _without_articles(told)
    found = (one.text for one in split_sentences(text))
    return " ".join(one for one in found if _without_articles(one).strip(" .!?") not in known)


def _without_articles(text: str) -> str:
    return re.sub(r"\b(?:an?|the) ", "", text.casefold())


def write(caption: Caption) -> str:
    """One line. Raises :class:`FormatError` where there is nothing to say."""
    line = paragraph(caption)
    if not line:
        raise FormatError("the caption says nothing, and an empty line would shift a list of texts")
    return line


def read(value: str, warnings: list[str]) -> Caption:
    """All of it is the global description. Raises :class:`FormatError` for an empty one."""
    line = " ".join(value.split())
    if not line:
        raise FormatError("an empty caption")
    return Caption(video=None, global_description=line)
