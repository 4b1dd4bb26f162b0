"""One pass over a clip's frames that feeds every expert, and the facts that they make of it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.appearance import COLORS, box_colors, name_pixels
from instancecap.evidence.camera import IDENTITY, CameraExpert
from instancecap.evidence.camera_words import describe_camera
from instancecap.evidence.experts import Experts, load_experts
from instancecap.evidence.framing import assign_faces, frame_subject
from instancecap.evidence.geometry import compose
from instancecap.evidence.instances import (
    can_be_named,
    follows_subject,
    moving_instances,
    named_instances,
    patches_as_finds,
)
from instancecap.evidence.light import LightExpert
from instancecap.evidence.masks import add_masks
from instancecap.evidence.motion import MotionExpert
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.second_look import (
    FULL_SIDE,
    LOOK_RATE,
    SURE_ENOUGH,
    look_again,
    look_at_patches,
)
from instancecap.evidence.shots import ShotExpert
from instancecap.evidence.tracking import Finds, extend_with_patches, link
from instancecap.evidence.world import World
from instancecap.models.coco import CATEGORIES, CLASSES
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot, Video
from instancecap.schema.vocabulary import Primitive
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import Ticker, fit_within

DETECTION_RATE = 8.0
"""Samples a second that the detector looks at."""

_NOT_FURNITURE = np.array([CATEGORIES[name] != "furniture" for name in CLASSES])
"""Classes whose corners are not taken for background: all that might move, whatever its name."""


def measure(clip: Clip, *, threads: int = 0, masks: bool = False) -> Evidence:
    """Measure a clip.

    Args:
        clip: what to measure.
        threads: cores to use, 0 for all.
        masks: add a mask per instance for every sample.

    Raises:
        InputError: the clip cannot be opened, or no frame of it can be decoded.
        MissingDependency: a file of weights was named and is not usable.
    """
    started = time.perf_counter()
    with ClipReader(clip, threads=threads) as reader:
        pass_ = _Pass(load_experts(threads=threads), reader.info)
        for frame in reader:
            pass_.add(frame)
    evidence = pass_.facts(reader)
    if masks:
        add_masks(clip, evidence, threads=threads)
    evidence.timings["total"] = round(time.perf_counter() - started, 4)
    return evidence


class _Pass:
    """The experts at work on one clip, and the numbers that they keep."""

    def __init__(self, experts: Experts, info: VideoInfo) -> None:
        self._experts = experts
        self._shots = ShotExpert()
        self._camera = CameraExpert()
        self._motion = MotionExpert()
        self._light = LightExpert()
        self._sampling = Ticker(SAMPLE_RATE)
        self._detecting = Ticker(DETECTION_RATE)
        self._looking = Ticker(LOOK_RATE)
        self._full_size = fit_within(info.aspect, min(FULL_SIDE, max(info.width, info.height, 2)))
        self._aspect = info.aspect
        self._looks = 0
        self._samples = 0
        self._finds: list[Finds] = []
        self._patches: list[Finds] = []
        self._carry = IDENTITY.copy()
        self._foreground: NDArray[np.bool_] | None = None
        self._undetected: tuple[Frame, Sample, NDArray[np.uint8], NDArray[np.float64]] | None = None
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._seconds[name] += time.perf_counter() - began

    def add(self, frame: Frame) -> None:
        """Show a frame to every expert that wants it."""
        with self._timed("shots"):
            self._shots.add(frame)
        if not self._sampling.due(frame.t):
            return
        with self._timed("scale"):
            sample = Sample.of(frame, index=self._samples, aspect=self._aspect)
        self._samples += 1
        with self._timed("camera"):
            step = self._camera.add(sample, foreground=self._foreground)
        carry = step.matrix if step is not None else IDENTITY
        self._carry = compose(self._carry, carry)
        with self._timed("motion"):
            patches = self._motion.add(sample, step)
        with self._timed("appearance"):
            names = name_pixels(sample.bgr)
            colors = _colors(names, patches.boxes)
            self._light.add(sample, names, foreground=self._foreground)
        self._patches.append(
            patches_as_finds(
                patches, index=sample.index, t=sample.t, colors=colors, carry=carry,
                size=sample.size,
            )
        )  # fmt: skip
        self._undetected = (frame, sample, names, patches.boxes)
        if self._detecting.due(frame.t):
            self._detect()

    def _detect(self) -> None:
        """Run the detectors on the sample that waits for them, if one does."""
        if self._undetected is None:
            return
        frame, sample, names, moving = self._undetected
        self._undetected = None
        detector = self._experts.detector
        with self._timed("detector"):
            found = detector.detect(sample.bgr)
        boxes, scores = found.boxes.astype(float), found.scores.astype(float)
        looks = None
        if self._looking.due(frame.t):
            with self._timed("second look"):
                picture = frame.bgr(self._full_size)
                sure = boxes[scores.max(axis=1, initial=0) >= SURE_ENOUGH]
                extra, extra_scores = look_at_patches(detector, picture, moving, sure)
                looks = look_again(detector, picture, boxes, scores, mirrored=self._looks % 2 == 1)
                boxes = np.concatenate([boxes, extra])
                scores = np.concatenate([scores, extra_scores])
                looks = np.concatenate([looks, np.zeros_like(extra_scores)])
                self._looks += 1
        self._finds.append(
            Finds(
                index=sample.index, t=sample.t, boxes=boxes, scores=scores, looks=looks,
                colors=_colors(names, boxes), carry=self._carry, size=sample.size,
                flow=self._motion.velocity(boxes),
            )
        )  # fmt: skip
        self._carry = IDENTITY.copy()
        mobile = (scores * _NOT_FURNITURE).max(axis=1, initial=0) > 0.3
        self._foreground = _cover(boxes[mobile], sample.size)
        if self._experts.faces is not None and self._experts.face_ticker.due(sample.t):
            with self._timed("faces"):
                self._experts.faces.add(sample)

    def facts(self, reader: ClipReader) -> Evidence:
        """Everything that follows from the numbers, once the last frame has been seen."""
        self._detect()  # the last sample too, so that tracks reach the clip's end
        with self._timed("facts"):
            end = reader.end
            shots = self._shots.shots(end=end)
            camera, motions = describe_camera(self._camera.path(), shots, aspect=reader.info.aspect)
            instances = self._instances(shots, motions, end=end)
            if follows_subject(camera, instances, end=end):
                camera.motion = [*camera.motion, "tracking"]
            faces = self._experts.faces.faces if self._experts.faces is not None else []
            light, place = self._light.facts(instances)
            faces = assign_faces(faces, instances)
            framing = frame_subject(instances, faces, shots)
        return Evidence(
            video=_video(reader),
            shots=shots,
            camera=camera,
            instances=instances,
            faces=faces,
            light=light,
            place=place,
            framing=framing,
            models=self._experts.names,
            warnings=[*reader.warnings, *self._experts.warnings],
            timings={name: round(value, 4) for name, value in self._seconds.items()},
        )

    def _instances(
        self, shots: Sequence[Shot], motions: Sequence[list[Primitive]], *, end: float
    ) -> list[InstanceFacts]:
        found: list[InstanceFacts] = []
        for shot, motion in zip(shots, motions, strict=True):
            samples, patches = _within(self._finds, shot), _within(self._patches, shot)
            if not patches:
                continue
            world = World.of(patches, moves=motion != ["static"])
            tracks = [
                track
                for track in link(samples)
                if can_be_named(track, shot=shot, world=world, patches=patches)
            ]
            loose = extend_with_patches(tracks, link(patches, sure=0.45, unsure=0.4))
            named = named_instances(
                tracks, shot=shot, end=end, world=world, patches=patches,
                tight=self._experts.detector.tight,
            )  # fmt: skip
            for item in named:
                item.source = self._experts.detector.name
            moving = moving_instances(
                loose, named, shot=shot, end=end, world=world, patches=patches
            )
            for item in moving:
                item.source = "motion"
            found += named + moving
        found.sort(key=lambda item: (-item.salience, item.track[0].t, item.track[0].box))
        for index, item in enumerate(found):
            item.id = index
        return found


def _within(finds: Sequence[Finds], shot: Shot) -> list[Finds]:
    return [item for item in finds if shot.start - 1e-3 <= item.t < shot.end - 1e-3]


def _colors(names: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = [box_colors(names, box) for box in boxes]
    return np.stack(rows) if rows else np.zeros((0, len(COLORS)))


def _cover(boxes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Picture-sized mask of the boxes, or None where they leave too little of the picture."""
    if not len(boxes):
        return None
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in (boxes * [width, height, width, height]).astype(int).tolist():
        cv2.rectangle(mask, (x0, y0), (x1, y1), 1, cv2.FILLED)
    return mask.astype(bool) if mask.mean() < 0.75 else None


def _video(reader: ClipReader) -> Video:
    clip, info = reader.clip, reader.info
    duration = reader.end
    return Video(
        id=clip.id,
        path=clip.path,
        start=round(clip.start, 3),
        end=round(clip.start + duration, 3),
        duration=round(duration, 3),
        fps=round(info.fps, 3),
        width=info.width,
        height=info.height,
        frames=reader.frames_read,
        rotation=info.rotation,
        start_pts=round(info.start_pts, 6),
        codec=info.codec,
        pixel_format=info.pixel_format,
        frames_read=reader.frames_read,
    )
