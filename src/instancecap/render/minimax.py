"""MiniMax H3's fields: the description shot by shot, the sounds, the music, on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from instancecap.language.quotes import QUOTED, replace_spoken
from instancecap.render import grammar
from instancecap.render.draft import Line
from instancecap.render.grammar import lexicon
from instancecap.render.scene import unquoted
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Caption
from instancecap.schema.pointer import instance_of
from instancecap.verify.fields import mentions_of
from instancecap.verify.text import bare_name, normalize

_LEAD = "integrated_multimodal_description: [Shot 1]"
_LANGUAGES = {
    "en": "English", "zh": "Chinese", "es": "Spanish", "fr": "French", "de": "German",
    "it": "Italian", "pt": "Portuguese", "ru": "Russian", "ja": "Japanese", "ko": "Korean",
    "ar": "Arabic", "hi": "Hindi",
}  # fmt: skip
"""Of the codes that servers tell; most tell the name."""

HEARD = "/audio"
"""Field of the lines that tell what is heard, one for each of :func:`scene.unquoted`."""


def around(caption: Caption) -> tuple[str, str]:
    """What stands before and behind the paragraph: the names of the fields, sounds and music."""
    told = [caption.global_description, *(one.description for one in caption.segments)]
    heard = {"sounds": "", "music": ""}
    for text in told:
        for sentence in grammar.sentences(QUOTED.sub("", text)):
            words = set(grammar.words_of(sentence))
            kind = next((one for one in ("music", "sounds") if words & lexicon(one)), "")
            if kind:
                heard[kind] = f"{heard[kind]} {grammar.sentence(sentence)}".strip()
    sounds, music = (heard[kind] or "N/A" for kind in ("sounds", "music"))
    return _LEAD, f"overall_soundscape: {sounds} non_diegetic_music: {music}"


def marked(lines: Sequence[Line], caption: Caption) -> list[Line]:
    """The lines with a mark where a shot begins, and speech in its own brackets, at its time.

    Words that no sentence quotes stand at the end of the shot in which they are said.
    """
    speakers = _Speakers(caption)
    said = unquoted(caption)
    told = [line for line in lines if line.field != HEARD or line.index >= len(said)]
    heard = [line for line in lines if line.field == HEARD and line.index < len(said)]
    found = []
    for line in told:
        while heard and line.part > _part_at(caption, said[heard[0].index].start):
            found.append(_at(heard.pop(0), said, speakers))
        text = speakers.mark(line)
        if line.part > 1:
            text = f"[Shot {line.part}] At {_clock(caption.segments[line.part - 1].start)}, {text}"
        found.append(replace(line, text=text))
    return [*found, *(_at(line, said, speakers) for line in heard)]


def _part_at(caption: Caption, t: float) -> int:
    """The number from 1 of the part of the clip that ``t`` seconds lies in."""
    return max(1, sum(part.start <= t for part in caption.segments))


def _at(line: Line, said: Sequence[Utterance], speakers: _Speakers) -> Line:
    text = speakers.mark(line)
    return replace(line, text=f"At {_clock(said[line.index].start)}, {text[0].lower()}{text[1:]}")


class _Speakers:
    """Numbers for who speaks, in the order in which they are quoted.

    A quotation is by the instance that its field is about, else by the one named last before it,
    else by whoever spoke last. Voices of the sound track that no sentence quotes share a number.
    """

    def __init__(self, caption: Caption) -> None:
        language = caption.audio.language
        self._language = _LANGUAGES.get(language, language.title()) or "English"
        self._names = {
            id: {bare_name(one.text), one.head} - {""} for id, one in mentions_of(caption).items()
        }
        self._numbers: dict[int | None, int] = {}
        self._last: int | None = None

    def mark(self, line: Line) -> str:
        """The line with what is said in it in brackets."""

        def speech(match: re.Match[str]) -> str:
            if line.field != HEARD:
                self._last = self._who(line, match.string[: match.start()])
            who = None if line.field == HEARD else self._last
            number = self._numbers.setdefault(who, len(self._numbers) + 1)
            said = re.sub("[<>]", "", match["said"])  # which would close the brackets
            return f"(S{number}) <d>[{self._language}] {said}</d>"

        return replace_spoken(line.text, speech)

    def _who(self, line: Line, before: str) -> int | None:
        if (owner := instance_of(line.field)) is not None:
            return owner
        words = f" {normalize(before)} "
        places = {
            id: max(words.rfind(f" {name} ") for name in names)
            for id, names in self._names.items()
            if names
        }
        best = max(places, key=lambda id: places[id], default=None)
        return best if best is not None and places[best] >= 0 else self._last


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:06.3f}"
