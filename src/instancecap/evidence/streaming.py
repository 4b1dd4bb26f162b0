"""The pass over a clip's frames: every expert sees what it needs and keeps numbers."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.cluster import Experts
from instancecap.evidence.detection_log import FindsLog
from instancecap.evidence.experts.appearance import COLORS, box_colors
from instancecap.evidence.experts.camera import IDENTITY, CameraExpert, Matrix, Step
from instancecap.evidence.experts.detection import DetectionStage, Found
from instancecap.evidence.experts.faces import FACE_RATE
from instancecap.evidence.experts.light import LIGHT_RATE, LightExpert
from instancecap.evidence.experts.motion import MotionExpert, MovingPatches, OwnFlow
from instancecap.evidence.experts.redetection import CROP_RATE, FULL_SIDE
from instancecap.evidence.experts.shots import ShotExpert
from instancecap.evidence.experts.style import StyleExpert
from instancecap.evidence.experts.texts import TextExpert
from instancecap.evidence.geometry import compose
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.tracking.instances import patches_as_finds
from instancecap.evidence.tracking.tracker import Finds
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.video.decode import Frame, Picture
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import Ticker, fit_within

Array = NDArray[np.float64]

DETECTION_RATE = 6.0
"""Samples a second that the detector looks at."""

QUIET_CHANGE = 0.8
"""Mean change in gray levels up to which a picture is the one that was searched last."""

MAX_QUIET = 0.6
"""Seconds for which what was found is taken over from a picture that has not changed."""

MEMORY = 0.6
"""Seconds for which a resting camera's moving things are kept out of its background."""

_NOT_FURNITURE = np.array([CATEGORIES[name] != "furniture" for name in CLASSES])
"""Classes whose corners are not taken for background: all that might move, whatever its name."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A sample that the detectors have, and what its results will be put together with."""

    sample: Sample
    field: OwnFlow | None
    carry: Matrix


