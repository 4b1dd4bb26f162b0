"""Whether a caption says all that its prompt says; what is missing is put in by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby

from instancecap.enhance.tokens import Parsed, Part
from instancecap.enhance.words import stems, synonyms, ways_to_say
from instancecap.language import en
from instancecap.language.sentences import split_sentences
from instancecap.schema.caption import Caption, Instance, Provenance
from instancecap.schema.pointer import assign, resolve

KNOWN_COUNT = Provenance(source="prompt", confidence=1.0, support="unchecked")
"""Of an instance's count; a plural of no number has none."""

_ALONE = "alone|nobody|no one|deserted|the only person|by (?:him|her|it)self"
_COPULA = r"(?:is|are|looks?|seems?|feels?|appears?|remains?)"


def missing(caption: Caption, parsed: Parsed) -> list[Part]:
    """What the prompt says and the caption does not, or says otherwise; each once."""
    said = _Said(caption)
    found = {(one.kind, one.words, one.of): one for one in parsed.parts if not said.holds(one)}
    return list(found.values())


def kept_and_missing(caption: Caption, parsed: Parsed) -> list[tuple[str, str]]:
    """The prompt in pieces, each ``kept`` or ``missing`` in the caption, or ``""`` for neither.

    Joined they are ``parsed.text``. A word that is missing in one sense of it is missing.
    """
    said = _Said(caption)
    states = [""] * len(parsed.text)
    for state in ("kept", "missing"):
        for one in parsed.parts:
            if said.holds(one) is (state == "kept"):
                first, last = one.span
                states[first:last] = [state] * (last - first)
    pieces = groupby(zip(states, parsed.text, strict=True), key=lambda pair: pair[0])
    return [("".join(letter for _, letter in some), state) for state, some in pieces]


def in_words(part: Part) -> str:
    """A part for a person: *3 kids*, *red kite*."""
    match part.kind:
        case "number":
            return f"{en.count_word(part.number)} {en.plural(part.of)}"
        case "color":
            return f"{part.words} {part.of}".strip()
        case "quote":
            return f'"{part.words}"'
        case "negation":
            return f"no {part.words}"
        case "noun" if part.of != part.words:
            return f"{part.words} {part.of}".strip()
        case "noun" | "style":
            return part.words
    return f"{part.words} ({part.kind})"


class _Said:
    """What a caption says, as stems, sentence by sentence."""

    def __init__(self, caption: Caption) -> None:
        self.caption = caption

    @cached_property
    def texts(self) -> list[str]:
        """Every text, as prompts say it: words about the camera win over its primitives."""
        one, camera = self.caption, self.caption.camera
        moves = [en.CAMERA_VERBS[word] for word in camera.motion]
        shot = f"{camera.shot_type} {camera.shot_angle} {camera.shot_position}".replace("_", " ")
        found = [one.global_description, one.background, one.lighting, one.style, shot]
        found += [camera.description] if camera.description else [camera.stability, *moves]
        found += [en.TIME_OF_DAY_NAMES.get(one.time_of_day, "")]
        found += [segment.description for segment in one.segments]
        for thing in one.instances:
            found += [thing.name, thing.class_, " ".join(thing.colors), thing.appearance]
            found += [thing.action, thing.expression, thing.position.text]
        return [text for text in found if text.strip()]

    @cached_property
    def sentences(self) -> list[list[str]]:
        """The stems of every sentence."""
        split = (part.text for text in self.texts for part in split_sentences(text))
        return [words for words in map(stems, split) if words]

    def has(self, words: str) -> bool:
        """Whether some sentence says it, or a word that may stand for it."""
        return any(_holds(words, sentence) for sentence in self.sentences)

    def paints(self, color: str, noun: str) -> bool:
        """Whether something of that name has the color."""
        own = (
            stems(f"{one.name} {one.class_} {' '.join(one.colors)} {one.appearance}")
            for one in self.caption.instances
        )
        return any(
            _holds(color, words) and _holds(noun, words) for words in (*self.sentences, *own)
        )

    def holds(self, part: Part) -> bool:
        """Whether the caption says what a part says."""
        match part.kind:
            case "quote":
                plain = quotable(part.words)
                texts = (*self.texts, *(one.text for one in self.caption.texts))
                return any(plain in quotable(text) for text in texts)
            case "number":
                return self._counts(part)
            case "color":
                return self.paints(part.words, part.of) if part.of else self.has(part.words)
            case "negation":
                names = f"(?:{re.escape(part.words)}|{re.escape(part.of)})"
                denied = re.compile(
                    rf"\b(?:no|not|without)\b(?: \w+){{0,2}} {names}|"
                    rf"\b(?:{_ALONE if part.of in ('person', 'people') else '(?!)'})\b"
                )
                return any(denied.search(text.lower()) for text in self.texts)
            case "style":
                return self._is_framed(part) or any(map(self.has, ways_to_say(part.words)))
        return self.has(part.words)

    def _is_framed(self, part: Part) -> bool:
        """Whether a word for the shot is the one that prompts say its field with."""
        names = {"shot_type": en.SHOT_TYPES, "shot_angle": en.SHOT_ANGLE_NAMES}
        fields = [(getattr(self.caption.camera, field), table) for field, table in names.items()]
        fields += [(shot.shot_type, en.SHOT_TYPES) for shot in self.caption.shots]
        return any(stems(table.get(value, "")) == stems(part.words) for value, table in fields)

    def _counts(self, part: Part) -> bool:
        """*three kids*: one instance of three, or three of one, and no text that says otherwise."""
        like = [one for one in self.caption.instances if is_a(one, part.of)]
        touchable = part.touchable and bool(self.caption.instances)
        counts = [one.count for one in like]
        fits = part.number in counts or sum(counts) == part.number
        if not fits and (like or touchable):
            return False
        told = [
            sentence[index - back]
            for sentence in map(stems, [self.caption.global_description])
            for index, word in enumerate(sentence)
            for back in (1, 2, 3)
            if _holds(part.of, [word]) and back <= index and sentence[index - back].isdecimal()
        ]
        return str(part.number) in told if told or not like else True


