"""Sentences of known subjects joined to a text: *a kite* first, *it* behind a sentence about it.

Only the names that the caption gives its instances are replaced, a subject's at the head of its
sentence, a speech's second telling, and the article of the first mention; sentences that say again
what another said are left out. Every other word stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from instancecap.language import en
from instancecap.language.quotes import SPEECH
from instancecap.render import grammar, subjects
from instancecap.render.draft import Line
from instancecap.render.grammar import content, lexicon, stem
from instancecap.render.paragraph import NEWS
from instancecap.schema.caption import Caption, Instance
from instancecap.verify.text import head_of

_HE, _SHE, _SOMEBODY = lexicon("he"), lexicon("she"), lexicon("people") | lexicon("anyone")
_WHERE = lexicon("places") | {"with", "wearing", "holding", "who"}
_IS_ONE = re.compile(
    rf"\b(?:is|are) (?:an? )?(?:[\w-]+ ){{0,5}}?(?:{'|'.join(_HE | _SHE | _SOMEBODY)})\b"
)
"""*is a small figure of an older man*: the subject itself."""
_ORDERS = frozenset(map(en.ordinal, range(1, 10)))
_QUOTE = re.compile(r",? [\"“]([^\"“”]+)[\"”]")


@dataclass(frozen=True, slots=True)
class _Known:
    """An instance as sentences call it, all in small letters but proper names.

    Attributes:
        calls: whole subjects that mean it alone: *the woman in red*, *the woman*; longest first.
        short: the shortest of them that is part of its name.
        pronouns: of one and of several: *it*, *they*; empty where the caption does not tell.
    """

    id: int
    name: str
    intro: str
    head: str
    calls: tuple[str, ...]
    short: str
    pronouns: tuple[str, str]

    def is_in(self, text: str) -> bool:
        return any(re.search(rf"\b{re.escape(one)}\b", text, re.IGNORECASE) for one in self.calls)

    def leads(self, text: str) -> str:
        """The call that a sentence begins with and a verb follows; else empty."""
        for call in self.calls:
            if text.startswith(f"{_capital(call)} ") and grammar.verb_number(text[len(call) + 1 :]):
                return _capital(call)
        return ""


def joined(
    lines: Sequence[Line], caption: Caption, *, first_mentions: bool, merged: bool | None = None
) -> list[Line]:
    """The lines of a paragraph as one text.

    Args:
        first_mentions: whether *the kite* becomes *a kite* where nothing introduced it; not where
            a picture is given.
        merged: see :class:`~instancecap.render.wording.Wording`.
    """
    known = _known(caption.instances)
    once = _speech_once(_once(lines, known))
    told = list(once) if merged is False else _with_pronouns(once, known)
    told = _merged(told) if merged else told
    return _introduced(told, known) if first_mentions else told


def _known(instances: Sequence[Instance]) -> list[_Known]:
    called = subjects.subjects_of(instances, [False] * len(instances))
    people = [_is_person(one, who.kind) for one, who in zip(instances, called, strict=True)]
    nouns = [_nouns(one, who) for one, who in zip(instances, called, strict=True)]
    found = []
    for at, (one, who) in enumerate(zip(instances, called, strict=True)):
        others = {noun for index, theirs in enumerate(nouns) if index != at for noun in theirs}
        if sum(people) > people[at]:
            others |= lexicon("anyone")
        own = [f"the {noun}" for noun in nouns[at] if noun not in others]
        calls = tuple(sorted({who.ref, *own}, key=len, reverse=True))
        short = f"the {_core(who.kind)}"
        short = short if short in own and who.ref == f"the {who.kind}" else who.ref
        told = _pronouns(one, who, is_person=people[at])
        intro, head = _intro(one, people[at]), head_of(who.kind)
        found.append(_Known(one.id, one.name, intro, head, calls, short, told))
    return found


def _nouns(one: Instance, who: subjects.Subject) -> set[str]:
    """Its name without article, that without what follows the noun, the noun, its classes."""
    names = {who.kind, _core(who.kind), head_of(who.kind)}
    for name in filter(None, (one.subcategory, one.class_)):
        names.add(en.plural(name) if one.count > 1 else name)
    return names - {""}


def _core(name: str) -> str:
    """A name without what follows its noun: *old man* of *old man in the chair*; the whole of one
    that is numbered, as the number is among its like alone."""
    words = name.split()
    if words[:1] and words[0] in _ORDERS:
        return name
    ends = (at for at, word in enumerate(words) if at and word.lower() in _WHERE)
    return " ".join(words[: next(ends, None)])


def _is_person(one: Instance, kind: str) -> bool:
    nouns = {one.class_, one.subcategory, head_of(kind)}
    return one.category == "human" or bool(nouns & (_HE | _SHE | _SOMEBODY))


def _pronouns(one: Instance, who: subjects.Subject, *, is_person: bool) -> tuple[str, str]:
    """*he*, *she* or *it* of one, by its nouns, else its own sentences; *they* of several."""
    several = _is_plural(head_of(who.kind))
    if one.count > 1:
        return "" if is_person or several else "it", "they"
    nouns = {head_of(who.kind), head_of(one.subcategory), one.class_}
    texts = [text for all in (one.appearance, one.action, one.expression, one.position.text)
             for text in grammar.sentences(all)]  # fmt: skip
    told = subjects.pronoun_of(texts, "person")
    if nouns & _HE or nouns & _SHE:
        told = "he" if nouns & _HE else "she"
    if told in ("he", "she"):
        return told, ""
    return ("", "") if is_person else ("it", "they" if several else "")


def _intro(one: Instance, is_person: bool) -> str:
    """A name in *the* as it is called first; empty where *the* is right or no form is certain."""
    article, _, rest = one.name.partition(" ")
    first, head = rest.partition(" ")[0], head_of(rest)
    if article != "the" or not rest or first in lexicon("definite") or first.endswith("est"):
        return ""
    if head in lexicon("mass") or first.isdigit() or en.ordinal(2) == first:
        return ""
    if one.count > 1 and (first in en.NUMBERS or _is_plural(head)):
        return rest
    if _is_plural(head):
        return ""
    name, worn, thing = rest.partition(" in the ")
    kind = thing.partition(" ")[0]
    if is_person and worn and " " in thing and kind not in lexicon("definite"):
        rest = f"{name} in {thing if _is_plural(thing) else en.article(thing)}"
    return en.article(rest)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_plural(noun: str) -> bool:
    return noun in ("people", "men", "women", "children") or (
        noun.endswith("s") and not noun.endswith(("ss", "us", "is"))
    )


def _once(lines: Sequence[Line], known: Sequence[_Known]) -> Iterator[Line]:
    """Without what says no more than another: a sentence said of the same instance or of the clip
    before, more of a summary than one sentence where shots tell it, an action that the summary
    tells, writing that a sentence quotes."""
    gist = [line.text for line in lines if line.field == "/global_description"]
    shots = " ".join(line.text for line in lines if line.field.startswith("/segments/"))
    rest = " ".join(line.text for line in lines if line.field != "/texts")
    seen = set[tuple[str, str]]()
    for line, after in zip_longest(lines, lines[1:]):
        if line.field == "/global_description" and line.index and not _news(line.text, shots):
            continue
        if line.field == "/texts" and all(one in rest for one in _QUOTE.findall(line.text)):
            continue
        owner = next((one for one in known if _owns(one, line)), None)
        follows = after is not None and subjects.pronoun_first(after.text)
        if owner and line.field.endswith("/action") and not follows and not shots:
            about = (text for text in gist if owner.is_in(text) or owner.head in text.split())
            if any(not _news(line.text, text, owner.name) for text in about):
                continue
        base, text = "/".join(line.field.split("/")[:3]), line.text.casefold()
        base = base if owner or base.startswith("/segments/") else ""
        if seen.isdisjoint({(base, text), ("", text)}):
            yield line
        seen.add((base, text))


def _owns(one: _Known, line: Line) -> bool:
    return f"{line.field}/".startswith(f"/instances/{one.id}/")


def _news(text: str, told: str, name: str = "") -> bool:
    """Whether a sentence says what another does not, its subject's name aside: a
    direction, a denial, or many new words."""
    words = content(text) - content(name)
    new = words - content(told)
    marked = lexicon("direction") | {"not", "no", "never", "without"}
    extra = (set(grammar.words_of(text)) & marked) - set(grammar.words_of(told))
    return bool(extra) or len(new) >= NEWS * len(words)


def _speech_once(lines: Iterator[Line]) -> Iterator[Line]:
    """Where what somebody says is quoted again, *says these words*."""
    said = set[str]()
    for line in lines:

        def again(match: re.Match[str]) -> str:
            before = grammar.words_of(match.string[: match.start()])
            quote = match[1].casefold().rstrip(".,!?")
            repeated = quote in said and bool(before) and before[-1] in SPEECH
            said.add(quote)
            return " these words" if repeated else match[0]

        text = _QUOTE.sub(again, line.text)
        yield line if text == line.text else replace(line, text=grammar.sentence(text))


@dataclass(slots=True)
class _Talk:
    """Whom the sentence before is about, the pronouns that could mean others, and all told."""

    about: _Known | None = None
    taken: set[str] = field(default_factory=set)
    told: frozenset[str] = frozenset()


def _with_pronouns(lines: Iterator[Line], known: Sequence[_Known]) -> list[Line]:
    """A pronoun for a subject that the sentence before is about, if it could mean no other; else
    its short name."""
    talk, found = _Talk(), []
    for line in lines:
        found.append(line if line.part else replace(line, text=_shortened(line.text, known, talk)))
        owner = next((one for one in known if one.leads(line.text)), None)
        if owner is None:
            owner = next((one for one in known if _owns(one, line)), None)
        if owner is None and subjects.pronoun_first(line.text):
            owner = talk.about
        text, is_named = line.text, owner is not None and bool(owner.leads(line.text))
        if owner is not talk.about or is_named or subjects.pronoun_first(line.text):
            talk.taken = set()
        talk.about = owner
        talk.taken |= _others(text, owner, known)
        talk.told |= content(text)
    return found


_ALONE = re.compile(r"(It|He|She|They) ([a-z][^,;:.!?\"]*)\.")
"""A short sentence about what the sentence before is about."""


def _merged(lines: Sequence[Line]) -> list[Line]:
    """Neighbors such as *It is red.* and *It turns left.* of one instance as one sentence."""
    found: list[Line] = []
    for line in lines:
        first = _ALONE.fullmatch(found[-1].text) if found else None
        second = _ALONE.fullmatch(line.text)
        together = first and second and first[1] == second[1] and not line.part
        plain = together and " and " not in f"{first[2]} {second[2]}"  # type: ignore[index]
        same = found and found[-1].field.split("/")[:3] == line.field.split("/")[:3]
        if plain and same and second:
            found[-1] = replace(found[-1], text=f"{found[-1].text[:-1]} and {second[2]}.")
        else:
            found.append(line)
    return found


def _shortened(text: str, known: Sequence[_Known], talk: _Talk) -> str:
    who = next((one for one in known if one.leads(text)), None)
    if who is None or not content(who.leads(text)) <= talk.told:
        return text  # no word of a name is lost
    call = who.leads(text)
    rest = text[len(call) :]
    one, several = who.pronouns
    match grammar.verb_number(rest):
        case "singular":
            pronoun = one
        case "plural":
            pronoun = several
        case _:
            pronoun = one if not several else several if not one else ""
    if pronoun and who is talk.about and pronoun not in talk.taken:
        return f"{pronoun.capitalize()}{rest}"
    if call == _capital(who.name):
        return f"{_capital(who.short)}{rest}"
    return text


def _others(text: str, owner: _Known | None, known: Sequence[_Known]) -> set[str]:
    """The pronouns that could mean another that a sentence names."""
    found = {word for one in known if one is not owner and one.is_in(text) for word in one.pronouns}
    own = set(grammar.words_of(" ".join(owner.calls))) if owner else set[str]()
    words = set(grammar.words_of(_IS_ONE.sub("", text) if owner else text)) - own
    found |= {"he"} if words & _HE else set()
    found |= {"she"} if words & _SHE else set()
    return found | ({"he", "she", "they"} if words & _SOMEBODY else set())


def _introduced(lines: Sequence[Line], known: Sequence[_Known]) -> list[Line]:
    """Each name in *the* as it is called first, where nothing of its kind was told before."""
    found = list(lines)
    for one in known:
        if not one.intro:
            continue
        name = re.compile(rf"\b[Tt]he {re.escape(one.name[4:])}\b(?!-)")
        before = ""
        for at, line in enumerate(found):
            if match := name.search(line.text):
                before += line.text[: match.start()]
                if _is_new(before, one):
                    intro = one.intro if match[0][0] == "t" else _capital(one.intro)
                    text = f"{match.string[: match.start()]}{intro}{match.string[match.end() :]}"
                    found[at] = replace(line, text=text)
                break
            before += f"{line.text} "
    return found


def _is_new(before: str, one: _Known) -> bool:
    words = grammar.words_of(before)
    counted = bool(words) and words[-1] in ("all", "both")
    counts = (*en.NUMBERS, "all", "each", "both", "some")
    parts = words[-1:] == ("of",) and words[-2:-1] and words[-2] in counts
    quoted = before.count('"') % 2 == 1
    return not (counted or parts or quoted or stem(one.head) in content(before))
