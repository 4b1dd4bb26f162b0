"""One call, in the words that a trained captioner answers to; agreed on afterwards."""

from __future__ import annotations

from dataclasses import replace

from instancecap.captioners.chain.agree import Named
from instancecap.captioners.chain.answers import clean
from instancecap.captioners.chain.look import agree_on, settle
from instancecap.captioners.chain.options import CLIP_POINTERS, INSTANCE_LEAVES, SingleFormat
from instancecap.captioners.chain.parts import describe_parts
from instancecap.captioners.chain.questions import (
    LOOK_TOKENS,
    Answered,
    Chain,
    Question,
    Scene,
    Values,
)
from instancecap.captioners.chain.shot_experts import ask_shot_expert
from instancecap.errors import FormatError
from instancecap.formats import answer_model, caption_from
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.pointer import instance_pointer, leaves

FORMATS: dict[SingleFormat, str] = {
    "skycaptioner": "skycaptioner",
    "instancecap-captioner": "instancevid",
    "instancecap": "instancecap",
}
"""By the captioner the format of its answers, and the name of the prompt with its question."""

PROSE = {"instancecap-captioner": "/global_description"}
"""The leaf that takes an answer in prose: what InstanceCap-Captioner often gives."""

SAID = frozenset({"category", "appearance", "action", "expression", "position/text", "is_main"})
"""Leaves of an instance that the foreign formats have; our own has all."""


def single(scene: Scene) -> Chain:
    """One call, and one for each window of a clip that has several."""
    if scene.options.speaks_of_camera:
        yield from ask_shot_expert(scene)
        return
    if scene.prepared.images:
        (answered,) = yield [_question(scene)]
        told = _read(answered, FORMATS[scene.options.single_format])
        if told is None:
            scene.take(replace(answered, value=None))
        else:
            clip = set(CLIP_POINTERS.values())
            scene.take(answered, {key: one for key, one in leaves(told).items() if key in clip})
        if told is not None and scene.prepared.previous is None:
            scene.listed = True
            agreed = yield from agree_on(scene, list(map(_named, told.instances)))
            yield from settle(scene, agreed)
            for one in scene.agreed.values():
                if one.entry is not None:
                    values = _values(told.instances[one.entry], one.id, scene)
                    scene.take(answered, values)
    yield from describe_parts(scene)


def _read(answered: Answered, format: str) -> Caption | None:
    """The answer as a caption; None where there is nothing to read."""
    if answered.value is None:
        return None
    try:
        return caption_from(answered.value.model_dump(), format=format)
    except FormatError:
        return None


def _question(scene: Scene) -> Question:
    captioner = scene.options.single_format
    return Question(
        about="the clip",
        images=scene.prepared.images,
        text=scene.prompts.say(captioner.replace("-", "_")),
        answer=answer_model(FORMATS[captioner]),
        pointers=("/background", "/camera/description"),
        plain=True,
        prose=PROSE.get(captioner, ""),
        max_tokens=LOOK_TOKENS,
    )


def _named(one: Instance) -> Named:
    noun = clean(one.subcategory or one.class_, limit=40).lower()
    name = clean(one.name, limit=60) or f"the {noun}"
    return Named(name, class_=noun, category=one.category, count=one.count, is_main=one.is_main)


def _values(one: Instance, id: int, scene: Scene) -> Values:
    below = {**one.model_dump(mode="json"), "is_main": one.is_main, "name": scene.names[id]}
    told = below | {f"position/{key}": value for key, value in below["position"].items()}
    kept = INSTANCE_LEAVES.values() if scene.options.single_format == "instancecap" else SAID
    return {instance_pointer(id, leaf): told[leaf] for leaf in kept}
