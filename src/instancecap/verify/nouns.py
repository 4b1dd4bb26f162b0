"""Claims of noun phrases: that an instance is there, how many there are, what color it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from instancecap.verify.claims import Claim, Mention
from instancecap.verify.clauses import Named, code_of
from instancecap.verify.text import Item

_NOT_ALL = ("other", "another", "one", "ones", "each", "several", "more")
_WHOLE = ("clothes", "clothing", "outfit", "attire")


def claims_of_nouns(items: Sequence[Item], named: Named) -> Iterator[Claim]:
    """Claims of every noun phrase of a sentence; none where it is hedged."""
    if any(item.kind == "hedge" for item in items):
        return
    codes = "".join(code_of(items, index) for index in range(len(items)))
    partial = any(item.text in _NOT_ALL or item.other for item in items)
    for index, item in enumerate(items):
        if item.kind == "wear" and item.colors and not item.text.endswith(_WHOLE):
            # What somebody wears is not measured.
            owners = [named[id(one)] for one in items[:index] if id(one) in named]
            yield Claim("attribute", item.text, tuple(owners[-1:]))
        if item.kind != "thing" or item.noun is None:
            continue
        mention = named[id(item)]
        if item.negated:
            if not item.other and re.match(r"$|[WAB]", codes[index + 1 :]):
                yield Claim("presence", item.noun.class_, (mention,), negated=True)
            continue
        yield Claim("presence", item.noun.class_, (mention,))
        if not partial and _is_count(item, codes[:index], mention):
            complete = item.exact or item.noun.generic
            yield Claim("count", str(item.number), (mention,), complete=complete)
        if item.noun.category != "human":
            yield from (Claim("color", word, (mention,)) for word in item.colors)
        yield from _dressed(items, codes, index, mention)


def _is_count(item: Item, before: str, mention: Mention) -> bool:
    """Whether a number leads the sentence, or follows *there are* or *shows*."""
    if mention.spot or mention.vague or item.number < 1:
        return False
    leads = re.fullmatch(r"A*|r[dWKA]*", before) and (item.number > 1 or item.exact)
    return bool(leads or re.fullmatch(r"A*BA*|.*iA*", before))


def _dressed(items: Sequence[Item], codes: str, index: int, mention: Mention) -> Iterator[Claim]:
    """*A person in red*, *a man dressed in black clothes*."""
    match = re.match(r"[BAw]*(r)G?([Cc])(?=$|[,PbABVRSEX])", codes[index + 1 :])
    if match is None or items[index + 1 + match.start(1)].text != "in":
        return
    garment = items[index + 1 + match.start(2)]
    is_whole = garment.kind == "color" or garment.text.endswith(_WHOLE)
    if is_whole and len(garment.colors) == 1:
        yield Claim("color", garment.colors[0], (mention,))
