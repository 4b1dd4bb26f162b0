"""What a trainer is: a layout on disk, and the rules that its clips have to keep."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from instancecap.datasets.export.media import MediaInfo
from instancecap.render.targets import Target
from instancecap.schema.caption import Caption

RECORD_FOLDER = ".instancecap"
"""Where an export keeps its own notes inside the dataset; trainers pass over hidden folders."""

LONGEST_STEM = 100
"""Bytes of a file name that come from the clip's; suffixes and numbers follow."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip with its text, ready to be written down.

    Attributes:
        name: the clip's name as its caption has it.
        stem: name of its files in the dataset, without folder and suffix; unique there.
        media: paths of its files inside the dataset: one video or image, or several frames.
        text: what the trainer is to learn; one line.
        info: what the media file is.
        caption: the structured caption.
        question: what a captioner is asked; empty for the usual question.
    """

    name: str
    stem: str
    media: tuple[str, ...]
    text: str
    info: MediaInfo
    caption: Caption
    question: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a dataset as its trainer would read it.

    Attributes:
        where: file and line, for messages.
        media: paths as they stand in the row.
        text: the caption, or for a captioner the answer; None where there is none.
        fault: why the row cannot be read; empty for a good one.
    """

    where: str
    media: tuple[str, ...] = ()
    text: str | None = None
    fault: str = ""


class Writer(Protocol):
    """Takes samples one by one and leaves whole files when it is closed."""

    def add(self, sample: Sample) -> None:
        """Write the sample's row."""

    def close(self) -> None:
        """Finish every file."""


class Layout(Protocol):
    """How a trainer wants rows and files laid out.

    Attributes:
        media: folder for the clips inside the dataset, empty for the dataset's own.
        numbered: files are named by number, where names could be taken for something else.
        packs: clips are moved into archives.
    """

    @property
    def media(self) -> str: ...

    @property
    def numbered(self) -> bool: ...

    @property
    def packs(self) -> bool: ...

    def writer(self, folder: Path, final: Path) -> Writer:
        """A writer into ``folder``, which is going to be renamed to ``final``."""

    def read(self, folder: Path) -> Iterator[Entry]:
        """Every row of a dataset, as the trainer would read it."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer of video models or of captioners, as data.

    Attributes:
        name: as given to ``--for``.
        layout: how rows and files are laid out.
        source: repository and file that the layout was taken from.
        target: model that captions are rendered for unless ``--target`` says otherwise; empty
            for a captioner's trainer, which learns the structured caption itself.
        frames: rule for the number of frames, where it is the trainer's own and not the model's.
        fps: frames per second, where they are the trainer's own and not the model's.
        min_frames: clips of fewer frames are passed over or refused.
        max_seconds: longer clips are passed over; 0 for any length.
        suffixes: kinds of video files that it reads; empty for all.
        stills: pictures that a clip is saved as, for a trainer that takes no video; 0 for video.
        any_clip: it keeps no model's rules: clips may have any length, rate and size.
        loader: which clips it loads, and how much of them.
        extras: files beside the rows, by name: the trainer's own configuration.
        warns: what to tell the user about the dataset's folder; empty for nothing.
    """

    name: str
    layout: Layout
    source: str
    target: str = ""
    frames: str = ""
    fps: float = 0.0
    min_frames: int = 1
    max_seconds: float = 0.0
    suffixes: frozenset[str] = frozenset()
    stills: int = 0
    any_clip: bool = False
    loader: Loader = field(default_factory=lambda: load_by_rules)
    extras: Extras | None = None
    warns: Callable[[Path], str] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of one export: the trainer's, the model's, and what the user asked for.

    Attributes:
        step, rest: the number of frames is ``step * N + rest``.
        frames: frames that the training will ask for, 0 where it takes what there is.
        fps: frames per second, 0 for any.
        multiple: what width and height are multiples of.
        size: width and height, None for any.
        min_frames: fewer are too few.
        max_seconds: more are too many, 0 for any length.
        model_fps: rate of the model, whatever the files have: some trainers retime clips to it.
    """

    step: int = 1
    rest: int = 0
    frames: int = 0
    fps: float = 0.0
    multiple: int = 1
    size: tuple[int, int] | None = None
    min_frames: int = 1
    max_seconds: float = 0.0
    model_fps: float = 0.0

    @property
    def rule(self) -> str:
        """``4N+1``, or empty where any number of frames will do."""
        return f"{self.step}N+{self.rest}" if self.rest else f"{self.step}N" * (self.step > 1)

    def round_to_frame_rule(self, frames: int) -> int:
        """The most frames of the rule within so many; 1 at least."""
        return max(1, self.rest + max(0, frames - self.rest) // self.step * self.step)

    def keeps_rule(self, frames: int) -> bool:
        """Whether so many frames keep the rule."""
        return frames >= max(self.rest, 1) and (frames - self.rest) % self.step == 0


@dataclass(slots=True)
class ClipCounts:
    """What the clips of a dataset turned out to be; for the trainer's configuration.

    Attributes:
        clips: how many clips are alike in everything.
    """

    clips: Counter[MediaInfo] = field(default_factory=Counter)

    def add(self, info: MediaInfo) -> None:
        """Count one clip."""
        self.clips[info] += 1

    @property
    def videos(self) -> list[MediaInfo]:
        """Those of more than one frame."""
        return [info for info in self.clips if info.frames > 1]

    def lengths(self, plan: Plan, count: Callable[[MediaInfo], int]) -> list[int]:
        """Every number of frames of the rule that a video fills, from the fewest; no stills.

        ``count`` gives a clip's frames as the trainer counts them. Where the training asks for a
        number of frames, it is the only one.
        """
        if plan.frames:
            return [plan.frames]
        found = {plan.round_to_frame_rule(count(info)) for info in self.videos}
        return sorted(found - {1})

    def size(self, plan: Plan) -> tuple[int, int]:
        """Width and height that most videos have, by the rules; of the stills where all are."""
        sizes: Counter[tuple[int, int]] = Counter()
        for info in self.videos or self.clips:
            sizes[info.width, info.height] += self.clips[info]
        width, height = sizes.most_common(1)[0][0]
        unit = plan.multiple
        return max(unit, width // unit * unit), max(unit, height // unit * unit)


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
    step, rest = (target.frame_step, target.frame_rest) if target else (1, 0)
    if own := re.fullmatch(r"(\d+)N(?:\+(\d+))?", trainer.frames):
        step, rest = int(own[1]), int(own[2] or 0)
    return Plan(
        step=step,
        rest=rest,
        frames=0 if trainer.stills else frames,
        fps=fps or trainer.fps or (target.fps if target else 0.0),
        multiple=target.multiple if target else 1,
        size=size,
        min_frames=max(trainer.min_frames, 0 if trainer.stills else frames),
        max_seconds=trainer.max_seconds,
        model_fps=target.fps if target else 0.0,
    )


def too_short_or_long(info: MediaInfo, plan: Plan) -> list[str]:
    """Why the trainer would pass over such a clip, or refuse it."""
    found = []
    if info.frames < plan.min_frames:
        found.append(f"{info.frames} frames, and the trainer needs {plan.min_frames}")
    if plan.max_seconds and info.seconds > plan.max_seconds:
        found.append(f"{info.seconds:.1f} s, and the trainer takes {plan.max_seconds:g} s at most")
    return found


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a trainer makes of one clip.

    Attributes:
        frames: frames that it trains on; 0 where the clip is dropped.
        seconds: how much of the clip these frames show; 0 for a still.
        reason: why the clip is dropped; empty where it is not.
    """

    frames: int
    seconds: float = 0.0
    reason: str = ""


