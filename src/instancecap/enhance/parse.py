"""From a prompt to its parts, each with its place in the text; no word is changed or added.

English is read by a few rules over tagged words: noun phrases, whose head tells a thing from a
place, clothes or the weather; verbs, which belong to the noun phrase before them; turns of phrase
of the cinema. Of other languages only quotations and figures are read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Literal

from instancecap.enhance.words import Term, cinema, is_plural, nouns, parts, singular, verbs
from instancecap.render.words import lexicon as render_words
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
_ENDS = frozenset(".!?;:—–|()[]{}…\n")
_RELATIONS = frozenset(
    [
        "under",
        "behind",
        "above",
        "below",
        "beneath",
        "between",
        "inside",
        "beside",
        "atop",
        "underneath",
        "over",
        "around",
        "through",
        "across",
        "toward",
        "towards",
        "along",
        "into",
        "onto",
        "against",
        "outside",
        "beyond",
        "past",
        "near",
        "among",
    ]
)
_DIRECTIONS = frozenset(["left", "right", "up", "down", "upward", "downward", "upwards", "downwards", "forward", "backward", "clockwise", "counterclockwise"])  # fmt: skip


@dataclass(slots=True)
class Token:
    """A word, a mark, or a quotation, with its place in the prompt."""

    text: str
    low: str
    start: int
    end: int
    kind: str = ""  # D N A W V R P L Y X - . Q K, see _tag


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a prompt says, to be found again in what comes of it.

    Attributes:
        words: what has to be found.
        of: for a number, color, relation or negation, the head of the noun that it goes with.
        number: how many, of a number.
    """

    kind: Kind
    words: str
    span: Span
    of: str = ""
    number: int = 0


