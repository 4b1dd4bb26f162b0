"""Small English grammar for sentences that others wrote: what a text is, and how to say it on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from instancecap.render.lexicon import lexicon

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ORDINALS = ("", "", "another", "a third", "a fourth", "a fifth", "a sixth", "a seventh")
_SEVERAL = frozenset((*NUMBERS[2:], "several", "many", "some", "few", "various", "numerous"))
DETERMINERS = frozenset(("a", "an", "another", "one", "the", "this", *_SEVERAL))
PRONOUNS = lexicon("pronouns")
_STARTS = DETERMINERS | PRONOUNS | {"these", "those", "there", "in", "at", "on", "from", "as"}
_FINITE = lexicon("finite")
_RELATIVE = frozenset(("who", "that", "which", "whose", "as", "where", "while", "and"))
_PREPOSITIONS = lexicon("after_noun")
_SHOWS = re.compile(
    r"^(?:in )?(?:the|this) (?:image|picture|video|clip|photo|footage|frame|scene)s?,? "
    r"(?:(?:clearly |mainly |simply )?(?:shows|depicts|features|displays|captures|presents|"
    r"portrays|contains)|we (?:can )?see|we are shown|one can see)\s+(?:that |us )?",
    re.IGNORECASE,
)
_WIDE_MARKS = "。！？"
_SPLIT = re.compile(rf"(?<=[.!?])[\"”')\]]*\s+(?=[\"“'(\[A-Z0-9])|(?<=[{_WIDE_MARKS}])")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|No|vs|etc|approx|e\.g|i\.e)\.|\b[A-Z]\.)$")
_LEAVES = re.compile(
    r"(\bthe frame(?: to the [a-z]+(?: (?:left|right))?)?,?)((?: and| then| and then) leaves?)"
    r" the frame\b"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\ufeff]+")


@lru_cache(maxsize=16384)
def clean(text: str) -> str:
    """``text`` on one line, without control characters, list marks and Markdown."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", text, flags=re.MULTILINE))
    if "**" in text or "`" in text:
        text = text.replace("**", "").replace("`", "")
    return " ".join(text.split())


@lru_cache(maxsize=16384)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of ``text``, each as it is written."""
    parts: list[str] = []
    for part in _SPLIT.split(clean(text)):
        part = part.strip()
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] += f" {part}"
        elif any(letter.isalnum() for letter in part):
            parts.append(part)
    return tuple(parts)


@lru_cache(maxsize=16384)
def sentence(text: str) -> str:
    """Capital letter in front, a full stop behind where there is no end mark."""
    text = text.strip().rstrip(",;: ")
    if not text:
        return ""
    if text[0].isascii():
        text = text[0].upper() + text[1:]
    if text[-1] in f".!?…{_WIDE_MARKS}":
        return text
    if text[-1] in "\"”'’)" and len(text) > 1 and text[-2] in ".!?":
        return text
    return f"{text}."


@lru_cache(maxsize=16384)
def phrase(text: str) -> str:
    """``text`` without its full stop, to be used within a sentence."""
    return text.strip().rstrip(".;,:。 ")


def is_compound(verb: str) -> bool:
    """Whether a verb phrase has several parts, so that words put behind it belong to the last."""
    return "," in verb or " and " in verb


@lru_cache(maxsize=16384)
def leaves_it(text: str) -> str:
    """*down the frame and leaves the frame* as *down the frame and leaves it*, where the frame
    was named right before and *it* can be nothing else."""
    return _LEAVES.sub(r"\1\2 it", text)


def lower_first(text: str) -> str:
    """``text`` with a small letter in front where its first word has no capital of its own."""
    first = text.partition(" ")[0]
    word = first.rstrip(",;:")
    if word.lower() in _STARTS or (word.istitle() and word.endswith(("ing", "ly", "s"))):
        return text[:1].lower() + text[1:]
    return text


def join(parts: Sequence[str]) -> str:
    """*a*, *a and b*, *a, b and c*; with semicolons where a part has commas."""
    if len(parts) <= 1:
        return "".join(parts)
    if len(parts) == 2:
        comma = "," if "," in parts[0] else ""
        return f"{parts[0]}{comma} and {parts[1]}"
    mark = ";" if any("," in part for part in parts) else ","
    return f"{f'{mark} '.join(parts[:-1])}{mark if mark == ';' else ''} and {parts[-1]}"


def article(noun: str) -> str:
    """The noun with *a* or *an*."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


