"""Evidence within a span: what was measured, as seen between two times of the clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from instancecap.evidence.experts.camera_words import TRAVELS, describe_camera
from instancecap.evidence.experts.framing import frame_evidence
from instancecap.evidence.geometry import direction_of
from instancecap.evidence.tracking.motion_events import follows_subject
from instancecap.schema.base import StrictModel, Text, TrackPoint
from instancecap.schema.evidence import (
    AudioFacts,
    CameraFacts,
    Evidence,
    Face,
    InstanceFacts,
    InstanceMotion,
    LightFacts,
    Loudness,
    MaskRle,
    PlaceFacts,
    Shot,
    Turn,
    Video,
)

Timed = TypeVar("Timed", TrackPoint, MaskRle, Turn, Face, Text, Loudness)
Model = TypeVar("Model", bound=StrictModel)

EDGE = 1e-3
"""Seconds; times that went through JSON are exact to this."""

AT_A_CUT = 0.4
"""Seconds from a cut within which what appears or goes was cut in or away."""

MIN_SHIFT = 0.04
"""Frame sizes by which a box must shift within a span to have a direction in it."""


def shots_of(evidence: Evidence) -> list[Shot]:
    """The shots; the whole clip as one where none were measured."""
    whole = Shot(start=0.0, end=evidence.video.duration, transition="start")
    return list(evidence.shots) or [whole]


def within(evidence: Evidence, start: float, end: float, *, rebase: bool = False) -> Evidence:
    """The evidence of the frames at ``start`` or later and before ``end``, seconds.

    Shots, camera, framing and angle are those of the span; an instance keeps its id and what is
    seen of it in the span, and is left out where nothing is. It enters or leaves only where it
    does so within the span, and not by a cut. Light and place were measured over the whole clip:
    they are kept where the span covers it, or lies in a clip of one shot, and are empty otherwise.
    So are experts' opinions of the clip, where the span does not cover it.

    ``rebase`` counts times from the span's start and makes ``video`` the span's; without it times
    stay those of the clip. Nothing that ``evidence`` holds is changed.
    """
    duration = evidence.video.duration
    start, end = max(0.0, start), min(max(start, end), max(duration, start))
    if start <= EDGE and end >= duration - EDGE:
        return evidence
    span = _Span(start, end, rebase)
    shots = [
        _cut(shot, span, "start", "end").model_copy(
            update={"transition": "start" if shot.start <= start + EDGE else shot.transition}
        )
        for shot in shots_of(evidence)
        if shot.start < end - EDGE and shot.end > start + EDGE
    ]
    found = [_instance_in(item, span, evidence) for item in evidence.instances]
    instances = [item for item in found if item is not None]
    ids = {item.id for item in instances}
    faces = _inside(evidence.faces, span)
    aspect = evidence.video.width / evidence.video.height
    camera = _camera_in(evidence.camera, span, shots, instances, aspect=aspect)
    same_view = len(evidence.shots) <= 1
    contacts = [c for c in evidence.contacts if {c.first, c.second} <= ids and span.meets(c)]
    overlays = [one for one in evidence.overlays if one.t < end and one.end >= start]
    view = evidence.model_copy(
        update={
            "video": _video_of(evidence.video, span) if rebase else evidence.video,
            "shots": shots,
            "camera": camera,
            "instances": instances,
            "contacts": [_cut(one, span, "start", "end") for one in contacts],
            "faces": faces,
            "texts": _inside(evidence.texts, span),
            "overlays": [_cut(one, span, "t", "end") for one in overlays],
            "opinions": [],
            "audio": _audio_in(evidence.audio, span),
            "light": evidence.light if same_view else LightFacts(),
            "place": evidence.place if same_view else PlaceFacts(),
        }
    )
    view.framing = frame_evidence(view, aspect=aspect)
    view.framing.style = evidence.framing.style
    return view


class _Span:
    """A stretch of the clip's time, and what a time in it is called in the view."""

    def __init__(self, start: float, end: float, rebase: bool) -> None:
        self.start, self.end = start, end
        self._zero = start if rebase else 0.0

    def holds(self, t: float) -> bool:
        """Whether a frame at ``t`` seconds lies in the span; its first one always does."""
        return self.start - EDGE <= t < max(self.end - EDGE, self.start + EDGE)

    def meets(self, item: StrictModel) -> bool:
        """Whether something with a start and an end lies in it, in part."""
        first, last = (float(getattr(item, name)) for name in ("start", "end"))
        return first < self.end and last >= self.start

    def time(self, t: float) -> float:
        """A time of the clip, clipped to the span, as the view counts it."""
        return round(min(max(t, self.start), self.end) - self._zero, 3)


