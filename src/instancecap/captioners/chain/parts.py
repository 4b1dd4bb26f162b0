"""What happens in each part of a clip of several shots, or of a long one.

Where the first question's pictures lie close enough together, it asks that as well; else the parts
have pictures of their own, several parts a question. These see more of the instances than the
whole view did, so where they plainly disagree with it they correct it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from instancecap.captioners.chain.answers import Answer, Keys, answer_type, clean
from instancecap.captioners.chain.pictures import Part
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.captioners.chain.said import MOST_COUNTED
from instancecap.captioners.chain.windows import Window
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.mllm.base import Image, Media
from instancecap.schema.base import Text
from instancecap.schema.pointer import instance_pointer
from instancecap.video.sampling import fit_within

CORRECTIONS = ("corrections", ("about", "key", "instead"))

NEAR_CUT = 0.5
"""Seconds; a view that begins so near to a measured cut begins there."""

MIN_BOX = 0.004
"""Frame sizes; a box is not thinner."""

Numbered = Sequence[tuple[int, Part]]


def describe_parts(scene: Scene) -> Chain:
    """Ask what happens in the parts that the whole view does not show well enough."""
    if questions := [_question(scene, group) for group in _groups(scene)]:
        answers = yield questions
        for answered in answers:
            scene.take(answered)
            _add_texts(scene, answered)
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
    """The parts with pictures that are not told yet, as many together as one question may show."""
    groups: list[list[tuple[int, Part]]] = []
    room = 0
    for index, part in enumerate(scene.prepared.parts):
        if part.images and f"/segments/{index}" not in scene.said:
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
    if scene.agreed and scene.convention and scene.prepared.wanted.allows("/texts"):
        keys = (*keys, "texts")
    text = scene.compose(
        scene.times(images, (start, end)),
        scene.heard((start, end)),
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


# Views -------------------------------------------------------------------------------------------


def take_jumps(scene: Scene, numbers: Sequence[int]) -> None:
    """Where another view begins at a picture, and no cut was measured, a part ends.

    What was said of the part that it lies in no longer holds; it is asked anew, in pieces.
    """
    prepared = scene.prepared
    times = [image.t or 0.0 for image in prepared.images if isinstance(image, Image)]
    gaps = [(times[n - 2], times[n - 1]) for n in sorted(set(numbers)) if 2 <= n <= len(times)]
    known = [shot.start for shot in prepared.evidence.shots]
    free = [
        round((a + b) / 2, 3)
        for a, b in gaps
        if not any(a - NEAR_CUT <= t <= b + NEAR_CUT for t in known)
    ]
    if not free or len(free) > len(times) / 2 or not prepared.wanted.segments:
        return
    scene.jumps = free
    said = {
        index: scene.said.pop(f"/segments/{index}", None) for index in range(len(prepared.parts))
    }
    parts: list[Part] = []
    whole = Part(Window(0.0, prepared.evidence.video.duration), ())
    for index, part in enumerate(prepared.parts or (whole,)):
        start, end = part.window.start, part.window.end
        edges = [start, *(t for t in free if start < t < end), end]
        if len(edges) == 2:
            if (kept := said.get(index)) is not None:
                scene.said[f"/segments/{len(parts)}"] = kept
            parts.append(part)
            continue
        for a, b in itertools.pairwise(edges):
            shown = [one for one in part.images or prepared.frames if a <= (one.t or 0.0) < b]
            parts.append(Part(Window(a, b), tuple(shown)))
    scene.prepared = replace(prepared, parts=tuple(parts))


# Texts -------------------------------------------------------------------------------------------


def read_box(scene: Scene, one: Any, images: Sequence[Media]) -> Seed | None:
    """A box in one of the pictures, in 0..1 of the frame; None where it makes no sense."""
    video = scene.prepared.evidence.video
    image = images[one.picture - 1] if 1 <= one.picture <= len(images) else None
    side = min(scene.options.image_side, max(video.width, video.height))
    box = scene.convention.to_unit(one.box, *fit_within(video.width / video.height, side))
    if not isinstance(image, Image) or box is None:
        return None
    too_thin = box[2] - box[0] < MIN_BOX or box[3] - box[1] < MIN_BOX
    return None if too_thin else Seed(image.t or 0.0, box)


def read_texts(scene: Scene, found: Sequence[Any], images: Sequence[Media]) -> list[Text]:
    """Writing with its place; what has no place that can be read is left out."""
    texts = []
    for one in found:
        seed = read_box(scene, one, images)
        said = clean(one.text, limit=200)
        if seed is not None and said:
            texts.append(Text(text=said, t=seed.t, box=seed.box))
    return texts


def _add_texts(scene: Scene, answered: Answered) -> None:
    """Writing that only the parts' own pictures show."""
    given = getattr(answered.value, "texts", ())
    before = scene.said["/texts"].value if "/texts" in scene.said else []
    known = {one.text.casefold() for one in before}
    found = read_texts(scene, given, answered.question.images)
    if new := [one for one in found if one.text.casefold() not in known]:
        scene.take(answered, {"/texts": [*before, *new]})


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
            scene.rename(id, instead)
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
