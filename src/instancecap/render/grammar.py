"""What a text that others wrote is, so that it can stand in a paragraph unchanged.

A text is one of whole sentences, which are joined as they are, or a phrase, which may be put into
a carrier sentence. Only what is certainly a phrase gets a carrier; the rest stands as its own
sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Literal

from instancecap.language.quotes import SPEECH
from instancecap.language.sentences import split_sentences


@cache
def _lists() -> dict[str, frozenset[str]]:
    text = files("instancecap.render").joinpath("lexicon.toml").read_text(encoding="utf-8")
    return {name: frozenset(words.split()) for name, words in tomllib.loads(text).items()}


def lexicon(name: str) -> frozenset[str]:
    """A list of ``lexicon.toml``, by its name."""
    return _lists()[name]


_CONTENT = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")

FUNCTION_WORDS = lexicon("function")
"""Words that say nothing by themselves, and words that put sentences in order."""

DIRECTION_WORDS = lexicon("direction")
_MEANT = lexicon("meant")
"""Function words that do say something where what was said is compared."""


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """``word`` without case and endings, so that *moves*, *moving* and *move* are one."""
    word = word.lower().replace("’", "'").removesuffix("'s").replace("colour", "color")
    if len(word) <= 3 or not word.isascii():
        return word
    for ending in ("ingly", "edly", "ing", "ies", "ied", "ed", "ly", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending in ("ies", "ied") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


@lru_cache(maxsize=16384)
def content(text: str) -> frozenset[str]:
    """The stems of the words of ``text`` that carry content."""
    return frozenset(
        stem(word) for word in _CONTENT.findall(text) if word.lower() not in FUNCTION_WORDS
    )


@lru_cache(maxsize=16384)
def meaning(text: str) -> tuple[str, ...]:
    """The stems of what carries content, in order, small words that change the sense included."""
    return tuple(
        stem(word)
        for word in _CONTENT.findall(text)
        if word.lower() in _MEANT or word.lower() not in FUNCTION_WORDS
    )


Form = Literal["sentence", "noun", "verb", "gerund", "modifier", "other"]

DETERMINERS = lexicon("determiners")
PRONOUNS = lexicon("pronouns")
SINGULAR = frozenset(("a", "an", "one", "another", "this"))
_FINITE, _VERBS, _COPULAS = lexicon("finite"), lexicon("verbs"), lexicon("copulas")
_PAST, _ADVERBS = lexicon("past"), lexicon("adverbs")
_STATED = _FINITE | SPEECH
_OBJECTS, _MODIFIERS = lexicon("taking_objects"), lexicon("modifiers")
_AFTER_VERB = lexicon("after_verb") | DETERMINERS | PRONOUNS
_EVERYDAY = DETERMINERS | PRONOUNS | lexicon("function")
_LINKS = frozenset(("who", "that", "which", "what", "it", "he", "she", "they", "or", "where"))
SUBJECT = re.compile(
    r"[,;:—–] (?:(?:and|but|so|then) )?(?:he|she|it|they|the|a|an|his|her|its|their)\b",
    re.IGNORECASE,
)
_RELATIVES = frozenset(("who", "which", "that", "whose", "where"))
_PARTS = lexicon("places") | lexicon("links") | _RELATIVES
_MIGHT_BE_VERB = re.compile(r"(?!.*(?:ss|us|'s)$|sports$)[a-z]{3,}s$")
_END = re.compile(r"[.!?…。！？][\"”'’)\]]*$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\ufeff]+")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d+[.)])\s+")


@lru_cache(maxsize=16384)
def clean(text: str) -> str:
    """``text`` on one line, without control characters and Markdown.

    The lines of a list become parts of one sentence, with semicolons where a line has no end mark.
    """
    if "\n" in text:
        lines = [" ".join(_BULLET.sub("", line).split()) for line in text.splitlines()]
        lines = [line for line in lines if line]
        text = " ".join(
            line if line[-1] in ".!?:;,…" or line is lines[-1] else f"{line};" for line in lines
        )
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    if "**" in text:
        text = text.replace("**", "")
    return " ".join(text.split())


@lru_cache(maxsize=16384)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of ``text``, each as it is written; never split within quotes or brackets."""
    found = (one.text for one in split_sentences(clean(text)))
    return tuple(part for part in found if any(letter.isalnum() for letter in part))


