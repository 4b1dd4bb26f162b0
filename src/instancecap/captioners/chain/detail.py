"""One instance of its own: asked only where the whole view can't show enough of it.

The answer refines what the whole view showed of its looks; it never overrules what that showed of
its motion, for pictures of one thing alone lose what it moves against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.questions import Answered, Question, Scene
from instancecap.captioners.chain.subjects import target_pictures, views_of
from instancecap.schema.evidence import InstanceFacts

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

REFINES = ("category", "appearance", "colors", "expression")
"""Keys that an answer on one instance may give anew."""

FILLS = ("action",)
"""Keys that it may give where the whole view gave none."""


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
    untold = f"/instances/{item.id}/appearance" not in scene.draft.said
    unsure = one.is_main and (area < TINY or len(views_of(scene, item)) <= BRIEF)
    return untold or unsure or (one.is_main and classes[one.class_] >= ALIKE)


def _question(scene: Scene, item: InstanceFacts) -> Question | None:
    said, allowed = scene.draft.said, scene.prepared.wanted.allows
    asked = [key for key in REFINES if allowed(_pointer(item.id, key))]
    asked += [key for key in FILLS if _pointer(item.id, key) not in said]
    if not asked:
        return None
    name = scene.names[item.id]
    keys = ("target_ok", *asked)
    images, outlined = target_pictures(scene, item, close_ups=CLOSE_UPS)
    others = [id for id in scene.names if id != item.id]
    looks = scene.draft.looks.get(item.id) or scene.agreed[item.id].named.class_
    known = scene.draft.said.get(_pointer(item.id, "appearance"))
    text = scene.compose(
        scene.prompts.say("detail", name=name, looks=looks, outlined=outlined),
        scene.prompts.say("told", said=known.value) if known else "",
        scene.known_names(others),
        scene.look_at(item),
        scene.keys(keys),
    )
    return Question(
        about=name,
        images=images,
        text=text,
        answer=answer_type(keys),
        read=lambda value: {
            _pointer(item.id, key): getattr(value, key)
            for key in asked
            if key in value.model_fields_set and getattr(value, key) not in ("", [], "unknown")
        },
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


def _pointer(id: int, key: str) -> str:
    return f"/instances/{id}/{INSTANCE_LEAVES[key]}"
