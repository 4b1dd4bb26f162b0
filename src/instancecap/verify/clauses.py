"""From a sentence to its clauses, and whom each of them is about.

A sentence is a row of items (:mod:`instancecap.verify.text`). Each item has a one-letter code, so
that a clause is a word in these letters, and a regular expression over it is a form of sentence
(``lexicon/forms.toml``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from instancecap.verify.claims import Mention, When
from instancecap.verify.lexicon import Noun, forms
from instancecap.verify.naming import may_be
from instancecap.verify.text import Item, words_of

CAMERA = Mention(None, text="camera")
"""The subject of clauses about the camera."""

RELATIVES = ("who", "which", "that", "whose")
SEPARATORS = ("separator", "conjunction", "relative")
_STARTS_NOUN = ("determiner", "possessive", "number", "shade", "size", "color")
_VERBAL = re.compile(r"[VSBRHhMUFOoEXIQZNwfi]")

Named = Mapping[int, Mention]
"""By the ``id`` of an item that is a noun phrase, whom it names."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence with one verb at most."""

    items: tuple[Item, ...]
    codes: str  # a letter for each item
    link: str = ""  # the word that joins it to the clause before
    subject: tuple[Mention, ...] = ()  # whom it is about; empty where that is not known
    rest: int = 0  # index of the first item after the subject and what belongs to it
    when: When = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What the field of a sentence tells of it."""

    about: Mention | None = None  # the instance that the field is about
    camera: bool = False  # it is about the camera unless it names another subject
    names: Mapping[str, Mention] = field(default_factory=dict)  # instances by their bare name
    nouns: Mapping[str, Noun] = field(default_factory=dict)  # further ones than the lexicon's


def code_of(items: Sequence[Item], index: int) -> str:
    """The letter of an item; a verb after an article is a noun, *in* before a noun no side."""
    item = items[index]
    before = items[index - 1] if index else None
    following = items[index + 1] if index + 1 < len(items) else None
    if item.verb is not None and before is not None and before.kind in _STARTS_NOUN:
        return _plain_code(item) if item.verb.kind == "camera" else "W"
    films = (
        before is not None and before.verb is not None and before.verb.kind in ("camera", "push")
    )
    if item.kind == "side" and not films:
        if following is not None and _plain_code(following) in "dnTcCGWzg":
            return "r" if item.text in ("in", "out", "up", "down", "back") else "W"
        if item.text == "in":
            return "r"
    is_place = item.kind in ("direction", "position", "side", "path", "enters", "leaves")
    if is_place and following is not None and following.text == "of":
        return "W"  # "to the left of the car": a place among things, not in the frame
    return _plain_code(item)


def _plain_code(item: Item) -> str:
    if item.verb is not None:
        return forms().codes.get(f"verb {item.verb.kind}", "O")
    if item.kind == "camera" and item.value:
        return "k"
    if item.kind == "leaves" and re.match(r"(?:out|off|from)\b", item.text):
        return "W"
    return forms().codes.get(item.kind, "W")


def clauses_of(items: Sequence[Item], context: Context) -> tuple[list[Clause], Named]:
    """The clauses of a sentence, and the mention that each of its nouns stands for."""
    named = {
        id(item): _mention(items, index, context)
        for index, item in enumerate(items)
        if item.kind == "thing"
    }
    return _with_subjects(_split(items), named, context), named


def _split(items: Sequence[Item]) -> list[Clause]:
    """Cut at *while*, *who*, and such, and at a comma or *and* behind which a verb follows."""
    codes = "".join(code_of(items, index) for index in range(len(items)))
    cuts = [index for index, item in enumerate(items) if item.kind in SEPARATORS]
    found: list[Clause] = []
    start, link = 0, ""
    for cut, end in zip([*cuts, len(items)], [*cuts[1:], len(items), len(items)], strict=False):
        text = items[cut].text if cut < len(items) else ""
        part, ahead = codes[start:cut], codes[cut + 1 : end]
        leads = start == 0 and bool(items) and getattr(items[0].verb, "participle", False)
        soft = text in (",", "and", "or") and part.strip("01AbP") and not leads
        if soft and ahead and not _VERBAL.search(ahead):
            codes = f"{codes[:cut]}&{codes[cut + 1 :]}"
            continue
        if part:
            found.append(Clause(tuple(items[start:cut]), part, link))
            link = ""
        link = link if text == "," and link else text
        start = cut + 1
    return found


def _mention(items: Sequence[Item], index: int, context: Context) -> Mention:
    """Whom a noun phrase names: an instance of the caption, or one that it alone names."""
    item = items[index]
    following = items[index + 1] if index + 1 < len(items) else None
    kind = following.kind if following else ""
    new = Mention(
        item.noun,
        number=item.number or (0 if item.noun is not None and item.noun.plural else 1),
        colors=tuple(item.colors),
        spot=" ".join(words_of(following.text)) if following and kind == "position" else "",
        vague=kind == "background" or item.other,
        head=item.head,
        text=item.text,
    )
    if item.mention is not None:
        return new if item.other or item.number > 1 else item.mention
    about = context.about
    if about is not None and index == 0 and _is_same(item, about):
        return about
    known = [one for one in context.names.values() if _is_same(item, one)]
    if not item.definite or item.number or not known:
        return new
    # A shorter form of a name stands for it only where it is of no other.
    return known[0] if len(known) == 1 and not new.spot else replace(new, vague=True)


def _is_same(item: Item, mention: Mention) -> bool:
    """Whether *the dog* may be one that was named: by the same word, or by a general one."""
    noun, other = item.noun, mention.noun
    if noun is None or other is None or item.other:
        return noun is not None and noun.generic and not item.other
    if noun.plural != (other.plural or mention.number > 1):
        return False
    fits = not item.colors or mention.instance is not None or set(mention.colors) & set(item.colors)
    named = item.head == mention.head or noun.generic or other.generic
    return bool(fits) and named and may_be(noun, other)


def _with_subjects(clauses: Sequence[Clause], named: Named, context: Context) -> list[Clause]:
    """The clauses with what each is about and when; both may go on from the clause before."""
    found: list[Clause] = []
    before: Clause | None = None
    when: When = ""
    for clause in clauses:
        subject, rest = _subject(clause, before, named, context)
        own: When = "start" if "0" in clause.codes else "end" if "1" in clause.codes else ""
        goes_on = before is None or subject == before.subject
        goes_on = goes_on and all(item.text not in ("later", "then") for item in clause.items)
        when = own or (when if clause.link in (",", "and", "") and goes_on else "")
        found.append(replace(clause, subject=subject, rest=rest, when=when))
        if clause.codes.strip("01AbP"):
            before = found[-1]
    if len(found) > 1 and found[1].link == "," and not found[0].subject:
        verb = found[0].items[0].verb
        if verb is not None and verb.participle:  # "Moving left, the car stops"
            found[0] = replace(found[0], subject=found[1].subject)
    return found


def _subject(
    clause: Clause, before: Clause | None, named: Named, context: Context
) -> tuple[tuple[Mention, ...], int]:
    """The subject of a clause, and where what is claimed of it begins."""
    codes, parts = clause.codes, forms().parts
    opening = parts["opening"].match(codes)
    start = opening.end() if opening else 0
    kind = codes[start : start + 1]
    if clause.link in RELATIVES:
        return _relative(clause, before, named), 0
    if camera := re.match(r"[dCGWAg]*[Kk]", codes[start:]):
        item = clause.items[start + camera.end() - 1]
        if not item.text.endswith(("shot", "footage")):
            return (CAMERA,), start + camera.end()
    if kind == "T":
        subject: tuple[Mention, ...] = (named[id(clause.items[start])],)
        if before is not None and clause.link == "and" and before.codes == "T":
            subject = (*before.subject, *subject)
        modifiers = parts["modifiers"].match(codes, start + 1)
        return subject, modifiers.end() if modifiers else start + 1
    if kind == "Y":
        plural = clause.items[start].text in ("him", "them", "they")
        main = (context.about,) if context.about is not None else ()
        return main or (before.subject if before and not plural else ()), start + 1
    if kind and kind in "VSBRHhMUFoEXIQZNsfwx!":
        return _implied(clause, before, context), start
    return (), start


def _relative(clause: Clause, before: Clause | None, named: Named) -> tuple[Mention, ...]:
    """*who* and *which* stand for the noun right before them."""
    if before is None or clause.link == "whose":
        return ()
    last = before.items[-2:][0] if before.codes[-1] == "P" else before.items[-1]
    return (named[id(last)],) if id(last) in named else ()


def _implied(clause: Clause, before: Clause | None, context: Context) -> tuple[Mention, ...]:
    """The subject of a clause that begins with a verb."""
    if before is None:
        main = CAMERA if context.camera else context.about
        return (main,) if main is not None else ()
    verb = clause.items[0].verb
    if verb is not None and verb.participle and clause.link == "," and before.codes.count("T") > 1:
        return ()  # "a man follows a dog, running left": either may run
    return before.subject
