"""A second pass over a clip, in which a chosen camera model follows the camera.

It comes after the first one because instances are known then: what moves by itself is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.camera_model import CameraModel, CameraPoses, PointTracks, Window
from instancecap.evidence.experts.camera_motion import CameraMotion
from instancecap.evidence.experts.camera_scores import score_primitives
from instancecap.evidence.experts.camera_words import TRAVELS, describe_camera
from instancecap.evidence.experts.framing import frame_evidence
from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.evidence.tracking.masklets import decode_mask
from instancecap.evidence.tracking.motion_events import follows_subject
from instancecap.evidence.tracking.naming import LIVELY
from instancecap.evidence.view import shots_of
from instancecap.schema.evidence import CameraFacts, Evidence, Opinion
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.sampling import Ticker

TURNS = {travel: turn for turn, travel in TRAVELS.items()}
"""The turn that looks like a travel."""

SAME_TIME = 0.07
"""Seconds to a mask that is that of a picture: half of the time between two masks."""

EDGE = np.ones((9, 9), np.uint8)
"""Pixels around a mask that may still be the instance's."""


def add_camera(clip: Clip, evidence: Evidence, model: CameraModel, *, threads: int = 0) -> None:
    """Put what ``model`` sees of the camera in the place of what optical flow saw.

    Where the model fails on this clip, or can follow nothing in it, the evidence stays as it was,
    with a line in ``warnings``; a still picture is not shown to it.
    """
    if evidence.video.frames < 2:
        return
    began = time.perf_counter()
    motion = CameraMotion()
    try:
        for window in _windows(clip, evidence, model, threads=threads):
            motion.add(_look(model, window), window)
        if not any(step.inliers > 0 for step in motion.path):
            raise ValueError("nothing in the background could be followed")
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        evidence.warnings.append(
            f"camera {model.name}: {reason}; the camera is told by optical flow"
        )
    else:
        evidence.models["camera"] = model.name
        before, evidence.camera = evidence.camera, _facts(motion, evidence)
        if flow := [*_opinions(before, "measured", evidence.camera)]:
            evidence.opinions += [*flow, *_opinions(evidence.camera, model.name, evidence.camera)]
        style = evidence.framing.style
        evidence.framing = frame_evidence(evidence, aspect=_aspect(evidence))
        evidence.framing.style = style
    evidence.timings["camera_model"] = round(time.perf_counter() - began, 4)


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


def _opinions(facts: CameraFacts, expert: str, held: CameraFacts) -> Iterator[Opinion]:
    """What an expert says of the camera, a word each; travel is told from a turn by few, so that
    who says the one speaks for the other too."""
    holds = {TURNS.get(word, word) for word in held.motion}
    for word in facts.motion:
        if word in ("tracking", "shaky"):  # of whom it follows, and how it is held
            continue
        turn = TURNS.get(word, word)
        yield Opinion(
            kind=f"camera.{turn.split('_')[0]}",
            value=word,
            confidence=facts.confidence,
            expert=expert,
            holds=turn in holds,
        )


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
