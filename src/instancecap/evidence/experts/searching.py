"""A detector at work on samples: the whole picture, closer looks, and several pictures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.detection_log import DetectionLog
from instancecap.evidence.experts.appearance import instance_colors
from instancecap.evidence.experts.redetection import SURE_ENOUGH, CropRedetector
from instancecap.evidence.movement import OwnFlow
from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.tracks import FrameDetections, Scores
from instancecap.models.detector import BatchDetector, Detector, detect_all
from instancecap.video.decode import Picture

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found in a sample; the fields as of :class:`FrameDetections`."""

    boxes: Array
    scores: Scores
    looks: Scores | None
    own: tuple[str, ...]
    phrases: tuple[str, ...]


class SampleSearcher:
    """A detector and its closer looks.

    Attributes:
        log: what it found, where somebody keeps it here.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.log = DetectionLog()
        self._crops = CropRedetector(detector)
        self._batches = detector if isinstance(detector, BatchDetector) else None

    @property
    def batch(self) -> int:
        """Pictures that the detector is best shown at once."""
        return self._batches.batch if self._batches is not None else 1

    def look_ahead(self, samples: Sequence[Sample], pictures: Sequence[Picture]) -> None:
        """Search the samples' pictures, as many at once as is best, for :meth:`search`."""
        if self._batches is not None:
            found = detect_all(self._batches, pictures)
            for sample, one in zip(samples, found, strict=True):
                sample.found[self.detector.name] = one

    def search(self, sample: Sample, full: Picture | None, moving: Array) -> Searched:
        """What is found in a sample.

        Args:
            full: a larger picture to crop from; None for no closer look.
            moving: boxes (n, 4) of what moves by itself.
        """
        found = sample.found.get(self.detector.name) or detect_all(self.detector, [sample.bgr])[0]
        boxes, scores = found.boxes.astype(float), found.scores
        if full is None:
            return Searched(boxes, scores, None, found.own, found.phrases)
        sure = boxes[scores.max(axis=1, initial=0) >= SURE_ENOUGH]
        extra, extra_scores = self._crops.search(full, moving, sure, classes=scores.shape[1])
        seen = self._crops.look(full, boxes, scores)
        return Searched(
            np.concatenate([boxes, extra]),
            np.concatenate([scores, extra_scores]),
            np.concatenate([seen, np.zeros_like(extra_scores)]).astype(np.float16),
            found.own,
            (*found.phrases, *[""] * len(extra)) if found.phrases else (),
        )


def detections_of(
    sample: Sample,
    found: Searched,
    *,
    carry: Array,
    field: OwnFlow | None,
    faces: Array | None = None,
) -> FrameDetections:
    """What was found in a sample, ready to be linked; the fields as of :class:`FrameDetections`."""
    return FrameDetections(
        index=sample.index,
        t=sample.t,
        boxes=found.boxes,
        # Half precision: an hour of film has some 20,000 of these.
        scores=found.scores.astype(np.float16),
        looks=found.looks,
        faces=faces,
        colors=instance_colors(sample, found.boxes, found.scores),
        carry=carry,
        size=sample.size,
        flow=field.velocity(found.boxes) if field is not None else None,
        own=found.own,
        phrases=found.phrases,
    )
