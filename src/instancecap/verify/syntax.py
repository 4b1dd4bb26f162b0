"""Looks at the items of a sentence around one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from instancecap.verify.lexicon import Noun, Verb
from instancecap.verify.statements import Mention, When
from instancecap.verify.text import Item, words_of

AXES = {
    "dolly": "move", "truck": "move", "track": "move", "pedestal": "move", "crane": "move",
    "push": "move", "pull": "move", "rotate": "roll", "arc": "orbit",
}  # fmt: skip
"""Camera verbs that move along the axes of another."""

ALONE = {"rise": "move_up", "descend": "move_down", "shake": "shaky", "track": "tracking"}
"""Camera verbs that say a movement without a direction."""

CAMERA = Mention(None, text="camera")
"""The subject of clauses about the camera."""

ENDS = ("separator", "conjunction", "relative")
_BEFORE_A_NOUN = ("determiner", "preposition", "shade", "side", "color", "possessive", "number")
_HAPPENS = ("verb", "still", "enters", "leaves", "in_place", "stays_in", "approach")
_BEGINS_A_NAME = ("determiner", "number", "other", "possessive")
_NAMES = (*_BEGINS_A_NAME, "word", "color", "shade", "single")
_ANYTHING = {"subject", "object", "thing", "character", "creature", "item", "instance"}
GROUPS = {"group", "crowd", "herd", "flock", "team", "line", "row", "number", "lot"}
AMONG = {"in", "on", "at", "through", "along", "across", "inside"}


@dataclass(slots=True)
class Clause:
    """What is known of the clause that is being read."""

    verb: Verb | None = None
    negated: bool = False
    hedged: bool = False
    when: When = ""
    told: str = ""  # the pattern that stands for the verb, such as "still"
    link: str = ""  # the word that joins it to the clause before
    unclear: bool = False


def participle_last(items: list[Item]) -> list[Item]:
    """*Moving left, the car passes* as *the car passes, moving left*."""
    first = items[0].verb if items else None
    if first is None or not first.participle:
        return items
    comma = next((i for i, item in enumerate(items) if item.text == ","), None)
    if comma is None:
        return items
    end = [item for item in items[comma + 1 :] if item.text != "."]
    return [*end, items[comma], *items[:comma]]


def mention_of(item: Item) -> Mention:
    """A new mention of what a noun phrase names."""
    plural = item.noun is not None and item.noun.plural
    number = item.number or (0 if plural else 1)
    return Mention(
        item.noun,
        number=number,
        colors=list(item.colors),
        other=item.other,
        head=item.head,
        text=item.text,
    )


def is_same(item: Item, mention: Mention) -> bool:
    """Whether *the dog* is one that was named before: by the same word, or by a general one."""
    if item.noun is None or mention.noun is None or item.noun.plural != mention.noun.plural:
        return False
    if item.head != mention.head and not (item.noun.generic or mention.noun.generic):
        return False
    told = {word for word, _ in mention.colors}
    fits = not item.colors or bool(told & {word for word, _ in item.colors})
    return fits and may_be(item.noun, mention.noun)


def spot_after(items: Sequence[Item], index: int) -> str:
    """The place that is said right after a thing: *the man on the left*."""
    if index + 1 < len(items) and items[index + 1].kind == "position":
        return " ".join(words_of(items[index + 1].text))
    return ""


def is_denied(items: Sequence[Item], index: int) -> bool:
    """Whether a negation belongs to a word: *not indoors*, *no daylight*."""
    before = index - 1
    while before >= 0 and items[before].kind in ("determiner", "adverb"):
        before -= 1
    return before >= 0 and items[before].kind in ("negation", "none")


def may_be(noun: Noun, other: Noun | None) -> bool:
    """Whether one name can stand for the thing that another was said of."""
    if other is None or noun.class_ == other.class_:
        return True
    general = {"animal", "vehicle", "object"}
    return noun.category == other.category and bool({noun.class_, other.class_} & general)


def is_governed(items: Sequence[Item], index: int) -> bool:
    """Whether a preposition stands before a thing, so that it is not what the clause is about."""
    before = index - 1
    while before >= 0 and items[before].kind in ("determiner", "word", "shade"):
        before -= 1
    if before < 0 or not (items[before].kind == "preposition" or items[before].text == "in"):
        return False
    is_group = items[before].text == "of" and before > 0 and items[before - 1].text in GROUPS
    return not is_group


def is_plain_word(item: Item) -> bool:
    """Whether an item is a word that the lexicon does not know."""
    return item.kind == "word" and item.text.isalpha()


def unknown_subject(items: Sequence[Item], index: int) -> str:
    """The name of a thing that the lexicon does not know and that the clause from ``index`` on is
    about: *the gizmo* in *while the gizmo rolls away*; empty where the clause begins otherwise."""
    phrase: list[Item] = []
    for item in items[index:]:
        if item.kind in _HAPPENS:
            break
        if item.kind == "adverb" and not phrase:
            continue
        last = phrase[-1].text if phrase else ""
        if (item.text == "of" and last in GROUPS) or (item.text == "at" and last == "of"):
            phrase.append(item)
            continue
        if item.kind not in _NAMES or (not phrase and item.kind not in _BEGINS_A_NAME):
            return ""
        phrase.append(item)
    else:
        return ""
    if len(phrase) < 2 or not (phrase[-1].kind == "color" or is_plain_word(phrase[-1])):
        return ""
    return " ".join(item.text for item in phrase)


def may_call(name: str, main: Mention) -> bool:
    """Whether a name that is not known stands for the thing that a whole text is about."""
    words = set(name.split())
    return bool(words & (_ANYTHING | set(main.text.lower().split())))


def is_headless(items: Sequence[Item], index: int) -> bool:
    """Whether a colour follows an article and so stands for a thing: *a black and white orange*."""
    before = index - 1
    while before >= 0 and items[before].kind in ("color", "conjunction", "shade"):
        before -= 1
    return before >= 0 and items[before].kind == "determiner"


def has_unknown_verb(items: Sequence[Item], index: int) -> bool:
    """Whether a word that is not known, and so may be a verb, stands before a thing in its clause.

    After an article or a preposition it is a noun, and one in *-ly* is an adverb.
    """
    for place in range(index - 1, -1, -1):
        item = items[place]
        if item.kind in ENDS or item.kind == "introduction":
            return False
        before = items[place - 1].kind if place else ""
        is_noun = before in ("determiner", "preposition", "color", "shade")
        if is_plain_word(item) and not is_noun:
            return not item.text.endswith("ly")
    return False


def has_finite_verb(items: Sequence[Item], index: int) -> bool:
    """Whether a verb other than a participle follows in the clause."""
    for item in items[index + 1 :]:
        if item.kind in ENDS:
            return False
        if item.kind == "verb" and item.verb is not None and not item.verb.participle:
            return True
    return False


def verb_before(items: Sequence[Item], index: int) -> bool:
    """Whether something is said to happen before an item."""
    return any(one.kind in ("verb", "still", "enters", "leaves") for one in items[:index])


def verb_ahead(items: Sequence[Item], index: int) -> bool:
    """Whether a verb follows in the clause, or right after ``index`` what may be one."""
    if index + 1 < len(items) and is_plain_word(items[index + 1]):
        return True
    for item in items[index + 1 :]:
        if item.kind in ENDS:
            return False
        if item.kind in _HAPPENS:
            return True
    return False


def may_have_verb_after_thing(items: Sequence[Item], index: int) -> bool:
    """Whether something is said, in words that are not known, of the thing before ``index``:
    *a kite gets larger* in *a kite gets larger and a dog leaves*."""
    for place in range(index - 1, -1, -1):
        item = items[place]
        if item.kind == "thing" or item.kind in ENDS:
            return False
        governed = place and items[place - 1].kind in _BEFORE_A_NOUN
        if is_plain_word(item) and not governed:
            return True
    return False


def direction_ahead(items: Sequence[Item], index: int) -> bool:
    """Whether a direction follows in the clause."""
    for item in items[index + 1 :]:
        if item.kind in ENDS:
            return False
        if item.kind in ("direction", "side", "path"):
            return True
    return False


def is_where(items: Sequence[Item], index: int) -> bool:
    """Whether a scene is where things are: *in a park*, not *a picture of a park*."""
    before = index - 1
    while before >= 0 and items[before].kind in ("determiner", "word", "shade", "color", "scene"):
        before -= 1
    return before >= 0 and items[before].text in AMONG


def is_bare(items: Sequence[Item], index: int) -> bool:
    """Whether *left* ends its phrase, as in *moves left*, and is not part of *left arm*."""
    before, after = items[index - 1] if index else None, None
    if index + 1 < len(items):
        after = items[index + 1]
    ends = after is None or after.kind in (*ENDS, "adverb", "preposition", "start", "end")
    ends = (
        ends
        or (after is not None and not after.text[:1].isalpha())
        or (
            after is not None
            and after.kind in ("throughout", "side", "word")
            and after.text not in ("hand", "arm", "leg", "foot")
            and before is not None
            and before.kind == "verb"
            and before.verb is not None
            and before.verb.kind == "camera"
        )
    )
    begins = before is not None and before.kind in ("verb", "adverb", "conjunction", "side")
    return ends and begins


def ways_of(item: Item) -> list[str]:
    """The directions that a phrase says, in the words of the schema."""
    if item.value:
        return [item.value]
    words = item.text.split()
    if item.kind == "direction" and words[0] == "from":
        return words_of(item.text)[-1:]
    if item.kind == "path":
        return words_of(item.text)[-1:]
    if item.kind == "side":
        word = item.text.replace(" ", "").removesuffix("s")
        word = {"backward": "back", "anticlockwise": "counterclockwise"}.get(word, word)
        return [word]
    names = {"top": "up", "bottom": "down"}
    return [names.get(word, word) for word in words_of(item.text)]


def split_path(text: str) -> tuple[str, str]:
    """Start and end of *from the left to the right*."""
    head, tail = re.split(r" (?:to|towards?|into) the ", text.removeprefix("from "), maxsplit=1)
    return " ".join(words_of(head)), " ".join(words_of(tail))


def split_spot(text: str) -> str:
    """The place at the end of a phrase: *enters from the left*."""
    for word in (" from the ", " at the ", " on the ", " to the ", " through the "):
        if word in text:
            return " ".join(words_of(text.split(word)[-1]))
    return ""
