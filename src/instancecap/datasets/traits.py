"""Traits that captions tell of a subject, found and left out.

A model that is to learn a person or thing by a trigger word learns of its lasting traits what the
captions don't say: *red hair* in every caption binds the hair to these words, and not to the
trigger. A trait is a noun with or without words before it, such as *red hair* or *freckles*; other
names of it (*auburn hair*) are traits of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple

from instancecap.datasets.captions import read_captions
from instancecap.datasets.repeats import RepeatAlarm
from instancecap.datasets.replace import free_texts
from instancecap.errors import UsageError
from instancecap.formats.text import paragraph
from instancecap.language import en
from instancecap.language.sentences import split_sentences
from instancecap.render.grammar import stem, verb_number
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Caption
from instancecap.verify.lexicon import lexicon

APART = 5
"""Words that may lie between the parts of a trait: *hair that is long, curly and red*."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_BE = frozenset(("is", "are", "was", "were", "looks", "look", "has", "have"))
_BEFORE = frozenset(("a", "an", "the", "her", "his", "their", "its"))
_BOUNDS = _BE | {
    "with", "of", "in", "on", "at", "by", "wearing", "wears", "carrying", "holding", "that", "who",
}  # fmt: skip
_LISTS = frozenset(("with", "has", "have", "having"))
_UNTOUCHED = re.compile(r"/class$|/subcategory$|^/texts/")


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    stem: str


def _words(text: str) -> list[_Word]:
    """Its words; those between hyphens are apart."""
    found = ((one.start(), one.end(), one[0].lower()) for one in _WORD.finditer(text))
    return [_Word(start, end, word, _stem(word)) for start, end, word in found]


def _stem(word: str) -> str:
    return "eye" if word == "eyed" else stem(word)


