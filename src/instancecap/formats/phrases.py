"""What a caption has as words of a vocabulary, as prose: other formats have one text for both."""

from __future__ import annotations

import re
from typing import Any, get_args

from instancecap.formats.shape import find_word, sentences, synonyms
from instancecap.language import en
from instancecap.schema.caption import Camera, Instance, Position
from instancecap.schema.vocabulary import Primitive

MOVES = {
    **{name.replace(" ", "_"): word for word, name in en.CAMERA_NAMES.items()},
    **synonyms("motion"),
}
"""Names of camera movements, as lists of tags have them."""

STEADY = f"The picture is {en.STABILITIES['stable']}."
"""What is said of a camera of which nothing else is known: of no movement at all."""

MEDIA = {"real": "Live-action video", "animation": "Animation", "graphics": "Computer graphics"}
"""A caption's style as a medium."""

_MEDIUM_WORDS = (
    ("animation", r"anim|cartoon|drawn"),
    ("graphics", r"graphic|cgi|render|game|3d|screen"),
    ("real", r"live|photo|film|footage|real"),
)
_LISTED = re.compile(r"[,;+/]|\band\b", re.IGNORECASE)


def position_phrase(position: Position) -> str:
    """The position's text, or its cells in words."""
    if position.text or not (position.start or position.end or position.enters or position.leaves):
        return position.text
    start, end = position.start, position.end
    parts: list[str] = []
    if position.enters:
        parts.append(f"comes into view {en.IN_CELLS[start]} of the frame" if start else "enters")
        if end and end != start:
            parts.append(f"goes to {en.CELLS[end]}" if start else f"ends {en.IN_CELLS[end]}")
    elif start and end and start != end:
        parts.append(f"from {en.CELLS[start]} of the frame to {en.CELLS[end]}")
    elif start and end:
        parts.append(f"{en.IN_CELLS[start]} of the frame throughout")
    elif start or end:
        when = "first" if start else "last"
        parts.append(f"{when} {en.IN_CELLS[start or end]} of the frame")
    if position.leaves:
        parts.append("leaves" if start or end else "leaves the frame")
    return ", then ".join(parts)


def camera_sentence(camera: Camera) -> str:
    """The camera's description, or how it moves in words."""
    if camera.description:
        return camera.description
    picture = en.STABILITIES.get(camera.stability, "")
    if not camera.motion:
        return f"The picture is {picture}." if picture else ""
    verbs = en.join([en.CAMERA_VERBS[move] for move in camera.motion])
    if camera.motion == ["static"]:
        tail = f"; the picture is {picture}" if picture not in ("", "steady") else ""
        return f"The camera {verbs}{tail}."
    pace = f"{en.SPEEDS[camera.speed]} " if camera.speed else ""
    return f"The camera {pace}{verbs}{f'; the picture is {picture}' if picture else ''}."


def camera_words(text: str) -> dict[str, Any]:
    """The fields of a camera that a foreign text fills: it is the description.

    Where it is a list of movements and nothing else (``pan right, zoom in``), they count as words
    of the vocabulary; a sentence is not looked into.
    """
    words = [find_word(part, get_args(Primitive), MOVES) for part in re.split(_LISTED, text)]
    motion = list(dict.fromkeys(words))
    if not all(words) or ("static" in motion and len(motion) > 1):
        return {"description": text}
    return {"description": text, "motion": motion}


def shot_phrase(camera: Camera) -> str:
    """How the shot is framed, such as ``Long shot, eye level``; empty where nothing is known."""
    parts = (
        en.SHOT_TYPES.get(camera.shot_type, ""),
        en.SHOT_ANGLE_NAMES.get(camera.shot_angle, ""),
        en.SHOT_POSITION_NAMES.get(camera.shot_position, ""),
    )
    return capital(", ".join(part for part in parts if part))


def filming_sentences(camera: Camera) -> str:
    """Movement, then framing as a last sentence of its own."""
    shot = shot_phrase(camera)
    return sentences([camera_sentence(camera), f"{shot}."]) if shot else camera_sentence(camera)


def instance_sentences(instance: Instance) -> str:
    """All that is known of an instance, each text as a sentence."""
    where = instance.position
    cells = where.start or where.end
    place = position_phrase(where)
    parts = (
        instance.appearance or instance.name or instance.class_,
        instance.action,
        instance.expression,
        f"Seen {place}" if cells and not (where.enters or where.text) else place,
    )
    return sentences(f"{capital(part)}." if part[-1:].isalnum() else part for part in parts if part)


def style_of(text: str, warnings: list[str]) -> Any:
    """A medium in words as a caption's style; empty, with a warning, where it is none of them."""
    style = next((word for word, words in _MEDIUM_WORDS if re.search(words, text.casefold())), "")
    if text.strip() and text != MEDIA.get(style):
        warnings.append(f"the style {text!r:.60} was kept as {style or 'not known'} only")
    return style


def capital(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
