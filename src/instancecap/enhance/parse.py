"""From a prompt to its parts: noun phrases, what each does, and what has to be found again.

English is read by a few rules over tagged words: noun phrases, whose head tells a thing from a
place, clothes or the weather; verbs, which belong to the noun phrase before them; turns of phrase
of the cinema. Of Chinese what the phrase table knows is read, of other languages only quotations.
"""

from __future__ import annotations

import re
from dataclasses import replace

from instancecap.enhance.chinese import is_chinese, read_chinese
from instancecap.enhance.tagging import Token
from instancecap.enhance.tokens import Parsed, Part, Phrase, Role, read_tokens
from instancecap.enhance.words import is_plural, nouns, parts, singular, verbs
from instancecap.verify.lexicon import lexicon

_STILL = frozenset(form for form, verb in verbs().items() if verb in ("be", "have", "stay", "keep"))
_AROUND = ("in", "at", "near", "through", "across", "over", "around", "outside")
_BESIDE = re.compile(r"\b(?:next to|in front of|on top of|in the middle of)\b", re.I)


def parse(prompt: str) -> Parsed:
    """Read a prompt."""
    found = read_tokens(prompt)
    if found.english:
        _find_phrases(found)
        _find_actions(found)
        _find_parts(found)
    elif is_chinese(found.text):
        read_chinese(found)
    found.parts += [Part("quote", found.at(span), span) for span in found.quoted]
    return found


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
            index = _end_of_event(found, run)
        else:
            index = max(run, index + 1)
    _join_of(found)


def _end_of_event(found: Parsed, after: int) -> int:
    """*no hands shaking*: what is excluded is that it happens, and the phrase has all of it."""
    tokens, phrase, end = found.tokens, found.phrases[-1], after
    if phrase.negated and after < len(tokens) and tokens[after].low.endswith("ing"):
        while tokens[after].kind == "V" and end < len(tokens) and tokens[end].kind not in ".,LKQ-":
            end += 1
    if end > after:
        last = tokens[end - 1].end
        phrase.span, phrase.core = (phrase.span[0], last), (phrase.core[0], last)
    return end


def _goes_on(tokens: list[Token], first: int, at: int) -> bool:
    """Whether the phrase that begins at ``first`` takes the token ``at``."""
    token, before = tokens[at], tokens[at - 1] if at > first else None
    if token.kind in "DN":
        return before is None or before.kind in "DN" or (before.low == "of" and token.kind == "N")
    if token.low == "of" and before is not None and before.kind == "N":  # *a dozen of eggs*
        return at + 1 < len(tokens) and tokens[at + 1].kind in "AWN"
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
    if prior is not None and prior.kind == "-" and tokens[0].low == "other":
        core = 0  # *no other people* leaves some
    named = head.text[:1].isupper() and prior is not None and prior.kind not in ".m"
    number, counted = 1, False
    for one in tokens[:core]:
        if one.low in nouns()["numbers"] or one.low.isdecimal():
            number, counted = int(nouns()["numbers"].get(one.low) or min(int(one.low), 9999)), True
        elif one.kind == "N":
            number = 0
    known = lexicon().nouns.get(head.low)
    of_another = any(one.low.endswith(("'s", "s'")) for one in tokens)  # *a chef's knives*
    articles = () if of_another else ("a", "an", "each", "every", "another")
    single = (core and singular(head.low) == head.low) or any(
        one.low in articles for one in tokens[:core]
    )
    if not (counted or named or single) and (known.plural if known else is_plural(head.low)):
        number = 0
    second = found.tokens[first - 2] if first > 1 else None
    negated = bool(
        prior and (prior.kind == "-" or (second and second.kind == "-" and prior.kind in "DA"))
    )
    pair = " ".join(one.low for one in tokens[-2:])
    compound = " " in pair and pair in lexicon().nouns and not lexicon().nouns[pair].plural
    role = role_of(head.low, [one.low for one in tokens])
    if role == "worn" and counted and number > 1 and (prior is None or prior.kind in ".,"):
        role = "thing"  # *four hands knead dough*
    after = found.tokens[last].kind if last < len(found.tokens) else ""
    owned = tokens[0].low in ("his", "her", "its", "their", "my", "your")
    if role == "worn" and not owned and not found.phrases and after in tuple("VX"):
        role = "thing"  # *hands sort buttons*
    if role == "thing" and named and prior is not None and prior.low in _AROUND:
        role = "setting"  # *in Tokyo*
    if role == "thing" and not _is_led(found.tokens, first, last):
        role = "intangible"
    found.phrases.append(
        Phrase(
            span=(tokens[0].start, head.end),
            core=(tokens[core].start, head.end),
            head=head.text,
            noun=pair if compound else head.low if named else singular(head.low),
            role=role,
            number=number,
            counted=counted,
            definite=tokens[0].low in ("the", "this", "that", "these", "those"),
            negated=negated,
            subject=prior is None or prior.kind not in "P-" or bool(second and second.kind == "K"),
            colors=tuple(one.low for one in tokens if one.low in lexicon().colors),
        )
    )


def role_of(head: str, words: list[str]) -> Role:
    """What a noun is in a prompt; of two words, such as *parking lot*, both count."""
    table, pair = nouns(), " ".join(words[-2:])
    for name in ("indoor", "outdoor", "setting", "worn", "intangible"):
        if pair in table[name] or head in table[name] or singular(head) in table[name]:
            return name
    if lexicon().words.get(head) in ("wear", "camera"):
        return "worn" if lexicon().words[head] == "wear" else "intangible"
    return "thing"


