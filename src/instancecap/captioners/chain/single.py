"""One call, in the words that two trained captioners answer to; agreed on afterwards."""

from __future__ import annotations

from instancecap.captioners.chain.agree import Named, agree
from instancecap.captioners.chain.fused import describe_parts
from instancecap.captioners.chain.look import settle
from instancecap.captioners.chain.options import CLIP_POINTERS, INSTANCE_LEAVES
from instancecap.captioners.chain.questions import LOOK_TOKENS, Chain, Question, Scene, Values
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
        told = Caption(video=None)
        if answered.value is not None:
            try:
                told = caption_from(
                    answered.value.model_dump(), format=FORMATS[scene.options.single_format]
                )
            except FormatError as error:
                answered = answered.failed(str(error))
        clip = set(CLIP_POINTERS.values())
        values = {key: value for key, value in leaves(told).items() if key in clip}
        scene.take(answered.saying(values))
        if answered.value is not None and scene.prepared.previous is None:
            scene.listed = True
            items, most = scene.prepared.evidence.instances, scene.options.max_instances
            yield from settle(scene, agree(list(map(_named, told.instances)), items, most=most))
            for one in scene.agreed.values():
                if one.entry is not None:
                    scene.take(answered.saying(_values(told.instances[one.entry], one.id)))
    yield from describe_parts(scene)


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
