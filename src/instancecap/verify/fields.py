"""The claims of a caption: its structured fields, and its sentences, read by rules or a model."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from instancecap.language.quotes import replace_spoken
from instancecap.language.sentences import split_sentences
from instancecap.mllm.base import Backend, Message, Request, Usage
from instancecap.mllm.structured import ask
from instancecap.schema import vocabulary as words
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.pointer import instance_pointer, resolve
from instancecap.verify.checks_scene import SCENE_CHECKS
from instancecap.verify.claims import Claim, Kind, Mention, When
from instancecap.verify.clauses import Context
from instancecap.verify.extract import extract
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.naming import noun_of
from instancecap.verify.speech import speech_claims
from instancecap.verify.text import Text, bare_name, head_of

LEAST_ENGLISH = 0.7
"""Share of a text's letters that must be plain Latin for it to be read as English."""


_RETURNS = re.compile(r"\b(?:back|again|return(?:s|ing)?|reappear(?:s|ing)?)\b")


def texts_of(caption: Caption) -> list[Text]:
    """Every field that holds sentences to be checked, empty ones too."""
    scene = ("/global_description", "/dense_description", "/background", "/lighting",
             "/camera/description")  # fmt: skip
    found = [Text(at, resolve(caption, at)) for at in scene]
    for one in caption.instances:
        for leaf in ("appearance", "action", "position/text"):
            at = instance_pointer(one.id, leaf)
            found.append(Text(at, resolve(caption, at), one.id))
    for index, part in enumerate(caption.segments):
        at = f"/segments/{index}/description"
        found.append(Text(at, part.description, span=(part.start, part.end)))
    return found


def mentions_of(caption: Caption) -> dict[int, Mention]:
    """Each instance of the caption as something that is spoken of, by its id."""
    return {one.id: _mention(one) for one in caption.instances}


def _mention(one: Instance) -> Mention:
    name = one.name or one.class_
    noun, named = noun_of(one.class_), noun_of(head_of(name))
    fits = named.category and named.category == noun.category
    return Mention(
        named if fits else noun, instance=one.id, number=one.count, text=name, head=head_of(name)
    )


def claims_of(
    caption: Caption, *, texts: bool = True, nouns: Mapping[str, Noun] | None = None
) -> list[Claim]:
    """Everything checkable that ``caption`` claims, field by field.

    Args:
        texts: read the sentences too, by rules; else the structured fields and quotations.
        nouns: further ones than the lexicon's, see :func:`~instancecap.verify.naming.own_nouns`.
    """
    mentions = mentions_of(caption)
    found = [claim for kind, at in _SCENE for claim in _structured(caption, kind, at)]
    for index, shot in enumerate(caption.shots):
        span = (shot.start, shot.end)
        found += _structured(caption, "camera", f"/shots/{index}/motion", span=span)
        found += _structured(caption, "shot_type", f"/shots/{index}/shot_type", span=span)
    for one in caption.instances:
        about = (mentions[one.id],)
        for kind, leaf, when in _INSTANCE:
            at = instance_pointer(one.id, leaf)
            found += _structured(caption, kind, at, subject=about, when=when)
        found += [*_visibility(one, about), *_faces(one, about)]
    found += speech_claims(caption, [one for one in texts_of(caption) if is_english(one.text)])
    if texts:
        names = {bare_name(one.name): mentions[one.id] for one in caption.instances if one.name}
        for text in texts_of(caption):
            found += _of_text(text, mentions, names, nouns or {})
    return found


_SCENE: tuple[tuple[Kind, str], ...] = (
    ("camera", "/camera/motion"),
    ("camera", "/camera/stability"),
    ("shot_type", "/camera/shot_type"),
    ("shot_angle", "/camera/shot_angle"),
    ("place", "/place"),
    ("time_of_day", "/time_of_day"),
)
_INSTANCE: tuple[tuple[Kind, str, When], ...] = (
    ("class", "class", ""),
    ("count", "count", ""),
    ("color", "colors", ""),
    ("position", "position/start", "start"),
    ("position", "position/end", "end"),
)


def _structured(caption: Caption, kind: Kind, at: str, **more: Any) -> Iterator[Claim]:
    """A claim for each value of a field that is neither empty nor open."""
    value = resolve(caption, at)
    for word in value if isinstance(value, list) else [value]:
        if str(word).strip() and word not in ("other", "unknown", 1):
            text = str(word).lower() if kind == "color" else str(word)
            yield Claim(kind, text, pointer=at, **more)


def _visibility(one: Instance, about: tuple[Mention, ...]) -> Iterator[Claim]:
    place = one.position
    events: tuple[tuple[Kind, bool], ...] = (("enters", place.enters), ("leaves", place.leaves))
    for kind, value in events:
        if value or place.start or place.end:  # "false" tells something where places are known
            at = instance_pointer(one.id, f"position/{kind}")
            yield Claim(kind, "yes", about, negated=not value, pointer=at)


