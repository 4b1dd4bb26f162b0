"""One instance of its own: asked only where the whole view can't show enough of it.

The answer refines what the whole view showed of its looks; it never overrules what that showed of
its motion, for pictures of one thing alone lose what it moves against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from instancecap.captioners.chain.answers import Answer, answer_type
from instancecap.captioners.chain.expression import faces_left, faces_told, read_faces
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.pictures import QUALITY
from instancecap.captioners.chain.questions import Answered, Question, Scene, Values
from instancecap.captioners.visual_prompts import (
    blur_around,
    close_up,
    from_jpeg,
    outline_box,
    resized,
    to_jpeg,
)
from instancecap.evidence.tracking.instances import box_at
from instancecap.mllm.base import Image
from instancecap.schema.evidence import InstanceFacts
from instancecap.video.decode import Picture
from instancecap.video.sampling import pick_evenly

CLOSE_UPS = 3
"""Pictures of the instance from near, beside the one in which it is outlined."""

RIGHT_TARGETS = ("single", "crowded")
"""What the pictures may show, so that what was said of them counts."""

AUTO_MOST = 2
"""Instances that ``auto`` asks about of their own, at most, so that a clip takes three calls."""

TINY = 0.012
"""Share of the frame under which the whole view shows little of a thing."""

ALIKE = 3
"""Things of one class from which on they are easily taken for each other."""

BRIEF = 2
"""Pictures of the clip in which a thing that is there for a moment shows, at most."""

REFINES = ("category", "appearance", "colors")
"""Keys that an answer on one instance may give anew."""

FILLS = ("action", "expression")
"""Keys that it may give where the whole view gave none: what changes in the course of the clip is
seen in all of its pictures, not in four."""


def detail_questions(scene: Scene) -> list[Question]:
    """Questions on single instances, as ``detail`` says."""
    if scene.options.detail == "never" or not scene.agreed:
        return []
    chosen = [item for item in scene.evidence.instances if views_of(scene, item)]
    if scene.options.detail == "auto":
        needy = [item for item in chosen if _needs_a_look(scene, item)]
        chosen = sorted(needy, key=lambda item: not scene.agreed[item.id].named.is_main)[:AUTO_MOST]
    return [one for item in chosen if (one := _question(scene, item)) is not None]


def _needs_a_look(scene: Scene, item: InstanceFacts) -> bool:
    one = scene.agreed[item.id].named
    area = max((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (p.box for p in item.track))
    classes = Counter(other.named.class_ for other in scene.agreed.values())
    untold = f"/instances/{item.id}/appearance" not in scene.said
    unsure = one.is_main and (area < TINY or len(views_of(scene, item)) <= BRIEF)
    return (
        untold
        or unsure
        or bool(faces_left(scene, item.id))
        or (one.is_main and classes[one.class_] >= ALIKE)
    )


def _question(scene: Scene, item: InstanceFacts) -> Question | None:
    said, allowed = scene.said, scene.prepared.wanted.allows
    asked = [key for key in REFINES if allowed(_pointer(item.id, key))]
    faces = faces_left(scene, item.id)
    asked += [key for key in FILLS if _pointer(item.id, key) not in said]
    if faces and "expression" not in asked and allowed(_pointer(item.id, "expression")):
        asked.append("expression")
    if not asked:
        return None
    if "expression" not in asked:
        faces = ()
    name = scene.names[item.id]
    keys = ("target_ok", "right_name", *(("faces",) if faces else ()), *asked)
    images, outlined = target_pictures(scene, item, close_ups=CLOSE_UPS)
    others = [id for id in scene.names if id != item.id]
    named = scene.agreed[item.id].named
    known = scene.said.get(_pointer(item.id, "appearance"))
    text = scene.compose(
        scene.prompts.say(
            "detail", name=name, looks=named.looks or named.class_, outlined=outlined
        ),
        scene.prompts.say("told", said=known.value) if known else "",
        scene.known_names(others),
        scene.look_at(item),
        faces_told(scene, faces, before=len(images)),
        scene.keys(keys),
    )

    def read(value: Answer) -> Values:
        found: Values = {
            _pointer(item.id, key): getattr(value, key)
            for key in asked
            if key in value.model_fields_set and getattr(value, key) not in ("", [], "unknown")
        }
        if looks := getattr(value, "faces", ()):
            spans = read_faces(scene, item.id, looks, faces, before=len(images))
            found[f"{_pointer(item.id, 'expression')}_spans"] = spans
        return found

    return Question(
        about=name,
        images=(*images, *(face.image for face in faces)),
        text=text,
        answer=answer_type(keys),
        read=read,
    )


def take_details(scene: Scene, answers: Sequence[Answered]) -> None:
    """Keep what was said of targets that were what they should be."""
    for answered in answers:
        ok = answered.get("target_ok")
        id = next(id for id, name in scene.names.items() if name == answered.question.about)
        if answered.value is not None and (
            ok in RIGHT_TARGETS or (ok == "group" and scene.agreed[id].named.count > 1)
        ):
            scene.take(answered)
            name = answered.get("right_name").strip(" .…")
            if name.lower().startswith("the ") and name.lower() != scene.names[id].lower():
                scene.rename(id, name)


def _pointer(id: int, key: str) -> str:
    return f"/instances/{id}/{INSTANCE_LEAVES[key]}"


# Subjects -----------------------------------------------------------------------------------------


Box = NDArray[np.float64]

MOST_NUMBERED, NUMBERED_PICTURES = 9, 4
"""Tracks that are shown to a model that gives no boxes, and pictures that they are shown on."""

CUT_OFF = 0.6
"""What a view is worth in which the box touches the frame's edge, against one in which not."""


