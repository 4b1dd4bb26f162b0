"""How many tokens a text has for a family of tokenizers, without the tokenizer.

The costs were fitted to the real vocabularies of T5, umT5, CLIP, LLaMA 3, Qwen 3 and Gemma 3 on
captions of language models, so that no caption is counted short; ``python -m benchmarks.tokens``
compares the two.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

TokenizerKind = Literal["t5", "umt5", "clip", "llama", "qwen", "gemma"]
"""SentencePiece unigram (T5, umT5), byte-level BPE (CLIP, LLaMA 3, Qwen), SentencePiece BPE with
bytes (Gemma)."""

_PIECE = re.compile(r"[A-Za-z]+|[0-9]|[\x00-\x7f]+?(?=[A-Za-z0-9]|[^\x00-\x7f]|$)|[^\x00-\x7f]+")
_MARKS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "."})
"""Marks that every family has as one token."""
_LONG = 0.3
"""Tokens of each letter of a word beyond 12."""
_HARD = re.compile(
    r"[^aeiouy]{5}|[aeiouy]{4}|^[^aeiouy]+$|(.)\1\1|[jqvxz][^aeiouylrstn]|w[bcdfgjkmpqvwxz]|[bcdfgkmp][jqvxz]|q[^u]"
)
"""In words that are hardly English: names of made-up things, trigger words."""


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a text costs a family: a table of ``tokens.toml``, which explains it."""

    scale: float
    lengths: tuple[float, ...]
    mark: float = 1.0
    number: float = 0.0
    hard: float = 0.6


@cache
def _costs(kind: TokenizerKind) -> _Costs:
    text = files("instancecap.render").joinpath("tokens.toml").read_text(encoding="utf-8")
    return _Costs(**tomllib.loads(text)[kind])


@cache
def _known_words() -> dict[str, tuple[int, int, int]]:
    """The tokens of common words by T5, umT5 and LLaMA or Qwen; CLIP and Gemma have one each."""
    text = files("instancecap.render").joinpath("word_tokens.txt").read_text(encoding="utf-8")
    known: dict[str, tuple[int, int, int]] = {}
    tokens = (1, 1, 1)
    for word in text.split("\n", 2)[2].split():
        if word.isdigit():
            tokens = (*tokens[1:], int(word))
        else:
            known[word] = tokens
    return known


_COLUMNS: dict[TokenizerKind, int] = {"t5": 0, "umt5": 1, "llama": 2, "qwen": 2}


def estimate_tokens(text: str, kind: TokenizerKind) -> int:
    """Tokens of ``text`` by a tokenizer of that kind, rather a few too many than too few.

    A word costs by its length, a figure or mark a token, and whatever is not ASCII a token a byte.
    Tokenizers normalize text, which may make it longer (NFKC): the longer form counts.
    """
    if not text.isascii():
        text = text.translate(_MARKS)
    if text.isascii():
        cost = sum([_word_cost(word, kind) for word in text.split()])
    else:
        # Only plain spaces are free: others are letters like any to a tokenizer.
        cost = sum([_most_of_a_word(word, kind) for word in text.split(" ")])
    return int(cost + 0.999)


@lru_cache(maxsize=65536)
def _most_of_a_word(word: str, kind: TokenizerKind) -> float:
    """The cost of a word in the form that costs most; a form may fall into several words."""
    normal = unicodedata.normalize("NFKC", word)
    lower = normal.lower()  # CLIP's tokenizer, too, may make letters of one
    forms = {word, normal, lower, unicodedata.normalize("NFD", word)}
    return max(sum(_word_cost(part, kind) or 1 for part in form.split(" ")) for form in forms)


@lru_cache(maxsize=65536)
def _word_cost(word: str, kind: TokenizerKind) -> float:
    costs, tokens = _costs(kind), 0.0
    for index, piece in enumerate(_PIECE.findall(word)):
        if piece.isascii():
            more = costs.mark * (len(piece) - 1)
            one = _letters_cost(piece, kind) if piece[0].isalpha() else 1 + more
            tokens += costs.scale * (one + costs.number * (index == 0 and piece[0].isdigit()))
        else:
            # The space before it may be a token of its own.
            tokens += len(piece.encode("utf-8", "surrogatepass")) + (index == 0)
    return tokens


def _letters_cost(letters: str, kind: TokenizerKind) -> float:
    lower, size = letters.lower(), len(letters)
    if known := _known_words().get(lower):
        return known[_COLUMNS[kind]] if kind in _COLUMNS else 1.0
    if size == 1 and letters.isupper():
        return 1.0
    if size > 2 and not letters[1:].islower():
        return 1 + size / 3  # capitals
    if size > 20 or (size > 2 and _HARD.search(lower)):
        return 1 + size * _costs(kind).hard
    return _costs(kind).lengths[min(size, 12) - 1] + max(0, size - 12) * _LONG