@lru_cache(maxsize=16384)
def plural(noun: str) -> str:
    """The plural of a class name."""
    irregular = {"person": "people", "man": "men", "woman": "women", "child": "children"}
    irregular |= {"sheep": "sheep", "skis": "skis", "mouse": "mice", "knife": "knives"}
    irregular |= {"scissors": "scissors", "bus": "buses", "fish": "fish"}
    head, _, last = noun.rpartition(" ")
    if last in irregular:
        return f"{head} {irregular[last]}".strip()
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")


def count_word(number: int) -> str:
    """``3`` as *three*; figures above ten."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _tokens(text: str) -> list[str]:
    return [word.strip(",;:.!?\"'()").lower() for word in text.split()]


@lru_cache(maxsize=16384)
def has_verb(text: str) -> bool:
    """Whether a finite verb is seen in the main clause: *wears*, but not in *who wears*."""
    words = _tokens(text)
    for index, word in enumerate(words):
        if word in _FINITE and index:
            before = words[max(0, index - 2) : index]
            if not _RELATIVE & set(before) and before[-1] not in DETERMINERS:
                return True
    return False


@lru_cache(maxsize=16384)
def is_noun_phrase(text: str) -> bool:
    """Whether ``text`` is *a young woman in a red coat*: an article or number, and no verb."""
    words = _tokens(text)
    return len(words) > 1 and words[0] in DETERMINERS - {"this"} and not has_verb(text)


def is_plural(noun_phrase: str) -> bool:
    """Whether a noun phrase begins with a number or with *several*."""
    return noun_phrase.partition(" ")[0].lower() in _SEVERAL


@lru_cache(maxsize=16384)
def core(noun_phrase: str) -> tuple[str, str]:
    """*a young woman in red* as what it is, *young woman*, and how: *in red*."""
    words = noun_phrase.split()
    if words and words[0].lower() in DETERMINERS:
        words = words[1:]
    for index, word in enumerate(words):
        bare = word.strip(",;:").lower()
        following = words[index + 1].strip(",;:").lower() if index + 1 < len(words) else ""
        if index and (bare in _PREPOSITIONS or (bare == "and" and following in DETERMINERS)):
            return " ".join(words[:index]).rstrip(",;:"), " ".join(words[index:])
        if word[-1] in ",;:" and following in _PREPOSITIONS | DETERMINERS:
            return " ".join(words[: index + 1]).rstrip(",;:"), " ".join(words[index + 1 :])
    return " ".join(words), ""


@lru_cache(maxsize=16384)
def verb_form(text: str) -> str:
    """What a description of an action begins with.

    ``finite`` (*moves to the right*), ``gerund`` (*walking*), ``sentence`` (*The dog runs*), or
    ``other``, which is left as it is.
    """
    words = _tokens(text)
    if not words:
        return "other"
    first = words[0]
    if first in DETERMINERS | PRONOUNS | {"there", "these", "those"}:
        return "sentence"
    if first.endswith("ly") and len(words) > 1:
        first = words[1]
    if first.endswith("ing") and len(first) > 4:
        return "gerund"
    if first in _FINITE or (first.endswith("s") and not first.endswith("ss") and len(first) > 2):
        return "finite"
    return "other"


@lru_cache(maxsize=16384)
def split_subject(text: str, names: frozenset[str] = frozenset()) -> tuple[str, str]:
    """*The older man wears a hat* as *The older man* and *wears a hat*.

    Both are empty where no short subject is seen before the first verb. ``names`` are nouns that
    the subject may end in, which helps to tell a verb from them.
    """
    words = text.split()
    if len(words) < 2 or words[0].lower() not in DETERMINERS | PRONOUNS | {"these", "those"}:
        return "", ""
    if words[0].lower() in ("she", "he", "it", "they"):
        return words[0], " ".join(words[1:])
    for index in range(1, min(len(words) - 1, 5)):
        head, after = words[index].lower(), words[index + 1].lower().strip(",")
        if after.endswith("ly") and index + 2 < len(words):
            after = words[index + 2].lower()
        verb = after in _FINITE
        if head in names:
            verb = verb or (after.endswith("s") and not after.endswith(("ss", "'s")))
        if verb and head.isalpha() and head not in _PREPOSITIONS | _FINITE:
            return " ".join(words[: index + 1]), " ".join(words[index + 1 :])
    return "", ""


@lru_cache(maxsize=16384)
def strip_shows(text: str) -> str:
    """A sentence that begins with *the video shows*, without that: *There is a dog running*."""
    found = _SHOWS.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    if not rest or has_verb(rest):
        return rest or text
    several = is_plural(rest)
    return f"There {'are' if several else 'is'} {rest}"