def views_of(scene: Scene, item: InstanceFacts) -> list[tuple[Image, Box]]:
    """The clip's pictures on which an instance is tracked, with its box (0..1) on each."""
    found = []
    for image in scene.prepared.frames:
        box = box_at(item, image.t or 0.0) if item.track else None
        if box is not None and scene.shows(item.id, image.t or 0.0):
            found.append((image, box))
    return found


def painted(scene: Scene, item: InstanceFacts, *, count: int) -> tuple[Image, ...]:
    """At most ``count`` pictures of an instance before blurred surroundings, evenly in time."""
    views = views_of(scene, item)
    chosen = [views[index] for index in pick_evenly(len(views), count)]
    how = partial(
        blur_around, side=scene.options.image_side, segmenter=scene.prepared.cluster.segmenter
    )
    return tuple(_made(image, partial(how, box=box)) for image, box in chosen)


def target_pictures(
    scene: Scene, item: InstanceFacts, *, close_ups: int
) -> tuple[tuple[Image, ...], int]:
    """The picture that shows an instance best, with a line around it, and others from near.

    All in order of time; beside them the number, from one, of the outlined one. Those that the
    model gave a box in come first: a track may have gone astray.
    """
    views, side = views_of(scene, item), scene.options.image_side
    given = {seed.t: np.array(seed.box) for seed in scene.agreed[item.id].named.boxes}
    sure = [(image, given[image.t]) for image, _ in views if image.t in given]
    best = max(sure or views, key=lambda view: _worth(view[1]))
    near = [view for view in sure if view[0] is not best[0]][:close_ups]
    others = [view for view in views if view[0].t not in given and view[0] is not best[0]]
    near += [others[i] for i in pick_evenly(len(others), close_ups - len(near))]
    how = partial(close_up, side=side, segmenter=scene.prepared.cluster.segmenter)
    made = [_made(image, partial(how, box=box)) for image, box in near]
    image, box = best
    target = _made(image, lambda picture: outline_box(resized(picture, side), box))
    made = sorted([target, *made], key=lambda one: one.t or 0.0)
    return tuple(made), 1 + next(i for i, one in enumerate(made) if one is target)


def numbered(scene: Scene) -> tuple[Image, ...]:
    """Some of the clip's pictures with an outline and a number, its id and one, at every track."""
    found: dict[float, list[tuple[int, Box]]] = {}
    for item in scene.prepared.evidence.instances[:MOST_NUMBERED]:
        for image, box in views_of(scene, item):
            found.setdefault(image.t or 0.0, []).append((item.id + 1, box))
    images = [image for image in scene.prepared.frames if image.t in found]

    def draw(picture: Picture, tracks: list[tuple[int, Box]]) -> Picture:
        picture = resized(picture, scene.options.image_side)
        for number, box in tracks:
            picture = outline_box(picture, box, label=str(number))
        return picture

    return tuple(
        _made(images[index], partial(draw, tracks=found[images[index].t or 0.0]))
        for index in pick_evenly(len(images), NUMBERED_PICTURES)
    )


def _made(image: Image, make: Callable[[Picture], Picture]) -> Image:
    if not image.jpeg:
        return image
    return Image(to_jpeg(make(from_jpeg(image.jpeg)), quality=QUALITY), image.t)


def _worth(box: Box) -> float:
    x0, y0, x1, y1 = box
    is_cut = min(x0, y0) < 0.01 or max(x1, y1) > 0.99
    return float((x1 - x0) * (y1 - y0) * (CUT_OFF if is_cut else 1.0))
