"""Instances: what the detector finds in the samples, linked into tracks and named."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.cluster import Models
from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.appearance import sure_colors
from instancecap.evidence.experts.faces import FACE_RATE, FaceExpert, assign_faces
from instancecap.evidence.experts.redetection import (
    CROP_RATE,
    FULL_SIDE,
    PERSON,
    SURE_ENOUGH,
)
from instancecap.evidence.experts.searching import SampleSearcher, detections_of
from instancecap.evidence.experts.world import CameraTrajectory
from instancecap.evidence.geometry import compose, ious, move_boxes
from instancecap.evidence.movement import IDENTITY, MovingPatches, OwnFlow
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.thresholds import NAMING, NAMING_YOLOV3
from instancecap.evidence.tracking.across_cuts import join_across_cuts
from instancecap.evidence.tracking.ends import (
    MAX_PICTURES,
    follow_ends,
    lengthen_by_motion,
)
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.groups import group_instances
from instancecap.evidence.tracking.instances import (
    moving_instances,
    name_tracks,
    named_instances,
)
from instancecap.evidence.tracking.motion_events import (
    add_events,
    find_contacts,
    follows_subject,
)
from instancecap.evidence.tracking.several import merge_instances
from instancecap.evidence.tracking.tracker import link
from instancecap.evidence.tracking.tracks import FrameDetections, Track
from instancecap.models.classes import class_list
from instancecap.models.detector import Detector
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot
from instancecap.video.decode import Picture
from instancecap.video.sampling import Ticker

Array = NDArray[np.float64]

DETECTION_RATE, STEADY_RATE = 6.0, 2.0
"""Samples a second that the detector looks at; the second while what it finds stays in place."""

STEADY_IOU = 0.6
"""Overlap of an instance's boxes in two searches, the camera's motion taken out, from which it
stays in place."""

QUIET_CHANGE = 0.8
"""Mean change in gray levels up to which a picture is the one that was searched last."""

MAX_QUIET = 0.6
"""Seconds for which what was found is taken over from a picture that has not changed."""

MEMORY = 0.6
"""Seconds for which a resting camera's moving things are kept out of its background."""

MAYBE_A_PERSON = 0.2
"""Score from which a face is looked for."""


@dataclass(slots=True)
class _Search:
    """A sample at the detector, and what its detections will be put together with."""

    sample: Sample
    field: OwnFlow | None
    carry: Array
    found: Future[FrameDetections]
    collected: bool = False


