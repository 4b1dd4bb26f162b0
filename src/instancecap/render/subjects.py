"""The sentences about an instance: what it is and what it does, told once and together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from instancecap.render import english
from instancecap.render.lexicon import lexicon
from instancecap.render.place import NOWHERE, Place
from instancecap.render.words import content, is_covered
from instancecap.schema.caption import Instance

_SIZE = re.compile(r",? ((?:very )?small|large|of medium size|filling most of the frame)"
                   r"( in the frame)?$")  # fmt: skip
_SMALL = re.compile(r"((?:very )?small|large) in the frame")
_GENERIC = lexicon("generic")
_STILL = re.compile(r"^(?:stays?|stands?|remains?|is|are|sits?) (?:completely |perfectly )?"
                    r"(?:still|motionless|stationary)\.?$", re.IGNORECASE)  # fmt: skip


@dataclass(slots=True)
class Subject:
    """An instance, ready to be talked about.

    Attributes:
        looks: a noun phrase without its article: *young woman in a red coat*.
        determiner: *a*, *an*, *two*, *another* …
        said: sentences about its looks that are not the noun phrase.
        size: how large it is in the frame, *very small in the frame*.
        noun: its short name, *woman*; unique among the subjects, or else all of ``looks``.
        lead: whether the first of ``said`` introduces it: *The woman wears …*.
        named: whether it was introduced.
        twin: whether another reads the same, so that *the* would not tell which.
    """

    id: int
    looks: str
    determiner: str
    said: list[str] = field(default_factory=list)
    size: str = ""
    noun: str = ""
    twin: bool = False
    plural: bool = False
    actions: list[str] = field(default_factory=list)
    expression: str = ""
    place: Place = NOWHERE
    words: frozenset[str] = frozenset()
    lead: bool = False
    many: bool = False
    named: bool = False

    @property
    def phrase(self) -> str:
        """The noun phrase that it is introduced with, or called by once it was."""
        if self.named:
            return self.reference
        size = f", {self.size}," if self.size else ""
        return f"{self.determiner} {self.looks.rstrip(',') if size else self.looks}{size}".strip()

    @property
    def reference(self) -> str:
        """*the woman*; *another woman* where *the* would not tell which."""
        if not self.twin:
            return f"the {self.noun}"
        first = self.determiner in ("a", "an")
        return f"{'one' if first else self.determiner} {self.looks}"

    @property
    def moves(self) -> bool:
        """Whether it is said to do something other than to stay where it is."""
        return any(not _STILL.match(one) for one in self.actions)


def subject_of(
    one: Instance,
    *,
    appearance: str,
    action: str,
    expression: str,
    colors: Sequence[str],
    place: Place,
) -> Subject:
    """An instance, of which these texts may be told, taken apart."""
    # What does not depend on the clip recurs, from one attempt and one clip to the next.
    seen = _look(appearance, one.class_, one.subcategory, one.count, tuple(colors))
    return Subject(
        id=one.id,
        looks=seen.looks,
        determiner=seen.determiner,
        said=list(seen.said),
        size=seen.size,
        noun=seen.noun,
        plural=seen.plural,
        actions=list(english.sentences(action)),
        expression=english.phrase(english.clean(expression)) if expression else "",
        place=place,
        words=seen.words,
        lead=seen.lead,
        many=seen.many,
    )


@lru_cache(maxsize=16384)
def _look(
    appearance: str, class_: str, subcategory: str, count: int, colors: tuple[str, ...]
) -> Subject:
    """A subject of which only the looks are known."""
    first, *more = english.sentences(appearance) or ("",)
    first = english.phrase(english.strip_shows(first))
    bare = first
    size = _SIZE.search(first)
    if size is not None:
        bare = first[: size.start()].rstrip(",")
    name = english.clean(class_).lower() or "object"
    words = frozenset({name, english.clean(subcategory).lower()} - {""})
    result = Subject(0, "", "", more, words=words, many=count > 1)
    if not bare:
        _from_class(result, name, count, colors)
    elif english.is_noun_phrase(bare):
        determiner, _, result.looks = bare.partition(" ")
        result.determiner, result.plural = determiner.lower(), english.is_plural(bare)
        if determiner.lower() == "the":
            result.determiner = "" if result.plural else english.article(result.looks).split()[0]
    elif english.has_verb(bare) or english.verb_form(bare) == "sentence":
        _from_class(result, name, count, colors)
        _name_by_sentence(result, bare)
        result.said.insert(0, first)
        result.lead = True
    else:
        _from_fragment(result, name, count, bare)
    if size is not None and "medium" not in size[0]:
        result.size = size[0].lstrip(", ")
    if not result.noun:
        result.noun = _short_name(english.core(result.looks)[0], words)
    return result


def _from_class(result: Subject, name: str, count: int, colors: Sequence[str]) -> None:
    paint = english.join([english.clean(color) for color in colors if color != name][:2])
    result.plural = count > 1
    noun = english.plural(name) if result.plural else name
    if name in ("person", "man", "woman", "boy", "girl", "child") and paint:
        result.looks = f"{noun} in {paint}"
    else:
        result.looks = f"{paint} {noun}".strip()
    if count >= len(english.NUMBERS):
        result.determiner = f"a group of {count}"
    elif result.plural:
        result.determiner = english.count_word(count)
    else:
        result.determiner = english.article(result.looks).split()[0]


def _name_by_sentence(result: Subject, text: str) -> None:
    """*The young woman wears …* calls it *the young woman*."""
    subject, _ = english.split_subject(text, result.words)
    determiner, _, rest = subject.partition(" ")
    if rest and determiner.lower() not in english.PRONOUNS:
        result.noun = rest


def _from_fragment(result: Subject, name: str, count: int, bare: str) -> None:
    """*Young woman in red*, *wearing a red coat*, *white with blue stripes*."""
    first = bare.split()[0]
    kind = english.core(bare)[0].split()
    tail = bare[0].lower() + bare[1:] if first.istitle() else bare
    if count == 1 and kind and kind[-1].lower() in result.words | _GENERIC and bare[0].isascii():
        result.looks = tail
        result.determiner = english.article(tail).split()[0]
        return
    _from_class(result, name, count, ())
    low = first.lower()
    joins = low.endswith("ing") or low in ("with", "in", "dressed", "of", "made", "covered")
    result.looks += f" {tail}" if joins else f", {tail},"


def _short_name(kind: str, words: frozenset[str]) -> str:
    parts = kind.split()
    if not parts:
        return next(iter(words), "object")
    return parts[-1]


def tell_apart(subjects: Sequence[Subject]) -> None:
    """Make articles and short names differ where two subjects would read the same."""
    seen: dict[str, int] = {}
    for one in subjects:
        key = one.looks.lower()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1 and not one.plural:
            ordinal = min(seen[key], len(english.ORDINALS) - 1)
            one.determiner = english.ORDINALS[ordinal]
    nouns = [one.noun.lower() for one in subjects]
    kinds = [english.core(one.looks)[0].lower() for one in subjects]
    looks = [one.looks.lower() for one in subjects]
    for one, noun, kind, whole in zip(subjects, nouns, kinds, looks, strict=True):
        if nouns.count(noun) == 1:
            continue
        if kinds.count(kind) == 1:
            one.noun = english.core(one.looks)[0]
        elif looks.count(whole) == 1:
            one.noun = one.looks.rstrip(",")
        else:
            one.twin = True


def tell(one: Subject, *, known: frozenset[str], opening: str = "", near: str = "") -> list[str]:
    """The sentences about a subject.

    Args:
        known: the content of what was already told, which is not told again.
        opening: *In a full shot*, put before the first sentence.
        near: the cell of the frame that was named last.
    """
    actions = [text for text in one.actions if not known or not is_covered(text, known)]
    called = known | content(one.phrase) if one.said else known
    said = [text for text in one.said if not is_covered(text, called)]
    lead = said.pop(0) if one.lead and said and said[0] == one.said[0] else ""
    if lead:
        one.named = True
    where = english.clean(one.place.said)
    if english.split_subject(where, one.words)[0]:
        one.place = NOWHERE
        said += [where] if not is_covered(where, known.union(*map(content, actions))) else []
    first, used = _main_sentence(one, actions, near, bool(opening) or bool(lead))
    if not first and not lead and not opening and not known and not said:
        first = f"There {'are' if one.plural else 'is'} {one.phrase}"
    if not first and opening:
        first = f"{one.phrase} {'are' if one.plural else 'is'} seen" if not lead else ""
    parts = [text for text in ((lead, *said, first) if lead else (first,)) if text]
    if opening and parts:
        parts[0] = f"{opening}, {english.lower_first(parts[0])}"
    rest = [*actions[used:], *([] if lead else said)]
    return [english.sentence(text) for text in (*parts, *rest)]


def _main_sentence(
    one: Subject, actions: Sequence[str], near: str, fronted: bool
) -> tuple[str, int]:
    """Noun phrase, action, expression and place in one sentence, and how many actions it used."""
    action = english.phrase(actions[0]) if actions else ""
    be = "are" if one.plural else "is"
    verb = _verb_phrase(one, action, be) if action else ""
    place = one.place
    if not verb:
        if place.text and not (action and _says_subject(one, action)):
            text = f"{one.phrase} {be} {place.as_state}{_expression(one.expression)}"
            return _tidy(text), 0
        if one.named and not one.expression:
            return "", 0
        if action and _says_subject(one, action):
            one.named = True
            return action, 1  # the action speaks for itself, and of the subject
        extra = _expression(one.expression).removeprefix(",").strip()
        if one.named and not extra:
            return "", 0
        if one.named:
            return f"{one.phrase} {be} seen {extra}", 0
        text = f"there {be} {one.phrase}{_expression(one.expression)}"
        one.named = True
        return _tidy(text), 0
    verb, front = place.merge(verb, near, fronted)
    who = one.phrase
    if front.startswith(","):
        who = who.rstrip(",") + front
    elif front.startswith(" "):
        who += front + "," * who.endswith(",")
    else:
        who = front + who
    text = f"{who} {verb}{_expression(one.expression)}"
    one.named = True
    return _tidy(text), 1


def _says_subject(one: Subject, action: str) -> bool:
    """Whether a free sentence already names what the noun phrase says."""
    return is_covered(one.looks, content(action))


def _verb_phrase(one: Subject, action: str, be: str) -> str:
    """What follows the subject; empty where the action is a sentence about something else."""
    form = english.verb_form(action)
    if form == "gerund":
        return f"{be} {action[:1].lower()}{action[1:]}"
    if form == "finite" or (form == "other" and (one.plural or one.many)):
        return f"{action[:1].lower()}{action[1:]}"
    if form == "sentence":
        names = frozenset({*one.words, *_GENERIC, *one.noun.lower().split()[-1:]})
        subject, rest = english.split_subject(action, names)
        head = subject.lower().split()[-1] if subject else ""
        if head and (head in names or head in english.PRONOUNS):
            return rest
        words = action.split()
        if one.many and not subject and words[0].lower() in ("the", "these") and len(words) > 2:
            return " ".join(words[2:]) if words[1].lower() == one.noun.lower() else ""
    return ""


@lru_cache(maxsize=16384)
def _expression(text: str) -> str:
    """How a face looks, to be added to a sentence."""
    if not text:
        return ""
    low, first = text[:1].lower() + text[1:], text.split()[0].lower()
    if first in ("with", "wearing") or (first.endswith("ing") and len(first) > 4):
        return f", {low}"
    if first in english.DETERMINERS:
        return f", with {low}"
    if low.split()[-1] in ("smile", "frown", "grin", "expression", "look", "gaze"):
        return f", with {english.article(low)}"
    if english.has_verb(text) or len(text.split()) > 4:
        return f"; {low}" if english.has_verb(text) else f", with an expression that is {low}"
    return f", with {english.article(f'{low} expression')}"


@lru_cache(maxsize=16384)
def _tidy(text: str) -> str:
    """One *the frame* a sentence, and no doubled commas."""
    text = re.sub(r",(?:\s*,)+", ",", text)
    text = re.sub(r",(?= (?:is|are|moves?|stays?|enters?|comes?|leaves?|goes|go)\b)", ",", text)
    if text.count("the frame") > 1:
        text = _SMALL.sub(r"\1 in view", text)
    if text.count("the frame") > 1:
        text = re.sub(r"(gets? (?:larger|smaller)|next to [^,;]+?) in the frame", r"\1", text)
        text = english.leaves_it(text)
    return text
