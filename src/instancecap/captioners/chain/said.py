"""What was answered: values that are fit for their fields, and the names that they speak of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancecap.captioners.chain.answers import MAX_CHARACTERS, NEARLY_STATIC, clean

NAME_LENGTH = 60

MOST_COUNTED = 9999
"""Members of a group; a larger number is a figure of speech."""

MAY_BE_BLANK = (
    *(
        "/expression",
        "/expression_spans",
        "/category",
        "/is_main",
        "/count",
        "/colors",
        "/texts",
        "/enters",
        "/leaves",
    ),
    *("/motion", "/place", "/time_of_day", "/style", "/shot_type", "/shot_angle", "/shot_position"),
)
"""Leaves for which an empty answer says: nothing of the kind is to be seen."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value that is fit for its field, who said it, and the times of the pictures it rests on."""

    value: Any
    model: str
    times: tuple[float, ...]


def fit_value(pointer: str, value: Any) -> Any:
    """The value as its field takes it; None where nothing is left of it."""
    name = pointer.rsplit("/", 1)[1]
    if name == "motion":  # a set in which ``static`` stands alone
        moves = [word for word in dict.fromkeys(value) if word not in ("static", NEARLY_STATIC)]
        return moves or (["static"] if value else None)
    if name == "count":
        return value if 1 <= value <= MOST_COUNTED else None
    if isinstance(value, str):
        text = clean(value, limit=NAME_LENGTH if name == "name" else MAX_CHARACTERS)
        return (text.strip(" .…") if name == "name" else text) or None
    if pointer.startswith("/segments/"):
        return value if value[0] else None
    return None if value in ([], None) else value


# Names --------------------------------------------------------------------------------------------


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


def mentioned(
    text: str, names: Mapping[int, str], *, own: int | None = None
) -> tuple[list[int], list[str]]:
    """Ids of the instances that a text names, and phrases that may stand for several.

    A name counts in full or in a shorter form, *the dog* for *the small brown dog*; a shorter form
    that fits several names is ambiguous, but at the start of a sentence of a text about one of them
    (``own``).
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
        is_subject = rest[: match.start()].rstrip()[-1:] in ("", ".", "!", "?")
        if own is not None and own in fits and is_subject:
            fits = [own]
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


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A text with other names, all at a time; a sentence still begins with a capital."""
    by_name = {name.casefold(): new for name, new in names.items()}
    longest = sorted(names, key=len, reverse=True)
    pattern = "|".join(rf"\b{re.escape(name)}\b" for name in longest) or "(?!)"

    def rename(match: re.Match[str]) -> str:
        new = by_name[match[0].casefold()]
        return new[:1].upper() + new[1:] if match[0][:1].isupper() else new

    return re.sub(pattern, rename, text, flags=re.IGNORECASE)
