"""What a trainer is, and what the user asks of an export for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from instancecap.datasets.export import media
from instancecap.datasets.export.layouts import Layout
from instancecap.datasets.export.rules import Extras, Loader, Plan
from instancecap.datasets.traits import require_words
from instancecap.errors import UsageError
from instancecap.render import RenderOptions
from instancecap.render.options import Length
from instancecap.render.targets import JSON, Target, find_target

RECORD_FOLDER = ".instancecap"
"""Where an export keeps its own notes inside the dataset; trainers pass over hidden folders."""

LONGEST_STEM = 100
"""Bytes of a file name that come from the clip's; suffixes and numbers follow."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer of video models or of captioners: a table of ``trainers.toml``, which explains it.

    Attributes:
        models: none for a captioner's trainer, which learns no prompt.
        loader: which clips it loads, and how much of them.
        several: how it takes several captions of a clip: ``rows`` that name the same file,
            ``files`` of the same content with a caption each, or ``lists``; empty for a
            captioner's.
        max_tokens: that it reads of a prompt, where it reads fewer than the model; 0 where not.
        drops: how it leaves captions out by itself, where it cannot read an empty one.
        extras: files beside the rows, by name: the trainer's own configuration.
        warns: what to tell the user about the dataset's folder; empty for nothing.
    """

    name: str
    layout: Layout
    source: str
    models: tuple[str, ...]
    loader: Loader
    several: Literal["", "rows", "files", "lists"] = ""
    max_tokens: int = 0
    drops: str = ""
    retimes: Literal["", "faster", "all"] = ""
    min_frames: int = 1
    max_seconds: float = 0.0
    suffixes: frozenset[str] = frozenset()
    stills: int = 0
    any_clip: bool = False
    extras: Extras | None = None
    warns: Callable[[Path], str] | None = None

    def find_target(self, name: str) -> Target | None:
        """The model that is named, else its first; None for a captioner's trainer.

        Raises :class:`UsageError` for a model that is not known, or not for this trainer.
        """
        if not self.models:
            return None
        self.require(target := find_target(name or self.models[0]))
        limit = min(target.limit, self.max_tokens or target.limit)
        return target.model_copy(update={"limit": limit})

    def require(self, target: Target) -> None:
        """Raise :class:`UsageError` unless the trainer trains the model, or any."""
        if target.name not in self.models and not (self.any_clip and target.style != JSON):
            known = ", ".join(self.models)
            raise UsageError(f"--target {target.name}: {self.name} is for {known}; choose of these")


Tell = Callable[[str, str], None]
"""Told of a clip or row that failed or needs a word, and why."""


def silent(where: str, text: str) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Account:
    """What failed, and what the user should know, told as it is found: place and text of each."""

    trainer: str
    target: str
    on_failure: Tell = silent
    on_warning: Tell = silent
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, where: str, reason: str) -> None:
        """Note a failure."""
        self.failed.append((where, reason))
        self.on_failure(where, reason)

    def warn(self, where: str, text: str) -> None:
        """Note a warning."""
        self.warnings.append((where, text))
        self.on_warning(where, text)


def one_line(text: str) -> str:
    """``text`` on one line that every reader takes for one: no breaks, no control characters."""
    readable = (" " if unicodedata.category(letter) in _UNSEEN else letter for letter in text)
    # A byte order mark inside a text is taken for one by some readers and dropped.
    return " ".join("".join(readable).replace("\ufeff", "").split())


_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Control characters, halves of surrogate pairs, separators of lines and paragraphs."""


@dataclass(slots=True)
class NameAllocator:
    """Names for files in one folder: safe in every format, and each given once.

    Letters and digits of any script stay, all else becomes ``_``: a dot would end a WebDataset
    key, and a leading dash is an option to many programs. Names that differ only in case or in
    how Unicode composes a letter count as one.
    """

    _given: set[str] = field(default_factory=set)

    def give(self, name: str, *, suffix: str = "") -> str:
        """A stem for the clip ``name``, less its media file's ``suffix``; ``-2`` … where taken."""
        if suffix and (found := re.search(re.escape(suffix) + r"(?=$|[@#])", name, re.IGNORECASE)):
            name = name[: found.start()] + name[found.end() :]
        plain = unicodedata.normalize("NFC", name)
        safe = "".join(letter if letter.isalnum() or letter == "-" else "_" for letter in plain)
        safe = re.sub("_+", "_", safe).strip("_-")
        # CogVideo's SAT loader replaces "videos" by "labels" wherever it stands in a path.
        safe = safe.replace("videos", "video")
        cut = safe.encode()[:LONGEST_STEM].decode(errors="ignore") or "clip"
        stem, number = cut, 1
        while stem.casefold() in self._given:
            number += 1
            stem = f"{cut}-{number}"
        self._given.add(stem.casefold())
        return stem


PROMPT_OPTIONS = tuple(
    one.name for one in fields(RenderOptions) if one.name not in ("target", "variant")
)