def require_words(option: str, traits: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a trait without a word, which nothing could tell."""
    if wordless := [one for one in traits if not _words(one)]:
        raise UsageError(f"{option} {wordless[0]!r}: give a noun, with or without words before")


def find_trait(text: str, trait: str) -> tuple[int, int] | None:
    """First and next character of what tells a trait in a sentence; None where nothing does."""
    *more, head = [one.stem for one in _words(trait)] or [""]
    words = _words(text)
    for at, word in enumerate(words):
        if word.stem != head:
            continue
        if not more:
            return word.start, word.end
        before = words[max(0, at - APART - len(more)) : at]
        if (first := _reach(before[::-1], more)) is not None:
            return before[::-1][first].start, word.end
        after = words[at + 1 : at + 2 + APART + len(more)]
        told = after[:1] and (after[0].text in _BE or after[0].text in ("that", "which"))
        if told and (last := _reach(after, more, verbs=True)) is not None:
            return word.start, after[last].end
    return None


def _reach(words: Sequence[_Word], wanted: Sequence[str], *, verbs: bool = False) -> int | None:
    """The place of the last of the wanted words, if no other thing is told before."""
    left = set(wanted)
    for place, word in enumerate(words):
        if word.stem in left:
            left.remove(word.stem)
            if not left:
                return place
        elif _names_other(word.text) and not (verbs and word.text in _BE | {"that", "which"}):
            return None
    return None


def _names_other(word: str) -> bool:
    """Whether a word is of another thing: a noun, a garment, another color, a preposition."""
    words = lexicon()
    other = word in words.nouns or word in words.colors or words.words.get(word) == "wear"
    return other or word in _BOUNDS or word in _BEFORE


def tells(text: str, trait: str) -> bool:
    """Whether any sentence of a text tells a trait."""
    return any(find_trait(one.text, trait) for one in split_sentences(text))


def without(text: str, traits: Sequence[str]) -> str:
    """The text without the traits: the words that tell one where they can go, as a part of a list
    or behind *with*, else the whole sentence."""
    kept = []
    for one in split_sentences(text):
        sentence = one.text
        while sentence and (found := _first(sentence, traits)):
            sentence = _cut(sentence, *found)
        kept.append(sentence)
    return (
        text
        if kept == [one.text for one in split_sentences(text)]
        else " ".join(filter(None, kept))
    )


def _first(sentence: str, traits: Sequence[str]) -> tuple[int, int] | None:
    return next((found for trait in traits if (found := find_trait(sentence, trait))), None)


def _cut(sentence: str, start: int, end: int) -> str:
    """The sentence without what stands between; empty where it cannot be taken out alone."""
    compound = re.match(r"\s+(?=[a-z])", sentence[end:])
    if compound and re.fullmatch(r"\S+-\S+", sentence[start:end]):
        return en.with_article(sentence[:start], sentence[end + compound.end() :])
    head, tail = sentence[: _phrase_start(sentence, start)].rstrip(), sentence[end:]
    last = head.rpartition(" ")[2].lower()
    worn = lexicon().words.get(_words(sentence[start:end])[-1].text) == "wear"
    last = "with" if last == "in" and worn else last  # *in a jacket*, as *with red hair*
    ends = re.match(r"[,.;]|$", tail) is not None
    if last in _LISTS:
        if (joint := re.match(r",? and |, ", tail)) and _is_item(tail[joint.end() :]):
            return f"{head} {tail[joint.end() :]}"
        if last == "with" and (ends or verb_number(tail)):
            return head.rpartition(" ")[0].rstrip(" ,") + tail
    elif (head.endswith(",") or last == "and") and (ends or tail.startswith(" and ")):
        kept = re.sub(r",?(?: and)?$", "", head)
        if last == "and" and not tail.startswith(","):
            kept = re.sub(r", (?=[^,]*$)", " and ", kept)
        return kept + tail
    return ""


def _is_item(text: str) -> bool:
    """Whether a text goes on with a thing of the same list, not with what somebody does."""
    first = text.partition(" ")[0].rstrip(",.").lower()
    clause = first in ("who", "which", "that", "while", "as", "and", "he", "she", "it", "they")
    return not (clause or first.endswith("ing") or verb_number(text))


def _phrase_start(sentence: str, start: int) -> int:
    """Where the phrase begins that the words from ``start`` on belong to: *long red hair*."""
    for word in reversed(_words(sentence[:start])):
        between = sentence[word.end : start]
        if "," in between or word.text in _BOUNDS | {"and"}:
            break
        start = word.start
        if word.text in _BEFORE:
            break
    return start


def leave_out(caption: Caption, traits: Sequence[str]) -> Caption:
    """The caption without traits of its main instances, in its sentences, names and colors.

    What is said of other instances stays; so do classes, and writing in the picture.
    """
    if not traits:
        return caption
    result = caption.model_copy(deep=True)
    main = {one.id for one in caption.instances if one.is_main} or {
        one.id for one in caption.instances[:1]
    }
    for pointer, value in free_texts(caption).items():
        owner = pointers.instance_of(pointer)
        if _UNTOUCHED.search(pointer) or (owner is not None and owner not in main):
            continue
        if isinstance(value, str):
            pointers.assign(result, pointer, without(value, traits))
        else:
            pointers.assign(result, pointer, [one for one in value if not _first(one, traits)])
    names = [one.name.casefold() for one in result.instances if one.name]
    for one in result.instances:
        if one.id in main and names.count(one.name.casefold()) > 1:
            one.name = ""
    return result


@dataclass(slots=True)
class TraitReport:
    """What a set of captions tells of its subject.

    Attributes:
        captions: that were read.
        lacking: names of those without the trigger word.
        telling: name, trait and sentence of those that tell a trait which is to be left out.
        silent: name and trait of those that do not tell one which is to be kept.
        repeated: the alarm of :class:`~instancecap.datasets.repeats.RepeatAlarm`; empty for none.
        failed: file and reason of what cannot be read.
    """

    captions: int = 0
    lacking: list[str] = field(default_factory=list)
    telling: list[tuple[str, str, str]] = field(default_factory=list)
    silent: list[tuple[str, str]] = field(default_factory=list)
    repeated: str = ""
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.lacking or self.telling or self.silent or self.repeated or self.failed)


def lint(
    paths: Sequence[str],
    *,
    trigger: str = "",
    leave_out: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> TraitReport:
    """Look through captions for a trigger word, and for traits to leave out or to keep.

    Args:
        paths: as :func:`~instancecap.datasets.captions.read_captions` takes them: an exported set
            too.
        trigger: that every caption has to hold, as a whole word, capital letters aside.

    Raises :class:`UsageError` for a trait without a word, which nothing could tell.
    """
    require_words("--leave-out", leave_out)
    require_words("--keep", keep)
    report = TraitReport()
    word = re.compile(rf"(?<!\w){re.escape(trigger)}(?!\w)", re.IGNORECASE)
    before = ""
    with closing(RepeatAlarm()) as alarm:
        for row in read_captions(paths):
            if row.caption is None:
                report.failed.append((row.source, row.error))
                continue
            text = paragraph(row.caption)
            clip = row.caption.video.path if row.caption.video else ""
            report.captions += 1
            if not clip or clip != before:  # several captions of a clip are alike by intent
                alarm.add(row.name, text)
            before = clip
            if trigger and not word.search(text):
                report.lacking.append(row.name)
            for sentence in (one.text for one in split_sentences(text)):
                told = (trait for trait in leave_out if find_trait(sentence, trait))
                report.telling += [(row.name, trait, sentence) for trait in told]
            report.silent += [(row.name, trait) for trait in keep if not tells(text, trait)]
        report.repeated = alarm.warning()
    return report
