"""The figures that a clip is judged by, of the whole clip or of one of its shots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from instancecap.datasets.curation.hashing import hash_of
from instancecap.datasets.curation.pixels import FrameExpert, PictureExpert
from instancecap.evidence.geometry import areas, coverage
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.evidence.view import EDGE, shots_of, within
from instancecap.schema import vocabulary as v
from instancecap.schema.base import Box, StrictModel
from instancecap.schema.evidence import Evidence, InstanceFacts, TextRegion

SURE = 0.5
"""Confidence from which an instance counts."""

SMALL = 0.002
"""Share of the frame under which nobody would call something an instance of the clip."""

COVERED = 0.08
"""Share of an instance's box that a moving patch covers where the instance moves."""

BLENDED = 0.5
"""Seconds on either side of a dissolve or fade that belong to neither shot."""

GRADUAL = ("dissolve", "fade")


class InstanceFigures(StrictModel):
    """One instance, for a person who wants to know why.

    Attributes:
        area: mean share of the frame that its box fills.
        motion: see :attr:`Figures.motion`.
        seen: share of the clip in which it is seen.
    """

    class_: str = Field(alias="class")
    confidence: float
    area: float
    motion: float
    seen: float


class Figures(StrictModel):
    """What rules judge; shares and confidences are 0..1, times seconds.

    Attributes:
        side: pixels of the shorter side.
        transitions: cuts, dissolves and fades within the clip.
        motion: of the instance that moves the most: how fast it, or a part of it, moves against
            the background, the camera's motion taken away; frame diagonals a second.
        camera: what the camera does, the schema's words.
        camera_speed: how fast the picture shifts and grows with the camera; frame diagonals a
            second.
        damage: share of the frames that are damaged or missing.
        repeated: share of the frames that repeat the one before.
        frozen: the longest rest of the whole picture.
        blur: 0 sharp, 1 without any detail.
        dark, bright: shares of the picture that are too dark, too bright, to show anything.
        bars: share of the picture that black bars fill; ``content`` is what they leave.
        text: share of the picture, over time, that laid-over writing fills; ``subtitles``: share
            of the time in which there are some.
        watermark: share of the picture that writing or a pattern fills which never moves.
        instances: those that are sure and not tiny, groups by their number; ``largest``: mean
            share of the frame that the largest one fills.
        people: those of them that are people; ``faces``: at one time; ``face``: height of the
            largest one, frame heights.
        extra: what plug-ins say.
    """

    duration: float
    width: int
    height: int
    side: int
    fps: float
    transitions: int
    motion: float
    camera: list[v.Primitive]
    stability: str
    camera_speed: float
    damage: float
    repeated: float
    frozen: float
    blur: float
    brightness: float
    dark: float
    bright: float
    bars: float
    content: Box
    text: float
    subtitles: float
    watermark: float
    instances: int
    largest: float
    people: int
    faces: int
    face: float
    classes: list[str]
    place: str
    time_of_day: str
    style: str
    shot_type: str
    extra: dict[str, float] = {}
    found: list[InstanceFigures] = []


def spans_of(evidence: Evidence) -> list[tuple[float, float]]:
    """Start and end of each shot, without the frames in which it blends with its neighbor."""
    spans = []
    shots = shots_of(evidence)
    for index, shot in enumerate(shots):
        after = shots[index + 1].transition if index + 1 < len(shots) else ""
        start = shot.start + BLENDED * (shot.transition in GRADUAL)
        end = shot.end - BLENDED * (after in GRADUAL)
        if end - start > EDGE:
            spans.append((round(start, 3), round(end, 3)))
    return spans


