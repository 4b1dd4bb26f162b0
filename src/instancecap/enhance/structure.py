"""A prompt as a caption, without a language model: every word is quoted, none is invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

from instancecap.enhance.options import LONGEST_PROMPT, EnhanceOptions
from instancecap.enhance.parse import category_of, parse
from instancecap.enhance.tokens import Parsed, Phrase, Span, tidy
from instancecap.errors import FormatError
from instancecap.language import en
from instancecap.schema.base import Text
from instancecap.schema.caption import Caption, Instance, Producer, Provenance, Segment, Shot
from instancecap.schema.pointer import assign, resolve
from instancecap.schema.vocabulary import Cell
from instancecap.verify.lexicon import lexicon
from instancecap.verify.text import split_path, words_of
from instancecap.version import __version__

_CELLS = {"left": "center-left", "right": "center-right", "center": "center-middle",
          "top": "top-middle", "bottom": "bottom-middle"}  # fmt: skip
_SHOTS = {
    name.replace("-", " ")
    for table in (en.SHOT_TYPES, en.SHOT_ANGLE_NAMES)
    for name in table.values()
}
"""What prompts call shots by; the fields alone say it then."""
_FILMING = ("motion", "stability", "other", "shot_type", "shot_angle", "shot_position")


NOT_READ = (
    "the prompt is not English: it stays word for word; of Chinese counted, colored and leading "
    "nouns are read, of other languages only quotations"
)


def structure(prompt: str, options: EnhanceOptions) -> tuple[Caption, Parsed]:
    """The caption that quotes a prompt, and what was found in it.

    Raises:
        FormatError: the prompt says nothing, or is longer than any model reads.
    """
    text = tidy(prompt)
    if not any(letter.isalnum() for letter in text):
        raise FormatError("an empty prompt: write what the video is to show")
    if len(text) > LONGEST_PROMPT:
        raise FormatError(
            f"a prompt of {len(text):,} characters: at most {LONGEST_PROMPT:,} are taken"
        )
    pinned, begin = options.pinned(text)
    found = parse(pinned)
    if not found.fragments:
        raise FormatError("a prompt of marks alone: write what the video is to show")
    draft = _Draft(found, options, begin if pinned != text else len(pinned))
    return draft.caption(), found


class _Draft:
    """A caption in the making, with the places in the prompt that each field quotes."""

    def __init__(self, found: Parsed, options: EnhanceOptions, pins: int) -> None:
        self.found, self.options, self.pins = found, options, pins
        self.result = Caption(video=None)
        self.spans: dict[str, list[Span]] = {}

    def caption(self) -> Caption:
        self._scene()
        self._instances()
        self._texts()
        self._shots(self._gist())
        if not self.found.english:
            self.result.warnings.append(NOT_READ)
        self.result.producer = Producer(
            version=__version__, captioner="enhance", mode="structure", prompt=self.found.text
        )
        self.result.provenance = {
            pointer: Provenance(
                source="prompt", confidence=1.0, support="unchecked",
                spans=sorted(set(self.spans.get(pointer, []))),
            )
            for pointer in (*self.result.leaves(), *(p for p in self.spans if p.endswith("/count")))
        }  # fmt: skip
        return Caption.model_validate(self.result.model_dump())

    def _put(self, pointer: str, value: Any, *spans: Span) -> None:
        """Fill a field, and note which places in the prompt it quotes."""
        assign(self.result, pointer, value)
        self.spans.setdefault(pointer, []).extend(spans)

    # The clip as a whole -----------------------------------------------------------------------

    def _scene(self) -> None:
        """Shot, camera, time of day, style, and the places; what is pinned wins."""
        pinned = {term.field for (start, _), term in self.found.terms if start >= self.pins}
        if pinned & {"motion", "other"}:
            pinned |= {"motion", "other", "stability"}
        for span, term in self.found.terms:
            if not term.value or (term.field in pinned and span[0] < self.pins):
                continue
            whole = term.field in ("style", "time_of_day")
            pointer = f"/{term.field}" if whole else f"/camera/{term.field}"
            if term.field == "motion":
                moves = list(dict.fromkeys([*self.result.camera.motion, term.value]))
                still = [one for one in moves if one != "static"] or moves
                self._put(pointer, still, span)
            elif not resolve(self.result, pointer):
                self._put(pointer, term.value, span)
        places = [one for one in self.found.phrases if one.role in ("indoor", "outdoor", "setting")]
        places = [one for one in places if not one.negated and not one.number > 1]
        told = dict.fromkeys(self.found.at(one.span) for one in places)
        self._put("/background", ", ".join(told), *(one.span for one in places))
        for one in places:
            if one.role != "setting" and not self.result.place:
                self._put("/place", one.role, one.span)

    def _gist(self) -> list[Span]:
        """Fragments that are about what happens; those about camera and light have their fields."""
        if len(self.found.shots) > 1:  # what is said of camera and light stays in its shot
            return list(self.found.fragments)
        gist: list[Span] = []
        moved: dict[str, list[Span]] = {"/camera/description": [], "/lighting": [], "": []}
        for span in self.found.fragments:
            where = self._field_of(span)
            (gist if where is None else moved[where]).append(span)
        if not gist:
            gist, moved = list(self.found.fragments), {}
        elif not any(map(self._filming, moved["/camera/description"])):  # a camera that is seen
            gist = sorted([*gist, *moved.pop("/camera/description")])
        for pointer, spans in moved.items():
            if pointer and spans:
                self._put(pointer, _capital(self._joined(spans)), *spans)
        return gist

    def _field_of(self, span: Span) -> str | None:
        """Where a fragment goes; None for the gist, empty where its fields say it all."""
        things = [one for one in self.found.phrases if _within(one.span, span)]
        films = self._filming(span)
        words = [one for one in self.found.tokens if _within((one.start, one.end), span)]
        leads = bool(words) and words[0].low in ("the", "camera") and any(
            one.low == "camera" for one in words[:2]
        )  # fmt: skip
        stands = [one for one in things if one.role not in ("intangible", "worn")]
        if (films or leads) and (leads or not stands) and not any(one.negated for one in things):
            told = self.found.at(span).strip(" ,.;").lower().replace("-", " ")
            return "" if told in _SHOTS else "/camera/description"
        lit = any(term.field == "light" for _, term in self._terms(span))
        lit = lit or any(one.noun in ("light", "lighting", "glow", "sunlight") for one in things)
        if lit and not stands and not any(one.kind == "V" for one in words):
            return "/lighting"
        return None

    def _terms(self, span: Span) -> list[tuple[Span, Any]]:
        return [one for one in self.found.terms if _within(one[0], span)]

    def _filming(self, span: Span) -> bool:
        return any(term.field in _FILMING for _, term in self._terms(span))

    def _joined(self, spans: Sequence[Span]) -> str:
        """Fragments as one text; the whole stretch where nothing between them was left out."""
        text, last = "", 0
        for span in spans:
            between = self.found.text[max(last - 1, 0) : span[0]]
            mark = next((one for one in ".;" if one in between), ",")
            last = span[1]
            part = self.found.at(span).strip()
            ended = part[-1:] in tuple(".!?。！？")
            part = part if ended else part.rstrip(",;，—–|: ")
            text += f"{'' if not text else ' ' if text[-1] in '.!?。！？' else f'{mark} '}{part}"
        return text

    # What happens ------------------------------------------------------------------------------

    def _shots(self, gist: list[Span]) -> None:
        """The global description, or timed segments where there are several shots."""
        marks = [start for start, _ in self.found.shots]
        parts: list[list[Span]]
        if marks:
            edges = [*marks, len(self.found.text)]
            parts = [
                [span for span in gist if first <= span[0] < last]
                for first, last in pairwise(edges)
            ]
            gist = [span for span in gist if span[0] < marks[0]]
        else:
            parts = _split(self.found.text, gist, self.options.shots)
            gist = gist if len(parts) < 2 else []
        parts = [part for part in parts if part]
        if len(parts) < 2:
            gist = gist + (parts[0] if parts and marks else [])
        if self.options.shots > max(1, len(parts)):
            self.result.warnings.append(
                f"shots: {max(1, len(parts))}, not {self.options.shots}: "
                "the prompt has no more sentences"
            )
        self._put("/global_description", _capital(self._joined(gist)), *gist)
        if len(parts) < 2:
            if self.options.duration:
                self.result.shots = [Shot(start=0, end=self.options.duration, transition="start")]
            return
        lay_out_shots(self.result, [self._joined(part) for part in parts], self.options.seconds)
        for index, part in enumerate(parts):
            self.spans[f"/segments/{index}/description"] = part
            self._film_shot(index, part, alone=bool(marks))

    def _film_shot(self, index: int, part: list[Span], *, alone: bool) -> None:
        """Give a shot what its own words say of it; ``alone``: and not the clip as a whole."""
        for span, term in self.found.terms:
            if term.field not in ("motion", "shot_type") or not term.value:
                continue
            if not any(_within(span, stretch) for stretch in part):
                continue
            pointer = f"/shots/{index}/{term.field}"
            known = resolve(self.result, pointer)
            value = (
                list(dict.fromkeys([*known, term.value])) if term.field == "motion" else term.value
            )
            if term.field == "motion" or not known:
                self._put(pointer, value, span)
            whole = f"/camera/{term.field}"
            if alone and term.field == "shot_type" and span in self.spans.get(whole, []):
                self.spans.pop(whole)
                assign(self.result, whole, "")

    # Who is there ------------------------------------------------------------------------------

    def _instances(self) -> None:
        groups: list[list[Phrase]] = []
        for one in self.found.phrases:
            if one.role != "thing" or one.negated:
                continue
            same = next((group for group in groups if _is_same(one, group[0])), None)
            if same is not None and one.number == same[0].number:
                same.append(one)
            elif same is None:
                groups.append([one])
        groups.sort(key=lambda group: not any(one.actions for one in group))
        names: list[str] = []
        for id, group in enumerate(groups[: self.options.max_instances]):
            count = group[0].number or 2
            self.result.instances.append(
                Instance(id=id, class_=group[0].noun, count=count, is_main=id == 0)
            )
            self._instance(f"/instances/{id}", group, names)

    def _instance(self, base: str, group: Sequence[Phrase], names: list[str]) -> None:
        first, at, spans = group[0], self.found.at, [one.span for one in group]
        colors = list(dict.fromkeys(color for one in group for color in one.colors))
        self._put(f"{base}/name", _name(at(first.core), first, names), *spans)
        self._put(f"{base}/class", first.noun, *spans)
        self._put(f"{base}/category", category_of(first.noun), *spans)
        self._put(f"{base}/colors", colors, *spans)
        if first.counted or first.number == 1:
            self.spans[f"{base}/count"] = [first.span]
        for leaf, told in (
            ("action", [span for one in group for span in one.actions]),
            ("appearance", self._looks(group)),
        ):
            self._put(f"{base}/{leaf}", "; ".join(map(at, told)), *told)
        if places := [span for one in group for span in self._places(one)]:
            start, end = _cells(at(places[0]).lower())
            text = "; ".join(dict.fromkeys(map(at, places)))
            for leaf, value in (("text", text), ("start", start), ("end", end)):
                self._put(f"{base}/position/{leaf}", value, *places)

    def _looks(self, group: Sequence[Phrase]) -> list[Span]:
        """The noun phrase with what is worn, where it tells more than the noun; and participles."""
        found: list[Span] = []
        for one in group:
            end = one.span[1]
            for other in self.found.phrases:
                between = self.found.text[end : other.span[0]].strip().lower()
                if other.role == "worn" and other.span[0] >= end and between in _WEARING:
                    end = other.span[1]
            if end > one.span[1] or self.found.at(one.core).lower() != one.head.lower():
                found.append((one.span[0], end))
            found += [span for span in one.looks if not any(_within(span, kept) for kept in found)]
        return found

    def _places(self, one: Phrase) -> Iterator[Span]:
        """Turns of phrase for a place in the frame, right behind the noun or in what it does."""
        text = self.found.text.lower()
        stretches = [(one.span[1], min(one.span[1] + 60, len(text))), *one.actions]
        for kind, _, regex in lexicon().patterns:
            if kind not in ("position", "path"):
                continue
            for index, (start, end) in enumerate(stretches):
                match = regex.search(text, start, end)
                if match and (index or match.start() <= start + 1):
                    yield match.span()

    def _texts(self) -> None:
        for index, span in enumerate(self.found.writing):
            self.result.texts.append(Text(text=self.found.at(span), t=0.0, box=(0, 0, 1, 1)))
            self.spans[f"/texts/{index}/text"] = [span]


_WEARING = ("in", "with", "wearing", "and", "dressed in", ", with", ", in")


def lay_out_shots(caption: Caption, texts: Sequence[str], seconds: float) -> None:
    """Give the caption equally long shots and segments, each with the instances that it names."""
    step = seconds / len(texts)
    times = [round(index * step, 3) for index in range(len(texts) + 1)]
    caption.shots, caption.segments = [], []
    for index, text in enumerate(texts):
        low = text.lower()
        acting = [
            one.id
            for one in caption.instances
            if one.class_.lower() in low or one.name.removeprefix("the ").lower() in low
        ]
        start, end = times[index], times[index + 1]
        caption.shots.append(Shot(start=start, end=end, transition="cut" if index else "start"))
        caption.segments.append(Segment(start=start, end=end, description=text, instances=acting))


def _split(text: str, gist: Sequence[Span], count: int) -> list[list[Span]]:
    """Fragments in at most so many groups of whole sentences."""
    sentences: list[list[Span]] = [[]]
    for span in gist:
        sentences[-1].append(span)
        if text[: span[1]].rstrip()[-1:] in tuple(".!?。！？;"):
            sentences.append([])
    sentences = [one for one in sentences if one]
    count = min(count, len(sentences))
    if count < 2:
        return []
    edges = [round(index * len(sentences) / count) for index in range(count + 1)]
    return [
        [span for sentence in sentences[first:last] for span in sentence]
        for first, last in pairwise(edges)
    ]


def _capital(text: str) -> str:
    """A capital letter in front of a plain word; names keep their case."""
    return text[:1].upper() + text[1:] if text.split(" ")[0].islower() else text


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _is_same(one: Phrase, other: Phrase) -> bool:
    """Whether *the dog* is a dog that was named before; a color that differs tells them apart."""
    if one.noun != other.noun or not one.definite:
        return False
    return not one.colors or not other.colors or bool(set(one.colors) & set(other.colors))


def _name(core: str, phrase: Phrase, names: list[str]) -> str:
    """*the paper kite*; a second one of the same name is *the second paper kite*."""
    proper = core[:1].isupper() and phrase.noun == phrase.head.lower() and not phrase.definite
    proper = proper and phrase.span[0] > 0 and phrase.span == phrase.core
    leads = phrase.span == phrase.core and not core[1:2].isupper()  # its capital is the sentence's
    if not core.isascii() and not phrase.head[:1].isascii():
        proper = True  # no article goes with Chinese
    text = core if proper else f"the {core[:1].lower() + core[1:] if leads else core}"
    before = names.count(text)
    names.append(text)
    return f"the {en.ordinal(before + 1)} {text.removeprefix('the ')}" if before else text


def _cells(place: str) -> tuple[str, str]:
    """A place in the frame, or a way through it, as the cells where it begins and ends."""
    first, last = (
        split_path(place) if place.startswith("from ") and " to" in place else (place, place)
    )
    found = []
    for words in (words_of(first), words_of(last)):
        cell = "-".join(words) if len(words) == 2 else _CELLS.get("".join(words), "")
        found.append(cell if cell in get_args(Cell) else "")
    return found[0], found[1]
