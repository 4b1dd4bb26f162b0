"""What an instance is called, and the sentences about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from instancecap.language import en
from instancecap.render import grammar
from instancecap.render.grammar import lexicon
from instancecap.schema.caption import Instance, Position
from instancecap.verify.text import head_of

GENERIC = lexicon("generic")
_PEOPLE = frozenset(("person", "man", "woman", "boy", "girl", "child"))
_ADJECTIVES = lexicon("expressions")
_FACES, _SIDES = lexicon("faces"), lexicon("sides")
_PREPOSITIONS = lexicon("places")
_THROUGHOUT = {
    "across",
    "along",
    "around",
    "over",
    "inside",
    "against",
    "throughout",
    "low",
    "high",
}
_GO_ON = _PREPOSITIONS | {"with", "and", "but", "while", "as", "of", "toward", "towards", "for"}


@dataclass(slots=True)
class Subject:
    """What an instance is called.

    Attributes:
        kind: the noun alone, *car*; the name where the instance has one.
        full: with its colors, *red car*.
        intro: how it is called first, *a red car*; ``ref`` later, *the car*.
        be: *is* or *are*.
    """

    kind: str
    full: str
    intro: str
    ref: str
    be: str


def subjects_of(instances: Sequence[Instance], measured: Sequence[bool]) -> list[Subject]:
    """What the instances of a caption are called, so that no two are called the same.

    Args:
        measured: of each, whether its looks are known by class and colors alone.
    """
    names = [grammar.clean(one.name).lower() for one in instances]
    firsts = {kind for name in names for _, order, kind in [name.partition(" first ")] if order}
    found = [_subject(one, bare, firsts) for one, bare in zip(instances, measured, strict=True)]
    kinds, fulls = [one.kind.lower() for one in found], [one.full.lower() for one in found]
    for index, one in enumerate(found):
        if instances[index].name or kinds.count(kinds[index]) == 1:
            continue
        before = fulls[:index].count(fulls[index])
        if fulls.count(fulls[index]) == 1:
            one.ref = f"the {one.full}"
            continue
        one.ref = f"the {en.ordinal(before + 1)} {one.full}"
        if before and one.be == "is":
            one.intro = f"{en.ANOTHER[min(before, len(en.ANOTHER) - 1)]} {one.full}"
    return found


def _subject(one: Instance, measured: bool, firsts: Collection[str]) -> Subject:
    be = "are" if one.count > 1 else "is"
    if one.name:
        return _named(grammar.clean(one.name), be, firsts)
    kind = kind_of(one)
    noun = en.plural(kind) if one.count > 1 else kind
    full = noun
    paint = [grammar.clean(color) for color in one.colors if color not in (kind, "")]
    if measured and paint:
        words = en.join(paint[:2])
        full = f"{noun} in {words}" if kind in _PEOPLE else f"{words} {noun}"
    if one.count == 1:
        intro = en.article(full)
    elif one.count < len(en.NUMBERS):
        intro = f"{en.count_word(one.count)} {full}"
    else:
        intro = f"a group of {one.count} {full}"
    return Subject(noun, full, intro, f"the {noun}", be)


def _named(name: str, be: str, firsts: Collection[str]) -> Subject:
    """What one with a name is called; ``firsts``: of what there is a first, so that the second of
    it is *another*: beside *the first car*, *the second white car* is *a white car*."""
    first, _, rest = name.partition(" ")
    if not rest or first.lower() not in ("the", "a", "an"):
        proper = not name[:1].islower() or first in ("his", "her", "its", "their")
        ref = name if proper else f"the {name}"
        return Subject(name, name, ref if proper or be == "are" else en.article(name), ref, be)
    order, _, kind = rest.partition(" ")
    intro = name
    if kind and order in ("first", "second"):
        is_another = order == "second" and kind.lower() in firsts
        intro = f"another {kind}" if is_another else en.article(kind)
    elif first.lower() == "the" and be == "is" and not _is_definite(order):
        intro = en.article(rest)
    elif be == "are":
        intro = f"a {rest}" if order == "group" else rest
    return Subject(rest, rest, intro, f"the {rest}", be)


def _is_definite(first: str) -> bool:
    """Whether a name singles out by its first word, so that no *a* goes with it."""
    return first in ("only", "last", "same", "other", "left", "right") or (
        first.endswith("est") and len(first) > 4
    )


def kind_of(one: Instance) -> str:
    """The noun that tells most: *rhinoceros* rather than *animal*."""
    names = [grammar.clean(name) for name in (one.subcategory, one.class_)]
    known = [name for name in names if name and name.lower() not in GENERIC]
    if known:
        return known[0]
    seen = grammar.head_noun(grammar.clean(one.appearance)) if one.count == 1 else ""
    return seen or next(filter(None, names), "object")


def names(text: str, one: Subject) -> bool:
    """Whether a text names what an instance is, by its own noun or one such as *woman*."""
    return one.kind.lower() in text.lower() or any(
        word in GENERIC for word in grammar.words_of(text)[:4]
    )


def is_verb_phrase(text: str, one: Subject) -> bool:
    """Whether a text about what an instance does lacks its subject."""
    return grammar.form(text, plural=one.be == "are") in ("verb", "gerund")


def joins(looks: Sequence[str], act: str, who: Subject) -> bool:
    """Whether *a young woman in red* and *walks away* become one sentence."""
    text = looks[0]
    return (
        len(looks) == 1
        and grammar.form(text) == "noun"
        and not grammar.has_end(text)
        and grammar.words_of(text)[0] in (*grammar.SINGULAR, "the")
        and names(text, who)
        and "," not in text
        and len(text.split()) <= 12
        and is_verb_phrase(act, who)
    )


def looks(text: str, one: Subject, *, known: bool, there: str, lead: str = "") -> str:
    """A sentence about how an instance looks.

    Args:
        there: the phrase that introduces it, with *be* and *what* in braces.
        known: whether it was introduced by another sentence.
        lead: a pronoun for it where the sentence before is about it.
    """
    who = one.ref if known else one.intro
    if carried := _carry(text, one, who):
        return carried
    match grammar.form(text):
        case "noun":
            words = grammar.words_of(text)
            same = words[1 : 1 + len(one.kind.split())] == grammar.words_of(one.kind)
            if lead and one.be == "is":
                return grammar.sentence(f"{lead} is {grammar.phrase(text)}")
            if known and not same:  # not *The dog is a dog with long ears*
                return grammar.sentence(f"{one.ref} {one.be} {grammar.phrase(text)}")
            be = "is" if words[0] in grammar.SINGULAR else one.be if words[0] == "the" else "are"
            return grammar.sentence(there.format(be=be, what=grammar.phrase(text)))
        case "modifier" if not known:
            what = f"{who} {grammar.phrase(text)}"
            return grammar.sentence(there.format(be=one.be, what=what))
        case "other" if not names(text, one):
            return _label(text, who)
    return grammar.sentence(text)


def action(text: str, one: Subject, *, who: str, where: str = "") -> str:
    """A sentence about what an instance does.

    Args:
        who: how it is called here.
        where: its place, for the front of a sentence that is put together: *on the left*.
    """
    lead = f"{where}, {who}" if where else who
    return _carry(text, one, lead) or grammar.sentence(text)


def expression(text: str, one: Subject) -> str:
    """A sentence about how a face looks; where no verb is sure to fit, behind *expression:*."""
    if carried := _carry(text, one, one.ref):
        return carried
    words, bare = grammar.words_of(text), grammar.phrase(text)
    several = one.be == "are"
    core = re.split(rf"[,;:—–]| (?:{'|'.join(sorted(_GO_ON))})\b", bare)[0].split()
    staged = ", then " in text or grammar.SUBJECT.search(text) is not None
    if not staged and core and all(map(_is_adjective, core)):
        return grammar.sentence(f"{one.ref} {'look' if several else 'looks'} {bare}")
    if grammar.form(text) == "sentence":
        return grammar.sentence(text)
    if words[0] == "with":
        return grammar.sentence(f"{one.ref} {one.be} seen {bare}")
    face = next((word for word in core if word.lower() in _FACES), "")
    if not staged and core and (words[0] in ("a", "an", "no") or face):
        ready = words[0] in (*grammar.DETERMINERS, "no") or (face or core[-1]).endswith("s")
        noun = bare if ready else en.article(bare)
        return grammar.sentence(f"{one.ref} {'have' if several else 'has'} {noun}")
    if not text[:1].islower():
        return grammar.sentence(text)
    genitive = f"{one.ref}'" if one.ref.endswith("s") else f"{one.ref}'s"
    return grammar.sentence(f"{genitive} expression: {bare}")


def _is_adjective(word: str) -> bool:
    """Whether it may be how a face looks, or how much so."""
    return word in _ADJECTIVES or word.endswith(("ed", "ful", "ive", "ous", "ly"))


def position(text: str, one: Subject, *, who: str) -> str:
    """A sentence about where an instance is, from the words of a caption."""
    if carried := _carry(text, one, who):
        return carried
    if grammar.has_finite_verb(text):
        return grammar.sentence(text)
    words, bare = grammar.words_of(text), grammar.phrase(text)
    if words[0] in _PREPOSITIONS | _THROUGHOUT:
        return grammar.sentence(f"{who} {one.be} {bare}")
    if words[0] in _SIDES:
        return grammar.sentence(f"{who} {one.be} at the {bare}")
    if words[0] == "from" and "to" in words:
        return grammar.sentence(f"{who} {'go' if one.be == 'are' else 'goes'} {bare}")
    return _label(text, who)


def _carry(text: str, one: Subject, who: str) -> str:
    """A phrase that lacks its subject, with it; empty for any other text."""
    match grammar.form(text, plural=one.be == "are"):
        case "verb":
            return grammar.sentence(f"{who} {grammar.phrase(text)}")
        case "gerund":
            return grammar.sentence(f"{who} {one.be} {grammar.phrase(text)}")
    return ""


def _label(text: str, who: str) -> str:
    """A phrase in small letters behind the one it is about; any other text by itself."""
    return grammar.sentence(f"{who}: {text}" if text[:1].islower() else text)


def stays(place: Position, one: Subject) -> str:
    """*in the center of the frame* of what is in one cell from first to last; else empty."""
    if not place.start or place.start != (place.end or place.start) or place.enters or place.leaves:
        return ""
    if en.IN_CELLS[place.start] in one.ref:
        return ""
    return f"{en.IN_CELLS[place.start]} of the frame"


def cells(place: Position, one: Subject, *, who: str, acts: bool, is_at: str) -> str:
    """A sentence about where an instance is, from the cells of its track; empty without any.

    Args:
        acts: whether its action is told, which says how it comes and goes.
        is_at: the phrase for what stays there, with *who*, *be* and *place* in braces.
    """
    start, end = place.start or place.end, place.end or place.start
    if not start or not end or (start == end and en.IN_CELLS[start] in one.ref):
        return ""
    s = "" if one.be == "are" else "s"
    come, go = place.enters and not acts, place.leaves and not acts
    if start == end:
        text = f"{who} come{s} into view {en.IN_CELLS[start]} of the frame"
        if not come:
            text = is_at.format(who=who, be=one.be, place=en.IN_CELLS[start])
    elif come:
        text = f"{who} come{s} into view {en.IN_CELLS[start]} of the frame and "
        text += f"reach{'es' if s else ''} {en.CELLS[end]}"
    else:
        text = f"{who} start{s} {en.IN_CELLS[start]} of the frame and "
        text += f"end{s} {en.IN_CELLS[end]}"
    leave = f"leave{s}"
    return grammar.sentence(f"{text}{f', then {leave} the frame' if go else ''}")


def pronoun_first(text: str) -> bool:
    """Whether a sentence is about something that another must have named."""
    return next(iter(grammar.words_of(text)), "") in grammar.PRONOUNS


def pronoun_of(texts: Sequence[str], class_: str) -> str:
    """*she*, where a sentence about an instance of a class calls it so; else *it*, or *this* of a
    person."""
    firsts = (next(iter(grammar.words_of(text)), "") for text in texts)
    known = ("he", "she") if class_ == "person" else ("he", "she", "it")
    usual = "this" if class_ in _PEOPLE else "it"
    return next((word for word in firsts if word in known), usual)


def opens(text: str, one: Subject, class_: str) -> bool:
    """Whether a text begins with an instance: *An orange car turns* with the coupe, class *car*."""
    for word in grammar.words_of(text)[1:6]:
        if word in (head_of(one.kind), class_):
            return True
        if grammar.begins_part(word):
            return False
    return False
