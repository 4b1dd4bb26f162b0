"""Which kind of scene a caption tells of, by words: for counting, not a measurement."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from itertools import pairwise

from instancecap.schema.caption import Caption

INDOORS, OUTDOORS = "indoors, no more told", "outdoors, no more told"
"""Of a caption whose words tell of no scene, but that knows its place."""

_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?")


def scene_of(caption: Caption) -> str:
    """A kind of ``scenes.toml``, by the words of the background, else of all descriptions.

    The kind that most different words tell of; else in- or outdoors; empty for not known.
    """
    whole = (caption.global_description, caption.dense_description)
    for text in (caption.background, " ".join((*whole, *_segments(caption)))):
        if found := _kinds_in(text):
            return found.most_common(1)[0][0]
    return {"indoor": INDOORS, "outdoor": OUTDOORS}.get(caption.place, "")


def scene_names() -> list[str]:
    """All kinds, in the order of the file, then those of which only the place is told."""
    return [*_table(), INDOORS, OUTDOORS]


def _segments(caption: Caption) -> list[str]:
    return [one.description for one in caption.segments]


def _kinds_in(text: str) -> Counter[str]:
    """Kinds by how many different words tell of them, in the order of the file."""
    words, index = _WORD.findall(text.lower()), _word_by_form()
    told = {*words, *map("-".join, pairwise(words))}
    found = {index[form] for form in told & index.keys()}
    counts = Counter(kind for kind, _ in found)
    return Counter({kind: counts[kind] for kind in _table() if kind in counts})


@cache
def _table() -> dict[str, list[str]]:
    text = files(__package__).joinpath("scenes.toml").read_text(encoding="utf-8")
    return {kind: words.split() for kind, words in tomllib.loads(text).items()}


@cache
def _word_by_form() -> dict[str, tuple[str, str]]:
    """Kind and word by every form that is read; of two kinds with one word the first."""
    return {
        form: (kind, word)
        for kind, words in reversed(_table().items())
        for word in words
        for form in (word, f"{word}s", f"{word}es")
    }