def _inside(items: Sequence[Timed], span: _Span) -> list[Timed]:
    return [_cut(item, span, "t") for item in items if span.holds(item.t)]


def _cut(item: Model, span: _Span, *names: str) -> Model:
    """A copy whose times of these names lie within the span."""
    return item.model_copy(update={name: span.time(getattr(item, name)) for name in names})


def _video_of(video: Video, span: _Span) -> Video:
    length = span.end - span.start
    frames = max(1, round(video.frames * (length / video.duration if video.duration else 1.0)))
    return video.model_copy(
        update={
            "start": round(video.start + span.start, 3),
            "end": round(video.start + span.end, 3),
            "duration": round(length, 3),
            "frames": frames,
            "frames_read": frames,
        }
    )


def _instance_in(item: InstanceFacts, span: _Span, evidence: Evidence) -> InstanceFacts | None:
    """The instance within the span; None where it is not seen in it."""
    track = _inside(item.track, span)
    if not track:
        return None
    first, last = item.track[0].t, item.track[-1].t
    cuts = [shot.start for shot in evidence.shots[1:]]
    came = item.enters and first >= span.start and not _is_near(first, cuts, before=True)
    went = item.leaves and last < span.end and not _is_near(last, cuts, before=False)
    return item.model_copy(
        update={
            "track": track,
            "masks": _inside(item.masks, span),
            "enters": came,
            "leaves": went,
            "pose": [_cut(one, span, "start", "end") for one in item.pose if span.meets(one)],
            "motion": _motion_in(item, track, span, evidence.camera),
        }
    )


def _audio_in(audio: AudioFacts, span: _Span) -> AudioFacts:
    """The sound within the span; an utterance is in the one that holds its middle."""
    if audio.sound != "audible":
        return audio
    return audio.model_copy(
        update={
            "loudness": _inside(audio.loudness, span),
            "speech": [_cut(one, span, "start", "end") for one in audio.speech if span.meets(one)],
            "transcript": [
                _cut(one, span, "start", "end")
                for one in audio.transcript
                if span.holds((one.start + one.end) / 2)
            ],
        }
    )


def _is_near(t: float, cuts: Sequence[float], *, before: bool) -> bool:
    """True just after a cut (``before``: the cut lies before ``t``), or just before one."""
    return any(0 <= (t - cut if before else cut - t) + EDGE < AT_A_CUT for cut in cuts)


def _motion_in(
    item: InstanceFacts, track: Sequence[TrackPoint], span: _Span, camera: CameraFacts
) -> InstanceMotion:
    """The instance's motion in the span; before a resting camera its direction is that there."""
    motion = item.motion
    turns = _inside(motion.turns, span)
    still = [
        (span.time(a), span.time(b)) for a, b in motion.still if a < span.end and b > span.start
    ]
    update: dict[str, object] = {"turns": turns, "still": still}
    if len(track) < len(item.track):
        boxes = np.array([point.box for point in track])
        ends = max(1, min(3, len(boxes) // 3))
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        shift = middles[-ends:].mean(axis=0) - middles[:ends].mean(axis=0)
        update |= {"frame_dx": round(float(shift[0]), 4), "frame_dy": round(float(shift[1]), 4)}
        if camera.motion == ["static"] and motion.moving:
            moves = float(np.hypot(*shift)) >= MIN_SHIFT
            update["direction"] = direction_of(shift) if moves else ""
        update["scale_change"] = 1.0  # not measured for a part
    return motion.model_copy(update=update)


def _camera_in(
    camera: CameraFacts,
    span: _Span,
    shots: Sequence[Shot],
    instances: Sequence[InstanceFacts],
    *,
    aspect: float,
) -> CameraFacts:
    steps = [step for step in camera.path if span.start + EDGE < step.t <= span.end + EDGE]
    path = [_cut(step, span, "t") for step in steps]
    if span.start > EDGE:
        path = path[1:]  # its step reaches back beyond the span
    facts, _ = describe_camera(path, shots, aspect=aspect)
    # Parallax was measured over the whole clip: its words hold in the span as well.
    proven = {word for s in camera.segments if span.meets(s) for word in s.motion}
    finer = {turn: travel for turn, travel in TRAVELS.items() if travel in proven - {turn}}
    facts.motion = [word if word in proven else finer.get(word, word) for word in facts.motion]
    for segment in facts.segments:
        segment.motion = [
            word if word in proven else finer.get(word, word) for word in segment.motion
        ]
    if follows_subject(facts, instances, end=shots[-1].end if shots else span.end):
        facts.motion = [*facts.motion, "tracking"]
    return facts
