"""The default: one call for the clip and one for each instance, reasoning inside the answer.

What the paper asks in turns, a model writes here as notes at the head of its answer: it names what
is in front before it describes what is behind, and what changes before it says what is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.pictures import Part, Subject
from instancecap.captioners.chain.questions import (
    Chain,
    Question,
    Scene,
    clip_pointers,
    clip_values,
    thing_pointers,
    thing_values,
)

CLIP_NOTES = {
    "global_description": ("foreground", "events"),
    "background": ("foreground",),
    "camera_description": ("camera_notes",),
}
"""Notes that come before a key, each once."""

THING_NOTES = {"appearance": ("seen",), "action": ("seen", "changes"), "expression": ("changes",)}


def fused(scene: Scene) -> Chain:
    """N + 1 calls for N instances, and one for each window of a clip that has several."""
    events: list[tuple[Part, str]] = []
    if parts := scene.part_questions():
        events = scene.events((yield parts))
    about = scene.prepared.base.global_description
    if scene.prepared.wanted.clip and scene.prepared.images:
        (answered,) = yield [clip_question(scene, events)]
        about = answered.get("global_description") or about
    subjects = [subject for subject in scene.prepared.subjects if subject.images]
    if subjects:
        yield [thing_question(scene, subject, about, events) for subject in subjects]


def clip_question(scene: Scene, events: Sequence[tuple[Part, str]]) -> Question:
    """Everything about the clip as a whole."""
    prepared, keys = scene.prepared, scene.prepared.wanted.clip
    asked = with_notes(keys, CLIP_NOTES)
    opening = scene.times(prepared.images)
    text = scene.compose(
        opening,
        scene.hint(),
        scene.told(events),
        measured_hints(scene),
        scene.prompts.say("clip"),
        scene.keys(asked),
    )
    return Question(
        about="the clip",
        images=prepared.images,
        text=text,
        answer=answer_type(asked),
        pointers=clip_pointers(keys),
        read=lambda value: clip_values(value, keys),
        opening=opening,
    )


def thing_question(
    scene: Scene, subject: Subject, about: str, events: Sequence[tuple[Part, str]]
) -> Question:
    """Everything about one instance, on the pictures of it alone."""
    item = subject.item
    keys = scene.prepared.wanted.things[item.id]
    asked = with_notes(keys, THING_NOTES)
    first, last = item.track[0].t, item.track[-1].t
    seen = [one for one in events if one[0].window.start <= last and one[0].window.end >= first]
    opening = scene.compose(scene.times(subject.images), scene.view(item))
    text = scene.compose(
        opening,
        scene.told(seen),
        scene.motion(item),
        scene.look(item),
        scene.prompts.say("instance", noun=scene.noun(item), clip=about),
        scene.keys(asked),
    )
    return Question(
        about=f"instance {item.id}",
        images=subject.images,
        text=text,
        answer=answer_type(asked),
        pointers=thing_pointers(item.id, keys),
        read=lambda value: thing_values(value, item.id, keys),
        opening=opening,
    )


def measured_hints(scene: Scene) -> str:
    """What was measured of the clip as a whole: how many of what, and the camera."""
    if not scene.options.hints:
        return ""
    things, camera = scene.list_things(scene.prepared.subjects), scene.camera()
    return scene.compose(
        scene.prompts.say("measured", "clip", things=things) if things else "",
        scene.prompts.say("measured", "camera", camera=camera) if camera else "",
    )


def with_notes(keys: Sequence[str], notes: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The keys, with each one's notes before the first key that needs them."""
    ordered = [one for key in keys for one in (*notes.get(key, ()), key)]
    return tuple(dict.fromkeys(ordered))