def is_a(one: Instance, noun: str) -> bool:
    """Whether an instance may be called by a noun."""
    return _holds(noun, stems(f"{one.name} {one.class_} {one.subcategory}"))


def _holds(words: str, said: Sequence[str]) -> bool:
    """Whether stems in order are among others, or what may stand for them is."""
    wanted = tuple(stems(words))
    ways = {wanted, *synonyms().get(" ".join(wanted), ())}
    return any(
        tuple(said[index : index + len(way)]) == way
        for way in ways
        for index in range(len(said) - len(way) + 1)
    )


def alike(one: str, other: str) -> bool:
    """Whether two words may stand for each other."""
    return _holds(one, stems(other)) or _holds(other, stems(one))


def quotable(text: str) -> str:
    """A text without quotation marks, to look a quotation up in."""
    return " ".join(re.sub(r"[\"“”'‘’«»「」]", "", text).split())


def repair(caption: Caption, base: Caption, parsed: Parsed) -> list[Part]:
    """Put in what is missing, in the prompt's own words; returns what is missing still.

    Args:
        base: the caption that quotes the prompt.
    """
    for part in missing(caption, parsed):
        if part.kind == "number":
            _set_count(caption, base, part)
    if missing(caption, parsed):
        caption.global_description = base.global_description or caption.global_description
        for mine, theirs in zip(caption.segments, base.segments, strict=False):
            mine.description = theirs.description
    for part in missing(caption, parsed):
        for pointer in ("/global_description", "/camera/description", "/lighting", "/background"):
            text, said = resolve(base, pointer), resolve(caption, pointer)
            spans = base.provenance[pointer].spans if text else []
            if text not in said and any(a <= part.span[0] < b for a, b in spans):
                assign(caption, pointer, f"{said.rstrip(' .')}. {text}" if said else text)
                break
    return missing(caption, parsed)


def _set_count(caption: Caption, base: Caption, part: Part) -> None:
    """Let the instances of a noun be as many as the prompt says; there is one at least."""
    like = [one for one in caption.instances if is_a(one, part.of)]
    if like:
        rest = sum(one.count for one in like[1:])
        like[0].count = part.number - rest if rest < part.number else part.number
        caption.provenance[f"/instances/{like[0].id}/count"] = KNOWN_COUNT.model_copy()
        if rest >= part.number:
            caption.instances = [one for one in caption.instances if one not in like[1:]]
    for own in base.instances:
        if not like and is_a(own, part.of):
            id = max((one.id for one in caption.instances), default=-1) + 1
            caption.instances.append(own.model_copy(update={"id": id}))
            caption.provenance[f"/instances/{id}/count"] = KNOWN_COUNT.model_copy()
            return


# Words that no result may hold ----------------------------------------------------------------


def forbidden(caption: Caption, negative: frozenset[str], prompt: str) -> list[str]:
    """Words of the negative list in a caption; those that the prompt uses itself are allowed."""
    pattern = _pattern(negative - set(re.findall(r"[\w-]+", prompt.lower())))
    texts = (str(value) for value in caption.leaves().values())
    return sorted({match[1].lower() for text in texts for match in pattern.finditer(text)})


def _pattern(words: frozenset[str]) -> re.Pattern[str]:
    longest = sorted(words, key=len, reverse=True)
    return re.compile(
        rf"(?<![\w-])({'|'.join(map(re.escape, longest)) or '(?!)'})(?:ly)?(?![\w-])", re.I
    )


def edit_out(text: str, words: Sequence[str]) -> str:
    """The text without these words: an adjective before a noun goes, any other takes its sentence
    along."""
    if not words:
        return text
    pattern = _pattern(frozenset(words))
    kept = []
    for sentence in split_sentences(text):
        part = sentence.text
        while match := pattern.search(part):
            before, after = part[: match.start()], part[match.end() :]
            leads = re.match(r"(?:,? and|,)? \w", after) and not re.search(
                rf"\b{_COPULA} $", before, re.I
            )
            if not leads:
                part = ""
                break
            part = _without(before, after)
        kept.append(part)
    return " ".join(filter(None, kept))


def _without(before: str, after: str) -> str:
    """A sentence with an adjective taken out, its article put right."""
    after = re.sub(r"^(?:,? and|,)? ", "", after)
    before = re.sub(r"\b(?:very|so|truly|most) $", "", before, flags=re.I)
    article = re.search(r"\b(an?) $", before, re.I)
    if article:
        first = en.article(after).split(" ")[0]
        first = first.capitalize() if article[1][0].isupper() else first
        before = f"{before[: article.start()]}{first} "
    text = before + after
    return text[:1].upper() + text[1:] if not before else text