def _faces(one: Instance, about: tuple[Mention, ...]) -> Iterator[Claim]:
    """Who has an expression has a face in view, at the times at which it shows something."""
    at = instance_pointer(one.id, "expression")
    if one.expression:
        yield Claim("face", "yes", about, pointer=at)
    for index, span in enumerate(one.expression_spans):
        pointer = f"{at}_spans/{index}/shows"
        yield Claim("face", "yes", about, pointer=pointer, span=(span.start, span.end))


def _of_text(
    text: Text,
    mentions: Mapping[int, Mention],
    names: Mapping[str, Mention],
    nouns: Mapping[str, Noun],
) -> Iterator[Claim]:
    if not is_english(text.text):
        return
    about = mentions[text.instance] if text.instance is not None else None
    films = text.pointer.startswith("/camera")
    context = Context(about=about, camera=films, names=names, nouns=nouns)
    found = [
        replace(one, pointer=text.pointer, sentence=sentence.text, span=text.span)
        for sentence in split_sentences(text.text)
        for one in extract(replace_spoken(sentence.text, lambda _: '""'), context)
    ]
    kinds = [one.value for one in found if one.kind == "presence"]
    for one in found:
        if one.kind == "leaves" and not one.negated and _RETURNS.search(text.text):
            continue  # it is there at the end
        # A number is of some only where the text goes on to name more of the kind.
        noun = one.subject[0].noun if one.kind == "count" else None
        yield replace(one, complete=False) if noun and kinds.count(noun.class_) > 1 else one


def is_english(text: str) -> bool:
    """Whether most letters of a text are plain Latin ones."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > LEAST_ENGLISH * len(letters)


VALUES: Mapping[str, Sequence[str]] = {
    **tomllib.loads((files(__package__) / "lexicon" / "values.toml").read_text("utf-8")),
    "camera": (*get_args(words.Primitive), *get_args(words.Stability)),
    "time_of_day": get_args(words.TimeOfDay),
    "shot_type": get_args(words.ShotType),
    "shot_angle": get_args(words.ShotAngle),
    "color": tuple(lexicon().colors),
    "count": tuple(str(number) for number in range(1, 21)),
}
"""What a value of each kind may be."""

QUESTION = (files(__package__) / "lexicon" / "question.md").read_text("utf-8").strip()


class ReadClaim(BaseModel, extra="forbid"):
    """One claim in a model's answer."""

    sentence: int
    subject: str
    kind: Kind
    value: str
    when: When = ""
    denied: bool = False


class Answer(BaseModel, extra="forbid"):
    """The whole answer."""

    claims: list[ReadClaim]


class Reading(NamedTuple):
    """What a model read: no claims where it gave no usable answer, and the ``problem``."""

    claims: list[Claim] | None
    problem: str
    usage: Usage


async def read_claims(
    caption: Caption, backend: Backend, *, enforced: bool | None = None
) -> Reading:
    """The claims of the sentences of ``caption``, for :func:`instancecap.verify.check.verify`.

    Raises:
        ServerError: nothing can be asked at all.
    """
    numbered = [
        (text, sentence.text)
        for text in texts_of(caption)
        for sentence in split_sentences(text.text)
    ]
    if not numbered:
        return Reading([], "", Usage())
    request = Request(
        messages=(Message("user", (_question(caption, [text for _, text in numbered]),)),),
        max_tokens=256 + 64 * len(numbered),
    )
    asked = await ask(backend, request, Answer, enforced=enforced)
    if asked.value is None:
        return Reading(None, asked.problem, asked.usage)
    mentions = mentions_of(caption)
    names = {bare_name(one.text): one for one in mentions.values()}
    found = [_claim(one, numbered, names) for one in asked.value.claims]
    return Reading([one for one in found if one is not None], "", asked.usage)


def _question(caption: Caption, texts: Sequence[str]) -> str:
    names = [one.text for one in mentions_of(caption).values()]
    return QUESTION.format(
        names="; ".join(names) or "none are listed",
        sentences="\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1)),
        values="; ".join(f"{kind}: {', '.join(known)}" for kind, known in VALUES.items()),
    )


def _claim(
    one: ReadClaim, numbered: Sequence[tuple[Text, str]], names: Mapping[str, Mention]
) -> Claim | None:
    """The claim, or None where it is of nothing that is known, or has a value of no meaning."""
    value, subject = one.value.strip().lower(), names.get(bare_name(one.subject))
    noun = noun_of(one.subject)
    if not names and noun.category:
        subject = Mention(noun, text=one.subject, head=head_of(one.subject))
    about = () if subject is None or one.kind in SCENE_CHECKS else (subject,)
    is_known = value in VALUES.get(one.kind, ()) and 1 <= one.sentence <= len(numbered)
    if not is_known or not (about or one.kind in SCENE_CHECKS):
        return None
    text, sentence = numbered[one.sentence - 1]
    return Claim(
        one.kind, value, about, one.denied, one.when, text.pointer, sentence, text.span,
        complete=False,
    )  # fmt: skip