def figures_of(
    evidence: Evidence, frames: FrameExpert, pictures: PictureExpert, start: float, end: float
) -> tuple[Figures, str]:
    """The figures of a span, and its hash; seconds from the clip's start."""
    video, view = evidence.video, within(evidence, start, end)
    seconds = max(end - start, EDGE)
    found = [_instance(one, pictures.patches, evidence, seconds) for one in view.instances]
    sure = [
        (one, facts)
        for one, facts in zip(found, view.instances, strict=True)
        if one.confidence >= SURE and one.area >= SMALL
    ]
    moving = [one for one in found if one.area >= SMALL]
    repeated, frozen = frames.still(start, end)
    dark, bright = pictures.light(start, end)
    x0, y0, x1, y1 = content = pictures.content(start, end)
    at_once: dict[float, int] = {}
    for face in view.faces:
        at_once[face.t] = at_once.get(face.t, 0) + 1
    marks = [one for one in view.overlays if one.kind == "watermark"]
    logo = pictures.logo(start, end, camera_rests=view.camera.motion == ["static"])
    figures = Figures(
        duration=round(end - start, 3),
        width=video.width,
        height=video.height,
        side=min(video.width, video.height),
        fps=video.fps,
        transitions=max(0, len(view.shots) - 1),
        motion=max([one.motion for one in moving], default=0.0),
        camera=view.camera.motion,
        stability=view.camera.stability,
        camera_speed=_camera_speed(view, seconds),
        damage=video.damage,
        repeated=round(repeated, 4),
        frozen=round(frozen, 3),
        blur=round(pictures.blur(start, end), 4),
        brightness=evidence.light.brightness,
        dark=round(dark, 4),
        bright=round(bright, 4),
        bars=round(1 - (x1 - x0) * (y1 - y0), 4),
        content=content,
        text=_share(view.overlays, start, end),
        subtitles=_time(view.overlays, start, end),
        watermark=round(_share(marks, start, end) + logo, 4),
        instances=sum(facts.count for _, facts in sure),
        largest=max([one.area for one, _ in sure], default=0.0),
        people=sum(facts.count for _, facts in sure if facts.class_ == "person"),
        faces=max(at_once.values(), default=0),
        face=round(max([one.box[3] - one.box[1] for one in view.faces], default=0.0), 4),
        classes=list(dict.fromkeys(facts.class_ for _, facts in sure)),
        place=evidence.place.label,
        time_of_day=evidence.light.time_of_day,
        style=view.framing.style,
        shot_type=view.framing.shot_type,
        found=sorted(found, key=lambda one: -one.motion)[:8],
    )
    return figures, hash_of(np.array(pictures.hash_times), pictures.tiny, start, end)


def _instance(
    facts: InstanceFacts,
    patches: dict[float, FrameDetections],
    evidence: Evidence,
    seconds: float,
) -> InstanceFigures:
    boxes = np.array([point.box for point in facts.track])
    width, height = evidence.video.width, evidence.video.height
    unit = np.array([width, height]) / math.hypot(width, height)
    paces = []
    for point, box in zip(facts.track, boxes, strict=True):
        patch = patches.get(round(point.t, 3))
        if patch is None or not patch.measured or patch.flow is None:
            continue
        inside = coverage(box[None], patch.boxes)[0] > COVERED if len(patch.boxes) else []
        paces.append(
            max(np.linalg.norm(patch.flow[inside] * unit, axis=1), default=0.0)
            if np.any(inside)
            else 0.0
        )
    pace = float(np.mean(paces)) if paces else 0.0
    times = [point.t for point in facts.track]
    return InstanceFigures.model_validate(
        {
            "class": facts.class_,
            "confidence": facts.confidence,
            "area": round(float(areas(boxes).mean()), 4),
            "motion": round(max(facts.motion.speed, pace), 4),
            "seen": round(min(1.0, (times[-1] - times[0]) / seconds), 3),
        }
    )


def _camera_speed(view: Evidence, seconds: float) -> float:
    width, height = view.video.width, view.video.height
    diagonal = math.hypot(width, height)
    shifts = (
        math.hypot(step.dx * width, step.dy * height) / diagonal + abs(step.zoom - 1) / 4
        for step in view.camera.path
    )
    return round(sum(shifts) / seconds, 4)


def _share(overlays: Sequence[TextRegion], start: float, end: float) -> float:
    """Share of the picture, over time, that writing fills."""
    filled = 0.0
    for one in overlays:
        x0, y0, x1, y1 = one.box
        filled += (x1 - x0) * (y1 - y0) * max(0.0, min(one.end, end) - max(one.t, start))
    return round(min(1.0, filled / max(end - start, EDGE)), 4)


def _time(overlays: Sequence[TextRegion], start: float, end: float) -> float:
    """Share of the time in which there are subtitles; two at once count twice, up to 1."""
    seconds = sum(
        max(0.0, min(one.end, end) - max(one.t, start))
        for one in overlays
        if one.kind == "subtitle"
    )
    return round(min(1.0, seconds / max(end - start, EDGE)), 4)
