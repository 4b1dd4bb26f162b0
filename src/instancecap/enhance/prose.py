"""Whether a model's paragraph says all that the prompt says, and nothing against the caption."""

from __future__ import annotations

import re
from collections.abc import Iterator

from instancecap.enhance.faithful import alike, forbidden, in_words, missing, quotable
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.parse import parse
from instancecap.enhance.tokens import Parsed, Part
from instancecap.enhance.words import manner_of, parts, stems
from instancecap.render.targets import counter_for
from instancecap.schema.caption import Caption, Instance
from instancecap.verify.text import head_of

_LACKS = re.compile(r"\b(?:empty|free|clear|devoid|bare) of (?:\w+ )?$")
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
    if lost := lost_in(text, caption, parsed, options):
        yield f"It does not say, or says otherwise: {', '.join(map(in_words, lost))}."
    if bad := forbidden(shown, options.words.negative, parsed.text):
        yield f"It uses words that are not allowed: {', '.join(bad)}."
    if turned := _turned(text, parsed.text):
        yield f"It turns the direction round: {turned}."
    yield from _contradictions(text, caption, parsed)


def lost_in(text: str, caption: Caption, parsed: Parsed, options: EnhanceOptions) -> list[Part]:
    """What of the prompt a paragraph does not say.

    What a negative prompt says is not among it, nor what happens and where, if the caption's
    fields say so: a paragraph shows that in other words, where it has half the words that it may
    have; a shorter one has no room for that.
    """
    apart = options.target is not None and bool(manner_of(options.target.name).negative)
    found = missing(Caption(video=None, global_description=text), parsed)
    found = [one for one in found if not (apart and one.kind == "negation")]
    if not any(map(_may_be_retold, found)) or 2 * len(text.split()) < words_for(options):
        return found
    absent = missing(caption, parsed)
    return [one for one in found if one in absent or not _may_be_retold(one)]


def _may_be_retold(part: Part) -> bool:
    ways = part.kind == "direction" and part.words not in ("left", "right")
    return ways or part.kind in ("action", "relation")


def _contradictions(text: str, caption: Caption, parsed: Parsed) -> Iterator[str]:
    """Writing, numbers and colors that the caption has otherwise, and what the prompt excludes."""
    read = parse(text)
    leaves = caption.leaves()
    leaves.pop("/dense_description", None)
    told = " ".join([parsed.text, *map(str, leaves.values())])
    for span in read.quoted:
        if quotable(read.at(span)).strip(" .,!?") not in quotable(told):
            yield f'It quotes what nobody says or writes: "{read.at(span)}".'
    known = set(stems(told))
    denied = {one.noun for one in parsed.phrases if one.negated and parsed.at(one.core) == one.head}
    for one in read.phrases:
        shown = read.at(one.span)
        if one.negated or _LACKS.search(text[: one.span[0]]):
            continue
        if one.noun in denied:
            yield f"It shows {shown}, which the prompt excludes."
        like = [it for it in caption.instances if _may_be(it, one.noun)]
        count = sum(it.count for it in like)
        certain = all(f"/instances/{it.id}/count" in caption.provenance for it in like)
        if like and certain and one.counted and one.number > count:
            yield f"It shows {shown}, where the caption has {count}."
        for color in one.colors:
            if like and not any(alike(color, word) for word in known):
                yield f"It shows {shown}: {color} is not a color that the caption has."


def _may_be(one: Instance, noun: str) -> bool:
    return alike(noun, one.class_) or alike(noun, head_of(one.name))


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
