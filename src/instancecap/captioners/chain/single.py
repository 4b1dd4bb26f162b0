"""One call, in the words that two trained captioners answer to; agreed on afterwards."""

from __future__ import annotations

from dataclasses import replace

from instancecap.captioners.chain.agree import Named, agree
from instancecap.captioners.chain.look import settle
from instancecap.captioners.chain.options import CLIP_POINTERS, INSTANCE_LEAVES
from instancecap.captioners.chain.parts import describe_parts
from instancecap.captioners.chain.questions import (
    LOOK_TOKENS,
    Answered,
    Chain,
    Question,
    Scene,
    Values,
)
from instancecap.errors import FormatError
from instancecap.formats import answer_model, caption_from
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.pointer import instance_pointer, leaves

FORMATS = {"skycaptioner": "skycaptioner", "instancecap-captioner": "instancevid"}
"""By the captioner the format of its answers, and the name of the prompt with its question."""

PROSE = {"skycaptioner": "", "instancecap-captioner": "/global_description"}
"""The leaf that takes an answer in prose: what InstanceCap-Captioner often gives."""


def single(scene: Scene) -> Chain:
    """One call, and one for each window of a clip that has several."""
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
            items, most = scene.prepared.evidence.instances, scene.options.max_instances
            yield from settle(scene, agree(list(map(_named, told.instances)), items, most=most))
            for one in scene.agreed.values():
                if one.entry is not None:
                    scene.take(answered, _values(told.instances[one.entry], one.id))
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
        prose=PROSE[captioner],
        max_tokens=LOOK_TOKENS,
    )


def _named(one: Instance) -> Named:
    noun = (one.subcategory or one.class_).lower()
    return Named(f"the {noun}", class_=noun, category=one.category, is_main=one.is_main)


def _values(one: Instance, id: int) -> Values:
    below = one.model_dump(mode="json")
    told = {"is_main": one.is_main, "position/text": one.position.text, **below}
    kept = ("category", "appearance", "action", "expression", "position/text", "is_main")
    return {
        instance_pointer(id, leaf): told[leaf] for leaf in INSTANCE_LEAVES.values() if leaf in kept
    }
