"""One call for everything: in our words, or in those that two trained captioners answer to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instancecap.captioners.chain.answers import (
    SkyAnswer,
    VidAnswer,
    clean,
    single_type,
)
from instancecap.captioners.chain.fused import CLIP_NOTES, THING_NOTES, measured_hints, with_notes
from instancecap.captioners.chain.pictures import Part
from instancecap.captioners.chain.plan import instance_pointer
from instancecap.captioners.chain.questions import (
    Chain,
    Question,
    Scene,
    Values,
    clip_pointers,
    clip_values,
    thing_pointers,
    thing_values,
)
from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import InstanceFacts

MAX_TOKENS = 3072


def single(scene: Scene) -> Chain:
    """One call, and one for each window of a clip that has several."""
    events: list[tuple[Part, str]] = []
    if parts := scene.part_questions():
        events = scene.events((yield parts))
    if scene.prepared.images:
        yield [QUESTIONS[scene.options.single_format](scene, events)]


def all_at_once(scene: Scene, events: Sequence[tuple[Part, str]]) -> Question:
    """Our own question: every instance under a key of its own, then the clip."""
    prepared, wanted = scene.prepared, scene.prepared.wanted
    clip_keys = with_notes(wanted.clip, CLIP_NOTES)
    names = {f"instance_{subject.item.id}": subject.item for subject in prepared.subjects}
    asked = {name: with_notes(wanted.things[item.id], THING_NOTES) for name, item in names.items()}
    lines = [f'- "{name}": {describe_thing(scene, item)}' for name, item in names.items()]
    opening = scene.times(prepared.images)
    text = scene.compose(
        opening,
        scene.hint(),
        scene.told(events),
        measured_hints(scene),
        scene.prompts.say("single", things="\n".join(lines) or "none"),
        *(scene.look(item) for item in _one_each(names.values())),
        scene.keys(clip_keys, nested=asked),
    )

    def read(value: object) -> Values:
        values = clip_values(value, wanted.clip)  # type: ignore[arg-type]
        for name, item in names.items():
            values |= thing_values(getattr(value, name), item.id, wanted.things[item.id])
        return values

    return Question(
        about="the clip",
        images=prepared.images,
        text=text,
        answer=single_type(clip_keys, tuple(asked.items())),
        pointers=_all_pointers(scene),
        read=read,
        opening=opening,
        max_tokens=MAX_TOKENS,
    )


def describe_thing(scene: Scene, item: InstanceFacts) -> str:
    """Which thing is meant: its class, and where it is from first to last."""
    facts = next(one for one in scene.prepared.measured.instances if one.id == item.id)
    where = facts.position.text or scene.place(item)
    return f"the {scene.noun(item)}, {where}" if where else f"the {scene.noun(item)}"


def _one_each(items: Iterable[InstanceFacts]) -> list[InstanceFacts]:
    """The first of each class: one hint does for all of them."""
    return list({item.class_: item for item in reversed(list(items))}.values())


def _all_pointers(scene: Scene) -> tuple[str, ...]:
    wanted = scene.prepared.wanted
    things = [thing_pointers(id, keys) for id, keys in wanted.things.items()]
    return (*clip_pointers(wanted.clip), *(pointer for some in things for pointer in some))


# SkyCaptioner-V1 and InstanceCap-Captioner -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A subject in another format: what it is called, and its values by our key."""

    names: tuple[str, ...]
    values: dict[str, object]


def skycaptioner(scene: Scene, events: Sequence[tuple[Part, str]]) -> Question:
    """SkyCaptioner-V1's question and answer."""

    def read(value: SkyAnswer) -> Values:
        values: Values = {
            "/background": value.environment,
            "/lighting": value.lighting,
            "/camera/description": value.camera_motion,
            "/camera/shot_type": value.shot_type,
            "/camera/shot_angle": value.shot_angle,
            "/camera/shot_position": value.shot_position,
        }
        told = [
            Told(
                (one.TYPES.sub_type, one.TYPES.type),
                {
                    "appearance": one.appearance,
                    "action": one.action,
                    "expression": one.expression,
                    "name": one.TYPES.sub_type,
                    "category": one.TYPES.type,
                    "is_main": one.is_main_subject,
                },
            )
            for one in value.subjects
        ]
        return values | _matched(scene, told)

    silent = {"/global_description", "/place", "/time_of_day", "/style"}
    return Question(
        about="the clip",
        images=scene.prepared.images,
        text=scene.prompts.say("skycaptioner"),
        answer=SkyAnswer,
        pointers=tuple(one for one in _all_pointers(scene) if one not in silent),
        read=read,
        plain=True,
        max_tokens=MAX_TOKENS,
    )


def instancecap_captioner(scene: Scene, events: Sequence[tuple[Part, str]]) -> Question:
    """InstanceCap-Captioner's question; it may answer in prose, which is taken as a whole."""

    def read(value: VidAnswer) -> Values:
        values: Values = {
            "/global_description": value.global_description,
            "/background": value.structure.background,
            "/camera/description": value.structure.camera,
        }
        told = [
            Told((one.class_,), {"appearance": one.appearance, "action": one.action})
            for one in value.structure.instances.values()
        ]
        return values | _matched(scene, told)

    said = ("/global_description", "/background", "/camera/description")
    leaves = ("/appearance", "/action")
    return Question(
        about="the clip",
        images=scene.prepared.images,
        text=scene.prompts.say("instancecap_captioner"),
        answer=VidAnswer,
        pointers=tuple(one for one in _all_pointers(scene) if one in said or one.endswith(leaves)),
        read=read,
        plain=True,
        prose="/global_description",
        max_tokens=MAX_TOKENS,
    )


def _matched(scene: Scene, told: Sequence[Told]) -> Values:
    """Values for the instances that subjects of another format are, as far as that can be told.

    Same class first, then same category, in order; a subject that fits no instance was not
    measured, and is left out.
    """
    values: Values = {}
    left = [subject.item for subject in scene.prepared.subjects]
    ranked = sorted(
        (-_likeness(item, one), place, index)
        for index, item in enumerate(left)
        for place, one in enumerate(told)
        if _likeness(item, one)
    )
    used_items: set[int] = set()
    used_told: set[int] = set()
    for _, place, index in ranked:
        if index not in used_items and place not in used_told:
            used_items.add(index)
            used_told.add(place)
            id = left[index].id
            pairs = told[place].values.items()
            values |= {instance_pointer(id, key): value for key, value in pairs}
    return values


PEOPLE = frozenset(
    ["person", "human", "man", "woman", "boy", "girl", "child", "baby", "people", "men", "women"]
)


def _likeness(item: InstanceFacts, told: Told) -> int:
    """3 for the same class, 2 for the same category, 1 where the class is not known, else 0."""
    words = {word for name in told.names for word in clean(name).lower().replace("_", " ").split()}
    phrases = {clean(name).lower() for name in told.names}
    if item.class_ in phrases or set(item.class_.split()) <= words:
        return 3
    category = CATEGORIES.get(item.class_, item.class_)
    singular = {word.removesuffix("s") for word in words}
    kinds = {str(CATEGORIES.get(word, "")) for word in phrases | singular}
    if category in singular | kinds or (category == "human" and words & PEOPLE):
        return 2
    return int(item.class_ == "object")


QUESTIONS = {
    "ours": all_at_once,
    "skycaptioner": skycaptioner,
    "instancecap-captioner": instancecap_captioner,
}