@dataclass(slots=True)
class Phrase:
    """A noun phrase.

    Attributes:
        span: with its article and what qualifies it; ``core`` without article and number.
        head: the noun, as it is written; ``noun`` in the singular and in small letters.
        number: how many; 0 where the plural leaves it open.
        actions: what it does, as places in the prompt.
        place: where it is in the frame, as places in the prompt.
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
    places: list[Span] = field(default_factory=list)
    looks: list[Span] = field(default_factory=list)
    tail: Span | None = None


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


def parse(prompt: str) -> Parsed:
    """Read a prompt."""
    found = Parsed(tidy(prompt))
    _read_quotes(found)
    found.tokens = _tokens(found)
    found.english = _is_english(found)
    if found.english:
        _find_terms(found)
        _tag(found.tokens)
        _find_phrases(found)
        _find_actions(found)
        _find_parts(found)
    _find_fragments(found)
    found.parts += [Part("quote", found.at(span), span) for span in found.quoted]
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
        getattr(found, kind).append(span)


def _tokens(found: Parsed) -> list[Token]:
    quotes = found.quoted
    found.shots = [one.span() for one in _SHOT.finditer(found.text)]
    tokens = []
    for match in _WORD.finditer(found.text):
        marked = any(start <= match.start() < end for start, end in found.shots)
        kind = (
            "."
            if marked
            else "Q"
            if any(start <= match.start() < end for start, end in quotes)
            else ""
        )
        low = match[0].lower().replace("’", "'")
        tokens.append(Token(match[0], low, *match.span(), kind))
    return tokens


def _is_english(found: Parsed) -> bool:
    """Whether its letters are Latin and, in longer ones, enough of its words are known ones."""
    letters = [letter for letter in found.text if letter.isalpha()]
    if sum(letter <= "\u024f" for letter in letters) < 0.8 * len(letters) or not letters:
        return False
    words = [one.low for one in found.tokens if one.low[0].isalpha() and one.kind != "Q"]
    known = sum(_is_known(word) for word in words)
    return len(words) < 3 or known >= 0.4 * len(words)


_COMMON = frozenset(
    [
        "the",
        "of",
        "and",
        "with",
        "in",
        "on",
        "at",
        "by",
        "for",
        "to",
        "a",
        "an",
        "is",
        "are",
        "his",
        "her",
        "its",
        "their",
        "from",
        "over",
    ]
)


def _is_known(word: str) -> bool:
    return (
        word in _COMMON
        or word in verbs()
        or word in lexicon().nouns
        or word in lexicon().colors
        or any(word in nouns()[name] for name in ("indoor", "outdoor", "worn", "intangible"))
        or any(word in names for names in parts().values())
    )


def _find_terms(found: Parsed) -> None:
    terms, pattern = cinema()
    text = found.text.lower()
    plain = (
        (text if len(text) == len(found.text) else found.text).replace("-", " ").replace("’", "'")
    )
    for match in pattern.finditer(plain):
        found.terms.append((match.span(), terms[match[0]]))
    for token in found.tokens:
        if not token.kind and any(a <= token.start < b for (a, b), _ in found.terms):
            token.kind = "K"


def _tag(tokens: list[Token]) -> None:
    """D determiner, N number, A adjective, W noun, V verb, R adverb, P preposition, L link, Y
    pronoun, X auxiliary, - negation, . end, comma ``,``, K cinema, Q quotation."""
    table = parts()
    kinds = (("determiners", "D"), ("many", "N"), ("negations", "-"), ("auxiliaries", "X"),
             ("relatives", "L"), ("links", "L"), ("prepositions", "P"), ("pronouns", "Y"),
             ("adverbs", "R"))  # fmt: skip
    for index, token in enumerate(tokens):
        low = token.low
        if token.kind:
            continue
        if not low[0].isalnum():
            token.kind = "," if low == "," else "." if low in _ENDS else "m"
        elif low in nouns()["numbers"] or low.isdecimal():
            token.kind = "N"
        else:
            token.kind = next((letter for name, letter in kinds if low in table[name]), "")
        token.kind = token.kind or _open_kind(tokens, index)


def _open_kind(tokens: list[Token], index: int) -> str:
    """A verb, an adjective, an adverb or, for all other words, a noun."""
    low = tokens[index].low
    before = tokens[index - 1] if index else None
    after = tokens[index + 1].low if index + 1 < len(tokens) else ""
    shaded = lexicon().words.get(low) in ("size", "shade") and low != "light"
    if low in lexicon().colors or shaded:
        return "A"
    if low in verbs() and _acts(tokens, index):
        return "V"
    if low.endswith("ly") and len(low) > 4:
        return "R"
    ends = len(low) > 5 and low.endswith(tuple(parts()["adjective_endings"]))
    if low in render_words("expressions") or ends:
        return "A" if low not in lexicon().nouns else "W"
    return "W"


def _acts(tokens: list[Token], index: int) -> bool:
    """Whether a form of a verb is one here: *the walk*, *a painting*, *running shoes* are none."""
    low, before = tokens[index].low, tokens[index - 1] if index else None
    after = tokens[index + 1].kind or tokens[index + 1].low if index + 1 < len(tokens) else ""
    if before is not None and before.kind in "DNA":
        return before.low == "that" and low.endswith("ing")
    if low.endswith("ing") or low in parts()["looks"]:
        return True
    if before is None:
        return False
    if before.low == "to" or before.kind in "YXR":
        return True
    if before.kind not in "WQm" and before.low not in ("and", "then", "who", "which", "that"):
        return False
    if low == verbs()[low] and before.kind == "W":  # *kids chase*, but not *a tennis match*
        return _are_several(tokens, index) and not (is_plural(low) and after in ("", ".", ","))
    return True


def _are_several(tokens: list[Token], index: int) -> bool:
    """Whether the subject of a clause is a plural, or two joined by *and*."""
    for token in reversed(tokens[:index]):
        if token.kind in ".,V":
            return False
        if token.low == "and" or (token.kind == "W" and is_plural(token.low)):
            return True
    return False


def _find_phrases(found: Parsed) -> None:
    tokens, index = found.tokens, 0
    while index < len(tokens):
        run = index
        while run < len(tokens) and _goes_on(tokens, index, run):
            run += 1
        if any(one.kind == "W" for one in tokens[index:run]):
            while tokens[run - 1].kind != "W":
                run -= 1
            _add_phrase(found, index, run)
            index = run
        else:
            index = max(run, index + 1)
    _join_of(found)


def _goes_on(tokens: list[Token], first: int, at: int) -> bool:
    """Whether the phrase that begins at ``first`` takes the token ``at``."""
    token, before = tokens[at], tokens[at - 1] if at > first else None
    if token.kind in "DN":
        return before is None or before.kind in "DN"
    if token.kind in "AW":
        return True
    if token.kind == "V":  # *a running dog*, *a painted wall*
        following = tokens[at + 1].kind if at + 1 < len(tokens) else ""
        return before is not None and before.kind in "DNA" and following in ("W", "A")
    if token.kind == "R":
        following = tokens[at + 1].kind if at + 1 < len(tokens) else ""
        return before is not None and before.kind in "DN" and following in ("W", "A", "V")
    if token.kind in ("L", ",") and before is not None and before.kind == "A":  # *red and white*
        return at + 1 < len(tokens) and tokens[at + 1].kind == "A" and token.low in (",", "and")
    if token.low == "-" or (token.kind == "K" and before is not None and before.kind in "DNA"):
        following = tokens[at + 1].kind if at + 1 < len(tokens) else ""
        return following == "W"  # *a neon sign*, *an anime girl*
    return False


def _add_phrase(found: Parsed, first: int, last: int) -> None:
    tokens = found.tokens[first:last]
    head = tokens[-1]
    core = next((i for i, one in enumerate(tokens) if one.kind not in "DN" and one.low != "of"), 0)
    prior = found.tokens[first - 1] if first else None
    named = head.text[:1].isupper() and prior is not None and prior.kind not in ".m"
    number, counted = 1, False
    for one in tokens[:core]:
        if one.low in nouns()["numbers"] or one.low.isdecimal():
            number, counted = int(nouns()["numbers"].get(one.low) or min(int(one.low), 9999)), True
        elif one.kind == "N":
            number = 0
    known = lexicon().nouns.get(head.low)
    if not counted and not named and (known.plural if known else is_plural(head.low)):
        number = 0
    second = found.tokens[first - 2] if first > 1 else None
    negated = bool(
        prior and (prior.kind == "-" or (second and second.kind == "-" and prior.kind in "DA"))
    )
    role = role_of(head.low, [one.low for one in tokens])
    if role == "thing" and named and prior is not None and prior.low in ("in", "at", "near"):
        role = "setting"  # *in Tokyo*
    if role == "thing" and not _is_led(found.tokens, first, last):
        role = "intangible"
    found.phrases.append(
        Phrase(
            span=(tokens[0].start, head.end),
            core=(tokens[core].start, head.end),
            head=head.text,
            noun=head.low if named else singular(head.low),
            role=role,
            number=number,
            counted=counted,
            definite=tokens[0].low in ("the", "this", "that", "these", "those"),
            negated=negated,
            subject=prior is None or prior.kind not in "P-",
            colors=tuple(one.low for one in tokens if one.low in lexicon().colors),
        )
    )


def role_of(head: str, words: list[str]) -> Role:
    """What a noun is in a prompt; of two words, such as *parking lot*, both count."""
    table, pair = nouns(), " ".join(words[-2:])
    for name in ("indoor", "outdoor", "setting", "worn", "intangible"):
        if pair in table[name] or head in table[name] or singular(head) in table[name]:
            return name  # type: ignore[no-any-return]
    if lexicon().words.get(head) in ("wear", "camera"):
        return "worn" if lexicon().words[head] == "wear" else "intangible"
    return "thing"


def _is_led(tokens: list[Token], first: int, last: int) -> bool:
    """Whether a phrase surely is a noun's: it has an article or number, is a plural, is known, or
    stands where a clause begins or a preposition leads to it."""
    head, prior = tokens[last - 1], tokens[first - 1] if first else None
    if tokens[first].kind in "DN" or head.low in lexicon().nouns or is_plural(head.low):
        return True
    if prior is None or prior.kind in ".KPV" or prior.low in ("and", "or"):
        return True
    return last < len(tokens) and tokens[last].kind in "VX"


def _join_of(found: Parsed) -> None:
    """*a flock of birds* is birds, *a cup of coffee* is a cup, *the back of a whale* is no thing."""
    kept: list[Phrase] = []
    for one in found.phrases:
        last = kept[-1] if kept else None
        if last is not None and found.text[last.span[1] : one.span[0]].strip().lower() == "of":
            if last.head.lower() in nouns()["collective"]:
                counted = nouns()["numbers"].get(last.head.lower(), 0)
                kept[-1] = replace(
                    one,
                    span=(last.span[0], one.span[1]),
                    number=counted or (one.number if one.counted else 0),
                    counted=bool(counted) or one.counted,
                    subject=last.subject,
                    negated=last.negated,
                    definite=last.definite,
                )
                continue
            if last.role == "thing" and one.role in ("thing", "intangible"):
                last.span, last.core = (last.span[0], one.span[1]), (last.core[0], one.span[1])
                continue
        kept.append(one)
    found.phrases = kept


def _find_actions(found: Parsed) -> None:
    """Give each verb to the noun phrase that does it, with what follows up to the clause's end."""
    tokens = found.tokens
    phrases = {one.span[0]: one for one in found.phrases}
    subjects: list[Phrase] = []
    last: Phrase | None = None
    acted = False
    for index, token in enumerate(tokens):
        begins = _begins(tokens, index)
        if phrase := phrases.get(token.start):
            thing = not phrase.negated and phrase.role == "thing"
            joined = subjects and not acted and index and tokens[index - 1].low == "and"
            if thing and phrase.subject and joined:
                subjects.append(phrase)
            elif phrase.subject and (begins or (thing and not subjects)):
                subjects, acted = [phrase] if thing else [], False
            last = phrase if thing else last
        if token.kind == ".":
            last, acted = None, False
        if token.kind == "Y" and token.low in ("he", "she", "it", "they") and begins:
            subjects, acted = _meant(found.phrases, token), False
        if token.kind != "V" or _inside(found.phrases, token):
            continue
        near = [last] if last is not None and _touches(found, last, token) else []
        owners = near if near and (acted or not subjects) else subjects
        start = tokens[index - 1].start if index and tokens[index - 1].kind == "R" else token.start
        span = (start, _clause_end(found, index))
        for owner in owners:
            looks = token.low in parts()["looks"]
            if not any(a <= token.start < b for a, b in (*owner.actions, *owner.looks)):
                (owner.looks if looks else owner.actions).append(span)
        acted = acted or owners is subjects


