"""A clip in pieces: windows that no cut runs through, one clip a shot, and which frames to show."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from instancecap.evidence.experts.angle import shot_angle
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.evidence.experts.framing import frame_subject
from instancecap.evidence.tracking.instances import follows_subject
from instancecap.schema.base import StrictModel, TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    Evidence,
    Face,
    InstanceFacts,
    LightFacts,
    MaskRle,
    PlaceFacts,
    Shot,
    Turn,
    Video,
)
from instancecap.schema.parts import Text
from instancecap.video.clip import Clip

Timed = TypeVar("Timed", TrackPoint, MaskRle, Turn, Face, Text)
Model = TypeVar("Model", bound=StrictModel)

EDGE = 1e-3
"""Seconds; times that went through JSON are exact to this."""

AT_A_CUT = 0.4
"""Seconds from a cut within which what appears or goes was cut in or away."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a clip without a cut; seconds from the clip's start."""

    start: float
    end: float


def shots_of(evidence: Evidence) -> list[Shot]:
    """The shots; the whole clip as one where none were measured."""
    whole = Shot(start=0.0, end=evidence.video.duration, transition="start")
    return list(evidence.shots) or [whole]


def cut_windows(evidence: Evidence, *, seconds: float) -> list[Window]:
    """Every shot in the fewest equal parts that are no longer than ``seconds``, in order."""
    windows = []
    for shot in shots_of(evidence):
        length = max(0.0, shot.end - shot.start)
        parts = max(1, math.ceil(length / seconds - EDGE))
        edges = [round(shot.start + length * i / parts, 3) for i in range(parts)] + [shot.end]
        windows += [Window(a, b) for a, b in itertools.pairwise(edges)]
    return windows


def frame_times(evidence: Evidence, window: Window, *, frames: int) -> list[float]:
    """At most ``frames`` times within a window, evenly spread, at each of which a frame lies.

    They are times at which something was measured, so what a question will cost is known before
    the clip is read again.
    """
    last = max(window.end - EDGE, window.start + EDGE)
    known = {0.0, *(shot.start for shot in evidence.shots)}
    known |= {sample.t for sample in evidence.camera.path}
    known |= {point.t for item in evidence.instances for point in item.track}
    inside = _apart(sorted(t for t in known if window.start - EDGE <= t < last))
    if 0 < len(inside) <= frames:
        return inside
    step = (window.end - window.start) / frames
    middles = [window.start + (slot + 0.5) * step for slot in range(frames)]
    if not inside:  # nothing was measured here; there are frames all the same
        return [] if evidence.video.frames < 2 else _apart([round(t, 3) for t in middles])
    return sorted({min(inside, key=lambda t: abs(t - middle)) for middle in middles})


def _apart(times: Sequence[float]) -> list[float]:
    """Rising times without those that name the same frame twice."""
    kept: list[float] = []
    for t in times:
        if not kept or t - kept[-1] > 2 * EDGE:
            kept.append(t)
    return kept


# One clip a shot -------------------------------------------------------------------------------


def split(clip: Clip, evidence: Evidence) -> list[tuple[Clip, Evidence]]:
    """One clip a shot, each with its part of the evidence.

    Times count from the shot's start; instances keep their ids; ids of clips get ``#1``, ``#2``,
    … behind them. Camera and framing are those of the shot. Light and place were measured over all
    shots together, so they are left empty; measuring a piece anew fills them.
    A clip of one shot is returned as it is.
    """
    shots = shots_of(evidence)
    if len(shots) == 1:
        return [(clip, evidence)]
    pieces = []
    for index, shot in enumerate(shots):
        id = f"{clip.id}#{index + 1}"
        # The last shot ends where the clip does, which may be the end of the file.
        end = clip.end if index == len(shots) - 1 else round(clip.start + shot.end, 6)
        part = replace(clip, start=clip.start + shot.start, end=end, id=id)
        pieces.append((part, _evidence_of(evidence, shot, id=id)))
    return pieces


