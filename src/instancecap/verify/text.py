"""From text to sentences, and from a sentence to its items: instances, verbs, turns of phrase."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from instancecap.language import en
from instancecap.schema.evidence import InstanceFacts
from instancecap.verify.claims import Mention
from instancecap.verify.lexicon import Noun, Verb, lexicon

_HYPHENS = re.compile(r"(?<=[A-Za-z])[-‐‑](?=[A-Za-z])")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?|[^\sa-z\d]")


class Text(NamedTuple):
    """A text of a caption: of one instance's id, of a span in seconds, or of the whole clip."""

    pointer: str
    text: str
    instance: int | None = None
    span: tuple[float, float] | None = None


@dataclass(slots=True)
class Item:
    """A part of a sentence: a noun phrase, a verb, a turn of phrase, or a word."""

    kind: str  # "thing", "verb", "color", "scene", "word", or a kind of pattern or word
    text: str
    value: str = ""  # of a pattern
    noun: Noun | None = None
    verb: Verb | None = None
    mention: Mention | None = None  # the caption's instance that is called so
    number: int = 0  # how many; 0 where that is left open, as in "some cars"
    exact: bool = False  # "a single dog"
    negated: bool = False  # "no dog"
    head: str = ""  # the noun itself, without what stands before it
    other: bool = False  # "another", "the other"
    definite: bool = False  # "the car"
    colors: list[str] = field(default_factory=list)  # right in front of the noun


def normalize(sentence: str) -> str:
    """Lower case, hyphens as spaces, punctuation apart, short forms spelled out."""
    text = _HYPHENS.sub(" ", sentence.lower().replace("’", "'"))
    text = text.replace("can't", "cannot").replace("n't", " not")
    text = re.sub(r"\b(it|he|she|that|there)'s\b", r"\1 is", text)
    return " ".join(_WORD.findall(text))


def words_of(phrase: str) -> list[str]:
    """The words of place and direction in a phrase, in order: *upper left* is top, left."""
    spots = lexicon().spots
    return [spots[word] for word in phrase.split() if word in spots]


def bare_name(name: str) -> str:
    """A name as it is looked for in a sentence: normalized, without its article."""
    return re.sub(r"^(?:the|an?) ", "", normalize(name))


def head_of(name: str) -> str:
    """The noun of a name: *cat* of *the gray cat by the wall*."""
    core = re.split(r" (?:in|on|with|of|at|by|behind|near|beside|who) ", bare_name(name))[0]
    return core.split()[-1] if core else ""


def own_nouns(items: Sequence[InstanceFacts]) -> dict[str, Noun]:
    """The classes of instances that are their detector's own, as nouns by their text: sentences
    about *pallets* are read where there are some.

    One that is a word of another kind for us, such as a verb, stays that.
    """
    own = {normalize(item.class_): item.category for item in items if item.category}
    nouns: dict[str, Noun] = {}
    for name, category in own.items():
        if _from_tables(name.split(" ")).kind in ("word", "thing"):
            nouns[en.plural(name)] = Noun(name, category, plural=True)
            nouns[name] = Noun(name, category)
    return nouns


def items_of(
    sentence: str,
    names: Mapping[str, Mention] | None = None,
    nouns: Mapping[str, Noun] | None = None,
) -> list[Item]:
    """The sentence as items, noun phrases put together.

    Args:
        names: the caption's instances by their :func:`bare_name`.
        nouns: further ones than those of the lexicon.
    """
    ordered = sorted((names or {}).items(), key=lambda pair: -len(pair[0]))
    own = sorted((nouns or {}).items(), key=lambda pair: -len(pair[0]))
    return _noun_phrases(list(_scan(normalize(sentence), ordered, own)))


def _scan(
    text: str, names: Sequence[tuple[str, Mention]], nouns: Sequence[tuple[str, Noun]]
) -> Iterator[Item]:
    at = 0
    while at < len(text):
        item = _named(text, at, names) or _own(text, at, nouns) or _longest(text, at)
        yield item
        at += len(item.text) + 1


def _named(text: str, at: int, names: Sequence[tuple[str, Mention]]) -> Item | None:
    for name, mention in names:
        if name and f"{text} ".startswith(f"{name} ", at):
            return Item("thing", name, noun=mention.noun, mention=mention, head=mention.head)
    return None


def _own(text: str, at: int, nouns: Sequence[tuple[str, Noun]]) -> Item | None:
    for word, noun in nouns:
        if f"{text} ".startswith(f"{word} ", at):
            return Item("thing", word, noun=noun, head=word)
    return None


