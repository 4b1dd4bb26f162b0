"""MiniMax H3's fields: the description shot by shot, the sounds, the music, on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from instancecap.render import grammar
from instancecap.render.draft import Line
from instancecap.render.grammar import lexicon
from instancecap.schema.caption import Caption

_LEAD = "integrated_multimodal_description: [Shot 1]"
_LANGUAGES = {
    "en": "English", "zh": "Chinese", "es": "Spanish", "fr": "French", "de": "German",
    "it": "Italian", "pt": "Portuguese", "ru": "Russian", "ja": "Japanese", "ko": "Korean",
    "ar": "Arabic", "hi": "Hindi",
}  # fmt: skip
"""Of the codes that servers tell; most tell the name."""

_QUOTED = re.compile(r"[\"“](?P<said>[^\"“”]+)[\"”]")


def around(caption: Caption) -> tuple[str, str]:
    """What stands before and behind the paragraph: the names of the fields, sounds and music."""
    told = [caption.global_description, *(one.description for one in caption.segments)]
    heard = {"sounds": "", "music": ""}
    for text in told:
        for sentence in grammar.sentences(_QUOTED.sub("", text)):
            words = set(grammar.words_of(sentence))
            kind = next((one for one in ("music", "sounds") if words & lexicon(one)), "")
            if kind:
                heard[kind] = f"{heard[kind]} {grammar.sentence(sentence)}".strip()
    sounds, music = (heard[kind] or "N/A" for kind in ("sounds", "music"))
    return _LEAD, f"overall_soundscape: {sounds} non_diegetic_music: {music}"


def marked(lines: Sequence[Line], caption: Caption) -> list[Line]:
    """The lines with a mark where a shot begins, and speech in its own brackets."""

    spoken = caption.audio.language
    language = _LANGUAGES.get(spoken, spoken.title()) or "English"

    def speech(match: re.Match[str]) -> str:
        near = match.string[max(0, match.start() - 40) : match.start()].split()
        behind = match.string[match.end() :].split()[:3]
        is_said = any(word.strip(",.:").lower() in lexicon("speech") for word in (*near, *behind))
        return f"(S1) <d>[{language}] {match['said']}</d>" if is_said else match[0]

    found = []
    for line in lines:
        text = _QUOTED.sub(speech, line.text)
        if line.part > 1:
            at = _clock(caption.segments[line.part - 1].start)
            text = f"[Shot {line.part}] At {at}, {text}"
        found.append(replace(line, text=text))
    return found


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:06.3f}"