Load = Callable[[MediaInfo], Loaded]
Loader = Callable[[Path, Plan], Load]
"""How a trainer loads each clip of the dataset in a folder. Raises ``ValueError``, ``KeyError`` or
``TypeError`` where its configuration there is broken."""


def load_by_rules(folder: Path, plan: Plan) -> Load:
    """The first frames that keep the rule, of all clips within the trainer's own limits."""

    def load(info: MediaInfo) -> Loaded:
        if reasons := too_short_or_long(info, plan):
            return Loaded(0, reason="; ".join(reasons))
        frames = plan.round_to_frame_rule(min(info.frames, plan.frames or info.frames))
        return Loaded(frames, seconds=frames / info.fps if info.fps and frames > 1 else 0.0)

    return load


def out_of_rule(info: MediaInfo, plan: Plan) -> list[str]:
    """What of a clip does not keep the rules; the trainer will cut, scale or misread it."""
    found = []
    if not plan.keeps_rule(info.frames):
        found.append(f"{info.frames} frames are not {plan.rule}")
    if plan.fps and info.fps and abs(info.fps - plan.fps) > 0.01 * plan.fps:
        found.append(f"{info.fps:g} frames a second instead of {plan.fps:g}")
    if plan.size and (info.width, info.height) != plan.size:
        found.append(f"{info.width}x{info.height} instead of {plan.size[0]}x{plan.size[1]}")
    elif info.width % plan.multiple or info.height % plan.multiple:
        found.append(f"{info.width}x{info.height} are no multiples of {plan.multiple}")
    if info.rotation:
        found.append(f"stored turned by {info.rotation} degrees, which many readers ignore")
    return found


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


Row = Callable[[Sample, Path], dict[str, Any]]
"""A sample as a row, given the folder that the dataset will have."""

Extras = Callable[[Path, Plan, ClipCounts], dict[str, str]]
"""Texts of files by name, given the folder that the dataset will have."""
