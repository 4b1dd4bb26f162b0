"""What happens in each part of a clip of several shots, or of a long one.

Where the first question's pictures lie close enough together, it asks that as well; else the parts
have pictures of their own, several parts a question. These see more of the instances than the
whole view did, so where they plainly disagree with it they correct it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from instancecap.captioners.chain.answers import Answer, Keys, answer_type, clean
from instancecap.captioners.chain.pictures import Part
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.captioners.chain.said import MOST_COUNTED, Said, unique_names
from instancecap.mllm.base import Image
from instancecap.schema.pointer import instance_pointer

CORRECTIONS = ("corrections", ("about", "key", "instead"))

Numbered = Sequence[tuple[int, Part]]


def describe_parts(scene: Scene) -> Chain:
    """Ask what happens in the parts that the whole view does not show well enough."""
    if questions := [_question(scene, group) for group in _groups(scene)]:
        answers = yield questions
        for answered in answers:
            scene.take(answered)
        _correct(scene, answers)


def listed(parts: Numbered) -> str:
    """The parts in words, a line each."""
    return "\n".join(
        f"- part {index + 1}: {part.window.start:.1f} to {part.window.end:.1f}"
        for index, part in parts
    )


def keys_of(parts: Numbered) -> Keys:
    """The keys for what happens in each part, and who acts in it."""
    return tuple(f"{key}_{index + 1}" for index, _ in parts for key in ("part", "who"))


def read_parts(value: Answer, parts: Numbered) -> Values:
    """Sentence and names by the leaf of each part."""
    return {
        f"/segments/{index}": (
            clean(getattr(value, f"part_{index + 1}")),
            tuple(getattr(value, f"who_{index + 1}")),
        )
        for index, _ in parts
    }


def pointers_of(parts: Numbered) -> tuple[str, ...]:
    """The leaves that the parts' sentences go to, until the caption has its segments."""
    return tuple(f"/segments/{index}" for index, _ in parts)


def _groups(scene: Scene) -> list[Numbered]:
    """The parts with pictures, as many together as one question may show."""
    groups: list[list[tuple[int, Part]]] = []
    room = 0
    for index, part in enumerate(scene.prepared.parts):
        if part.images:
            if not groups or len(part.images) > room:
                groups.append([])
                room = scene.options.pictures
            groups[-1].append((index, part))
            room -= len(part.images)
    return list(groups)


def _question(scene: Scene, parts: Numbered) -> Question:
    images = _without_repeats([image for _, part in parts for image in part.images])
    start, end = parts[0][1].window.start, parts[-1][1].window.end
    keys = keys_of(parts) + ((CORRECTIONS,) if scene.agreed else ())
    text = scene.compose(
        scene.times(images, (start, end)),
        scene.prompts.say("parts", "closer", parts=listed(parts)),
        scene.known_names(),
        scene.keys(keys),
    )
    return Question(
        about=f"{start:g}-{end:g} s",
        images=images,
        text=text,
        answer=answer_type(keys),
        pointers=pointers_of(parts),
        read=lambda value: read_parts(value, parts),
    )


def _without_repeats(images: Sequence[Image]) -> tuple[Image, ...]:
    return tuple({image.t: image for image in images}.values())


# Corrections -------------------------------------------------------------------------------------


def _correct(scene: Scene, answers: Sequence[Answered]) -> None:
    """Take what the parts say is wrong of an instance, where they do not contradict each other."""
    ids = {name.casefold(): id for id, name in scene.names.items() if id in scene.agreed}
    found: dict[tuple[int, str], Counter[str]] = {}
    for answered in answers:
        for one in getattr(answered.value, "corrections", ()):
            id, instead = ids.get(clean(one.about).casefold()), clean(one.instead).strip(" .…")
            if id is not None and instead:
                found.setdefault((id, one.key), Counter())[instead] += 1
    for (id, key), told in found.items():
        (best, votes), *others = told.most_common(2)
        if not others or votes > others[0][1]:
            answered = next(one for one in answers if _says(one, best))
            _take_correction(scene, answered, id, key, best)


def _says(answered: Answered, instead: str) -> bool:
    given = getattr(answered.value, "corrections", ())
    return any(clean(one.instead).strip(" .…") == instead for one in given)


def _take_correction(scene: Scene, answered: Answered, id: int, key: str, instead: str) -> None:
    agreed = scene.agreed[id]
    match key:
        case "name":
            _rename(scene, id, instead)
        case "class":
            noun = instead.lower().removeprefix("the ").removeprefix("a ")
            scene.agreed[id] = replace(agreed, named=replace(agreed.named, class_=noun))
        case "count" if instead.isdigit() and 1 <= int(instead) <= MOST_COUNTED:
            count = int(instead)
            scene.agreed[id] = replace(agreed, named=replace(agreed.named, count=count))
            scene.take(answered, {instance_pointer(id, "count"): count}, about=scene.names[id])
        case "appearance":
            told = {instance_pointer(id, "appearance"): f"{instead}."}
            scene.take(answered, told, about=scene.names[id])


def _rename(scene: Scene, id: int, name: str) -> None:
    """The new name in place of the old one, in every sentence."""
    old = scene.names[id]
    scene.names[id] = name
    unique = unique_names(list(scene.names.values()))
    scene.names = dict(zip(scene.names, unique, strict=True))
    pattern = re.compile(rf"\b{re.escape(old)}\b", re.IGNORECASE)

    def renamed(text: str) -> str:
        new = scene.names[id]
        return pattern.sub(lambda m: new[:1].upper() + new[1:] if m[0][0].isupper() else new, text)

    for pointer, said in scene.said.items():
        value = said.value
        if pointer.startswith("/segments/"):
            value = renamed(value[0]), tuple(map(renamed, value[1]))
        elif isinstance(value, str):
            value = renamed(value)
        scene.said[pointer] = Said(value, said.model, said.times)