@lru_cache(maxsize=16384)
def has_end(text: str) -> bool:
    """Whether it ends as a sentence does."""
    return _END.search(text) is not None


@lru_cache(maxsize=16384)
def sentence(text: str, *, everyday: bool = False) -> str:
    """A capital letter in front of a plain word, a full stop behind where there is no end mark.

    Args:
        everyday: only an everyday word gets the capital; trigger words keep their case.
    """
    text = text.strip().rstrip(",;: ")
    if not text:
        return ""
    first = text.partition(" ")[0]
    plain = first in _EVERYDAY if everyday else first.isascii() and first.rstrip(",;:.").islower()
    if plain:
        text = text[0].upper() + text[1:]
    return text if has_end(text) else f"{text}."


@lru_cache(maxsize=16384)
def phrase(text: str) -> str:
    """``text`` to be put behind a subject: no end mark, no capital where it is only the first
    word's."""
    text = text.strip().rstrip(".;,:…。 ")
    second = text[1:2]
    return text[:1].lower() + text[1:] if second.islower() or second == " " else text


@lru_cache(maxsize=16384)
def words_of(text: str) -> tuple[str, ...]:
    """The words in small letters, without marks around them."""
    return tuple(word.strip(",;:.!?\"'()“”‘’…").lower() for word in text.split())


def _follows_verb(word: str) -> bool:
    return not word or word in _AFTER_VERB or (word.endswith("ly") and len(word) > 4)


def _is_verb(first: str, after: str, *, plural: bool) -> bool:
    """Whether the first word of a text is a finite verb, its subject left out."""
    if first in _COPULAS:
        return True
    bases = {first.removesuffix("s"), first.removesuffix("es"), f"{first.removesuffix('ies')}y"}
    if not plural:
        bases.discard(first)  # *pan in hand* begins with no verb of one instance
    if not bases & _VERBS:
        return False
    return _follows_verb(after) or bool(bases & _OBJECTS)


@lru_cache(maxsize=16384)
def verb_number(text: str) -> Literal["", "singular", "plural", "any"]:
    """Of a text that begins with a verb, adverbs before it aside, the verb's number; else empty."""
    words = [*words_of(text.partition('"')[0]), ""]
    while words[0] in _ADVERBS or (words[0].endswith("ly") and len(words[0]) > 4):
        words = words[1:]
    verb, after, *_ = (*words, "")
    if verb in ("are", "were", "have", "do"):
        return "plural"
    if verb in ("is", "was", "has", "does"):
        return "singular"
    if verb in _PAST or verb in ("can", "will", "could", "would", "had", "did"):
        return "any"
    might = _MIGHT_BE_VERB.match(verb) is not None
    stands = might and (after in DETERMINERS or (verb in _STATED and after not in _STATED))
    if stands or _is_verb(verb, after, plural=False):
        return "singular"
    return "plural" if _is_verb(verb, after, plural=True) else ""


def _is_gerund(first: str, after: str) -> bool:
    if not first.endswith("ing") or len(first) < 6:
        return False
    stem = first[:-3]
    bases = (stem, f"{stem}e", stem[:-1], f"{stem[:-2]}ie" if stem.endswith("y") else stem)
    if any(base in _OBJECTS for base in bases):
        return True
    return any(base in _VERBS for base in bases) and _follows_verb(after)


@lru_cache(maxsize=16384)
def has_finite_verb(text: str) -> bool:
    """Whether a word other than the first is a common finite verb."""
    return any(word in _FINITE for word in words_of(text)[1:])


