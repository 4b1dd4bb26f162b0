"""Captions of one scene filmed along several paths: the same text but for the camera.

For training a model to move the camera, clips of one scene should differ in nothing but what is
said of the camera. The first clip of a scene gives the text of all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from instancecap.datasets.captions import Row
from instancecap.errors import UsageError
from instancecap.language.sentences import split_sentences
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Caption, Position
from instancecap.verify.fields import texts_of

_OF_CAMERA = re.compile(
    r"\b(?:camera|filmed|filming|shot|view|viewer|frame|picture|footage|lens|zoom\w*|pan(?:s|ning)?|"
    r"tilt\w*|close-up|foreground)\b",
    re.IGNORECASE,
)
"""Words that tell how a scene is filmed, or where in the picture a thing is."""


def scene_finder(pattern: str) -> Callable[[str], str]:
    """Gives the scene of a clip by its name: what the pattern's first group matches, or all of it.

    Empty where the pattern matches nothing: the clip is of no scene with others.
    Raises :class:`UsageError` for what is no regular expression.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--scene {pattern!r}: not a regular expression: {error}") from error

    def scene_of(name: str) -> str:
        found = compiled.search(name)
        return (found[1] if compiled.groups else found[0]) or "" if found else ""

    return scene_of


def same_but_camera(scene: Caption, own: Caption) -> Caption:
    """The caption of ``scene`` with the camera, shots and clip of ``own``.

    What depends on the camera goes: places in the picture, and sentences of other fields that
    speak of it.
    """
    result = scene.model_copy(deep=True)
    result.video, result.camera, result.shots = own.video, own.camera, own.shots
    result.dense_description, result.segments, result.texts = "", [], []
    for one in result.instances:
        one.position, one.track = Position(), []
    for text in texts_of(result):
        if not text.pointer.startswith("/camera/"):
            kept = [
                one.text for one in split_sentences(text.text) if not _OF_CAMERA.search(one.text)
            ]
            pointers.assign(result, text.pointer, " ".join(kept))
    return result


def captions_of_scenes(rows: Iterable[Row], scene_of: Callable[[str], str]) -> Iterator[Row]:
    """The rows, each caption with the text of the first clip of its scene."""
    firsts: dict[str, Caption] = {}
    for row in rows:
        scene = scene_of(row.name)
        if row.caption is None or not scene:
            yield row
            continue
        first = firsts.setdefault(scene, row.caption)
        yield replace(row, caption=same_but_camera(first, row.caption))
