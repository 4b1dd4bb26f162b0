"""The claims of a caption: its structured fields and the sentences of its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from instancecap.schema.caption import Caption, Instance
from instancecap.verify.claims import Claim, Kind, Mention, When
from instancecap.verify.clauses import Context
from instancecap.verify.extract import extract
from instancecap.verify.naming import noun_of
from instancecap.verify.text import bare_name, head_of, sentences

LEAST_ENGLISH = 0.7
"""Share of a text's letters that must be plain Latin for it to be read as English."""


_RETURNS = re.compile(r"\b(?:back|again|return(?:s|ing)?|reappear(?:s|ing)?)\b")


class Text(NamedTuple):
    """A text of a caption: of one instance's id, of a span in seconds, or of the whole clip."""

    pointer: str
    text: str
    instance: int | None = None
    span: tuple[float, float] | None = None


def texts_of(caption: Caption) -> list[Text]:
    """Every field that holds sentences to be checked, empty ones too."""
    found = [
        Text("/global_description", caption.global_description),
        Text("/background", caption.background),
        Text("/lighting", caption.lighting),
        Text("/camera/description", caption.camera.description),
    ]
    for one in caption.instances:
        at = f"/instances/{one.id}"
        found.append(Text(f"{at}/appearance", one.appearance, one.id))
        found.append(Text(f"{at}/action", one.action, one.id))
        found.append(Text(f"{at}/position/text", one.position.text, one.id))
    for index, part in enumerate(caption.segments):
        pointer = f"/segments/{index}/description"
        found.append(Text(pointer, part.description, span=(part.start, part.end)))
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


def claims_of(caption: Caption, *, texts: bool = True) -> list[Claim]:
    """Everything checkable that ``caption`` claims, field by field.

    ``texts``: read the sentences too, by rules; else the structured fields only.
    """
    mentions = mentions_of(caption)
    found = [*_of_scene(caption)]
    for one in caption.instances:
        found += _of_instance(one, mentions[one.id])
    if texts:
        names = {bare_name(one.name): mentions[one.id] for one in caption.instances if one.name}
        for text in texts_of(caption):
            found += _of_text(text, mentions, names)
    return found


def _of_scene(caption: Caption) -> Iterator[Claim]:
    camera = caption.camera
    values: list[tuple[Kind, str, str]] = [
        *(("camera", word, "/camera/motion") for word in camera.motion),
        ("camera", camera.stability, "/camera/stability"),
        ("shot_type", camera.shot_type, "/camera/shot_type"),
        ("shot_angle", camera.shot_angle, "/camera/shot_angle"),
        ("place", caption.place, "/place"),
        ("time_of_day", caption.time_of_day, "/time_of_day"),
    ]
    for kind, value, at in values:
        if value not in ("", "other", "unknown"):
            yield Claim(kind, value, pointer=at)
    for index, shot in enumerate(caption.shots):
        at, span = f"/shots/{index}", (shot.start, shot.end)
        for word in shot.motion:
            yield Claim("camera", word, pointer=f"{at}/motion", span=span)
        if shot.shot_type not in ("", "other"):
            yield Claim("shot_type", shot.shot_type, pointer=f"{at}/shot_type", span=span)


def _of_instance(one: Instance, main: Mention) -> Iterator[Claim]:
    at, about, place = f"/instances/{one.id}", (main,), one.position
    if one.class_.strip():
        yield Claim("class", one.class_, about, pointer=f"{at}/class")
    if one.count > 1:
        yield Claim("count", str(one.count), about, pointer=f"{at}/count")
    for word in one.colors:
        yield Claim("color", word.lower(), about, pointer=f"{at}/colors")
    ends: tuple[tuple[When, str], ...] = (("start", place.start), ("end", place.end))
    for when, cell in ends:
        if cell:
            yield Claim("position", cell, about, when=when, pointer=f"{at}/position/{when}")
    events: tuple[tuple[Kind, bool], ...] = (("enters", place.enters), ("leaves", place.leaves))
    for kind, value in events:
        if value or place.start or place.end:  # "false" tells something where places are known
            yield Claim(kind, "yes", about, negated=not value, pointer=f"{at}/position/{kind}")


def _of_text(
    text: Text, mentions: Mapping[int, Mention], names: Mapping[str, Mention]
) -> Iterator[Claim]:
    if not is_english(text.text):
        return
    about = mentions[text.instance] if text.instance is not None else None
    context = Context(about=about, camera=text.pointer.startswith("/camera"), names=names)
    found = [
        replace(one, pointer=text.pointer, sentence=sentence.text, span=text.span)
        for sentence in sentences(text.text)
        for one in extract(sentence.text, context)
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
