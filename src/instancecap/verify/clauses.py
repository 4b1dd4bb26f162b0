"""From a sentence to its clauses, and whom each of them is about.

A sentence is a row of items (:mod:`instancecap.verify.text`). Each item has a one-letter code, so
that a clause is a word in these letters, and a regular expression over it is a form of sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from instancecap.verify.claims import Mention, When
from instancecap.verify.naming import may_be
from instancecap.verify.text import Item, words_of

CAMERA = Mention(None, text="camera")
"""The subject of clauses about the camera."""

_CODES = {
    "thing": "T", "pronoun": "Y", "determiner": "d", "other": "d", "number": "n", "single": "n",
    "position": "P", "path": "p", "direction": "D", "side": "L", "enters": "E", "leaves": "X",
    "stays_in": "I", "still": "Q", "in_place": "Z", "approach": "N", "camera_state": "s",
    "follow_it": "f", "shot_type": "t", "shot_angle": "a", "time_of_day": "y", "place": "l",
    "scene": "z", "background": "b", "color": "C", "wear": "c", "start": "0", "end": "1",
    "throughout": "A", "adverb": "A", "shade": "G", "size": "G", "preposition": "r",
    "negation": "!", "none": "!", "hedge": "?", "introduction": "i", "be": "B", "auxiliary": "x",
    "possessive": "g",
}  # fmt: skip
_VERB_CODES = {
    "motion": "V", "stay": "S", "be": "B", "posture": "R", "begin": "H", "end": "h",
    "camera": "M", "push": "U", "follow": "F", "wear": "w",
}  # fmt: skip
_CAMERA_NOUNS = ("pan", "zoom", "dolly", "tilt", "track")
_NOUN_AHEAD = "dnTcCGWzg"
_STARTS_NOUN = ("determiner", "possessive", "number", "shade", "size", "color")
SEPARATORS = ("separator", "conjunction", "relative")
_VERBAL = re.compile(r"[VSBRHhMUFOEXIQZNwfi]")

_MODIFIERS = re.compile(r"(?:A*(?:P|b|A|r[dGCng]*[TcWCz](?=[^TW]|$)))*")
"""What may stand between a subject and its verb: *in a red coat*, *on the left*."""


Named = Mapping[int, Mention]
"""By the ``id`` of an item that is a noun phrase, whom it names."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence with one verb at most.

    Attributes:
        codes: a letter for each item.
        link: the word that joins it to the clause before.
        subject: whom it is about; empty where that is not known.
        rest: index of the first item after the subject and what belongs to it.
    """

    items: tuple[Item, ...]
    codes: str
    link: str = ""
    subject: tuple[Mention, ...] = ()
    rest: int = 0
    when: When = ""


@dataclass(slots=True)
class Context:
    """What is known before a sentence is read.

    Attributes:
        about: the instance that the whole text is about, for the fields of an instance.
        camera: whether the text is about the camera unless it names another subject.
        names: the caption's instances by their bare name.
        mentions: instances named so far, in order.
    """

    about: Mention | None = None
    camera: bool = False
    names: Mapping[str, Mention] = field(default_factory=dict)
    mentions: tuple[Mention, ...] = ()


def code_of(items: Sequence[Item], index: int) -> str:
    """The letter of an item; a verb after an article is a noun, *in* before a noun no side."""
    item = items[index]
    before = items[index - 1] if index else None
    following = items[index + 1] if index + 1 < len(items) else None
    if item.verb is not None and before is not None and before.kind in _STARTS_NOUN:
        return _plain_code(item) if item.verb.lemma in _CAMERA_NOUNS else "W"
    if item.kind == "side" and not _is_camera_verb(before):
        if following is not None and _plain_code(following) in _NOUN_AHEAD:
            return "r" if item.text in ("in", "out", "up", "down", "back") else "W"
        if item.text == "in":
            return "r"
    is_place = item.kind in ("direction", "position", "side", "path")
    if is_place and following is not None and following.text == "of":
        return "W"  # "to the left of the car": a place among things, not in the frame
    return _plain_code(item)


def _is_camera_verb(item: Item | None) -> bool:
    return item is not None and item.verb is not None and item.verb.kind in ("camera", "push")


def _plain_code(item: Item) -> str:
    if item.kind == "verb" and item.verb is not None:
        return _VERB_CODES.get(item.verb.kind, "O")
    if item.kind == "camera":
        return "k" if item.value else "K"
    if item.kind == "leaves" and re.match(r"(?:out|off|from)\b", item.text):
        return "o"
    return _CODES.get(item.kind, "," if item.kind in SEPARATORS else "W")


def clauses_of(items: Sequence[Item], context: Context) -> tuple[list[Clause], Named]:
    """The clauses of a sentence, and the mention that each of its nouns stands for."""
    named = {
        id(item): _mention(items, index, context)
        for index, item in enumerate(items)
        if item.kind == "thing"
    }
    known = list(context.mentions)
    for mention in named.values():
        if mention not in known and mention is not context.about:
            mention.before = list(known)
            known.append(mention)
    return _with_subjects(_split(items), named, context), named


def _split(items: Sequence[Item]) -> list[Clause]:
    """Cut at *while*, *who*, and such, and at a comma or *and* behind which a verb follows."""
    codes = "".join(code_of(items, index) for index in range(len(items)))
    cuts = [index for index, item in enumerate(items) if item.kind in SEPARATORS]
    found: list[Clause] = []
    links: list[str] = []
    start = 0
    for place, cut in enumerate([*cuts, len(items)]):
        if cut < len(items) and items[cut].text in (",", "and", "or"):
            end = cuts[place + 1] if place + 1 < len(cuts) else len(items)
            part, ahead = codes[start:cut], codes[cut + 1 : end]
            leads = start == 0 and items[0].verb is not None and items[0].verb.participle
            if part.strip("01AbP") and ahead and not leads and not _VERBAL.search(ahead):
                codes = codes[:cut] + "&" + codes[cut + 1 :]
                continue
        if cut > start:
            link = next((text for text in reversed(links) if text != ","), ",") if links else ""
            found.append(Clause(tuple(items[start:cut]), codes[start:cut], link))
            links = []
        if cut < len(items):
            links.append(items[cut].text)
            start = cut + 1
    return found


def _mention(items: Sequence[Item], index: int, context: Context) -> Mention:
    """Whom a noun phrase names: an instance by its name, one from before, or a new one."""
    item = items[index]
    following = items[index + 1] if index + 1 < len(items) else None
    new = Mention(
        item.noun,
        number=item.number or (0 if item.noun is not None and item.noun.plural else 1),
        colors=tuple(item.colors),
        other=item.other,
        head=item.head,
        text=item.text,
    )
    if following is not None and following.kind == "position":
        new.spot = " ".join(words_of(following.text))
    new.vague = following is not None and following.kind == "background"
    if item.mention is not None:
        return new if item.other or item.number > 1 else item.mention
    if item.other or item.noun is None:
        return new
    about = context.about
    if about is not None and index == 0 and _is_same(item, about):
        return about
    if item.definite and not item.number:
        known = [one for one in context.names.values() if _is_same(item, one)]
        if known:
            # A shorter form of a name stands for it only where it is of no other.
            return known[0] if len(known) == 1 and not new.spot else replace(new, vague=True)
        for one in reversed(context.mentions):
            if _is_same(item, one) and new.spot in ("", one.spot):
                return one
    return new


def _is_same(item: Item, mention: Mention) -> bool:
    """Whether *the dog* may be one that was named: by the same word, or by a general one."""
    if item.noun is None:
        return False
    if mention.noun is None:
        return item.noun.generic
    if item.noun.plural != (mention.noun.plural or mention.number > 1):
        return False
    if item.head != mention.head and not (item.noun.generic or mention.noun.generic):
        return False
    fits = not item.colors or bool(set(mention.colors) & set(item.colors))
    return (fits or mention.instance is not None) and may_be(item.noun, mention.noun)


def _with_subjects(clauses: Sequence[Clause], named: Named, context: Context) -> list[Clause]:
    """The clauses with what each is about and when; both may go on from the clause before."""
    found: list[Clause] = []
    before: Clause | None = None
    when: When = ""
    for clause in clauses:
        subject, rest = _subject(clause, before, named, context)
        own: When = "start" if "0" in clause.codes else "end" if "1" in clause.codes else ""
        goes_on = before is None or subject == before.subject
        when = own or (when if clause.link in (",", "and", "") and goes_on else "")
        found.append(replace(clause, subject=subject, rest=rest, when=when))
        if clause.codes.strip("01AbP"):
            before = found[-1]
    if len(found) > 1 and found[1].link == "," and _is_participle(found[0]):
        found[0] = replace(found[0], subject=found[1].subject)  # "Moving left, the car stops"
    return found


def _is_participle(clause: Clause) -> bool:
    verb = clause.items[0].verb
    return verb is not None and verb.participle and not clause.subject


def _subject(
    clause: Clause, before: Clause | None, named: Named, context: Context
) -> tuple[tuple[Mention, ...], int]:
    """The subject of a clause, and where what is claimed of it begins."""
    codes = clause.codes
    opening = re.match(r"[A01b]*(?:P(?=[TdY]))?(?:A*BA*(?=T))?(?:[dWK]*i(?=T))?", codes)
    start = opening.end() if opening else 0
    kind = codes[start : start + 1]
    if clause.link in ("who", "which", "that", "whose"):
        return _relative(clause, before, named), 0
    if camera := re.match(r"[dCGWAg]*[Kk]", codes[start:]):
        item = clause.items[start + camera.end() - 1]
        if item.kind == "camera" and not item.text.endswith(("shot", "footage")):
            return (CAMERA,), start + camera.end()
    if kind == "T":
        pair: tuple[Mention, ...] = (named[id(clause.items[start])],)
        if before is not None and clause.link == "and" and before.codes in ("T", "Tr"):
            pair = (*before.subject, *pair)
        end = start + 1 + len(_match(_MODIFIERS, codes[start + 1 :]))
        return pair, end
    if kind == "Y":
        return _pronoun(clause.items[start], before, context), start + 1
    if kind and kind in "VSBRHhMUFEXIQZNsfwxo!":
        return _implied(clause, before, named, context), start
    return (), start


def _match(pattern: re.Pattern[str], codes: str) -> str:
    match = pattern.match(codes)
    return match.group() if match else ""


def _relative(clause: Clause, before: Clause | None, named: Named) -> tuple[Mention, ...]:
    """*who* and *which* stand for the noun right before them."""
    if before is None or clause.link == "whose":
        return ()
    last = before.items[-1] if before.codes[-1] != "P" else before.items[-2:][0]
    return (named[id(last)],) if id(last) in named else ()


def _pronoun(item: Item, before: Clause | None, context: Context) -> tuple[Mention, ...]:
    """The subject of the clause before, or the only one that was named and can be meant."""
    if context.about is not None:
        return (context.about,)
    if item.text in ("him", "them", "they"):
        return ()
    if before is not None:
        return before.subject
    persons = ("human", "animal")
    known = [
        one
        for one in context.mentions
        if one.noun is not None and (item.text == "it" or one.noun.category in persons)
    ]
    return (known[0],) if len(known) == 1 else ()


def _implied(
    clause: Clause, before: Clause | None, named: Named, context: Context
) -> tuple[Mention, ...]:
    """The subject of a clause that begins with a verb."""
    if before is None:
        if context.about is not None:
            return (context.about,)
        return (CAMERA,) if context.camera else ()
    first = clause.items[0].verb
    things = sum(code == "T" for code in before.codes)
    if first is not None and first.participle and clause.link == "," and things > 1:
        return ()  # "a man follows a dog, running left": either may run
    return before.subject
