"""One call, in the words that two trained captioners answer to; agreed on afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.chain.agree import Named, agree
from instancecap.captioners.chain.answers import SkyAnswer, VidAnswer, clean
from instancecap.captioners.chain.fused import describe_parts
from instancecap.captioners.chain.look import settle
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.questions import LOOK_TOKENS, Chain, Question, Scene, Values

SKY_POINTERS = (
    *("/background", "/lighting", "/camera/description"),
    *("/camera/shot_type", "/camera/shot_angle", "/camera/shot_position"),
)
VID_POINTERS = ("/global_description", "/background", "/camera/description")


def single(scene: Scene) -> Chain:
    """One call, and one for each window of a clip that has several."""
    foreign = scene.options.single_format
    ask, told_by = (_skycaptioner, _sky_told) if foreign == "skycaptioner" else (_vid, _vid_told)
    if scene.prepared.images:
        (answered,) = yield [ask(scene)]
        scene.take(answered)
        if answered.value is not None and scene.prepared.previous is None:
            told = told_by(answered.value)
            scene.listed = True
            agreement = agree(
                [named for named, _ in told],
                scene.prepared.evidence.instances,
                most=scene.options.max_instances,
            )
            yield from settle(scene, agreement)
            for one in agreement.instances:
                if one.entry is not None:
                    values = told[one.entry][1]
                    scene.draft.take(
                        {f"/instances/{one.id}/{INSTANCE_LEAVES[k]}": v for k, v in values.items()},
                        model=answered.model,
                        times=answered.question.times,
                        about=scene.names[one.id],
                    )
    yield from describe_parts(scene)


Told = list[tuple[Named, Values]]
"""Subjects in another format: what each is, and its values by our key."""


def _named(nouns: Sequence[str], *, category: str = "", is_main: bool = False) -> Named:
    noun = next((word for word in map(_noun, nouns) if word), "thing")
    return Named(f"the {noun}", class_=noun, category=category, is_main=is_main)


def _noun(text: str) -> str:
    return clean(text, limit=40).lower().strip(" .").replace("_", " ")


def _skycaptioner(scene: Scene) -> Question:
    """SkyCaptioner-V1's question and answer."""

    def read(value: SkyAnswer) -> Values:
        found = (value.environment, value.lighting, value.camera_motion, value.shot_type,
                 value.shot_angle, value.shot_position)  # fmt: skip
        return dict(zip(SKY_POINTERS, found, strict=True))

    return Question(
        about="the clip",
        images=scene.prepared.images,
        text=scene.prompts.say("skycaptioner"),
        answer=SkyAnswer,
        pointers=SKY_POINTERS,
        read=read,
        plain=True,
        max_tokens=LOOK_TOKENS,
    )


def _sky_told(value: SkyAnswer) -> Told:
    return [
        (
            _named((one.TYPES.sub_type, one.TYPES.type), is_main=one.is_main_subject),
            {
                "appearance": one.appearance,
                "action": one.action,
                "expression": one.expression,
                "position": one.position,
                "category": one.TYPES.type,
                "is_main": one.is_main_subject,
            },
        )
        for one in value.subjects
    ]


def _vid(scene: Scene) -> Question:
    """InstanceCap-Captioner's question; it may answer in prose, which is taken as a whole."""

    def read(value: VidAnswer) -> Values:
        found = value.global_description, value.structure.background, value.structure.camera
        return dict(zip(VID_POINTERS, found, strict=True))

    return Question(
        about="the clip",
        images=scene.prepared.images,
        text=scene.prompts.say("instancecap_captioner"),
        answer=VidAnswer,
        pointers=VID_POINTERS,
        read=read,
        plain=True,
        prose="/global_description",
        max_tokens=LOOK_TOKENS,
    )


def _vid_told(value: VidAnswer) -> Told:
    return [
        (
            _named((one.class_,)),
            {"appearance": one.appearance, "action": one.action, "position": one.position},
        )
        for one in value.structure.instances.values()
    ]