def _begins(tokens: list[Token], index: int) -> bool:
    """Whether a clause begins at a token: an end, a comma or a link stands before it."""
    return not index or tokens[index - 1].kind in ".,LK"


def _meant(phrases: list[Phrase], token: Token) -> list[Phrase]:
    """Whom a pronoun stands for: the first thing before it of the same number."""
    before = [one for one in phrases if one.role == "thing" and one.span[1] <= token.start]
    fits = [one for one in before if (one.number != 1) == (token.low == "they")]
    if token.low in ("he", "she"):
        fits = [one for one in fits if category_of(one.noun) in ("human", "")]
    return ([one for one in fits if one.subject] or fits)[:1]


def category_of(noun: str) -> str:
    """The schema's category of a noun; empty where it is not known."""
    known = lexicon().nouns.get(noun)
    return known.category if known else ""


def _inside(phrases: list[Phrase], token: Token) -> bool:
    return any(one.span[0] <= token.start < one.span[1] for one in phrases)


def _touches(found: Parsed, phrase: Phrase, token: Token) -> bool:
    """Whether nothing but small words stands between a phrase and a verb."""
    between = found.text[phrase.span[1] : token.start].split()
    return all(
        word.lower() in ("that", "who", "which", "is", "are") or word.endswith("ly")
        for word in between
    )


