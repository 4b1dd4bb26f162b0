"""The chain as InstanceCap published it (Fan et al. 2024, section 3.2), for comparison.

One call for the global description; for each instance two turns on its appearance and two on its
actions and motion; two on the background, one on the camera: 1 + 4·N + 3. One call more lists the
instances first, unless ``agree`` is off: then the detector's tracks are the instances, as
published. The words are ours, and answers are wrapped in JSON, so that cut-off and looping ones are
found out. What the paper does not ask (lighting, expression, shot, …) stays as measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from instancecap.captioners.chain.agree import Agreed, Agreement, Named
from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.fused import describe_parts
from instancecap.captioners.chain.look import look, settle
from instancecap.captioners.chain.options import INSTANCE_LEAVES
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.captioners.chain.subjects import painted
from instancecap.evidence.geometry import cell_of
from instancecap.language import en
from instancecap.mllm.base import Media, Message
from instancecap.schema.evidence import InstanceFacts

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
    firsts, seconds = [], []
    for item in scene.evidence.instances if scene.names else []:
        images = painted(
            scene, item, variant=scene.options.visual_prompt, count=scene.options.pictures
        )
        for key in ("appearance", "action"):
            pointer = f"/instances/{item.id}/{INSTANCE_LEAVES[key]}"
            if images and scene.prepared.wanted.allows(pointer) and item.id in scene.names:
                firsts.append(_on_instance(scene, item, images, key, pointer, about))
                noun = scene.names[item.id].removeprefix("the ")
                seconds.append(scene.prompts.say(f"paper_{key}", "second", noun=noun))
    if "background" in wanted and prepared.images:
        text = scene.prompts.say("paper_background", "first")
        firsts.append(_turn(scene, prepared.images, text, "/background", last=False))
        seconds.append(scene.prompts.say("paper_background", "second"))
    # The camera has one turn; it is asked beside the first turns of the others.
    camera = "camera_description" in wanted and prepared.images
    last = [_turn(scene, prepared.images, _camera(scene), "/camera/description")] if camera else []
    if firsts or last:
        answers = yield firsts + last
        for answered in answers:
            if answered.value is None or answered.question in last:
                scene.take(answered)
        if later := _second_turns(scene, answers[: len(firsts)], seconds):
            for answered in (yield later):
                scene.take(answered)
    yield from describe_parts(scene)


def _as_measured(scene: Scene) -> Agreement:
    """The most salient tracks as they are, each under its class."""
    items = scene.prepared.evidence.instances[: scene.options.max_instances]
    return Agreement(
        tuple(
            Agreed(item.id, Named(f"the {_noun(item)}", count=item.count), None, (item,))
            for item in items
            if item.track
        )
    )


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
    last: bool = True,
) -> Question:
    """A first turn; only what the last one of a conversation says goes into the caption."""
    opening = scene.compose(scene.times(images), view)
    return Question(
        about=about,
        images=images,
        text=scene.compose(opening, text, scene.keys(["text"])),
        answer=ANSWER,
        pointers=(pointer,),
        read=_reader(pointer) if last else (lambda _: {}),
    )


def _reader(pointer: str) -> Callable[[Any], Values]:
    return lambda value: {pointer: value.text}


def _on_instance(
    scene: Scene,
    item: InstanceFacts,
    images: tuple[Media, ...],
    key: str,
    pointer: str,
    about: str,
) -> Question:
    noun = scene.names[item.id].removeprefix("the ")
    text = scene.compose(
        scene.look_at(item) if key == "appearance" else "",
        scene.prompts.say(f"paper_{key}", "first", noun=noun, clip=about),
    )
    x0, y0, x1, y1 = item.track[0].box
    place = f"{en.IN_CELLS[cell_of((x0 + x1) / 2, (y0 + y1) / 2)]} of the frame"
    view = scene.prompts.say("views", scene.options.visual_prompt, noun=noun, place=place)
    return _turn(scene, images, text, pointer, about=scene.names[item.id], view=view, last=False)


def _second_turns(
    scene: Scene, answers: Sequence[Answered], texts: Sequence[str]
) -> list[Question]:
    """The second turn of every conversation whose first was answered."""
    later = []
    for answered, text in zip(answers, texts, strict=True):
        if answered.value is not None:
            first = answered.question
            said = json.dumps({"text": answered.get("text")}, ensure_ascii=False)
            pointer = first.pointers[0]
            later.append(
                replace(
                    first,
                    images=(),
                    text=scene.compose(text, scene.keys(["text"])),
                    read=_reader(pointer),
                    before=(*first.turns, Message("assistant", (said,))),
                )
            )
    return later


def _camera(scene: Scene) -> str:
    if not scene.options.hints:
        return scene.prompts.say("paper_camera", "open")
    motion = scene.prepared.evidence.camera.motion
    if motion == ["static"]:
        return scene.prompts.say("paper_camera", "static")
    camera = scene.prepared.measured.camera.description
    return scene.prompts.say("paper_camera", "given" if camera else "undetermined", camera=camera)