class DetectionExpert:
    """Detects, links and names instances.

    What is found in a sample is fetched when the next one is due.
    """

    name = "detection"
    rate = SAMPLE_RATE
    needs = ("shots", "camera", "motion")

    def __init__(self, models: Models) -> None:
        self._start_tracker = models.tracking.start
        self._faces = FaceExpert(models.faces) if models.faces is not None else None
        self._first, *self._others = (SampleSearcher(detector) for detector in models.detectors)
        self._detecting, self._cropping = Ticker(DETECTION_RATE), Ticker(CROP_RATE)
        self._facing, self._foreseen = Ticker(FACE_RATE), Ticker(DETECTION_RATE)
        self._carry = IDENTITY.copy()
        self._recent: deque[tuple[float, Array]] = deque()
        self._search: _Search | None = None
        self._found: FrameDetections | None = None
        self._steady = False
        self._last: Sample | None = None
        self._film = Film()

    def add(self, sample: Sample, scene: Scene) -> None:
        """Search the sample if one is due, and tell where the background is not."""
        self._carry = compose(self._carry, scene.matrix)
        self._recent.append((sample.t, scene.moving.boxes))
        self._last = sample
        if self._is_due(sample, scene):
            self._start(sample, scene)
        self._mark_foreground(sample, scene)

    @property
    def foresight(self) -> int:
        """Samples that fill the largest batch: at most every second one is searched."""
        batch = max(searcher.batch for searcher in (self._first, *self._others))
        return 1 if batch == 1 else 2 * batch

    def look_ahead(self, samples: Sequence[Sample], scene: Scene) -> None:
        """Search those that may be due, in batches, before it is known which are.

        What is found is the same; where nothing changes, some of it is not asked for.
        """
        maybe = [sample for sample in samples if self._foreseen.due(sample.t)]
        pictures = [sample.bgr for sample in maybe]  # frames are scaled on this thread alone
        for searcher in (self._first, *self._others):
            if searcher.batch > 1:
                scene.worker.run(partial(searcher.look_ahead, maybe, pictures))

    def _is_due(self, sample: Sample, scene: Scene) -> bool:
        if not self._detecting.due(sample.t):
            return False
        if self._search is None:
            return True
        self._collect(scene)
        passed = sample.t - self._search.sample.t
        if self._steady and scene.step is not None and passed < 0.9 / STEADY_RATE:
            return False
        return not self._is_quiet(sample, scene)

    def _is_quiet(self, sample: Sample, scene: Scene) -> bool:
        """True for a picture that still is the one which was searched last."""
        if scene.step is None or self._search is None or len(scene.moving.boxes):
            return False
        before = self._search.sample
        if sample.t - before.t > MAX_QUIET or np.abs(scene.matrix - IDENTITY).max() > 0.1:
            return False
        change = cv2.norm(sample.gray, before.gray, cv2.NORM_L1)
        return bool(change < QUIET_CHANGE * sample.gray.size)

    def _start(self, sample: Sample, scene: Scene) -> None:
        """Hand a sample to the detector, after fetching what it found before."""
        self._collect(scene)
        self._film.add(sample.t, sample.bgr)
        self._film.keep(MAX_PICTURES)
        full = sample.at_most(FULL_SIDE) if self._cropping.due(sample.t) else None
        work = partial(
            self._detect,
            sample,
            full,
            scene.moving.boxes,
            self._carry,
            scene.moving.field,
            faces=self._facing.due(sample.t),
        )
        for other in self._others:
            scene.worker.run(
                partial(self._search_too, other, sample, full, scene.moving, self._carry)
            )
        found = scene.worker.run(work)
        self._search = _Search(sample, scene.moving.field, self._carry, found)
        self._carry = IDENTITY.copy()
        self._last = None

    def _collect(self, scene: Scene) -> None:
        """Take in what the detector found in the sample that it was given last."""
        if self._search is None or self._search.collected:
            return
        self._search.collected = True
        found = self._search.found.result()
        self._steady = self._found is not None and _stays(self._found, found)
        self._found = found
        scene.detections.append(found)
        # The corners of furniture are background; all else might move, whatever its name.
        mobile = (found.scores * ~class_list(found.own).furniture).max(axis=1, initial=0) > 0.3
        scene.detected = found.boxes[mobile]
        self._recent.append((found.t, scene.detected))

    def _mark_foreground(self, sample: Sample, scene: Scene) -> None:
        """Where the picture shows what moves by itself.

        As long as the camera rests, that is all that was detected or seen to move of late: on
        plain ground a large subject has most of the corners, and must not pass for the ground.
        """
        while self._recent and sample.t - self._recent[0][0] > MEMORY:
            self._recent.popleft()
        boxes = [scene.detected]
        if scene.step is not None and np.abs(scene.matrix - IDENTITY).max() < 0.05:
            boxes += [recent for _, recent in self._recent]
        scene.foreground = _cover(np.concatenate(boxes), sample.size)

    def _detect(
        self,
        sample: Sample,
        full: Picture | None,
        moving: Array,
        carry: Array,
        field: OwnFlow | None,
        *,
        faces: bool,
    ) -> FrameDetections:
        """All that the networks find in one sample; ``full`` is a larger picture to crop from."""
        found = self._first.search(sample, full, moving)
        boxes, people = found.boxes, found.scores[:, PERSON] >= MAYBE_A_PERSON
        facing: Array | None = None
        if self._faces is not None:
            if faces:
                self._faces.add(sample, boxes[people])
            if full is not None:
                facing = np.full(len(boxes), np.nan)
                facing[people] = self._faces.look_closer(full, boxes[people])
        return detections_of(sample, found, carry=carry, field=field, faces=facing)

    def _search_too(
        self,
        other: SampleSearcher,
        sample: Sample,
        full: Picture | None,
        moving: MovingPatches,
        carry: Array,
    ) -> None:
        """What a further detector finds in a sample that the first one searches."""
        found = other.search(sample, full, moving.boxes)
        other.log.append(detections_of(sample, found, carry=carry, field=moving.field))

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Instances, the most salient first, their contacts and faces, and who is followed."""
        if self._last is not None:  # the last sample is searched too: tracks reach the end
            self._start(self._last, scene)
        self._collect(scene)
        aspect = scene.aspect
        shots = list(zip(evidence.shots, scene.motions, strict=True))
        found = join_across_cuts([self._instances(shot, motion, scene) for shot, motion in shots])
        found.sort(key=lambda item: (-item.salience, item.track[0].t, item.track[0].box))
        for index, item in enumerate(found):
            width, height = np.median(
                [np.subtract(p.box[2:], p.box[:2]) for p in item.track], axis=0
            )
            upright = float(height / max(width * aspect, 1e-6))
            item.id = index
            item.colors = sure_colors(item.colors, item.class_, upright=upright)
        add_events(found, [shot for shot, motion in shots if motion == ["static"]], aspect=aspect)
        evidence.instances, evidence.contacts = found, find_contacts(found)
        if follows_subject(evidence.camera, found, end=scene.end):
            evidence.camera.motion = [*evidence.camera.motion, "tracking"]
        evidence.faces = assign_faces(self._faces.faces if self._faces is not None else [], found)

    def _instances(self, shot: Shot, motion: Sequence[str], scene: Scene) -> list[InstanceFacts]:
        span = span_of(shot)
        samples, patches = scene.detections.within(*span), scene.patches.within(*span)
        if not patches:
            return []
        trajectory = CameraTrajectory.of(patches, moves=motion != ["static"])
        loose = link(patches, sure=0.45, unsure=0.4)
        named = self._named(self._first.detector, samples, loose, shot, trajectory, scene.end)
        if self._others:
            found = [named]
            for one in self._others:
                seen = one.log.within(*span)
                found.append(self._named(one.detector, seen, loose, shot, trajectory, scene.end))
            named = merge_instances(found)
        moving = moving_instances(loose, named, shot=shot, end=scene.end, world=trajectory)
        for item in moving:
            item.source = "motion"
        return group_instances(named + moving, samples=samples)

    def _named(
        self,
        detector: Detector,
        samples: Sequence[FrameDetections],
        loose: Sequence[Track],
        shot: Shot,
        trajectory: CameraTrajectory,
        end: float,
    ) -> list[InstanceFacts]:
        """Instances of what one detector found in the samples of a shot."""
        fit = NAMING_YOLOV3 if detector.name == "yolov3-tiny" else NAMING
        tracks = link(samples)
        lengthen_by_motion(tracks, loose, trajectory)
        tracks = follow_ends(tracks, self._film, shot, start=self._start_tracker)
        kept = name_tracks(tracks, shot=shot, world=trajectory, samples=len(samples), fit=fit)
        named = named_instances(kept, shot=shot, end=end, world=trajectory, tight=detector.tight)
        for item in named:
            item.source = detector.name
        return named


def span_of(shot: Shot) -> tuple[float, float]:
    """Seconds within which a shot's samples lie: it holds its first one whatever its end, and an
    image is a shot of no duration."""
    return shot.start - 1e-3, max(shot.end - 1e-3, shot.start + 1e-3)


def _stays(before: FrameDetections, after: FrameDetections) -> bool:
    """Whether two searches found the same instances at the same places."""
    first, second = (
        one.boxes[one.scores.max(axis=1, initial=0) >= SURE_ENOUGH] for one in (before, after)
    )
    if not len(first) or not len(second):
        return len(first) == len(second)
    overlap = ious(move_boxes(first, after.carry, after.size), second)
    return bool(overlap.max(axis=0).min() >= STEADY_IOU and overlap.max(axis=1).min() >= STEADY_IOU)


def _cover(boxes: Array, size: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Picture-sized mask of the boxes, or None where they leave too little of the picture."""
    if not len(boxes):
        return None
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in (boxes * [width, height, width, height]).astype(int).tolist():
        cv2.rectangle(mask, (x0, y0), (x1, y1), 1, cv2.FILLED)
    return mask.astype(bool) if mask.mean() < 0.75 else None