def _clause_end(found: Parsed, index: int) -> int:
    """Where what a verb begins ends: before another subject with a verb of its own, or a fragment
    of another kind."""
    tokens = found.tokens
    at = index + 1
    while at < len(tokens) and tokens[at].kind != ".":
        if tokens[at].kind in (",", "L") and tokens[at].low not in parts()["relatives"]:
            ahead = at + 1
            while ahead < len(tokens) and tokens[ahead].kind in "L,":
                ahead += 1
            if ahead >= len(tokens) or _new_clause(found, ahead):
                break
        at += 1
    return tokens[at - 1].end


def _new_clause(found: Parsed, ahead: int) -> bool:
    """Whether a subject of its own, or no verb at all, follows a comma or *and*."""
    tokens = found.tokens
    token = tokens[ahead]
    if token.kind in "VXR":
        return False
    if token.kind == "Y" or token.kind == "K" or token.low == "camera":
        return True
    phrase = next((one for one in found.phrases if one.span[0] == token.start), None)
    if phrase is None:
        return token.kind != "P"
    rest = [one for one in tokens[ahead:] if one.start >= phrase.span[1]]
    follows = rest[0].kind if rest else "."
    listed = tokens[ahead - 1].low in ("and", "or")
    return follows in "VX" or not listed


def _find_parts(found: Parsed) -> None:
    """What has to be found again in any result."""
    add = found.parts.append
    for one in found.phrases:
        if one.negated:
            add(Part("negation", one.noun, one.span, of=one.noun))
            continue
        add(Part("noun", one.noun, one.span))
        if one.counted and one.number != 1:
            add(Part("number", str(one.number), one.span, of=one.noun, number=one.number))
        for color in one.colors:
            add(Part("color", color, one.span, of=one.noun))
    for span, _ in found.terms:
        add(Part("style", found.at(span), span))
    for token in found.tokens:
        span = (token.start, token.end)
        if token.kind == "V" and verbs()[token.low] not in ("be", "have", "stay", "keep"):
            add(Part("action", verbs()[token.low], span))
        elif token.low in lexicon().colors and not _inside(found.phrases, token):
            add(Part("color", token.low, span))
        elif token.low in _DIRECTIONS and token.kind not in "QK":
            add(Part("direction", token.low, span))
        elif token.kind == "P" and token.low in _RELATIONS:
            add(Part("relation", token.low, span))


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
