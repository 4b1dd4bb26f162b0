"""A prompt as tagged words, each with its place in the text; no word is changed or added."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from instancecap.enhance.tagging import Token, tag
from instancecap.enhance.words import (
    Term,
    cinema,
    known_adjectives,
    nouns,
    parts,
    verbs,
)
from instancecap.verify.lexicon import lexicon

Span = tuple[int, int]
Kind = Literal["noun", "number", "color", "action", "direction", "relation", "style", "quote",
               "negation"]  # fmt: skip
Role = Literal["thing", "indoor", "outdoor", "setting", "worn", "intangible"]

_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*(?:-[^\W_]+)*|[^\w\s]")
_QUOTE = re.compile(
    r"[\"“„«「『](?P<text>[^\"“”«»「」『』\n]{1,400})[\"”“»」』]|(?<![\w])['‘](?P<single>[^'‘’\n]{2,200})['’](?![\w])"
)
_BREAK = re.compile(r"[.!?;]+[\"”’)\]]*(?=\s|$)|[。！？，]|,(?=\s)|(?<=\s)[—–|](?=\s)")
_SHOT = re.compile(
    r"[\[(]?\b(?:shot|scene)\s+\d+\b\s*[\])]?\s*[:.–—-]\s*|\[(?:shot|scene)\s+\d+\]", re.I
)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a prompt says, to be found again in what comes of it.

    Attributes:
        words: what has to be found.
        of: for a number, color, relation or negation, the head of the noun that it goes with.
        number: how many, of a number; ``touchable`` where it counts things.
    """

    kind: Kind
    words: str
    span: Span
    of: str = ""
    number: int = 0
    touchable: bool = False


@dataclass(slots=True)
class Phrase:
    """A noun phrase.

    Attributes:
        span: with its article and what qualifies it; ``core`` without article and number.
        head: the noun, as it is written; ``noun`` in the singular and in small letters.
        number: how many; 0 where the plural leaves it open.
        actions, looks: what it does, and participles that tell how it looks, as places.
    """

    span: Span
    core: Span
    head: str
    noun: str
    role: Role
    number: int = 1
    counted: bool = False
    definite: bool = False
    negated: bool = False
    subject: bool = False
    colors: tuple[str, ...] = ()
    actions: list[Span] = field(default_factory=list)
    looks: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Parsed:
    """A prompt and what was found in it.

    Attributes:
        text: the prompt on one line, without control characters; all places are in it.
        english: whether it could be read.
        terms: turns of phrase of the cinema.
        speech, writing, quotes: quotations that are said, that are to be read in the picture, and
            others.
        fragments: the prompt between its commas and sentence ends, in order.
        shots: marks such as *Shot 2:*, which are no part of the text.
    """

    text: str
    english: bool = True
    tokens: list[Token] = field(default_factory=list)
    phrases: list[Phrase] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    terms: list[tuple[Span, Term]] = field(default_factory=list)
    speech: list[Span] = field(default_factory=list)
    writing: list[Span] = field(default_factory=list)
    quotes: list[Span] = field(default_factory=list)
    fragments: list[Span] = field(default_factory=list)
    shots: list[Span] = field(default_factory=list)

    @property
    def quoted(self) -> list[Span]:
        """The places of all quotations, in order."""
        return sorted((*self.speech, *self.writing, *self.quotes))

    @property
    def found(self) -> list[str]:
        """What was found, in the prompt's own words."""
        spans = {one.span for one in self.phrases if not one.negated} | {*self.quoted}
        spans |= {span for span, _ in self.terms}
        spans |= {one.span for one in self.parts if one.kind in ("action", "direction", "relation")}
        outer = [
            (start, end)
            for start, end in sorted(spans)
            if not any(a <= start and end <= b and (a, b) != (start, end) for a, b in spans)
        ]
        denied = [f"no {self.at(one.core)}" for one in self.phrases if one.negated]
        return list(dict.fromkeys([*map(self.at, outer), *denied]))

    def at(self, span: Span) -> str:
        """The words there."""
        return self.text[slice(*span)]


def tidy(prompt: str) -> str:
    """The prompt on one line: no control characters, no lone surrogates, single spaces."""
    kept = (
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in prompt
        if unicodedata.category(letter) not in ("Cs", "Cn", "Co", "Cf") or letter == "\u200d"
    )
    return " ".join("".join(kept).split())


