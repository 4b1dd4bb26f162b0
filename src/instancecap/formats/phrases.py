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
    """All that is known of an instance, in whole sentences, the subject in each.

    English phrases get a carrier where it is certain what they are: *A boat, far away* and *Moves
    to the left* become *A boat, far away, moves to the left*. Other texts stay as they are.
    """
    who, be = _subject_of(instance), "are" if instance.count > 1 else "is"
    looks = instance.appearance or instance.name or _introduction(instance)
    place = position_phrase(instance.position)
    if _PLACE.match(place):
        place = f"{be} seen {place[:1].lower()}{place[1:]}"
    told: list[str] = []
    for text in filter(None, (instance.action, instance.expression, place)):
        predicate = _predicate(text, be)
        if predicate and _is_phrase(looks, instance):
            subject = looks.rstrip(".")
            told.append(f"{subject}{',' * (',' in subject)} {predicate}")
            looks = ""
        else:
            told.append(f"{who} {predicate}" if predicate else text)
    if not told:
        looks = instance.appearance or instance.name or instance.class_
    parts = (capital(part) for part in (looks, *told) if part)
    return sentences(f"{part}." if part[-1:].isalnum() else part for part in parts)


_PLACE = re.compile(
    r"(?:at first |at last |first |last |mostly )?(?:in|on|at|from|across|above|below|near|behind|"
    r"beside|between|under|over|along|around|left of|right of)\b",
    re.IGNORECASE,
)
"""How a place begins that lacks a verb."""

_AFTER_VERB = (
    r"(?=[.,]?$|,? (?:\w+ly|\w+ing|an?|across|along|and|around|at|away|back|by|closer|down|for|"
    r"forward|from|her|his|in|into|its|left|off|on|onto|out|over|past|right|seen|still|the|their|through|to|"
    r"towards?|up|with)\b)"
)
_VERB = re.compile(
    r"(?!(?:arms|as|ears|eyes|fingers|hands|his|its|legs|lips|shoulders|this|wings)\b)"
    rf"[a-z]+(?<!s)s\b{_AFTER_VERB}",
    re.IGNORECASE,
)
_PLURAL_VERB = re.compile(r"(?:are seen|enter|go|leave|move|stay)\b", re.IGNORECASE)
_GERUND = re.compile(r"(?!(?:nothing|something|everything|during)\b)[a-z]{2,}ing\b", re.IGNORECASE)
_PHRASE = re.compile(r"(?:an?|the|one|another|two|three|four|some) [^.!?;:]+\.?", re.IGNORECASE)
_MAY_BE_VERB = re.compile(
    r"\b(?:are|were|have|had|was|is|has|[a-z]{2,}(?<![su])s)\b", re.IGNORECASE
)


def _subject_of(instance: Instance) -> str:
    """What an instance is called when it was named before."""
    name = instance.name or en.noun(instance.class_ or "subject", instance.count)
    article, _, rest = name.partition(" ")
    if rest and article.lower() in ("a", "an", "the"):
        return f"The {rest}"
    return name if name[:1].isupper() and instance.name else f"The {name}"


def _introduction(instance: Instance) -> str:
    """An instance of which only the class is known, when it is first named."""
    noun = en.noun(instance.class_, instance.count)
    if not instance.class_ or noun[:1].isupper():
        return instance.class_
    return en.article(noun) if instance.count == 1 else f"{en.count_word(instance.count)} {noun}"


def _predicate(text: str, be: str) -> str:
    """A text as what follows a subject; empty where it is not certain that it lacks one."""
    lower = f"{text[:1].lower()}{text[1:]}"
    if _GERUND.match(text):
        return f"{be} {lower}"
    return lower if (_VERB if be == "is" else _PLURAL_VERB).match(text) else ""


def _is_phrase(text: str, instance: Instance) -> bool:
    """Whether a text is a noun with what describes it, and certainly has no verb."""
    others = text.replace(en.plural(instance.class_), "") if instance.count > 1 else text
    return _PHRASE.fullmatch(text) is not None and not _MAY_BE_VERB.search(others)


def style_of(text: str, warnings: list[str]) -> Any:
    """A medium in words as a caption's style; empty, with a warning, where it is none of them."""
    style = next((word for word, words in _MEDIUM_WORDS if re.search(words, text.casefold())), "")
    if text.strip() and text != MEDIA.get(style):
        warnings.append(f"the style {text!r:.60} was kept as {style or 'not known'} only")
    return style


def capital(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