def _is_led(tokens: list[Token], first: int, last: int) -> bool:
    """Whether a phrase surely is a noun's: it has an article or number, is a plural, is known, or
    has a verb behind or before it; a lone word such as *windy* or *at once* is none."""
    head, prior = tokens[last - 1], tokens[first - 1] if first else None
    if prior is not None and prior.low == "during":
        return False
    if tokens[first].kind in "DN" or head.low in lexicon().nouns or is_plural(head.low):
        return True
    if head.text[:1].isupper() and prior is not None and prior.kind != ".":
        return True
    following = tokens[last].kind if last < len(tokens) else "."
    if following in "VX":
        return prior is None or prior.kind != "P"
    if prior is None or prior.kind == ".":
        return following == "P"
    return prior.kind in "KV" or (prior.kind == "P" and last - first > 1)


def _join_of(found: Parsed) -> None:
    """*a flock of birds* is birds, *a cup of coffee* is a cup."""
    kept: list[Phrase] = []
    for one in found.phrases:
        last = kept[-1] if kept else None
        if last is not None and found.text[last.span[1] : one.span[0]].strip().lower() == "of":
            if last.noun in ("style", "manner", "spirit"):
                one.role = "intangible"
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
            if last.role == "thing" and one.role in ("thing", "intangible") and not one.counted:
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
    near: Phrase | None = None
    acted = False
    for index, token in enumerate(tokens):
        begins = _begins(tokens, index)
        if phrase := phrases.get(token.start):
            thing, near = not phrase.negated and phrase.role == "thing", phrase
            joined = subjects and not acted and index and tokens[index - 1].low == "and"
            if thing and phrase.subject and joined:
                subjects.append(phrase)
            elif phrase.subject and phrase.role != "worn" and (begins or (thing and not subjects)):
                subjects, acted = [phrase] if thing else [], False
            last = phrase if thing else last
        if token.kind == ".":
            last, acted = None, False
        if token.kind == "Y" and token.low in ("he", "she", "it", "they") and begins:
            subjects, acted = _meant(found.phrases, token), False
        if token.kind != "V" or _inside(found.phrases, token) or tokens[index - 1].kind == "K":
            continue
        if near is not None and near.role == "intangible" and _touches(found, near, token):
            continue  # *smoke coming out of a chimney*
        beside = [last] if last is not None and _touches(found, last, token) else []
        owners = beside if beside and (acted or not subjects) else subjects
        start = tokens[index - 1].start if index and tokens[index - 1].kind == "R" else token.start
        looks = token.low in parts()["looks"]
        span = (start, _clause_end(found, index, short=looks))
        for owner in owners:
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


def _clause_end(found: Parsed, index: int, *, short: bool = False) -> int:
    """Where what a verb begins ends: before another subject with a verb of its own, or a fragment
    of another kind; ``short``: at the next comma."""
    tokens = found.tokens
    at = index + 1
    while at < len(tokens) and tokens[at].kind != ".":
        if tokens[at].kind in (",", "L") and tokens[at].low not in parts()["relatives"]:
            ahead = at + 1
            while ahead < len(tokens) and tokens[ahead].kind in "L,":
                ahead += 1
            if short or ahead >= len(tokens) or _new_clause(found, ahead):
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
            words = found.at(one.core).lower()
            event = not words.endswith(one.head.lower())
            add(Part("negation", words, one.span, of=words if event else one.noun))
            continue
        if one.counted and one.number != 1:
            touchable = one.role == "thing"
            add(Part("number", str(one.number), one.span, one.noun, one.number, touchable))
        for color in one.colors:
            add(Part("color", color, one.span, of=one.noun))
    for span, _ in found.terms:
        add(Part("style", found.at(span), span))
    for match in _BESIDE.finditer(found.text):
        add(Part("relation", match[0].lower(), match.span()))
    taken = [match.span() for match in _BESIDE.finditer(found.text)]
    taken += [one.span for one in found.phrases if one.negated]
    for index, token in enumerate(found.tokens):
        span = (token.start, token.end)
        if token.kind == "K" or any(a <= token.start < b for a, b in taken):
            continue
        if token.kind == "W" and not token.low.startswith("camera"):
            heads = [one.noun for one in found.phrases if one.span[0] <= token.start < one.span[1]]
            if not _is_framing(found, index):
                add(Part("noun", singular(token.low), span, of="".join(heads[:1])))
        elif token.kind == "V" and token.low not in _STILL and not _labels(found, token):
            add(Part("action", verbs().get(token.low, singular(token.low)), span))
        elif token.low in lexicon().colors and not _inside(found.phrases, token):
            add(Part("color", token.low, span))
        elif token.low in parts()["directions"] and token.kind not in "QK":
            add(Part("direction", token.low, span))
        elif token.kind == "P" and token.low in parts()["relations"]:
            add(Part("relation", token.low, span))


def _is_framing(found: Parsed, index: int) -> bool:
    """Whether a noun only carries what is said of it: *watercolor style*, *handheld shot*."""
    prior = found.tokens[index - 1] if index else None
    if found.tokens[index].low not in parts()["framing"] or prior is None:
        return False
    return prior.kind == "K" or (found.tokens[index].low == "style" and prior.kind in "WA")


def _labels(found: Parsed, token: Token) -> bool:
    """Whether a verb only leads to what is to be read: *a sign that says "OPEN"*."""
    between = (found.text[token.end : start] for start, _ in found.writing)
    return any(not re.search(r"\w", text) for text in between if text)
