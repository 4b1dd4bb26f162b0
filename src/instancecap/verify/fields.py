"""The claims of a caption: its structured fields and the sentences of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from instancecap.schema.caption import Caption, Instance
from instancecap.verify.claims import Claim, Mention
from instancecap.verify.clauses import Context
from instancecap.verify.extract import extract
from instancecap.verify.naming import noun_of
from instancecap.verify.text import bare_name, sentences

Span = tuple[float, float]

LEAST_ENGLISH = 0.7
"""Share of a text's letters that must be plain Latin for it to be read as English."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a caption.

    Attributes:
        instance: id of the instance that it is about, None for the whole clip.
        span: seconds that it is about, None for the whole clip.
        camera: whether it is about the camera.
    """

    pointer: str
    text: str
    instance: int | None = None
    span: Span | None = None
    camera: bool = False


def texts_of(caption: Caption) -> list[Text]:
    """Every field that holds sentences to be checked, empty ones too."""
    found = [
        Text("/global_description", caption.global_description),
        Text("/background", caption.background),
        Text("/lighting", caption.lighting),
        Text("/camera/description", caption.camera.description, camera=True),
    ]
    for one in caption.instances:
        at = f"/instances/{one.id}"
        found += [
            Text(f"{at}/appearance", one.appearance, one.id),
            Text(f"{at}/action", one.action, one.id),
            Text(f"{at}/position/text", one.position.text, one.id),
        ]
    for index, part in enumerate(caption.segments):
        pointer = f"/segments/{index}/description"
        found.append(Text(pointer, part.description, span=(part.start, part.end)))
    return found


def mentions_of(caption: Caption) -> dict[int, Mention]:
    """Each instance of the caption as something that is spoken of, by its id."""
    return {one.id: _mention(one) for one in caption.instances}


def _mention(instance: Instance) -> Mention:
    noun = noun_of(instance.class_)
    named = noun_of(instance.name) if instance.name else noun
    head = bare_name(instance.name or instance.class_)
    return Mention(
        named if named.category and named.category == noun.category else noun,
        instance=instance.id,
        number=instance.count,
        text=instance.name or instance.class_,
        head=_head(head),
    )


def _head(name: str) -> str:
    """The noun of a name: *cat* of *gray cat by the wall*."""
    words = name.split()
    for place, word in enumerate(words):
        if word in ("in", "on", "with", "of", "at", "by", "behind", "near", "beside", "who"):
            words = words[:place]
            break
    return words[-1] if words else ""


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
    for word in camera.motion:
        yield Claim("camera", word, pointer="/camera/motion")
    if camera.stability:
        yield Claim("camera", camera.stability, pointer="/camera/stability")
    if camera.shot_type not in ("", "other"):
        yield Claim("shot_type", camera.shot_type, pointer="/camera/shot_type")
    if camera.shot_angle not in ("", "other"):
        yield Claim("shot_angle", camera.shot_angle, pointer="/camera/shot_angle")
    if caption.place not in ("", "unknown"):
        yield Claim("place", caption.place, pointer="/place")
    if caption.time_of_day:
        yield Claim("time_of_day", caption.time_of_day, pointer="/time_of_day")
    for index, shot in enumerate(caption.shots):
        span = (shot.start, shot.end)
        for word in shot.motion:
            yield Claim("camera", word, pointer=f"/shots/{index}/motion", span=span)
        if shot.shot_type not in ("", "other"):
            pointer = f"/shots/{index}/shot_type"
            yield Claim("shot_type", shot.shot_type, pointer=pointer, span=span)


def _of_instance(one: Instance, main: Mention) -> Iterator[Claim]:
    at, about, place = f"/instances/{one.id}", (main,), one.position
    if one.class_.strip():
        yield Claim("class", one.class_, about, pointer=f"{at}/class")
    if one.count > 1:
        yield Claim("count", str(one.count), about, pointer=f"{at}/count")
    for word in one.colors:
        yield Claim("color", word.lower(), about, pointer=f"{at}/colors")
    if place.start:
        yield Claim("position", place.start, about, when="start", pointer=f"{at}/position/start")
    if place.end:
        yield Claim("position", place.end, about, when="end", pointer=f"{at}/position/end")
    for name, value in (("enters", place.enters), ("leaves", place.leaves)):
        if value or place.start or place.end:  # "false" tells something where places are known
            pointer = f"{at}/position/{name}"
            yield Claim(name, "yes", about, negated=not value, pointer=pointer)  # type: ignore[arg-type]


def _of_text(
    text: Text, mentions: Mapping[int, Mention], names: Mapping[str, Mention]
) -> Iterator[Claim]:
    if not is_english(text.text):
        return
    about = mentions[text.instance] if text.instance is not None else None
    context = Context(about=about, camera=text.camera, names=names)
    found: list[Claim] = []
    for sentence in sentences(text.text):
        claims, context = extract(sentence.text, context)
        for one in claims:
            where = {"pointer": text.pointer, "sentence": sentence.text, "span": text.span}
            found.append(replace(one, **where))  # type: ignore[arg-type]
    for one in found:
        yield replace(one, complete=False) if _is_one_of_several(one, found) else one


def _is_one_of_several(one: Claim, found: list[Claim]) -> bool:
    """Whether a count is of some only, as the text goes on to name more of the kind."""
    if one.kind != "count" or not one.subject or one.subject[0].noun is None:
        return False
    noun = one.subject[0].noun
    named = {
        id(mention)
        for other in found
        for mention in other.subject
        if mention.noun is not None and mention.noun.class_ == noun.class_ and not other.negated
    }
    return len(named) > 1


def is_english(text: str) -> bool:
    """Whether most letters of a text are plain Latin ones."""
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > LEAST_ENGLISH * len(letters)
