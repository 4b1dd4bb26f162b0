"""Whether a model's paragraph says all that the prompt says, and nothing against the caption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from instancecap.enhance.faithful import alike, forbidden, in_words, missing, quotable
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.parse import category_of, parse
from instancecap.enhance.tokens import Parsed, Phrase
from instancecap.enhance.words import manner_of, parts, stems
from instancecap.language.sentences import split_sentences
from instancecap.render.targets import counter_for
from instancecap.schema.caption import Caption
from instancecap.verify.extract import extract
from instancecap.verify.text import head_of

LIVELY = ("human", "animal", "vehicle")
"""Categories of which a paragraph shows none that the caption lacks; small details may be added."""

_WAY = re.compile(r"\b(\w+)(?: (?:side|edge|corner|of|the|frame|picture))* to (?:the )?(\w+)\b")
_OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up", "top": "bottom",
             "bottom": "top"}  # fmt: skip


def words_for(options: EnhanceOptions, shots: int = 1) -> int:
    """About how many words a paragraph may have: what the target's tokens take."""
    room = options.target.budget if options.target is not None else 512
    return min(round(0.58 * room) // 10 * 10, 140 + 40 * max(0, shots - 1))


def faults_of(
    text: str, caption: Caption, parsed: Parsed, options: EnhanceOptions
) -> Iterator[str]:
    """What is wrong with a paragraph, each in a line for the one who writes it again.

    Args:
        caption: what it tells.
        parsed: the prompt that it was made from.
    """
    if not text.strip():
        yield "It is empty."
        return
    shown = Caption(video=None, global_description=text)
    target = options.target
    if target is not None and (tokens := counter_for(target).count(text)) > target.budget:
        yield f"It is too long: about {tokens} tokens, where {target.budget} are read."
    takes_negative = target is not None and bool(manner_of(target.name).negative)
    lost = missing(shown, parsed)
    lost = [one for one in lost if not (takes_negative and one.kind == "negation")]
    if lost:
        yield f"It does not say, or says otherwise: {', '.join(map(in_words, lost))}."
    if bad := forbidden(shown, options.words.negative, parsed.text):
        yield f"It uses words that are not allowed: {', '.join(bad)}."
    if turned := _turned(text, parsed.text):
        yield f"It turns the direction round: {turned}."
    yield from _contradictions(text, caption, parsed)


def _contradictions(text: str, caption: Caption, parsed: Parsed) -> Iterator[str]:
    """Writing, things, numbers, colors and camera moves that the caption has otherwise."""
    read = parse(text)
    told = caption.leaves()
    told.pop("/dense_description", None)
    known = quotable(" ".join([parsed.text, *map(str, told.values())]))
    for span in read.quoted:
        if quotable(read.at(span)).strip(" .,!?") not in known:
            yield f'It quotes what nobody says or writes: "{read.at(span)}".'
    said = stems(". ".join([parsed.text, *map(str, told.values())]))
    denied = {one.noun for one in parsed.phrases if one.negated}
    for one in read.phrases:
        if one.negated:
            continue
        if one.noun in denied:
            yield f"It shows {read.at(one.span)}, which the prompt excludes."
        elif one.role == "thing":
            yield from _of_phrase(one, read.at(one.span), caption, parsed, said)
    moves = {*caption.camera.motion, *(move for shot in caption.shots for move in shot.motion)}
    if moves == {"static"}:
        for sentence in split_sentences(text):
            for claim in extract(sentence.text):
                if claim.kind == "camera" and not claim.negated and claim.value != "static":
                    yield f"Its camera moves, but is still in the caption: {sentence.text}"


def _of_phrase(
    one: Phrase, told: str, caption: Caption, parsed: Parsed, said: Sequence[str]
) -> Iterator[str]:
    like = [
        it
        for it in caption.instances
        if alike(one.noun, it.class_) or alike(one.noun, head_of(it.name))
    ]
    if not like:
        known = any(alike(one.noun, word) for word in set(said))
        if category_of(one.noun) in LIVELY and not known:
            yield f"It shows {told}, which the caption has not."
        return
    count = sum(it.count for it in like)
    certain = all(f"/instances/{it.id}/count" in caption.provenance for it in like)
    if certain and one.counted and one.number > count:
        yield f"It shows {told}, where the caption has {count}."
    own = stems(" ".join([parsed.text, *(
        f"{it.name} {' '.join(it.colors)} {it.appearance} {it.action}" for it in like
    )]))  # fmt: skip
    for color in one.colors:
        if not any(alike(color, word) for word in own):
            yield f"It shows {told}: {color} is not a color that the caption gives it."


def _turned(text: str, prompt: str) -> str:
    """The way of the prompt, such as *left to right*, where the text only has the way back."""
    for match in _WAY.finditer(prompt.lower()):
        first, last = match.groups()
        if _OPPOSITE.get(first) != last or first not in parts()["directions"] | _OPPOSITE.keys():
            continue
        ways = {found.groups() for found in _WAY.finditer(text.lower())}
        if (last, first) in ways and (first, last) not in ways:
            return match[0]
    return ""
