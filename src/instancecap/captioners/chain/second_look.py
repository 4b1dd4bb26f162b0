"""What a model takes back at the end of its own answer.

The last key of the first question has the model look at the pictures once more, at the statements
that are most likely wrong. What it corrects there is applied before anything is made of the answer.
A model that copies badly, repeats everything or takes everything back does little harm: what is
not found word for word in one place is left alone, and so is all beyond ``MOST_CHANGED``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from instancecap.captioners.chain.answers import KINDS, UNKNOWN, Answer, choices_of, clean, stem_of
from instancecap.language.sentences import Sentence, split_sentences

KEY = "second_look"

SECOND_LOOK = (KEY, ("says", "shown_in", "should_read"))
"""The key of an answer, and those of its entries."""

MOST_CHANGED = 0.25
"""Corrections that are taken over the sentences of an answer: one for each sentence that changes,
one for each word of a list."""

LEAST_WORDS, LEAST_SHARED = 3, 1 / 3
"""A new sentence has so many words at least, and so many of them are the old one's: "delete" or
"no change" is no sentence."""


class Edit(NamedTuple):
    """A new value for an attribute, and how many statements it changes."""

    holder: Any
    attribute: str
    value: Any
    cost: int


def look_again(answer: Answer) -> tuple[Answer, int]:
    """The answer with what it corrects of itself, and how many corrections were left alone.

    A sentence is rewritten or taken out, but the last one of a text is not taken out, for nothing
    would be known then. A word of a list becomes another one of the list, or ``unknown``.
    """
    revised = answer.model_copy(deep=True)
    told = sum(len(split_sentences(clean(getattr(one, name)))) for one, name in _texts(revised))
    room = int(MOST_CHANGED * told)
    left_alone = 0
    for one in getattr(answer, KEY, ()):
        says, instead = clean(one.says), clean(one.should_read)
        if _plain(says) == _plain(instead):
            continue
        edit = _tag_edit(revised, says, instead) or _sentence_edit(revised, says, instead)
        if edit is None or edit.cost > room:
            left_alone += 1
            continue
        setattr(edit.holder, edit.attribute, edit.value)
        room -= edit.cost
    return revised, left_alone


def _texts(answer: Answer) -> Iterator[tuple[Answer, str]]:
    """Who holds a text of sentences, and its attribute."""
    for one in (answer, *getattr(answer, "instances", ())):
        for name, field in type(one).model_fields.items():
            is_text = field.annotation is str and stem_of(field.alias or name) not in KINDS
            if is_text and name in one.model_fields_set:
                yield one, name


def _tags(answer: Answer) -> Iterator[tuple[str, str]]:
    """Attribute and word of what is answered on the clip with words of a list, or as is written."""
    for name in type(answer).model_fields:
        value = getattr(answer, name)
        if choices_of(name):
            yield from ((name, word) for word in ([value] if isinstance(value, str) else value))
        elif name == "texts":
            yield from ((name, one.text) for one in value)


def _tag_edit(answer: Answer, says: str, instead: str) -> Edit | None:
    found = [pair for pair in _tags(answer) if _names_tag(says, *pair)]
    if len(found) != 1:
        return None
    ((name, word),) = found
    value = getattr(answer, name)
    if name == "texts":
        kept = [one for one in value if one.text != word]
        same = next(one for one in value if one.text == word)
        new = [same.model_copy(update={"text": instead})] if instead else []
        return Edit(answer, name, [*kept, *new], 1)
    other = next((one for one in choices_of(name) if _names_tag(instead, name, one)), "")
    if isinstance(value, str):
        return Edit(answer, name, other or UNKNOWN, 1)
    changed = [other if one == word else one for one in value]
    return Edit(answer, name, [one for one in changed if one], 1)


def _names_tag(said: str, name: str, word: str) -> bool:
    return _plain(said) in (_plain(word), _plain(f"{name} {word}"))


def _sentence_edit(answer: Answer, says: str, instead: str) -> Edit | None:
    """The sentences that hold the words, anew; None where they stand nowhere, or in several."""
    words = says.strip(" .!?。！？\"'“”").split()
    if len(_words(says)) < 2:
        return None
    quoted = r"\s+".join(map(re.escape, words))
    pattern = re.compile(rf"(?<!\w){quoted}(?!\w)", re.IGNORECASE)
    found = []
    for holder, name in _texts(answer):
        text = clean(getattr(holder, name))
        parts = split_sentences(text)
        for match in pattern.finditer(text):
            inside = [one for one in parts if one.start < match.end() and one.end > match.start()]
            found.append((holder, name, text, match, inside))
    whole = [hit for hit in found if _plain(_joined(hit[2], hit[4])) == _plain(says)]
    for holder, name, text, match, inside in whole[:1] or found[: len(found) == 1]:
        start, end = inside[0].start, inside[-1].start + len(inside[-1].text)
        old = text[start:end]
        new = _rewritten(old, (match.start() - start, match.end() - start), instead)
        others = text[:start] + text[inside[-1].end :]
        if new is None or not (new or others.strip() or name == "expression"):
            return None
        kept = text[:start] + new + text[end:] if new else others
        return Edit(holder, name, kept.strip(), max(len(inside), len(split_sentences(new))))
    return None


def _joined(text: str, parts: list[Sentence]) -> str:
    return text[parts[0].start : parts[-1].end]


def _rewritten(old: str, quoted: tuple[int, int], instead: str) -> str | None:
    """The sentence as it should read: words for words, or a whole one; empty to take it out."""
    if not instead:
        return ""
    ends = instead[-1] in ".!?。！？"
    start, end = quoted
    is_part = _plain(old) != _plain(old[start:end])
    if is_part and not ends and (start == 0 or not instead[0].isupper()):
        return _begun(old[:start] + instead + old[end:])
    words, known = _words(instead), set(_words(old))
    if len(words) < LEAST_WORDS or sum(word in known for word in words) < LEAST_SHARED * len(words):
        return None
    return _begun(instead if ends else f"{instead}.")


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _words(text: str) -> list[str]:
    """Words without case; of a script that sets no spaces, its letters."""
    return re.findall(r"[^\W_぀-鿿]+|[^\W_]", text.casefold())


def _plain(text: str) -> str:
    return " ".join(_words(text))
