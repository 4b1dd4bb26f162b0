"""Claims of noun phrases: that an instance is there, how many there are, what color it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from instancecap.verify.claims import Claim, Mention
from instancecap.verify.clauses import code_of
from instancecap.verify.text import Item

_NOT_ALL = ("other", "another", "one", "ones", "each", "several", "more")


def claims_of_nouns(items: Sequence[Item], named: Mapping[int, Mention]) -> Iterator[Claim]:
    """Claims of every noun phrase of a sentence; none where it is hedged."""
    if any(item.kind == "hedge" for item in items):
        return
    partial = any(item.text in _NOT_ALL or item.other for item in items)
    for index, item in enumerate(items):
        if item.kind == "wear" and item.colors and not item.text.endswith(_WHOLE):
            yield from _worn(items, index, named)
        if item.kind != "thing" or item.noun is None:
            continue
        mention = named[id(item)]
        if item.negated:
            ends = items[index + 1 :] and items[index + 1].kind in ("word", "adverb", "be")
            if not item.other and (ends or index + 1 == len(items)):
                yield Claim("presence", item.noun.class_, (mention,), negated=True)
            continue
        yield Claim("presence", item.noun.class_, (mention,))
        yield from _count(items, index, mention, partial=partial)
        if item.noun.category != "human":
            for word in item.colors:
                yield Claim("color", word, (mention,))
        yield from _dressed(items, index, mention)


def _count(
    items: Sequence[Item], index: int, mention: Mention, *, partial: bool
) -> Iterator[Claim]:
    """A number that leads the sentence, or follows *there are* or *shows*."""
    item = items[index]
    if partial or mention.spot or mention.vague or item.number < 1:
        return
    before = "".join(code_of(items, place) for place in range(index))
    is_told = re.fullmatch(r"A*BA*|.*iA*", before) or (
        re.fullmatch(r"A*|r[dWKA]*", before) and (item.number > 1 or item.exact)
    )
    if item.noun is not None and is_told:
        yield Claim("count", str(item.number), (mention,), complete=item.exact or item.noun.generic)


_WHOLE = ("clothes", "clothing", "outfit", "attire")


def _dressed(items: Sequence[Item], index: int, mention: Mention) -> Iterator[Claim]:
    """*A person in red*, *a man dressed in black clothes*."""
    at = index + 1
    while at < len(items) and (items[at].kind in ("be", "adverb") or _is_wearing(items[at])):
        at += 1
    if at + 1 >= len(items) or items[at].text != "in":
        return
    at += 1 + (items[at + 1].kind == "shade")
    garment = items[at] if at < len(items) else None
    following = code_of(items, at + 1) if at + 1 < len(items) else ","
    is_whole = garment is not None and garment.kind == "wear" and garment.text.endswith(_WHOLE)
    is_color = garment is not None and garment.kind == "color" and following in ",PbABVRSEX"
    if garment is not None and len(garment.colors) == 1 and (is_whole or is_color):
        yield Claim("color", garment.colors[0], (mention,))


def _is_wearing(item: Item) -> bool:
    return item.verb is not None and item.verb.kind == "wear"


def _worn(items: Sequence[Item], index: int, named: Mapping[int, Mention]) -> Iterator[Claim]:
    """The color of what somebody wears is not measured."""
    owners = [named[id(one)] for one in items[:index] if id(one) in named]
    yield Claim("attribute", items[index].text, tuple(owners[-1:]))
