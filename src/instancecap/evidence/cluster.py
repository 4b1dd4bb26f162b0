"""Which detectors a run has: found once per process, with the next best where one is missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.faces import FaceExpert
from instancecap.evidence.experts.people import HogPeopleDetector
from instancecap.models import weights
from instancecap.models.yolov3 import Yolov3Detector
from instancecap.models.yolox import Detections, YoloxDetector
from instancecap.video.decode import Picture


class Detector(Protocol):
    """Finds things of COCO's classes in a picture; ``tight`` if its boxes fit them closely."""

    name: str
    tight: bool

    def detect(self, picture: Picture) -> Detections:
        """Boxes and class scores for a BGR picture, best first."""


@dataclass
class Experts:
    """The detectors of one pass."""

    detector: Detector
    faces: FaceExpert | None
    warnings: list[str]

    @property
    def names(self) -> dict[str, str]:
        """Expert and model, for the record."""
        names = {"detector": self.detector.name}
        return names if self.faces is None else {**names, "faces": self.faces.name}


def load_experts() -> Experts:
    """Fresh experts for one clip; models are loaded once per process."""
    detector, warnings = _detector()
    faces = _path_or_none("yunet")
    return Experts(
        detector=detector,
        faces=FaceExpert(faces) if faces is not None else None,
        warnings=list(warnings),
    )


@cache
def _detector() -> tuple[Detector, tuple[str, ...]]:
    try:
        name = weights.find_detector()
    except MissingDependency:
        missing = (
            "no object detector: things are found by motion only, and people by OpenCV's HOG "
            "detector; `instancecap models pull all` gets one"
        )
        return HogPeopleDetector(), (missing,)
    if name == "yolov3-tiny":
        return Yolov3Detector(*weights.find_files(name)), ()
    return YoloxDetector(weights.find("yolox-nano")), ()


@cache
def _path_or_none(name: str) -> Path | None:
    try:
        return weights.find(name)
    except MissingDependency:
        return None


def forget_models() -> None:
    """Look for weights anew, after the environment has changed."""
    _detector.cache_clear()
    _path_or_none.cache_clear()
