"""What each word of a prompt is: a few rules over lists of words, and over what stands beside it.

No list has every word, so that place decides where no list does: a word behind *a chef* that ends
as no singular does is a verb, one behind *of* or *the* is a noun.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from instancecap.enhance.words import is_plural, known_adjectives, nouns, parts, singular, verbs
from instancecap.render.grammar import lexicon as render_words
from instancecap.verify.lexicon import lexicon

_ENDS = frozenset(".!?;:—–|()[]{}…\n")


@dataclass(slots=True)
class Token:
    """A word, a mark, or a quotation, with its place in the prompt."""

    text: str
    low: str
    start: int
    end: int
    kind: str = ""  # D N A W V R P L Y X - . Q K, see tag


def tag(tokens: list[Token]) -> None:
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
            alone = low in nouns()["collective"] and _after(tokens, index) != "of"
            token.kind = "W" if alone else "N"  # *an elderly couple dances*
            if low == "one" and _after(tokens, index) in table["prepositions"] | {"who", "that"}:
                token.kind = "Y"  # *the one in yellow*
        elif low == "that" and index and tokens[index - 1].kind == "W":
            token.kind = "L"  # *a house that comes alive*
        elif low in ("other", "each") and _is_third(_after(tokens, index)):
            token.kind = "Y"  # *the other waits*
        else:
            token.kind = next((letter for name, letter in kinds if low in table[name]), "")
        token.kind = token.kind or _open_kind(tokens, index)


def _is_way(tokens: list[Token], index: int) -> bool:
    """*left* in *from right to left*, not in *she left the room*."""
    takes = _after(tokens, index) in parts()["determiners"]
    return tokens[index].low in parts()["directions"] and not takes


def _is_third(word: str) -> bool:
    """Whether a word is a verb's form of the third person, and no noun's plural that is known."""
    return (
        verbs().get(word, word) != word
        and word.endswith("s")
        and (singular(word) not in lexicon().nouns)
    )


def _open_kind(tokens: list[Token], index: int) -> str:
    """A verb, an adjective, an adverb or, for all other words, a noun."""
    low = tokens[index].low
    if low.endswith(("'s", "s'")) and index + 1 < len(tokens):  # *a barista's hands*
        return "A"
    shaded = lexicon().words.get(low) in ("size", "shade") and low != "light"
    if low in lexicon().colors or shaded:
        return "A"
    if low in verbs() and not _is_way(tokens, index) and _acts(tokens, index):
        return "V"
    if low in parts()["looks"] and index and tokens[index - 1].kind == "W":  # *made of ink*
        return "V"
    if low in parts()["adjectives"] or _is_of_a_people(tokens, index):
        return "A"
    if low.endswith("ly") and len(low) > 4:
        return "R"
    ends = len(low) > 5 and low.endswith(tuple(parts()["adjective_endings"]))
    ends = ends and not _heads(tokens, index)
    ends = ends or low in known_adjectives() or (len(low) > 4 and low.endswith("ed"))
    if low in render_words("expressions") or ends:
        return "A" if low not in lexicon().nouns and low not in nouns()["plurals"] else "W"
    if index and tokens[index - 1].kind == "V" and low in verbs() and low not in lexicon().nouns:
        return "R" if low == verbs()[low] and _after(tokens, index) in _CLOSED else "W"
    return "V" if _stands_as_verb(tokens, index) else "W"


_PEOPLE = re.compile(r"[A-Z][a-z]+(?:ese|ish|ian|ean|can)$")


def _is_of_a_people(tokens: list[Token], index: int) -> bool:
    """*Chinese* in *a Chinese lantern*."""
    leads = not index or tokens[index - 1].kind == "."  # its capital is the sentence's, there
    return not leads and bool(_PEOPLE.match(tokens[index].text)) and _after(tokens, index).isalpha()


def _heads(tokens: list[Token], index: int) -> bool:
    """Whether a word that ends as an adjective is a noun by its place: *a mechanic wipes*, where a
    verb follows that could be no plural, *an elephant in*, where no noun does."""
    table, after = parts(), _after(tokens, index)
    if not index or tokens[index - 1].kind not in "DWA":
        return False
    small = table["prepositions"] | table["auxiliaries"] | table["links"] | table["determiners"]
    acts = after in verbs() and after.endswith("s") and _is_single(tokens, index + 1)
    return after in small or after in _CLOSED or acts


def _is_noun_here(tokens: list[Token], index: int, *, takes: bool) -> bool:
    """Whether a list has a word as a noun, and it is no verb with an object all the same."""
    low = tokens[index].low
    acts = takes and low in verbs() and index > 0 and tokens[index - 1].kind == "W"
    return not acts and bool({low, singular(low)} & lexicon().nouns.keys())


_ONWARD = {"to", "into", "past", "toward", "towards"}
_CLOSED = ("", ",", ".", ";", "!", "?")


def _after(tokens: list[Token], index: int) -> str:
    return tokens[index + 1].low if index + 1 < len(tokens) else ""


def _stands_as_verb(tokens: list[Token], index: int) -> bool:
    """Whether a word that no list has is a verb by its place: *fishermen mend a net*, *a baker
    dusts flour*."""
    low, before = tokens[index].low, tokens[index - 1] if index else None
    table, after = parts(), _after(tokens, index)
    takes = after in table["determiners"] | {"them", "him", "it", "me", "us"}
    ends = takes or after in _CLOSED or after in table["prepositions"] | table["adverbs"]
    single = is_plural(low) and _is_single(tokens, index) and not _has_finite(tokens, index)
    if before is not None and before.kind == "W" and single and ends:
        return True  # *a tram rattles*: no plural goes with its article
    if before is None or _is_noun_here(tokens, index, takes=takes):
        return False
    if before.low == "and":  # *tips over and stains a cloth*
        return takes and is_plural(low) and any(one.kind == "V" for one in tokens[:index])
    clad = before.low in lexicon().colors and index > 1 and tokens[index - 2].low == "in"
    if before.kind != "W" and not clad:
        return False
    if low.endswith("ing") and len(low) > 5 and takes:  # *a watchmaker tightening a screw*
        return True
    if takes and low in verbs() and not is_plural(low):  # *watches a robot water the plants*
        return True
    leads = after in table["determiners"] | table["adverbs"] | table["pronouns"] | _ONWARD
    leads = leads or (after in table["prepositions"] and _after(tokens, index + 1) in _CLOSED)
    if not is_plural(low):
        closed = leads or after in table["prepositions"] or after in _CLOSED
        return closed and is_plural(before.low) and not _is_single(tokens, index)
    known = lexicon().nouns.get(before.low)
    acts = known is not None and known.category in ("human", "animal")
    return _is_single(tokens, index) or (not is_plural(before.low) and (leads or acts))


def _is_single(tokens: list[Token], index: int) -> bool:
    """Whether *a* or the like begins the noun phrase before a word, which no plural can end."""
    for back, token in enumerate(reversed(tokens[:index])):
        if token.low.endswith(("'s", "s'")):  # *a chef's knives*
            return back > 0
        if token.kind not in "WAK":
            return token.low in ("a", "an", "one", "each", "every")
    return False


def _acts(tokens: list[Token], index: int) -> bool:
    """Whether a form of a verb is one here: *the walk*, *a painting*, *running shoes* are none."""
    low, before = tokens[index].low, tokens[index - 1] if index else None
    after = tokens[index + 1].kind or tokens[index + 1].low if index + 1 < len(tokens) else ""
    if before is not None and before.kind in "DNA":
        clad = index > 1 and before.low in lexicon().colors and tokens[index - 2].low == "in"
        return clad or (before.low == "that" and low.endswith("ing"))
    if low in parts()["compounds"] and before is not None and before.kind == "W":
        small = parts()["prepositions"] | parts()["determiners"]
        return _after(tokens, index) in _CLOSED or after in small
    if low.endswith("ing") or low in parts()["looks"]:
        return True
    plain = low == verbs()[low]
    if plain and before is not None and before.kind == "W" and _is_made_to(tokens, index):
        return True
    other = is_plural(low) and singular(low) != verbs()[low]  # *leaves* are of *leaf* and *leave*
    if (other or singular(low) in lexicon().nouns) and _has_finite(tokens, index):
        return False  # *munches eucalyptus leaves*
    if before is None or before.kind == ".":  # *Ignore the above*
        return low == verbs()[low] and after in parts()["determiners"]
    if other and after in verbs():  # *only leaves drift by*
        return False
    if before.low == "to" or before.kind in "YXR":
        return True
    if before.kind in "K," and not plain and low not in lexicon().nouns:
        small = parts()["prepositions"] | parts()["determiners"] | parts()["adverbs"]
        ends = after in _CLOSED or after.endswith("ly")
        return after in small or (before.kind == "," and ends)
    if before.kind not in "WQm" and before.low not in ("and", "then", "who", "which", "that"):
        return False
    if plain and before.kind == "W":  # *kids chase*, but not *a tennis match*
        return _are_several(tokens, index) and not (is_plural(low) and after in ("", ".", ","))
    return True


_CAUSES = frozenset(("make", "let", "watch", "see", "hear", "help", "have", "feel"))


def _is_made_to(tokens: list[Token], index: int) -> bool:
    """*makes a puppet dance*: a plain form behind what is made, seen or heard to do it."""
    for token in reversed(tokens[:index]):
        if token.kind == "V":
            return verbs().get(token.low) in _CAUSES
        if token.kind not in "DNAW":
            return False
    return False


def _has_finite(tokens: list[Token], index: int) -> bool:
    """Whether the clause up to a word has its verb already, so that the word is no second one."""
    for token in reversed(tokens[:index]):
        if token.kind in ".,LYK":
            return False
        if token.kind == "V":
            return verbs().get(token.low, token.low) != token.low and token.low.endswith("s")
    return False


def _are_several(tokens: list[Token], index: int) -> bool:
    """Whether the subject of a clause is a plural, or two joined by *and*."""
    for at in reversed(range(index)):
        token = tokens[at]
        if token.kind in ".,V":
            return False
        several = token.kind == "N" and token.low not in ("one", "1", "single", "lone")
        plural = token.kind == "W" and is_plural(token.low) and not _is_single(tokens, at)
        if several or token.low == "and" or plural:
            return True
    return False
