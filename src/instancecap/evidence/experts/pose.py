"""Body words of people, by a pose model in a pass of its own, when tracks are known."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.pose_model import PoseModel
from instancecap.evidence.pose_words import Skeleton, carry_back, pose_words
from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.evidence.view import shots_of
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.sampling import Ticker

POSE_RATE = 4.0
"""Samples a second in which joints are found: a step takes half a second."""

POSE_SIDE = 1280
"""Longer side in pixels, at most, of the picture that people are cut from."""

LEAST_HEIGHT = 64
"""Pixels of that picture that a person is high at least, for joints to be found."""


def add_pose(clip: Clip, evidence: Evidence, model: PoseModel, *, threads: int = 0) -> None:
    """Add to every person of ``evidence`` the words that its joints say; groups have none."""
    people = [one for one in evidence.instances if one.class_ == "person" and one.count == 1]
    evidence.models["pose"] = model.name
    if not people or evidence.video.frames == 1:
        return
    began = time.perf_counter()
    shots, path = shots_of(evidence), evidence.camera.path
    found: dict[tuple[int, int], list[Skeleton]] = {}
    ticker = Ticker(POSE_RATE)
    with ClipReader(clip, threads=threads) as reader:
        aspect = reader.info.aspect
        for frame in reader:
            if not ticker.due(frame.t):
                continue
            sample, t = Sample(frame, index=0, aspect=aspect), round(frame.t, 3)
            seen = [(one.id, box) for one in people if (box := box_at(one, t)) is not None]
            picture = sample.at_most(POSE_SIDE) if seen else None
            if picture is None:
                continue
            seen = [one for one in seen if _height(one[1]) * picture.shape[0] >= LEAST_HEIGHT]
            if not seen:
                continue
            shot = max(index for index, one in enumerate(shots) if one.start <= t or not index)
            steps = [one for one in path if shots[shot].start < one.t <= t]
            joints = model.find(picture, np.array([box for _, box in seen]))
            for (id, _), body in zip(seen, joints, strict=True):
                points = carry_back(body[:, :2] * np.array([aspect, 1.0]), steps, aspect=aspect)
                found.setdefault((id, shot), []).append(Skeleton(t, points, body[:, 2]))
    for person in people:
        runs = [found[key] for key in sorted(found) if key[0] == person.id]
        person.pose = [span for run in runs for span in pose_words(run)]
    evidence.timings["pose"] = round(time.perf_counter() - began, 4)


def _height(box: NDArray[np.float64]) -> float:
    return float(box[3] - box[1])
