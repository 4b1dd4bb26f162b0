"""Names through a caption: which instance a sentence speaks of, and whether that is plain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_WORD = r"[\w'’-]+"


def unique_names(names: Sequence[str]) -> list[str]:
    """Every name once: a later one that is taken already is numbered."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number, new = 2, name
        while new.casefold() in taken:
            new, number = f"{name} {number}", number + 1
        taken.add(new.casefold())
        unique.append(new)
    return unique


def mentioned(text: str, names: Mapping[int, str]) -> tuple[list[int], list[str]]:
    """Ids of the instances that a text names, and phrases that may stand for several.

    A name counts in full or in a shorter form, *the dog* for *the small brown dog*; a shorter form
    that fits several names is ambiguous.
    """
    words = {id: _words(name) for id, name in names.items()}
    found: list[int] = []
    unclear: list[str] = []
    rest = text.casefold()
    for id, name in sorted(names.items(), key=lambda pair: -len(pair[1])):
        pattern = rf"\b{re.escape(name.casefold())}\b"
        if re.search(pattern, rest):
            found.append(id)
            rest = re.sub(pattern, " | ", rest)
    heads = "|".join(re.escape(some[-1]) for some in words.values() if some)
    for match in re.finditer(rf"\bthe ((?:{_WORD} ){{0,4}}?(?:{heads or '(?!)'}))\b", rest):
        phrase = _words(match[1])
        fits = [id for id, some in words.items() if _may_mean(phrase, some)]
        if len(fits) == 1:
            found.append(fits[0])
        elif fits:
            unclear.append(f"the {match[1]}")
    order = {id: place for place, id in enumerate(names)}
    return sorted(set(found), key=order.__getitem__), list(dict.fromkeys(unclear))


def _words(name: str) -> list[str]:
    some = re.findall(_WORD, name.casefold())
    return some[1:] if some[:1] in (["the"], ["a"], ["an"]) else some


def _may_mean(phrase: Sequence[str], name: Sequence[str]) -> bool:
    """Whether a phrase is a shorter form of a name, both without article."""
    return bool(name) and phrase[-1] == name[-1] and set(phrase) <= set(name)
