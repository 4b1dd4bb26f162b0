"""Sentences about a clip as a whole: shot, camera, surroundings, light and writing."""

from __future__ import annotations

import re
from collections.abc import Callable

from instancecap.language import en
from instancecap.render import grammar
from instancecap.render.grammar import lexicon
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Caption

Say = Callable[[str], str]
"""The phrase of that name in ``wording.toml``, as the wording has it."""

_MEASURED_LIGHT = re.compile(r"A ((?:[a-z]+ )?)picture(?: with ([^,.]+))?(?:, growing (\w+))?\.?")
"""As the measured captioner tells it: *A bright picture with high contrast, growing darker.*"""
_MEASURED_COLOR = re.compile(
    rf"{en.TABLES['measured']['whole'].format(color='([a-z]+)')}\b\.?", re.IGNORECASE
)
"""As the measured captioner tells of surroundings that it cannot name."""
_MEDIA = {"animation": "animated", "graphics": "computer-generated"}


def shot(size: str, angle: str, view: str, style: str) -> str:
    """The shot and its medium in words; empty where nothing is known."""
    return en.shot(size, angle, view, _MEDIA.get(style, ""))


def shot_tags(time: str, size: str, angle: str, view: str, style: str) -> list[str]:
    """Time of day, medium and shot, in a word or two each."""
    tags = (
        en.TIME_OF_DAY_NAMES.get(time, ""),
        "animation" if style == "animation" else "",
        en.SHOT_TYPES.get(size, ""),
        en.SHOT_ANGLE_NAMES.get(angle, ""),
        en.SHOT_POSITION_NAMES.get(view, ""),
    )
    return list(dict.fromkeys(filter(None, tags)))


def camera_text(text: str) -> str:
    """A sentence about the camera, from the words of a caption."""
    kind, words = grammar.form(text), grammar.words_of(text)
    if kind in ("verb", "gerund"):
        be = "is " if kind == "gerund" else ""
        return grammar.sentence(f"the camera {be}{grammar.phrase(text)}")
    if words in (("static",), ("fixed",), ("still",), ("handheld",), ("steady",), ("stationary",)):
        return grammar.sentence(f"the camera is {grammar.phrase(text)}")
    if text[:1].islower() and not grammar.has_finite_verb(text):
        return grammar.sentence(f"Camera: {text}")
    return grammar.sentence(text)


def measured_colors(background: str) -> list[str]:
    """The colors that the measured captioner tells of surroundings."""
    return _MEASURED_COLOR.findall(background)


def setting(text: str, say: Say) -> str:
    """A sentence about the surroundings."""
    if grammar.form(text) == "noun":
        return grammar.sentence(say("setting").format(grammar.phrase(text)))
    return grammar.sentence(text)


def light(text: str, say: Say) -> str:
    """A sentence about the light."""
    if measured := _MEASURED_LIGHT.fullmatch(text):
        how, what, change = (part or "" for part in measured.groups())
        told = [f"is {how.strip()}" if how else "", f"has {what}" if what else ""]
        told.append(f"grows {change}" if change else "")
        return grammar.sentence(say("picture").format(en.join(list(filter(None, told)))))
    if text.startswith(("lit ", "illuminated ")):
        return grammar.sentence(f"the scene is {text}")
    if text[:1].islower() and grammar.form(text) in ("noun", "other"):
        return grammar.sentence(say("lighting").format(text))
    return grammar.sentence(text)


def time_and_place(caption: Caption, place: str, time: str, *, told: str, say: Say) -> str:
    """*The setting is outdoors by day*, of what surroundings, light and ``told`` do not say."""
    said = f"{caption.background} {caption.lighting} {told}".lower()
    if time and any(word in said for word in lexicon(time)):
        time = ""
    where = en.PLACE_NAMES.get(place, "")
    # What color it has does not say where it is.
    surroundings = _MEASURED_COLOR.sub("", caption.background).strip()
    where = "" if surroundings or where in grammar.words_of(told) else where
    if where:
        return grammar.sentence(say("place").format(f"{where} {en.TIMES_OF_DAY.get(time, '')}"))
    if not time:
        return ""
    return grammar.sentence(f"it is {en.TIME_OF_DAY_NAMES[time]}")


def writing(caption: Caption, say: Say) -> str:
    """What is written in the picture."""
    found = (grammar.clean(one.text).replace('"', "'") for one in caption.texts)
    words = list(dict.fromkeys(filter(None, found)))
    if not words:
        return ""
    quoted = en.join([f'"{text}"' for text in words])
    return grammar.sentence(say("texts" if len(words) > 1 else "text").format(quoted))


def sound(caption: Caption) -> str:
    """What is heard: the words that no other field quotes, else that somebody speaks; that there
    is no sound where the track is silent. Of other sounds nothing is known."""
    audio = caption.audio
    if audio.sound == "silent":
        return "There is no sound."
    if not any(one.text for one in audio.speech):
        return "Speech is heard." if audio.speech else ""
    new = " ".join(one.text for one in unquoted(caption))
    return f'A voice says: "{new}"' if new else ""


def unquoted(caption: Caption) -> list[Utterance]:
    """What is said that no other field quotes, fit to stand in double quotation marks."""
    fields = [caption.global_description, *(one.description for one in caption.segments)]
    told = " ".join((*fields, *(one.action for one in caption.instances))).casefold()
    said = [
        one.model_copy(update={"text": grammar.clean(one.text).replace('"', "'")})
        for one in caption.audio.speech
    ]
    return [one for one in said if one.text and one.text.casefold().rstrip(".!?") not in told]
