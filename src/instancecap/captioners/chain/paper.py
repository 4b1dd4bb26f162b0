"""The chain as InstanceCap published it (Fan et al. 2024, section 3.2), for comparison.

One call for the global description; for each instance two turns on its appearance and two on its
actions and motion; two on the background, one on the camera: 1 + 4·N + 3. One call more lists the
instances first, unless ``agree`` is off: then the detector's tracks are the instances, as
published. The words are ours, and answers are wrapped in JSON, so that cut-off and looping ones are
found out. What the paper does not ask (lighting, expression, shot, …) stays as measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from instancecap.captioners.chain.agree import Agreed, Named
from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.detail import painted
from instancecap.captioners.chain.look import look, settle
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.parts import describe_parts
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene
from instancecap.language import en
from instancecap.mllm.base import Media, Message
from instancecap.schema.evidence import InstanceFacts
from instancecap.schema.pointer import instance_pointer

ANSWER = answer_type(("text",))


def paper(scene: Scene) -> Chain:
    """1 + 4·N + 3 calls for N instances, one to agree on them, and one for each window."""
    prepared, wanted = scene.prepared, scene.prepared.wanted.clip
    if prepared.previous is None and prepared.wanted.instance:
        if scene.options.agree == "on":
            yield from look(scene, describe=False)
        else:
            yield from settle(scene, _as_measured(scene))
    about = prepared.measured.global_description
    if "global_description" in wanted and prepared.images:
        text = scene.compose(scene.hint(), scene.prompts.say("paper_global"))
        (answered,) = yield [_turn(scene, prepared.images, text, "/global_description")]
        scene.take(answered)
        about = answered.get("text") or about
    talks = [one for item in scene.evidence.instances for one in _on_instance(scene, item, about)]
    if "background" in wanted and prepared.images:
        text = scene.prompts.say("paper_background", "first")
        first = _turn(scene, prepared.images, text, "/background")
        talks.append((first, scene.prompts.say("paper_background", "second")))
    if "camera_description" in wanted and prepared.images:  # it has one turn
        talks.append((_turn(scene, prepared.images, _camera(scene), "/camera/description"), ""))
    if talks:
        later = []
        answers = yield [first for first, _ in talks]
        for (first, second), answered in zip(talks, answers, strict=True):
            if second and answered.value is not None:
                later.append(_second_turn(scene, first, answered, second))
            else:
                scene.take(answered)
        for answered in (yield later) if later else ():
            scene.take(answered)
    yield from describe_parts(scene)


def _as_measured(scene: Scene) -> list[Agreed]:
    """The most salient tracks as they are, each under its class."""
    items = scene.prepared.evidence.instances[: scene.options.max_instances]
    return [
        Agreed(item.id, Named(f"the {_noun(item)}", count=item.count), None, (item,))
        for item in items
        if item.track
    ]


def _noun(item: InstanceFacts) -> str:
    class_ = "thing" if item.class_ == "object" else item.class_
    return f"group of {en.plural(class_)}" if item.count > 1 else class_


def _turn(
    scene: Scene,
    images: tuple[Media, ...],
    text: str,
    pointer: str,
    *,
    about: str = "the clip",
    view: str = "",
) -> Question:
    return Question(
        about=about,
        images=images,
        text=scene.compose(scene.times(images), view, text, scene.keys(("text",))),
        answer=ANSWER,
        pointers=(pointer,),
        read=lambda value: {pointer: value.text},
    )


def _on_instance(scene: Scene, item: InstanceFacts, about: str) -> Iterator[tuple[Question, str]]:
    """Two conversations, each a first turn and the words of the second."""
    name = scene.names.get(item.id, "")
    images = painted(scene, item, count=scene.options.pictures) if name else ()
    noun = name.removeprefix("the ")
    for key in ("appearance", "action"):
        pointer = instance_pointer(item.id, INSTANCE_LEAVES[key])
        if images and scene.prepared.wanted.allows(pointer):
            text = scene.compose(
                scene.look_at(item) if key == "appearance" else "",
                scene.prompts.say(f"paper_{key}", "first", noun=noun, clip=about),
            )
            view = scene.prompts.say("views", noun=noun)
            first = _turn(scene, images, text, pointer, about=name, view=view)
            yield first, scene.prompts.say(f"paper_{key}", "second", noun=noun)


def _second_turn(scene: Scene, first: Question, answered: Answered, text: str) -> Question:
    said = json.dumps({"text": answered.get("text")}, ensure_ascii=False)
    return replace(
        first,
        images=(),
        text=scene.compose(text, scene.keys(("text",))),
        before=(*first.turns, Message("assistant", (said,))),
    )


def _camera(scene: Scene) -> str:
    if not scene.options.hints:
        return scene.prompts.say("paper_camera", "open")
    motion = scene.prepared.evidence.camera.motion
    if motion == ["static"]:
        return scene.prompts.say("paper_camera", "static")
    camera = scene.prepared.measured.camera.description
    return scene.prompts.say("paper_camera", "given" if camera else "undetermined", camera=camera)
