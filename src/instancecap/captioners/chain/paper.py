"""The chain as InstanceCap published it (Fan et al. 2024, section 3.2), for comparison.

One call for the global description; for each instance two turns on its appearance and two on its
actions and motion; two on the background, one on the camera: 1 + 4·N + 3. The words are ours, and
answers are wrapped in JSON, so that cut-off and looping ones are found out. What the paper does not
ask (lighting, expression, shot, …) stays as measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.pictures import Subject
from instancecap.captioners.chain.plan import instance_pointer
from instancecap.captioners.chain.questions import Answered, Chain, Question, Scene, Values
from instancecap.mllm.base import Media, Message

ANSWER = answer_type(("text",))


def paper(scene: Scene) -> Chain:
    """1 + 4·N + 3 calls for N instances, and one for each window of a clip that has several."""
    prepared, wanted = scene.prepared, scene.prepared.wanted.clip
    if parts := scene.part_questions():
        yield parts
    about = prepared.base.global_description
    if "global_description" in wanted and prepared.images:
        text = scene.compose(scene.hint(), scene.prompts.say("paper_global"))
        (answered,) = yield [_turn(scene, prepared.images, text, "/global_description")]
        about = answered.get("text") or about
    firsts, seconds = [], []
    for subject in prepared.subjects:
        for key in ("appearance", "action"):
            if key in prepared.wanted.things[subject.item.id] and subject.images:
                firsts.append(_on_thing(scene, subject, key, about))
                seconds.append(_say_second(scene, subject, key))
    if "background" in wanted and prepared.images:
        text = scene.prompts.say("paper_background", "first")
        firsts.append(_turn(scene, prepared.images, text, "/background", last=False))
        seconds.append(scene.prompts.say("paper_background", "second"))
    # The camera has one turn; it is asked beside the first turns of the others.
    camera = "camera_description" in wanted and prepared.images
    last = [_turn(scene, prepared.images, _camera(scene), "/camera/description")] if camera else []
    if firsts or last:
        answers = yield firsts + last
        later = _second_turns(scene, answers[: len(firsts)], seconds)
        if later:
            yield later


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
        opening=opening,
    )


def _reader(pointer: str) -> Callable[[Any], Values]:
    return lambda value: {pointer: value.text}


def _on_thing(scene: Scene, subject: Subject, key: str, about: str) -> Question:
    item, noun = subject.item, scene.noun(subject.item)
    text = scene.compose(
        scene.look(item) if key == "appearance" else "",
        scene.prompts.say(f"paper_{key}", "first", noun=noun, clip=about),
    )
    return _turn(
        scene,
        subject.images,
        text,
        instance_pointer(item.id, key),
        about=f"instance {item.id}",
        view=scene.view(item),
        last=False,
    )


def _say_second(scene: Scene, subject: Subject, key: str) -> str:
    return scene.prompts.say(f"paper_{key}", "second", noun=scene.noun(subject.item))


def _second_turns(
    scene: Scene, answers: Sequence[Answered], texts: Sequence[str]
) -> list[Question]:
    """The second turn of every conversation whose first was answered."""
    later = []
    for answered, text in zip(answers, texts, strict=True):
        if answered.value is not None:
            first = answered.question
            said = json.dumps({"text": answered.get("text")}, ensure_ascii=False)
            later.append(
                replace(
                    first,
                    images=(),
                    text=scene.compose(text, scene.keys(["text"])),
                    read=_reader(first.pointers[0]),
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
    camera = scene.camera()
    return scene.prompts.say("paper_camera", "given" if camera else "undetermined", camera=camera)
