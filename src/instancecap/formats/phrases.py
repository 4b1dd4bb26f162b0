"""What a caption has as words of a vocabulary, as prose: other formats have one text for both."""

from __future__ import annotations

import re
from typing import Any, get_args

from instancecap.formats.shape import find_word, sentences, synonyms
from instancecap.language import en
from instancecap.language.sentences import split_sentences
from instancecap.schema.caption import Camera, Instance
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


def camera_sentence(camera: Camera) -> str:
    """The camera's description, or how it moves in words."""
    return camera.description or en.camera_sentence(camera)


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


def filming_sentences(camera: Camera) -> str:
    """Movement, then framing as a last sentence of its own."""
    shot = en.shot(camera.shot_type, camera.shot_angle, camera.shot_position)
    framing = f"It is {en.article(shot)}." if shot else ""
    return sentences(filter(None, (camera_sentence(camera), framing)))


def instance_sentences(instance: Instance) -> str:
    """All that is known of an instance, in whole sentences, the subject in each.

    English phrases get a carrier where it is certain what they are: *A boat, far away* and *Moves
    to the left* become *A boat, far away, moves to the left*. Other texts stay as they are.
    """
    who, be = _subject_of(instance), "are" if instance.count > 1 else "is"
    looks = instance.appearance or instance.name or _introduction(instance)
    place = en.position(instance.position)
    if _PLACE.match(place):
        place = f"{be} seen {place[:1].lower()}{place[1:]}"
    told: list[str] = []
    for text in filter(None, (instance.action, instance.expression, place)):
        predicate = _predicate(text, be)
        if predicate and _is_phrase(looks, instance):
            subject = _by_name(looks.rstrip("."), instance.name)
            told.append(f"{subject}{',' * (',' in subject)} {predicate}")
            looks = ""
        else:
            told.append(f"{who} {predicate}" if predicate else text)
    if not told:
        looks = instance.appearance or instance.name or instance.class_
    parts = (capital(part) for part in (looks, *told) if part)
    return sentences(f"{part}." if part[-1:].isalnum() else part for part in parts)


def scene_sentences(text: str, *, what: str) -> str:
    """Whole sentences: of *the setting*, *A dark room* becomes *The setting is a dark room*."""
    return " ".join(_whole(one.text, what) for one in split_sentences(text))


def _whole(sentence: str, what: str) -> str:
    lower = f"{sentence[:1].lower()}{sentence[1:]}"
    if _MAY_BE_VERB.search(sentence):
        return sentence
    if _PHRASE.fullmatch(sentence):
        return f"{capital(what)} is {lower}"
    return f"There is {lower}" if _NAME.fullmatch(sentence) else sentence


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
_NAME = re.compile(r"(?!\w+ed\b|it\b|there\b|this\b)[A-Za-z]+(?: [a-z]+){0,2}\.?", re.IGNORECASE)
"""*Daylight*, *Soft daylight*: a noun of a few words without an article."""

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


def _by_name(looks: str, name: str) -> str:
    """A phrase under the name that tells its instance from others of its kind: *A car, far away*
    of *the second car* as *The second car, far away*."""
    article, _, kind = looks.partition(",")[0].partition(" ")
    the, _, called = name.partition(" ")
    is_finer = kind != called and f" {kind} " in f" {called} "
    if article.lower() not in ("a", "an") or the.lower() != "the" or not is_finer:
        return looks
    return capital(name) + looks[len(f"{article} {kind}") :]


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
