"""What the user asks of an export, and whether the trainer can use it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from instancecap.datasets.export import media
from instancecap.datasets.export.base import Trainer, make_plan
from instancecap.datasets.export.rules import Plan
from instancecap.errors import UsageError
from instancecap.render import RenderOptions

MARK = re.compile("<(?:video|image|audio)>")
"""Where a file goes into a question; trainers count these marks wherever they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asks of an export.

    Attributes:
        render: how captions become prompts, see :func:`render_options`; None for the trainer's
            only model, and for a captioner's trainer.
        question: what a captioner is asked in place of the usual question.
        link: how whole files get into the dataset.
        transcode: encode every clip to the rules of trainer and model.
        frames: frames that the training asks for; pictures a clip for a trainer of stills.
        fps, size, fit: as in :class:`~instancecap.datasets.export.media.Shape`.
        video_root: folder that relative paths of clips start from; empty for the current one.
        overwrite: replace an earlier export.
    """

    render: RenderOptions | None = None
    question: str = ""
    link: media.Link = "symlink"
    transcode: bool = False
    frames: int = 0
    fps: float = 0.0
    size: tuple[int, int] | None = None
    fit: media.Fit = "crop"
    video_root: str = ""
    overwrite: bool = False


def render_options(trainer: Trainer, *, target: str = "", **how: Any) -> RenderOptions | None:
    """Options for the trainer's prompts; None for a captioner's trainer, which learns none.

    Args:
        target: model to render for; may be empty where the trainer has one only.
        how: fields of :class:`~instancecap.render.RenderOptions`.

    Raises:
        UsageError: the target has to be named, or an option that the trainer, or its model, cannot
            use.
    """
    if trainer.models:
        model = trainer.find_target(target)
        assert model is not None
        return RenderOptions(target=model, **how)
    usual = {one.name: one.default for one in fields(RenderOptions)} | {"target": ""}
    for name, value in {"target": target, **how}.items():
        if value != usual[name]:
            _refuse(trainer, name, "learns structured captions, not prompts")
    return None


def complete(options: Options, trainer: Trainer) -> Options:
    """The options with the trainer's only model where none is named.

    Raises:
        UsageError: the model has to be named, or an option that the trainer cannot use.
    """
    render = options.render
    if render is None:
        render = render_options(trainer)
    elif not trainer.models:
        _refuse(trainer, "target", "learns structured captions, not prompts")
    if render and (render.target.style == "json") != (trainer.name == "cosmos3"):
        raise UsageError(f"--target {render.target.name}: {trainer.name} cannot learn from it")
    if render and render.target.style == "json" and not render.is_json:
        raise UsageError(f"--length {render.length}: {trainer.name} takes dense or medium")
    if trainer.models and options.question:
        _refuse(trainer, "question", "learns prompts, without a question")
    if MARK.search(options.question):
        raise UsageError(f"--question {options.question!r}: leave out marks such as <video>")
    if trainer.stills:
        for name in ("transcode", "fps", "size"):
            if getattr(options, name):
                _refuse(trainer, name, "learns from pictures, not videos")
    elif not trainer.models and options.frames and not options.transcode:
        _refuse(trainer, "frames", "picks frames by itself, unless --transcode shortens the clips")
    return replace(options, render=render)


def _refuse(trainer: Trainer, option: str, why: str) -> None:
    name = option.replace("_", "-")
    raise UsageError(f"--{name}: {trainer.name} {why}; leave it out")


def plan_of(trainer: Trainer, options: Options) -> Plan:
    """The rules of the export. Raises :class:`UsageError` for frames or a size that break them."""
    target = options.render.target if options.render else None
    plan = make_plan(trainer, target, frames=options.frames, fps=options.fps, size=options.size)
    if plan.frames and not plan.keeps_rule(plan.frames):
        raise UsageError(f"--frames {plan.frames}: {trainer.name} takes {plan.rule} frames")
    if plan.size and any(side % plan.multiple or side < 2 or side % 2 for side in plan.size):
        width, height = plan.size
        unit = plan.multiple if plan.multiple % 2 == 0 else 2 * plan.multiple
        raise UsageError(f"--size {width}x{height}: both must be multiples of {unit}")
    return plan


def describe(render: RenderOptions | None) -> dict[str, Any]:
    """The options of the prompts for the dataset's record, the target aside."""
    if render is None:
        return {}
    return {one.name: getattr(render, one.name) for one in fields(render) if one.name != "target"}
