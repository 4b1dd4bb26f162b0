"""Words: how many tokens they cost at most, and which of them carry content."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from instancecap.render.lexicon import lexicon

TokenizerKind = Literal["t5", "umt5", "clip", "llama", "qwen", "gemma"]
"""SentencePiece unigram (T5, umT5), byte-level BPE (CLIP, LLaMA 3, Qwen), SentencePiece BPE with
bytes (Gemma)."""

_PIECE = re.compile(r"[A-Za-z]+|[0-9]|[\x00-\x7f]|[^\x00-\x7f]+")
_HARD = re.compile(r"[^aeiouy]{4}|[aeiouy]{4}|^[^aeiouy]+$|(.)\1\1")
_RARE = frozenset("jqxz")
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly", "er")


@cache
def common_words() -> frozenset[str]:
    """Lower-case English words that every one of the tokenizers has as one token."""
    text = files("instancecap.render").joinpath("common_words.txt").read_text(encoding="utf-8")
    return frozenset(
        word for line in text.splitlines() if not line.startswith("#") for word in line.split()
    )


def estimate_tokens(text: str, kind: TokenizerKind) -> int:
    """Tokens of ``text`` by a tokenizer of that kind, rather too many than too few.

    A common English word is one token, one with an ending or a capital two, another word that can
    be pronounced half its letters and one more, and any other run of letters a token a letter.
    Figures and marks are a token each; whatever is not ASCII is a token a byte. Tokenizers
    normalize text, which may make it longer (NFKC): the longer form counts.
    """
    if text.isascii():
        return sum([_word_cost(word, kind) for word in text.split()])
    # Only plain spaces are free: others are letters like any to a tokenizer.
    return sum([_most_of_a_word(word, kind) for word in text.split(" ")])


@lru_cache(maxsize=65536)
def _most_of_a_word(word: str, kind: TokenizerKind) -> int:
    """The cost of a word in the form that costs most; a form may fall into several words."""
    normal = unicodedata.normalize("NFKC", word)
    lower = normal.lower()  # CLIP's tokenizer, too, may make letters of one
    forms = {word, normal, lower, unicodedata.normalize("NFD", word)}
    return max(sum(_word_cost(part, kind) or 1 for part in form.split(" ")) for form in forms)


@lru_cache(maxsize=65536)
def _word_cost(word: str, kind: TokenizerKind) -> int:
    tokens = 0
    for index, piece in enumerate(_PIECE.findall(word)):
        if piece[0].isascii() and piece[0].isalpha():
            tokens += _letters_cost(piece, kind, first=index == 0)
        else:
            # The space before it may be a token of its own.
            tokens += len(piece.encode("utf-8", "surrogatepass")) + (index == 0)
    return tokens


def _letters_cost(letters: str, kind: TokenizerKind, *, first: bool) -> int:
    lower, size = letters.lower(), len(letters)
    plain = letters.islower() or (letters[1:].islower() and letters[0].isupper())
    if lower == "a" and first:
        return 2 if kind in ("umt5", "gemma") else 1  # "▁" and "a"
    if not plain or _HARD.search(lower):
        return size + first
    known = common_words()
    if lower in known:
        short = first and (letters.islower() or size <= 3)
        return 1 if short else max(2, -(-size // 3))
    if size > 4 and any(lower.removesuffix(end) in known for end in _ENDINGS):
        return max(2, -(-size // 3))
    return min(size + first, -(-size // 2) + 1 + sum(letter in _RARE for letter in lower))


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


def is_covered(text: str, by: Set[str]) -> bool:
    """Whether ``by`` holds all the content of ``text``."""
    return content(text) <= by


def covered(text: str, by: Set[str]) -> float:
    """The share of the content of ``text`` that ``by`` holds; 1 where it has no content."""
    mine = content(text)
    return len(mine & by) / len(mine) if mine else 1.0