def _longest(text: str, at: int) -> Item:
    """The longest turn of phrase at a place, or the word there where none is as long."""
    single = _from_tables(text[at:].split(" ", 3)[:3])
    found = [
        Item(kind, match.group(), value)
        for kind, value, regex in lexicon().patterns
        if (match := regex.match(text, at))
    ]
    longest = max(found, key=lambda item: len(item.text), default=single)
    return longest if len(longest.text) >= len(single.text) else single


def _from_tables(words: Sequence[str]) -> Item:
    lex = lexicon()
    for count in range(len(words), 0, -1):
        phrase = " ".join(words[:count])
        if " " in phrase and phrase in lex.words:
            return Item(lex.words[phrase], phrase)
        if phrase in lex.numbers:
            return Item("number", phrase, number=lex.numbers[phrase])
        if phrase in lex.scenes:
            return Item("scene", phrase, lex.scenes[phrase])
        if phrase in lex.nouns:
            return Item("thing", phrase, noun=lex.nouns[phrase], head=phrase)
        if phrase in lex.verbs:
            return Item("verb", phrase, verb=lex.verbs[phrase])
    word = words[0]
    if word in lex.colors:
        return Item("color", word, colors=[word])
    if word.isascii() and word.isdigit():
        return Item("number", word, number=min(int(word), 10**6))
    return Item("possessive" if word.endswith("'s") else lex.words.get(word, "word"), word)


def _noun_phrases(items: list[Item]) -> list[Item]:
    """Put determiners, numbers, and adjectives into the things that they belong to."""
    kept: list[Item] = []
    for index, item in enumerate(items):
        if item.kind == "thing" or (item.kind == "wear" and kept):
            following = items[index + 1].kind if index + 1 < len(items) else ""
            if item.kind == "thing" and following == "thing" and item.mention is None:
                # *horse rider*, *car driver*: the last noun is what is meant.
                kept.append(Item("word", item.text))
                continue
            _absorb(item, kept)
        kept.append(item)
    return kept


_ROUGHLY = {"least", "most", "about", "around", "over", "than", "nearly", "almost", "some", "to"}
_PARTS_OF_A_PHRASE = {"determiner", "other", "number", "single", "color", "word", "shade", "none"}
_PARTS_OF_A_PHRASE |= {"conjunction", "separator", "possessive", "size"}


def _absorb(thing: Item, before: list[Item]) -> None:
    """Take what stands in front of a noun into it, up to its article.

    A color counts only where nothing but other colors, shades and sizes stand between it and the
    noun: *a red haired woman* is not red.
    """
    is_next = True
    while before and before[-1].kind in _PARTS_OF_A_PHRASE:
        last = before[-1]
        if last.kind in ("conjunction", "separator"):
            joins_colors = len(before) > 1 and before[-2].kind == "color" and thing.colors
            if not (is_next and joins_colors and last.text in ("and", ",", "or")):
                return
        if last.kind == "possessive":
            thing.kind = "nothing" if thing.kind == "thing" else thing.kind
        before.pop()
        thing.text = f"{last.text} {thing.text}"
        if last.kind == "color" and is_next:
            thing.colors = [*last.colors, *thing.colors]
        elif last.kind == "number":
            thing.number = last.number
            if before and before[-1].text in _ROUGHLY:  # "at least two": "at" is no place
                thing.number = 0
                del before[-2:]
        elif last.kind == "single":
            thing.number, thing.exact = 1, True
        elif last.kind == "other":
            thing.other = True
        elif last.kind == "none":
            thing.negated = True
            return
        elif last.kind == "determiner":
            thing.definite = last.text in ("the", "this", "that", "these", "those")
            return
        is_next &= last.kind in ("color", "conjunction", "separator", "shade", "size")


_SIDES = {"top": "up", "bottom": "down", "backward": "back", "anticlockwise": "counterclockwise"}


def ways_of(item: Item) -> list[str]:
    """The directions in a phrase, in the words of the schema."""
    if item.value:
        return [item.value]
    if item.text.startswith("from ") or re.match(r"(?:the )?(?:left|right).* to ", item.text):
        return words_of(item.text)[-1:]
    if item.kind == "side":
        word = item.text.replace(" ", "").removesuffix("s")
        return [_SIDES.get(word, word)]
    return [_SIDES.get(word, word) for word in words_of(item.text)]


def split_path(text: str) -> tuple[str, str]:
    """Start and end of *from the left to the right*."""
    first, _, last = re.split(r" (to|towards?|into) the ", text.removeprefix("from "), maxsplit=1)
    return " ".join(words_of(first)), " ".join(words_of(last))


def split_spot(text: str) -> str:
    """The place at the end of a phrase: *enters from the left*."""
    match = re.search(r" (?:from|at|on|to|through) the (.*)", text)
    return " ".join(words_of(match.group(1))) if match else ""
