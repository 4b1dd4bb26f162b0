"""A clip of a dataset, the rules that it has to keep, and what a trainer makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from instancecap.schema.caption import Caption


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a trainer will find in a file.

    Attributes:
        fps: frames per second, 0 for a still image.
        width, height: pixels of the displayed frame.
        rotation: clockwise degrees that a reader has to turn the frames by itself.
    """

    frames: int
    fps: float
    width: int
    height: int
    seconds: float
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip with its text, ready to be written down.

    Attributes:
        stem: name of its files in the dataset, without folder and suffix; unique there.
        media: paths of its files inside the dataset: one video or image, or several frames.
        texts: what the trainer is to learn, each on one line; several only for a trainer that
            takes several captions of one file.
        question: what a captioner is asked; empty for the usual question.
    """

    name: str
    stem: str
    media: tuple[str, ...]
    texts: tuple[str, ...]
    info: MediaInfo
    caption: Caption
    question: str = ""

    @property
    def text(self) -> str:
        """The first of the texts, for a trainer that takes one."""
        return self.texts[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a dataset as its trainer would read it.

    Attributes:
        where: file and line, for messages.
        texts: the captions, or for a captioner the answer; none where there is none.
        fault: why the row cannot be read; empty for a good one.
    """

    where: str
    media: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of one export: the trainer's, the model's, and what the user asked for.

    Attributes:
        step, rest: the number of frames is ``step * N + rest``.
        frames: that the training will ask for, 0 where it takes what there is.
        fps: frames per second, 0 for any.
        multiple: what width and height are multiples of.
        size: width and height, None for any.
        max_seconds: 0 for any length.
        model_fps: rate of the model, whatever the files have.
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
    retimes: str = ""

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


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a trainer makes of one clip.

    Attributes:
        frames: frames that it trains on; 0 where the clip is dropped.
        seconds: how much of the clip these frames show; 0 for a still.
        reason: why the clip is dropped; empty where it is not.
        remedy: the option of an export that would keep the clip; empty where there is none.
    """

    frames: int
    seconds: float = 0.0
    reason: str = ""
    remedy: str = ""

    @property
    def drop(self) -> str:
        """That the clip is dropped, why, and what to do about it."""
        return f"{NOT_TRAINED}{self.reason}{self.remedy and f'; {self.remedy}'}"


NOT_TRAINED = "not trained on: "
TO_RULE = "--transcode brings it to the rule"
"""What to do about a clip that is out of a rule."""


WHOLE = 0.8
"""Share of a clip that has to be trained on, so that a caption of all of it still fits."""


def cut_short(captioned: float, info: MediaInfo, loaded: Loaded, later: str = "") -> str:
    """That a caption is of more than what is trained on, and what to do; empty where it is not.

    Args:
        captioned: seconds that the caption is of; 0 where that is not known.
        later: what it tells that is known to come after the file's end, in words.
    """
    kept = min(loaded.seconds, info.seconds)
    if loaded.reason or not info.fps or kept >= WHOLE * captioned:
        return ""
    told = f": '{later}' is seen in none of it" if later else ""
    return (
        f"the caption is of {captioned:.1f} s, and {kept:.1f} s of them are trained on{told}; "
        "--frames may keep more, or caption parts of that length (start and end in a manifest)"
    )


Load = Callable[[MediaInfo], Loaded]
Loader = Callable[[Path, Plan], Load]
"""How a trainer loads each clip of the dataset in a folder. Raises ``ValueError``, ``KeyError`` or
``TypeError`` where its configuration there is broken."""


@dataclass(slots=True)
class ClipCounts:
    """What the clips of a dataset turned out to be; for the trainer's configuration.

    Attributes:
        clips: how many clips are alike in everything, in the order of their first.
    """

    clips: Counter[MediaInfo] = field(default_factory=Counter)

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
        """Width and height that are asked for, or that most videos have (stills where all are)."""
        if plan.size:
            return plan.size
        sizes: Counter[tuple[int, int]] = Counter()
        for info in self.videos or self.clips:
            sizes[info.width, info.height] += self.clips[info]
        width, height = sizes.most_common(1)[0][0]
        unit = plan.multiple
        return max(unit, width // unit * unit), max(unit, height // unit * unit)


Extras = Callable[[Path, Plan, ClipCounts], dict[str, str]]
"""Texts of files by name, given the folder that the dataset will have."""


def out_of_rule(info: MediaInfo, plan: Plan) -> list[str]:
    """What of a clip does not keep the rules; the trainer will cut, scale or misread it."""
    found = []
    other = plan.fps and info.fps and abs(info.fps - plan.fps) > 0.01 * plan.fps
    retimed = plan.retimes == "all" or (plan.retimes == "faster" and info.fps > plan.fps)
    if not (other and retimed):  # the loader sees to the rate, and counts frames after that
        if not plan.keeps_rule(info.frames):
            found.append(f"{info.frames} frames are not {plan.rule}")
        if other:
            found.append(f"{info.fps:g} frames a second instead of {plan.fps:g}")
    if plan.size and (info.width, info.height) != plan.size:
        found.append(f"{info.width}x{info.height} instead of {plan.size[0]}x{plan.size[1]}")
    elif info.width % plan.multiple or info.height % plan.multiple:
        found.append(f"{info.width}x{info.height} are no multiples of {plan.multiple}")
    if info.rotation:
        found.append(f"stored turned by {info.rotation} degrees, which many readers ignore")
    return found
