"""The statements of a caption: its structured fields and the sentences of its texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from instancecap.models.coco import CATEGORIES
from instancecap.schema.caption import Caption, Instance
from instancecap.verify.grammar import Reader
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.statements import Mention, Statement
from instancecap.verify.text import sentences

Span = tuple[float, float]

LEAST_ENGLISH = 0.7
"""Share of a text's letters that must be plain Latin for it to be read as English."""


def statements_of(caption: Caption) -> list[Statement]:
    """Everything checkable that ``caption`` states, field by field."""
    mains = {one.id: _main(one) for one in caption.instances}
    found = [*_of_scene(caption)]
    for instance in caption.instances:
        found += _of_instance(instance, mains[instance.id])
    found += _of_text("/global_description", caption.global_description, Reader())
    found += _of_text("/background", caption.background, Reader())
    found += _of_text("/lighting", caption.lighting, Reader())
    found += _of_text("/camera/description", caption.camera.description, Reader(camera=True))
    for index, part in enumerate(caption.segments):
        pointer = f"/segments/{index}/description"
        found += _of_text(pointer, part.description, Reader(), span=(part.start, part.end))
    return found


def texts_of(caption: Caption) -> dict[str, str]:
    """Every field that is read as sentences, by its pointer."""
    found = {
        "/global_description": caption.global_description,
        "/background": caption.background,
        "/lighting": caption.lighting,
        "/camera/description": caption.camera.description,
    }
    for one in caption.instances:
        found[f"/instances/{one.id}/appearance"] = one.appearance
        found[f"/instances/{one.id}/action"] = one.action
        found[f"/instances/{one.id}/position/text"] = one.position.text
    for index, part in enumerate(caption.segments):
        found[f"/segments/{index}/description"] = part.description
    return found


def noun_of(name: str) -> Noun:
    """A class name as a noun, also one that the lexicon does not know.

    Foreign captions call a thing *young woman* or *red car*: the last words tell.
    """
    words = name.lower().replace("-", " ").replace("_", " ").split()
    for first in range(len(words)):
        known = lexicon().nouns.get(" ".join(words[first:]))
        if known is not None:
            return known
    return Noun(" ".join(words), CATEGORIES.get(" ".join(words), ""))


def _main(instance: Instance) -> Mention:
    return Mention(
        noun_of(instance.class_),
        instance=instance.id,
        number=instance.count,
        text=instance.class_,
    )


def _of_scene(caption: Caption) -> Iterator[Statement]:
    camera = caption.camera
    for word in camera.motion:
        yield Statement("camera", word, pointer="/camera/motion")
    if camera.stability:
        yield Statement("camera", camera.stability, pointer="/camera/stability")
    if camera.shot_type not in ("", "other"):
        yield Statement("shot_type", camera.shot_type, pointer="/camera/shot_type")
    if camera.shot_angle not in ("", "other"):
        yield Statement("shot_angle", camera.shot_angle, pointer="/camera/shot_angle")
    if caption.place not in ("", "unknown"):
        yield Statement("place", caption.place, pointer="/place")
    if caption.time_of_day:
        yield Statement("time_of_day", caption.time_of_day, pointer="/time_of_day")
    for index, shot in enumerate(caption.shots):
        span = (shot.start, shot.end)
        for word in shot.motion:
            yield Statement("camera", word, pointer=f"/shots/{index}/motion", span=span)
        if shot.shot_type not in ("", "other"):
            pointer = f"/shots/{index}/shot_type"
            yield Statement("shot_type", shot.shot_type, pointer=pointer, span=span)


def _of_instance(one: Instance, main: Mention) -> Iterator[Statement]:
    at, about, place = f"/instances/{one.id}", (main,), one.position
    if one.class_.strip():
        yield Statement("class", one.class_, about, pointer=f"{at}/class")
    if one.count > 1:
        yield Statement("count", str(one.count), about, pointer=f"{at}/count")
    for word in one.colors:
        yield Statement("color", word.lower(), about, pointer=f"{at}/colors")
    if place.start:
        yield Statement(
            "position", place.start, about, when="start", pointer=f"{at}/position/start"
        )
    if place.end:
        yield Statement("position", place.end, about, when="end", pointer=f"{at}/position/end")
    for name, told in (("enters", place.enters), ("leaves", place.leaves)):
        if told or place.start or place.end:  # "false" says something where places are known
            pointer = f"{at}/position/{name}"
            yield Statement(name, "yes", about, negated=not told, pointer=pointer)  # type: ignore[arg-type]
    for field, text in (("appearance", one.appearance), ("action", one.action)):
        yield from _of_text(f"{at}/{field}", text, Reader(main=main))
    yield from _of_text(f"{at}/position/text", place.text, Reader(main=main))


def _of_text(
    pointer: str, text: str, reader: Reader, *, span: Span | None = None
) -> Iterator[Statement]:
    if not _is_english(text):
        return
    found = []
    for sentence in sentences(text):
        for statement in reader.read(sentence.text):
            found.append(replace(statement, pointer=pointer, sentence=sentence.text, span=span))
    for one in found:
        yield replace(one, complete=False) if _is_one_of_several(one, found) else one


def _is_one_of_several(one: Statement, found: list[Statement]) -> bool:
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


def _is_english(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return sum(letter.isascii() for letter in letters) > LEAST_ENGLISH * len(letters)
