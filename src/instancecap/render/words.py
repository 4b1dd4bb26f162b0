"""Lists of English words, which words of a text carry content, and what they stem from."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files


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