def _evidence_of(evidence: Evidence, shot: Shot, *, id: str) -> Evidence:
    found = [_instance_in(item, shot, evidence) for item in evidence.instances]
    instances = [item for item in found if item is not None]
    ids = {item.id for item in instances}
    faces = _shifted(evidence.faces, shot)
    whole = Shot(start=0.0, end=_since(shot.end, shot), transition="start")
    aspect = evidence.video.width / evidence.video.height
    camera = _camera_in(evidence.camera, shot, whole, instances, aspect=aspect)
    framing = frame_subject(instances, faces, [whole], aspect=aspect)
    framing.style = evidence.framing.style
    static = camera.motion == ["static"]
    framing.shot_angle = shot_angle(instances, faces, static=static, aspect=aspect)
    contacts = [one for one in evidence.contacts if {one.first, one.second} <= ids]
    overlays = [one for one in evidence.overlays if one.t < shot.end and one.end >= shot.start]
    return evidence.model_copy(
        update={
            "video": _video_of(evidence.video, shot, id=id),
            "shots": [whole],
            "camera": camera,
            "instances": instances,
            "contacts": [_cut(one, shot, "start", "end") for one in contacts],
            "faces": faces,
            "texts": _shifted(evidence.texts, shot),
            "overlays": [_cut(one, shot, "t", "end") for one in overlays],
            "light": LightFacts(),
            "place": PlaceFacts(),
            "framing": framing,
        }
    )


def _since(t: float, shot: Shot) -> float:
    return round(max(0.0, t - shot.start), 3)


def _is_in(t: float, shot: Shot) -> bool:
    return shot.start - EDGE <= t < max(shot.end - EDGE, shot.start + EDGE)


def _shifted(items: Sequence[Timed], shot: Shot) -> list[Timed]:
    """Those that lie in the shot, their times counted from its start."""
    return [_cut(item, shot, "t") for item in items if _is_in(item.t, shot)]


def _cut(item: Model, shot: Shot, *names: str) -> Model:
    """A copy whose times of these names lie within the shot and count from its start."""
    times = {name: _since(min(getattr(item, name), shot.end), shot) for name in names}
    return item.model_copy(update=times)


def _video_of(video: Video, shot: Shot, *, id: str) -> Video:
    start, end = video.start + shot.start, video.start + shot.end
    length = shot.end - shot.start
    share = length / video.duration if video.duration else 1.0
    frames = max(1, round(video.frames * share))
    return video.model_copy(
        update={
            "id": id,
            "start": round(start, 3),
            "end": round(end, 3),
            "duration": round(length, 3),
            "frames": frames,
            "frames_read": frames,
        }
    )


def _instance_in(item: InstanceFacts, shot: Shot, evidence: Evidence) -> InstanceFacts | None:
    """The instance within a shot; None where it is not seen in it."""
    track = _shifted(item.track, shot)
    if not track:
        return None
    length = shot.end - shot.start
    # What a cut brings or takes away neither enters nor leaves.
    first_shot, last_shot = shot.start <= 0.05, shot.end >= evidence.video.duration - 0.05
    came = item.enters if first_shot else item.enters and track[0].t >= AT_A_CUT
    went = item.leaves if last_shot else item.leaves and length - track[-1].t >= AT_A_CUT
    motion = item.motion.model_copy(
        update={
            "turns": _shifted(item.motion.turns, shot),
            "still": [(_since(a, shot), _since(b, shot)) for a, b in item.motion.still],
        }
    )
    masks = _shifted(item.masks, shot)
    parts = {"track": track, "masks": masks, "enters": came, "leaves": went, "motion": motion}
    return item.model_copy(update=parts)


def _camera_in(
    camera: CameraFacts,
    shot: Shot,
    whole: Shot,
    instances: Sequence[InstanceFacts],
    *,
    aspect: float,
) -> CameraFacts:
    steps = [step for step in camera.path if shot.start + EDGE < step.t <= shot.end + EDGE]
    if shot.start > 0:
        steps = steps[1:]  # its step reaches back over the cut
    path = [_cut(step, shot, "t") for step in steps]
    facts, _ = describe_camera(path, [whole], aspect=aspect)
    if follows_subject(facts, instances, end=whole.end):
        facts.motion = [*facts.motion, "tracking"]
    return facts
