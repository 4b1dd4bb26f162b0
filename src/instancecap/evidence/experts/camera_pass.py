"""Further passes over a clip, in which chosen camera models follow the camera.

They come after the first one because instances are known then: what moves by itself is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.camera_model import CameraModel, CameraPoses, PointTracks, Window
from instancecap.evidence.cameras import FLOW
from instancecap.evidence.experts.camera_merging import merge_cameras, opinions_of
from instancecap.evidence.experts.camera_motion import CameraMotion
from instancecap.evidence.experts.camera_scores import score_primitives
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.evidence.experts.framing import frame_evidence
from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.evidence.tracking.masklets import decode_mask
from instancecap.evidence.tracking.motion_events import follows_subject
from instancecap.evidence.tracking.naming import LIVELY
from instancecap.evidence.view import shots_of
from instancecap.schema.evidence import CameraFacts, Evidence
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.sampling import Ticker

SAME_TIME = 0.07
"""Seconds to a mask that is that of a picture: half of the time between two masks."""

EDGE = np.ones((9, 9), np.uint8)
"""Pixels around a mask that may still be the instance's."""


def add_camera(
    clip: Clip,
    evidence: Evidence,
    models: Sequence[CameraModel],
    *,
    flow_too: bool = False,
    threads: int = 0,
) -> None:
    """Put what ``models`` see of the camera in the place of what optical flow saw.

    Several are merged (:mod:`instancecap.evidence.experts.camera_merging`), with optical flow as
    the first of them if ``flow_too``. What each said, flow also where it does not count, is kept.
    Where a model fails on this clip, or can follow nothing in it, the others speak, with a line in
    ``warnings``; a still picture is not shown to them.
    """
    if evidence.video.frames < 2:
        return
    began = time.perf_counter()
    seen = {}
    for model in models:
        try:
            seen[model.name] = _see(clip, evidence, model, threads=threads)
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            others = "others" if len(models) > 1 else "optical flow"
            evidence.warnings.append(
                f"camera {model.name}: {reason}; the camera is told by {others}"
            )
    if seen:
        flow = {"measured": evidence.camera}
        evidence.camera = merge_cameras(flow | seen if flow_too else seen, shots=evidence.shots)
        evidence.models["camera"] = ",".join([FLOW] * flow_too + [*seen])
        said = {name: opinions_of(facts, name) for name, facts in (flow | seen).items()}
        if sum(map(bool, said.values())) > 1:
            held = evidence.camera.motion
            evidence.opinions += [
                one.model_copy(update={"holds": one.value in held})
                for own in said.values()
                for one in own
            ]
        style = evidence.framing.style
        evidence.framing = frame_evidence(evidence, aspect=_aspect(evidence))
        evidence.framing.style = style
    evidence.timings["camera_model"] = round(time.perf_counter() - began, 4)


def _see(clip: Clip, evidence: Evidence, model: CameraModel, *, threads: int) -> CameraFacts:
    """What a model sees of the camera. Raises ``ValueError`` where that is nothing."""
    motion = CameraMotion()
    for window in _windows(clip, evidence, model, threads=threads):
        motion.add(_look(model, window), window)
    if not any(step.inliers > 0 for step in motion.path):
        raise ValueError("nothing in the background could be followed")
    return _facts(motion, evidence)


def _look(model: CameraModel, window: Window) -> PointTracks | CameraPoses:
    try:
        return model.look(window)
    except Exception as error:  # whatever a network raises, of a full GPU say, the clip goes on
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _facts(motion: CameraMotion, evidence: Evidence) -> CameraFacts:
    shots, aspect = shots_of(evidence), _aspect(evidence)
    facts, _ = describe_camera(
        motion.path,
        shots,
        aspect=aspect,
        parallax=motion.parallax,
        expansions=motion.expansions,
        poses=motion.poses,
    )
    facts.scores = score_primitives(
        facts, shots, aspect=aspect, parallax=motion.parallax, poses=motion.poses
    )
    if follows_subject(facts, evidence.instances, end=evidence.video.duration):
        facts.motion = [*facts.motion, "tracking"]
    return facts


def _aspect(evidence: Evidence) -> float:
    return evidence.video.width / evidence.video.height


def _windows(
    clip: Clip, evidence: Evidence, model: CameraModel, *, threads: int
) -> Iterator[Window]:
    """Windows of the clip's shots. In memory there is one at a time."""
    ticker = Ticker(model.rate)
    cuts = [shot.start for shot in evidence.shots[1:]]
    seen: list[tuple[float, NDArray[np.uint8], NDArray[np.bool_]]] = []
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            if seen and any(seen[-1][0] < cut <= frame.t for cut in cuts):
                yield from _window(seen)
                seen, ticker = [], Ticker(model.rate)
            if not ticker.due(frame.t):
                continue
            bgr = Sample(frame, index=0, aspect=reader.info.aspect).bgr
            seen.append((frame.t, bgr[..., ::-1], _background(evidence, frame.t, bgr.shape)))
            if len(seen) == model.most:
                yield from _window(seen)
                seen = seen[-1:]
        yield from _window(seen)


def _window(
    seen: list[tuple[float, NDArray[np.uint8], NDArray[np.bool_]]],
) -> Iterator[Window]:
    if len(seen) > 1:
        times, pictures, background = zip(*seen, strict=True)
        yield Window(np.array(times), np.stack(pictures), np.stack(background))


def _background(evidence: Evidence, t: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where nothing is that might move at ``t``: outside of people, animals, vehicles, and what
    moves, by their masks where there are any, else by their boxes."""
    height, width = shape[:2]
    background = np.ones((height, width), bool)
    for item in evidence.instances:
        if not item.motion.moving and item.class_ not in LIVELY:
            continue
        mask = min(item.masks, key=lambda one: abs(one.t - t), default=None)
        if mask is not None and abs(mask.t - t) < SAME_TIME:
            # Points at its edge go with it.
            wide = cv2.dilate(decode_mask(mask, size=(height, width)).view(np.uint8), EDGE)
            background &= wide == 0
        elif (box := box_at(item, t)) is not None:
            x0, y0, x1, y1 = box * np.array([width, height, width, height])
            background[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
    return background