def read_tokens(prompt: str) -> Parsed:
    """The words of a prompt, tagged; its quotations, shots, terms and fragments."""
    found = Parsed(tidy(prompt))
    _read_quotes(found)
    found.tokens = _tokens(found)
    found.english = _is_english(found)
    if found.english:
        _find_terms(found)
        tag(found.tokens)
    _find_fragments(found)
    return found


def _read_quotes(found: Parsed) -> None:
    """Quotations, said or to be read: the words before, or right behind, tell which."""
    for match in _QUOTE.finditer(found.text):
        span = match.span("text") if match["text"] is not None else match.span("single")
        before = re.findall(r"\w+", found.text[max(0, match.start() - 60) : match.start()].lower())
        after = re.findall(r"\w+", found.text[match.end() : match.end() + 25].lower())[:3]
        near = [*reversed(before[-5:]), *after]
        kinds = ("writing", "speech")
        kind = next((one for word in near for one in kinds if word in parts()[one]), "quotes")
        speakers = [word for word in before[:-1] if word not in ("that", "which")][-1:]
        if kind == "speech" and any(map(_is_mute, speakers)):
            kind = "writing"  # *a cup says "HELLO"*, *a sign that says "OPEN"*
        getattr(found, kind).append(span)


def _is_mute(word: str) -> bool:
    """Whether what a word names is a thing, so that what it says is to be read on it."""
    known = lexicon().nouns.get(word)
    return word in parts()["writing"] or (
        known is not None and known.category not in ("human", "animal", "")
    )


def _tokens(found: Parsed) -> list[Token]:
    quotes = found.quoted
    found.shots = [one.span() for one in _SHOT.finditer(found.text)]
    tokens = []
    for match in _WORD.finditer(found.text):
        inside = [
            kind
            for kind, spans in ((".", found.shots), ("Q", quotes))
            if any(start <= match.start() < end for start, end in spans)
        ]
        low = match[0].lower().replace("’", "'")
        tokens.append(Token(match[0], low, *match.span(), *inside[:1]))
    return tokens


def _is_english(found: Parsed) -> bool:
    """Whether its letters are Latin and, in longer ones, enough of its words are known ones."""
    letters = [letter for letter in found.text if letter.isalpha()]
    if sum(letter <= "\u024f" for letter in letters) < 0.8 * len(letters) or not letters:
        return False
    words = [one.low for one in found.tokens if one.low[0].isalpha() and one.kind != "Q"]
    known = sum(_is_known(word) for word in words)
    least = 0.2 if any(word in parts()["english"] for word in words) else 0.4
    return len(words) < 3 or known >= least * len(words)


def _is_known(word: str) -> bool:
    return (
        word in verbs()
        or word in nouns()["numbers"]
        or word in lexicon().nouns
        or word in lexicon().colors
        or word in nouns()["plurals"]
        or word in known_adjectives()
        or any(word in nouns()[name] for name in ("indoor", "outdoor", "worn", "intangible"))
        or any(word in names for names in parts().values())
    )


def _find_terms(found: Parsed) -> None:
    terms, pattern = cinema()
    text = found.text.lower()
    text = text if len(text) == len(found.text) else found.text
    plain = text.replace("-", " ").replace("’", "'")
    for match in pattern.finditer(plain):
        found.terms.append((match.span(), terms[match[0]]))
    for token in found.tokens:
        if not token.kind and any(a <= token.start < b for (a, b), _ in found.terms):
            token.kind = "K"


def _find_fragments(found: Parsed) -> None:
    """Stretches between sentence ends and commas; never within a quotation or a number."""
    start = 0
    quotes = found.quoted
    ends = [(one.end(), one.end()) for one in _BREAK.finditer(found.text)]
    for end, following in sorted([*ends, *found.shots, (len(found.text), len(found.text))]):
        if any(a <= end - 1 < b for a, b in quotes):
            continue
        if any(letter.isalnum() for letter in found.text[start:end]):
            lead = len(found.text[start:end]) - len(found.text[start:end].lstrip())
            found.fragments.append((start + lead, end))
        start = max(start, following)