MARK = re.compile("<(?:video|image|audio)>")
"""Where a file goes into a question; trainers count these marks wherever they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asks of an export, as docs/cli.md has it.

    Attributes:
        render: see :func:`render_options`; None for the trainer's first model, and for a
            captioner's trainer.
        target_named: False where the model is only the trainer's first, which the user is told.
        lengths: a caption for each, instead of the one length of ``render``.
        paraphrases: wordings of each caption but the short one, which is a single sentence; 1 for
            the usual one alone.
        leave_out: traits that no caption tells of its main instances; see
            :mod:`instancecap.datasets.traits`.
        scene: a regular expression that gives a clip's scene by its name; clips of one scene get
            the same text but for the camera. Empty for none.
        drop_captions: probability 0..1 with which a caption is left out as a whole, but for the
            prefix.
        frames: that the training asks for; pictures a clip for a trainer of stills; 0 for all.
        fps, size: 0 and None for the model's rate and the clip's own size.
    """

    render: RenderOptions | None = None
    target_named: bool = True
    lengths: tuple[Length, ...] = ()
    paraphrases: int = 1
    drop_captions: float = 0.0
    leave_out: tuple[str, ...] = ()
    scene: str = ""
    question: str = ""
    link: media.Link = "symlink"
    transcode: bool = False
    frames: int = 0
    fps: float = 0.0
    size: tuple[int, int] | None = None
    fit: media.Fit = "crop"
    video_root: str = ""
    overwrite: bool = False

    @property
    def per_clip(self) -> int:
        """Captions that a clip gets, unless some would be the same."""
        return max(1, len(self.wordings()))

    def wordings(self) -> list[RenderOptions]:
        """How each caption of a clip is rendered; none for a captioner's trainer."""
        if self.render is None:
            return []
        lengths = self.lengths or (self.render.length,)
        return [
            replace(self.render, length=length, variant=variant)
            for length in lengths
            for variant in range(self.paraphrases if length != "short" else 1)
        ]


def render_options(trainer: Trainer, *, target: str = "", **how: Any) -> RenderOptions | None:
    """Options for the trainer's prompts; None for a captioner's trainer, which learns none.

    ``how`` are fields of :class:`~instancecap.render.RenderOptions`. Raises :class:`UsageError`
    for an option that the trainer, or its model, cannot use.
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
    """The options with the trainer's first model where none is named.

    Raises :class:`UsageError` for an option that is of no use to the trainer.
    """
    render = options.render
    named = options.target_named and render is not None
    if render is None:
        render = render_options(trainer)
    elif not trainer.models:
        _refuse(trainer, "target", "learns structured captions, not prompts")
    if render:
        trainer.require(render.target)
    options = replace(options, render=render, target_named=named)
    for one in options.wordings():
        if one.target.style == JSON and not one.is_json:
            raise UsageError(f"--length {one.length}: {trainer.name} takes dense or medium")
    if options.lengths[1:] and options.render and options.render.target.style == JSON:
        given = ",".join(options.lengths)
        raise UsageError(f"--length {given}: {trainer.name} has one structured caption a clip")
    _check_captions(options, trainer)
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
    return options


def _check_captions(options: Options, trainer: Trainer) -> None:
    """Refuse several captions a clip, or empty ones, where the trainer has no use for them."""
    usual = Options()
    for name in ("lengths", "paraphrases", "drop_captions", "leave_out", "scene"):
        if not trainer.models and getattr(options, name) != getattr(usual, name):
            option = "length" if name == "lengths" else name
            _refuse(trainer, option, "learns structured captions, not prompts")
    if options.paraphrases < 1:
        raise UsageError(f"--paraphrases {options.paraphrases}: give 1 or more")
    if not 0 <= options.drop_captions <= 1:
        raise UsageError(f"--drop-captions {options.drop_captions}: give a probability from 0 to 1")
    require_words("--leave-out", options.leave_out)
    render = options.render
    if render and options.paraphrases > 1 and not render.target.takes_prose:
        _refuse(trainer, "paraphrases", f"wants fields for {render.target.name}, not sentences")
    if render and options.drop_captions and trainer.drops and not render.prefix:
        why = f"reads no empty caption; {trainer.drops}, or give --prefix, which then stays"
        raise UsageError(f"--drop-captions: {trainer.name} {why}")


def _refuse(trainer: Trainer, option: str, why: str) -> None:
    name = option.replace("_", "-")
    raise UsageError(f"--{name}: {trainer.name} {why}; leave it out")


def make_plan(
    trainer: Trainer,
    target: Target | None,
    *,
    frames: int = 0,
    fps: float = 0.0,
    size: tuple[int, int] | None = None,
) -> Plan:
    """The rules of a trainer for a model; the user's ``frames``, ``fps`` and ``size`` go first."""
    if trainer.any_clip:
        target = None
    return Plan(
        step=target.frame_step if target else 1,
        rest=target.frame_rest if target else 0,
        frames=0 if trainer.stills else frames,
        fps=fps or (target.fps if target else 0.0),
        multiple=target.multiple if target else 1,
        size=size,
        min_frames=trainer.min_frames,
        max_seconds=trainer.max_seconds,
        model_fps=target.fps if target else 0.0,
        retimes=trainer.retimes,
    )


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


def values_of(options: object, names: Iterable[str]) -> dict[str, Any]:
    """Options by name for the dataset's record; none where there are none."""
    return {name: getattr(options, name) for name in names} if options else {}
