"""What a trainer is: a layout on disk, a model of its loader, and rules that clips have to keep."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from instancecap.datasets.export.layouts import Layout
from instancecap.datasets.export.rules import Extras, Loader, Plan
from instancecap.errors import UsageError
from instancecap.render.targets import Target, find_target

RECORD_FOLDER = ".instancecap"
"""Where an export keeps its own notes inside the dataset; trainers pass over hidden folders."""

LONGEST_STEM = 100
"""Bytes of a file name that come from the clip's; suffixes and numbers follow."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer of video models or of captioners, as data: ``trainers.toml``.

    Attributes:
        name: as given to ``--for``.
        layout: how rows and files are laid out.
        source: repository and file that the layout was taken from.
        models: those that it trains, none for a captioner's trainer, which learns no prompt. A
            single one need not be named.
        loader: which clips it loads, and how much of them.
        retimes: clips of another rate than the model's are brought to it by the loader: all, or
            those that are faster.
        min_frames: clips of fewer frames are passed over or refused.
        max_seconds: longer clips are passed over; 0 for any length.
        suffixes: kinds of video files that it reads; empty for all.
        stills: pictures that a clip is saved as, for a trainer that takes no video; 0 for video.
        any_clip: it keeps no model's rules: clips may have any length, rate and size.
        extras: files beside the rows, by name: the trainer's own configuration.
        warns: what to tell the user about the dataset's folder; empty for nothing.
    """

    name: str
    layout: Layout
    source: str
    models: tuple[str, ...]
    loader: Loader
    retimes: Literal["", "faster", "all"] = ""
    min_frames: int = 1
    max_seconds: float = 0.0
    suffixes: frozenset[str] = frozenset()
    stills: int = 0
    any_clip: bool = False
    extras: Extras | None = None
    warns: Callable[[Path], str] | None = None

    def find_target(self, name: str) -> Target | None:
        """The model that is named, or its only one; None for a captioner's trainer.

        Raises :class:`UsageError` where it has to be named, or is not known.
        """
        if not self.models:
            return None
        if not name and len(self.models) > 1:
            raise UsageError(
                f"--target is missing: {self.name} is for several models, and clips and prompts "
                f"are made for one of them; name one of {', '.join(self.models)}"
            )
        return find_target(name or self.models[0])


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
