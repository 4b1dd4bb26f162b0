"""What was measured against what was said: asked about once where the measurement is nearly always
right, in a way that can be answered "no"; recorded where it is not."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.chain.answers import answer_type
from instancecap.captioners.chain.options import CLIP_POINTERS, INSTANCE_LEAVES
from instancecap.captioners.chain.questions import Answered, Question, Scene
from instancecap.mllm.base import Image
from instancecap.schema.caption import Caption
from instancecap.verify.report import Contradiction, Report

PICTURES = 6
"""Of a question on one disagreement, at most: those nearest to where it was measured."""

_KEYS = {pointer: key for key, pointer in CLIP_POINTERS.items()}
_INSTANCE_KEYS = {leaf: key for key, leaf in INSTANCE_LEAVES.items()}


def recheck_questions(
    scene: Scene, caption: Caption, wrong: Sequence[Contradiction]
) -> list[tuple[Question, str]]:
    """One question for each leaf that a decisive measurement speaks against, with the leaf."""
    questions = []
    leaves = caption.leaves()
    for pointer in dict.fromkeys(one.pointer for one in wrong):
        here = [one for one in wrong if one.pointer == pointer and pointer in leaves]
        if not here or pointer not in scene.draft.said:
            continue
        subject = "the clip"
        if pointer.startswith("/instances/"):
            subject = scene.names.get(int(pointer.split("/")[2]), subject)
        key = _key_of(pointer)
        measured = "; ".join(dict.fromkeys(one.measured for one in here))
        text = scene.compose(
            scene.prompts.say(
                "recheck", subject=subject, key=key, said=leaves[pointer], measured=measured
            ),
            scene.keys(("verdict", key)),
        )
        frames = [t for one in here for t in one.frames]
        question = Question(
            about=subject,
            images=_pictures(scene, frames),
            text=text,
            answer=answer_type(("verdict", key)),
        )
        questions.append((question, pointer))
    return questions


def take_rechecks(
    scene: Scene, pointers: Sequence[str], answers: Sequence[Answered]
) -> frozenset[str]:
    """Keep the corrected values; gives the leaves at which the model stands by its word."""
    kept = set()
    for pointer, answered in zip(pointers, answers, strict=True):
        if answered.get("verdict") == "corrected":
            scene.take(answered, {pointer: getattr(answered.value, _key_of(pointer))})
        elif answered.get("verdict") == "kept":
            kept.add(pointer)
    return frozenset(kept)


def dispute_kept(report: Report, kept: frozenset[str]) -> Report:
    """The report with what is contradicted and was kept as ``disputed``: nobody decides it."""
    for one in report.findings:
        if one.claim.field in kept and one.claim.support == "contradicted":
            one.claim.support = "disputed"
    return report


def _pictures(scene: Scene, frames: Sequence[float]) -> tuple[Image, ...]:
    """The clip's pictures nearest to the times at which something was measured."""
    images = [one for one in scene.prepared.images if isinstance(one, Image)]
    images.sort(key=lambda one: min((abs((one.t or 0.0) - t) for t in frames), default=0.0))
    return tuple(sorted(images[:PICTURES], key=lambda one: one.t or 0.0))


def _key_of(pointer: str) -> str:
    parts = pointer.split("/", 3)
    return _KEYS.get(pointer) or _INSTANCE_KEYS[parts[3]]