class Pass:
    """The experts at work on one clip.

    Attributes:
        finds: what the detectors found, sample by sample.
        patches: what moves by itself, sample by sample.
        seconds: time spent, by expert.
    """

    def __init__(self, experts: Experts, info: VideoInfo, *, beside: bool) -> None:
        """``beside`` lets the detectors run on a thread of their own."""
        self.shots, self.camera, self.light = ShotExpert(), CameraExpert(), LightExpert()
        self.style, self.texts = StyleExpert(), TextExpert()
        self.finds, self.patches = FindsLog(), FindsLog()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._motion = MotionExpert()
        self._detection = DetectionStage(experts, beside=beside)
        self._sampling, self._detecting = Ticker(SAMPLE_RATE), Ticker(DETECTION_RATE)
        self._looking, self._facing = Ticker(CROP_RATE), Ticker(FACE_RATE)
        self._lighting = Ticker(LIGHT_RATE)
        self._aspect = info.aspect
        self._full_size = fit_within(info.aspect, min(FULL_SIDE, max(info.width, info.height, 2)))
        self._samples = 0
        self._carry = IDENTITY.copy()
        self._foreground: NDArray[np.bool_] | None = None
        self._detected = np.zeros((0, 4))
        self._stirring: deque[tuple[float, Array]] = deque()
        self._rests = False
        self._waiting: _Waiting | None = None
        self._searched: tuple[Picture, float] | None = None
        self._last: tuple[Frame, Sample, MovingPatches] | None = None

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def add(self, frame: Frame) -> None:
        """Show a frame to every expert that wants it."""
        with self._timed("shots"):
            self.shots.add(frame)
        if not self._sampling.due(frame.t):
            return
        with self._timed("scale"):
            sample = Sample.of(frame, index=self._samples, aspect=self._aspect)
        self._samples += 1
        with self._timed("camera"):
            step = self.camera.add(sample, foreground=self._subjects(sample))
        carry = step.matrix if step is not None else IDENTITY
        self._carry = compose(self._carry, carry)
        with self._timed("motion"):
            moving = self._motion.add(sample, step)
        self._stirring.append((sample.t, moving.boxes))
        self._rests = step is not None and bool(np.abs(step.matrix - IDENTITY).max() < 0.05)
        with self._timed("appearance"):
            colors = _colors(sample, moving.boxes)
        if self._lighting.due(frame.t):
            self._look_around(sample)
        size = sample.size
        self.patches.append(
            patches_as_finds(moving, index=sample.index, t=sample.t, colors=colors, carry=carry,
                             size=size)
        )  # fmt: skip
        self._last = (frame, sample, moving)
        if self._detecting.due(frame.t) and not self._is_quiet(sample, step, moving):
            self._detect()

    def _look_around(self, sample: Sample) -> None:
        """Show a sample to the experts that no other expert waits for."""
        self._detection.run(
            "appearance",
            partial(self.light.add, sample, sample.color_names, foreground=self._foreground),
        )
        self._detection.run("style", partial(self.style.add, sample))
        self._detection.run("texts", partial(self.texts.add, sample))

    def _subjects(self, sample: Sample) -> NDArray[np.bool_] | None:
        """Where the picture before shows what moves by itself.

        As long as the camera rests, that is all that was detected or seen to move of late: on
        plain ground a large subject has most of the corners, and must not pass for the ground.
        """
        while self._stirring and sample.t - self._stirring[0][0] > MEMORY:
            self._stirring.popleft()
        if not self._rests:
            return self._foreground
        boxes = [self._detected, *(boxes for _, boxes in self._stirring)]
        return _cover(np.concatenate(boxes), sample.size)

    def finish(self) -> None:
        """Call after the last frame, which is searched too, so that tracks reach the end."""
        self._detect()
        self._collect()
        self._detection.close()
        for name, seconds in self._detection.seconds.items():
            self.seconds[name] += seconds

    def _is_quiet(self, sample: Sample, step: Step | None, moving: MovingPatches) -> bool:
        """True for a picture that still is the one which was searched last."""
        if step is None or self._searched is None or len(moving.boxes):
            return False
        picture, t = self._searched
        if sample.t - t > MAX_QUIET or np.abs(step.matrix - IDENTITY).max() > 0.1:
            return False
        return bool(cv2.norm(sample.gray, picture, cv2.NORM_L1) < QUIET_CHANGE * picture.size)

    def _detect(self) -> None:
        """Hand the newest sample to the detectors, after fetching what they found before."""
        if self._last is None:
            return
        frame, sample, moving = self._last
        self._last = None
        self._collect()
        with self._timed("scale"):
            full = frame.bgr(self._full_size) if self._looking.due(frame.t) else None
        faces = self._facing.due(frame.t)
        self._waiting = _Waiting(sample, moving.field, self._carry)
        self._carry = IDENTITY.copy()
        self._searched = (sample.gray, sample.t)
        self._detection.start(sample, full=full, moving=moving.boxes, faces=faces)

    def _collect(self) -> None:
        """Take in what the detectors found in the sample they were given last."""
        if self._waiting is None:
            return
        with self._timed("waiting"):
            found = self._detection.finish()
        waiting, self._waiting = self._waiting, None
        with self._timed("appearance"):
            self.finds.append(_as_finds(found, waiting))
        mobile = (found.scores * _NOT_FURNITURE).max(axis=1, initial=0) > 0.3
        self._stirring.append((waiting.sample.t, found.boxes[mobile]))
        self._detected = found.boxes[mobile]
        self._foreground = _cover(self._detected, waiting.sample.size)


def _as_finds(found: Found, waiting: _Waiting) -> Finds:
    sample, field = waiting.sample, waiting.field
    return Finds(
        index=sample.index,
        t=sample.t,
        boxes=found.boxes,
        # Half precision: an hour of film has some 20,000 of these.
        scores=found.scores.astype(np.float16),
        looks=None if found.looks is None else found.looks.astype(np.float16),
        colors=_colors(sample, found.boxes),
        carry=waiting.carry,
        size=sample.size,
        flow=field.velocity(found.boxes) if field is not None else None,
    )


def _colors(sample: Sample, boxes: Array) -> Array:
    rows = [box_colors(sample.color_names, box) for box in boxes]
    return np.stack(rows) if rows else np.zeros((0, len(COLORS)))


def _cover(boxes: Array, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Picture-sized mask of the boxes, or None where they leave too little of the picture."""
    if not len(boxes):
        return None
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in (boxes * [width, height, width, height]).astype(int).tolist():
        cv2.rectangle(mask, (x0, y0), (x1, y1), 1, cv2.FILLED)
    return mask.astype(bool) if mask.mean() < 0.75 else None
