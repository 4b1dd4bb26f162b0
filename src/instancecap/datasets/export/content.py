"""Whether a caption says anything that a model could learn from."""

from __future__ import annotations

import re
from typing import Any

from instancecap.errors import InputError
from instancecap.language import en
from instancecap.render.grammar import content
from instancecap.render.subjects import kind_of
from instancecap.schema.caption import Caption

FEWEST_WORDS = 8
"""Of a caption that a captioner may learn from: one short sentence about one instance."""

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
_FILMING = " ".join(
    word
    for table in (en.CAMERA_VERBS, en.CAMERA_NAMES, en.STABILITIES, en.SPEEDS, en.SHOT_TYPES)
    for word in table.values()
)


def require_answer(caption: Caption, answer: dict[str, Any]) -> None:
    """Raise :class:`InputError` for an answer that would teach a captioner to say nothing."""
    if (words := _count_words(answer)) < FEWEST_WORDS:
        least = f"an answer to learn from has {FEWEST_WORDS} or more"
        raise InputError(f"the caption says almost nothing: {words} words, and {least}")
    if not (caption.instances or caption.segments or _told(caption)):
        raise InputError("the caption says nothing of what is seen: no instance, and no event")


def _told(caption: Caption) -> str:
    """What someone said of the clip: what is measured says no more than the instances do."""
    pointers = {
        "/global_description": caption.global_description,
        "/background": caption.background,
    }
    return " ".join(
        text
        for pointer, text in pointers.items()
        if (entry := caption.provenance.get(pointer)) is None or entry.support != "measured"
    ).strip()


def names_nothing(caption: Caption, prompt: str) -> bool:
    """Whether a prompt holds no subject and no event: none of the words that tell of them.

    Words about the camera tell of neither; nor do those of a text that is measured as a whole.
    """
    names, acts = [], [one.description for one in caption.segments]
    for one in caption.instances:
        kind = kind_of(one)
        names += [one.name, one.class_, one.subcategory, kind, en.plural(kind)]
        acts += [one.appearance, one.action]
    said = content(" ".join((*acts, _told(caption))))
    told = content(" ".join(names)) | (said - content(f"{_FILMING} {caption.camera.description}"))
    return told.isdisjoint(content(prompt))


def told_after(caption: Caption, seconds: float) -> str:
    """What a caption tells that its tracks and segments place after so many seconds, in words."""
    found = [
        one.name or kind_of(one)
        for one in caption.instances
        if one.track and min(point.t for point in one.track) >= seconds
    ]
    found += [one.description for one in caption.segments if one.start >= seconds]
    return "; ".join(found).replace("'", "’")


def _count_words(answer: Any) -> int:
    """Words of all texts in a structured caption; a Chinese character counts as one."""
    if isinstance(answer, dict | list):
        parts = answer.values() if isinstance(answer, dict) else answer
        return sum(map(_count_words, parts))
    return len(_WORD.findall(answer)) if isinstance(answer, str) else 0
