"""How many tokens a text has for a family of tokenizers, without the tokenizer.

The costs were fitted to the real vocabularies of CLIP, LLaMA 3, Qwen 3 and Gemma 3 on captions of
language models, so that no caption is counted short. T5 and umT5 follow LLaMA's vocabulary of
32,000 pieces by the ratios that were published for MiraData's captions; that T5 has two pieces for
*a* is known.
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
_HARD = re.compile(r"[^aeiouy]{5}|[aeiouy]{4}|^[^aeiouy]{3,}$|(.)\1\1")


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a text costs a family: a table of ``tokens.toml``, which explains it."""

    scale: float
    lengths: tuple[float, ...]
    mark: float = 1.0
    a: float = 1.0


@cache
def _costs(kind: TokenizerKind) -> _Costs:
    text = files("instancecap.render").joinpath("tokens.toml").read_text(encoding="utf-8")
    return _Costs(**tomllib.loads(text)[kind])


@cache
def common_words() -> frozenset[str]:
    """Words in small letters that every one of the vocabularies has as one token."""
    text = files("instancecap.render").joinpath("common_words.txt").read_text(encoding="utf-8")
    return frozenset(text.partition("\n")[2].split())


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
            one = _letters_cost(piece, costs) if piece[0].isalpha() else 1 + more
            tokens += costs.scale * one
        else:
            # The space before it may be a token of its own.
            tokens += len(piece.encode("utf-8", "surrogatepass")) + (index == 0)
    return tokens


def _letters_cost(letters: str, costs: _Costs) -> float:
    lower, size = letters.lower(), len(letters)
    if lower == "a":
        return costs.a
    if lower in common_words():
        return 1.0
    if size > 2 and not letters[1:].islower():
        return 1 + size / 3  # capitals
    if size > 20 or (size > 2 and _HARD.search(lower)):
        return 1 + size / 2
    if size < 4:
        return 1.0
    return costs.lengths[min(size, 12) - 4] + max(0, size - 12) * _LONG
