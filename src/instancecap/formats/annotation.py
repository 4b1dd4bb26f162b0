"""What tools for annotation hold of a caption: fields, boxes at frames, stretches of frames.

Such tools count frames, not seconds. :func:`annotated` says what of a caption is handed out to
them; :mod:`instancecap.formats.correction` makes a caption of what comes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from instancecap.schema import pointer as pointers
from instancecap.schema import vocabulary as v
from instancecap.schema.caption import Caption, Instance, Video
from instancecap.schema.tracks import visible_runs

FRAME_RATE = 24.0
"""Frames a second where a caption doesn't know them; Label Studio takes the same."""

SAME = 1e-4
"""Coordinates in 0..1 that differ by no more are the same: tools round."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Field:
    """A field that people can change: its name in the tool, and where it is in a caption.

    Attributes:
        pointer: below the caption, or below the instance.
        words: its vocabulary; empty for any text.
        several: it is a list.
    """

    name: str
    pointer: str
    words: tuple[str, ...] = ()
    several: bool = False


CLIP_FIELDS = (
    Field("global_description", "/global_description"),
    Field("dense_description", "/dense_description"),
    Field("background", "/background"),
    Field("lighting", "/lighting"),
    Field("camera_description", "/camera/description"),
    Field("place", "/place", get_args(v.Place)),
    Field("time_of_day", "/time_of_day", get_args(v.TimeOfDay)),
    Field("style", "/style", get_args(v.Style)),
    Field("camera_motion", "/camera/motion", get_args(v.Primitive), several=True),
    Field("camera_speed", "/camera/speed", get_args(v.Speed)),
    Field("camera_stability", "/camera/stability", get_args(v.Stability)),
    Field("shot_type", "/camera/shot_type", get_args(v.ShotType)),
    Field("shot_angle", "/camera/shot_angle", get_args(v.ShotAngle)),
    Field("shot_position", "/camera/shot_position", get_args(v.ShotPosition)),
)
INSTANCE_FIELDS = (
    Field("name", "name"),
    Field("subcategory", "subcategory"),
    Field("appearance", "appearance"),
    Field("action", "action"),
    Field("expression", "expression"),
    Field("position", "position/text"),
    Field("colors", "colors", several=True),
    Field("category", "category", get_args(v.Category)),
)
COUNT = "count"
"""The field of an instance that is a number."""

TRANSITIONS = get_args(v.Transition)

MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What is raised where JSON is read that has another shape than a tool gives it."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A box at a frame, the first of which is 1; ``lasts``: shown until the next one, not only
    here."""

    frame: int
    box: Box
    lasts: bool = True


@dataclass(slots=True)
class AnnotatedInstance:
    """An instance as a tool has it: ``values`` by the names of :data:`INSTANCE_FIELDS`."""

    class_: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    keyframes: list[Keyframe] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A shot (``text`` is its transition) or a segment: first and last frame."""

    start: int
    end: int
    text: str


@dataclass(slots=True)
class Annotation:
    """A caption as a tool has it; instances by id, shots and segments by their places in lists."""

    values: dict[str, Any] = field(default_factory=dict)
    instances: dict[int, AnnotatedInstance] = field(default_factory=dict)
    shots: dict[int, Stretch] = field(default_factory=dict)
    segments: dict[int, Stretch] = field(default_factory=dict)


LAST_FRAME = 2.0**53
"""Where a damaged file's times end; the numbers of frames are exact up to here."""


class FrameClock:
    """Seconds of a clip as frames of its file, the first of which is 1, and back."""

    def __init__(self, video: Video | None) -> None:
        self.rate = (video.fps if video else 0.0) or FRAME_RATE
        self._start = video.start if video else 0.0
        self._end = video.duration if video else 0.0

    def frame(self, t: float) -> int:
        """The frame that is shown at ``t`` seconds of the clip."""
        return round(min((self._start + t) * self.rate, LAST_FRAME)) + 1

    def time(self, frame: int) -> float:
        """When a frame begins, in seconds of the clip; 0 for one before the clip."""
        return max(0.0, (frame - 1) / self.rate - self._start)

    def stretch(self, start: float, end: float, text: str) -> Stretch:
        """The frames of a time span, at least one."""
        first = self.frame(start)
        return Stretch(first, max(first, self.frame(end) - 1), text)

    @property
    def last(self) -> int:
        """The clip's last frame, as far as that is known."""
        return max(1, self.frame(self._end) - 1)


def annotated(caption: Caption) -> Annotation:
    """What of a caption is handed out to a tool."""
    clock = FrameClock(caption.video)
    return Annotation(
        values={
            one.name: value
            for one in CLIP_FIELDS
            if (value := plain(pointers.resolve(caption, one.pointer)))
        },
        instances={one.id: _annotated_instance(one, caption, clock) for one in caption.instances},
        shots={
            place: clock.stretch(one.start, one.end, one.transition)
            for place, one in enumerate(caption.shots)
        },
        segments={
            place: clock.stretch(one.start, one.end, one.description.strip())
            for place, one in enumerate(caption.segments)
        },
    )


def plain(value: Any) -> Any:
    """Texts without space around them, which tools drop; lists without empty ones."""
    if isinstance(value, list):
        return [text for one in value if (text := one.strip())]
    return value.strip() if isinstance(value, str) else value


def _annotated_instance(one: Instance, caption: Caption, clock: FrameClock) -> AnnotatedInstance:
    values = {
        each.name: value
        for each in INSTANCE_FIELDS
        if (value := plain(pointers.resolve(one, f"/{each.pointer}")))
    }
    if one.count > 1:
        values[COUNT] = one.count
    return AnnotatedInstance(one.class_.strip(), values, _keyframes(one, caption, clock))


def _keyframes(one: Instance, caption: Caption, clock: FrameClock) -> list[Keyframe]:
    """A track at frames; nothing is drawn over a cut, nor while the instance is out of sight."""
    track = sorted(one.track, key=lambda point: point.t)
    ends = {id(run[-1]) for run in visible_runs(track)[:-1]}
    cuts = [shot.start for shot in caption.shots[1:]]
    boxes: dict[int, Keyframe] = {}
    for place, point in enumerate(track):
        after = track[place + 1].t if place + 1 < len(track) else None
        lasts = id(point) not in ends if after is not None else not one.position.leaves
        lasts = lasts and not (after and any(point.t < cut <= after for cut in cuts))
        frame = clock.frame(point.t)
        boxes[frame] = Keyframe(frame, point.box, lasts)
    return list(boxes.values())


def same_box(some: Box, other: Box) -> bool:
    """Whether two boxes are the same but for rounding."""
    return all(abs(a - b) <= SAME for a, b in zip(some, other, strict=True))