def _is_noun_phrase(words: tuple[str, ...], text: str) -> bool:
    """Whether it is an article or number and a noun with what belongs to it, and surely no verb.

    A verb behind *who* or *which* is that word's own.
    """
    starts = SINGULAR if has_end(text) else DETERMINERS
    if len(words) < 2 or words[0] not in starts:
        return False
    text = text.removesuffix(".")
    if any(mark in text for mark in ".;:!?"):
        return False
    open_relatives = 0
    for word, is_verb in _verbs_of(text):
        open_relatives += (word in _RELATIVES) - is_verb
        if open_relatives < 0:
            return False
    return True


def _verbs_of(text: str) -> Iterator[tuple[str, bool]]:
    """Each word of a noun phrase, and whether it may be a finite verb.

    A word in *s* is a plural where it ends its part of the phrase and no article, which would make
    that part singular, stands in front of it: *with white dots*, not *with a stick frolics*.
    """
    tokens, article = text.split(), False
    for token, following in zip(tokens, (*tokens[1:], ""), strict=True):
        word, after = words_of(token)[0], "".join(words_of(following))
        goes_on = after and after not in ("and", "or", "with") and not token.endswith(",")
        acts = bool(goes_on) and _is_verb(word, after, plural=False)
        plural = not article and (not goes_on or after in _PARTS)
        might = _MIGHT_BE_VERB.match(word) is not None and (acts or not plural)
        past = word.endswith("ed") and {word[:-1], word[:-2]} & _VERBS and _follows_verb(after)
        yield word, word in _FINITE or word in _PAST or might or bool(past)
        article = (article or word in SINGULAR or word == "the") and word not in _PARTS
        article = article and not token.endswith(",")


def begins_part(word: str) -> bool:
    """Whether what follows a noun phrase, or belongs to it, begins with that word."""
    return word in _PARTS or word in _FINITE or _MIGHT_BE_VERB.match(word) is not None


def _is_one_clause(words: tuple[str, ...], text: str) -> bool:
    """Whether what follows a first verb has no subject and verb of its own: not *Turning the key,
    she opens the door*, nor *Moves of this kind are typical*."""
    if SUBJECT.search(text):
        return False
    return not any(
        word in _FINITE and before not in _AFTER_VERB and before not in _LINKS
        for before, word in pairwise(words[1:])
    )


@lru_cache(maxsize=16384)
def form(text: str, *, plural: bool = False) -> Form:
    """What a text is; ``other`` where that is not certain, so that it stands by itself.

    ``verb``: a sentence without its subject, *walks away*, of several *walk away*; ``gerund``:
    *walking away*; ``modifier``: *in a red coat*; ``noun``: *a wide path*.
    """
    words = words_of(text)
    if not words:
        return "other"
    first, *rest = words
    if first.endswith("ly") and rest:
        first, *rest = rest
    after = rest[0] if rest else ""
    if _is_verb(first, after, plural=plural) and _is_one_clause(words, text):
        return "verb"
    if _is_gerund(first, after) and _is_one_clause(words, text):
        return "gerund"
    if _is_noun_phrase(words, text):
        return "noun"
    if has_end(text) and not text[0].islower():
        return "sentence"
    if has_finite_verb(text):
        return "sentence"
    if words[0] in _MODIFIERS and text[0].islower():
        return "modifier"
    return "other"


_PEOPLE = "|".join(sorted(lexicon("people")))
_HEAD = re.compile(
    rf"(?:an? |one |the )?((?:(?!of |to |and |in |with )[\w'-]+ ){{0,2}}(?:{_PEOPLE}))(?!['’\w])|"
    r"(?:an? |one )((?:[\w'-]+ ){0,2}[\w'-]+),? "
    r"(?:with|in|who|whose|has|wears|is|wearing|holding|dressed|sits|stands|seen)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=16384)
def head_noun(text: str) -> str:
    """*older man* of *An older man with gray hair*; empty where it is not seen at once."""
    found = _HEAD.match(text)
    return phrase(found[1] or found[2]) if found else ""
