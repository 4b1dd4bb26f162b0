"""Which networks a run has: found once per process, with the next best where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence.camera_model import CameraModel
from instancecap.evidence.cameras import CAMERAS, FLOW, license_of
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.detectors import DETECTORS, read_phrases
from instancecap.evidence.pose_model import PoseModel
from instancecap.evidence.poses import POSES
from instancecap.evidence.presets import check_preset
from instancecap.evidence.registry import Kind
from instancecap.evidence.segmenters import SEGMENTERS, Salient, Segmenter
from instancecap.evidence.trackers import BY_BOX, TRACKERS, Tracking
from instancecap.evidence.tracking.masklets import ConceptTracker
from instancecap.models import weights
from instancecap.models.detector import AskedDetector, BatchDetector, Detector
from instancecap.models.hog import HogPeopleDetector
from instancecap.models.licenses import check_license
from instancecap.models.u2net import SalientMasker


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Made = TypeVar("Made", bound=_Named)


@dataclass(frozen=True)
class Models:
    """The networks of one pass.

    Attributes:
        detectors: find instances, the leading one first.
        faces: where YuNet's weights are, if anywhere.
        tracking: who follows instances.
        phrases: what a tracker that finds things by phrases is asked for.
        cameras: who follows the camera in passes of their own, if anybody.
        flow_too: whether optical flow speaks beside them.
        pose: who finds people's joints in a pass of its own, if anybody.
    """

    detectors: tuple[Detector, ...]
    faces: Path | None
    warnings: tuple[str, ...]
    tracking: Tracking
    cameras: tuple[CameraModel, ...] = ()
    flow_too: bool = False
    phrases: tuple[str, ...] = ()
    pose: PoseModel | None = None

    @property
    def detector(self) -> Detector:
        """The leading one."""
        return self.detectors[0]

    def take_warnings(self) -> list[str]:
        """What went wrong in the networks since it was asked for last, a line each."""
        able = (one for one in self.detectors if isinstance(one, BatchDetector))
        return [line for one in able for line in one.take_warning()]

    @property
    def names(self) -> dict[str, str]:
        """Expert and model, for the record."""
        names = {"detector": ",".join(detector.name for detector in self.detectors)}
        if self.faces is not None:
            names["faces"] = "yunet"
        return {**names, "tracker": self.tracking.name} if self.tracking.name else names


def load_models(cluster: Cluster = DEFAULT) -> Models:
    """The networks chosen, or at hand; they are loaded once per process.

    Raises:
        MissingDependency, UsageError: an expert that was chosen cannot be had.
    """
    check_preset(cluster)
    try:
        return _load(cluster)
    except MissingDependency as error:
        if not cluster.preset:
            raise
        raise MissingDependency(f"--cluster {cluster.preset}: {error}") from error


def _load(cluster: Cluster) -> Models:
    asked = read_phrases(cluster.phrases) if cluster.phrases else ()
    detectors, warnings = _detectors(cluster.detector)
    tracking = _tracking(cluster.tracker)
    finds = isinstance(tracking.video, ConceptTracker)
    if asked:
        detectors = _asked(cluster.detector, asked, alone=not finds)
    if cluster.segmenter:  # used where masks are asked for; whether it is there is told now
        load_segmenter(cluster.segmenter)
    cameras, flow = _cameras(cluster.camera, cluster.accept_license)
    pose = _pose(cluster.pose) if cluster.pose else None
    return Models(
        detectors,
        _path_or_none("yunet"),
        warnings,
        tracking,
        cameras=cameras,
        flow_too=flow,
        phrases=asked if finds else (),
        pose=pose,
    )


@cache
def _pose(chosen: str) -> PoseModel:
    return POSES.open(chosen)


def _names(kind: Kind[Any], chosen: str) -> list[str]:
    """The names between the commas."""
    names = [name.strip() for name in chosen.split(",")]
    if "" in names or len(set(names)) < len(names):
        raise UsageError(
            f"--{kind.name} {chosen}: write each name once, with a comma between two of them"
        )
    return names


def _open_all(kind: Kind[Made], names: Sequence[str]) -> tuple[Made, ...]:
    """The experts of these names, in their order; two that the record could not tell apart are
    refused."""
    opened = tuple(map(kind.open, names))
    called = [one.name for one in opened]
    if len(set(called)) < len(called):
        raise UsageError(
            f"--{kind.name} {','.join(names)}: two of them are called alike in the evidence, "
            f"{', '.join(called)}; rename a file or folder"
        )
    return opened


@cache
def _detectors(chosen: str) -> tuple[tuple[Detector, ...], tuple[str, ...]]:
    if chosen:
        return _open_all(DETECTORS, _names(DETECTORS, chosen)), ()
    try:
        name = weights.find_detector()
    except MissingDependency:
        missing = (
            "no object detector: things are found by motion only, and people by OpenCV's HOG "
            "detector; `instancecap models pull all` gets one"
        )
        return (HogPeopleDetector(),), (missing,)
    return (DETECTORS.open(name),), ()


@cache
def _asked(chosen: str, phrases: tuple[str, ...], *, alone: bool) -> tuple[Detector, ...]:
    """The detectors, those with an open vocabulary asked for the phrases."""
    detectors, _ = _detectors(chosen)
    if alone and not any(isinstance(one, AskedDetector) for one in detectors):
        names = ", ".join(one.name for one in detectors)
        raise UsageError(
            f"--phrases goes with a detector that is asked for phrases, and {names} has its own "
            "classes: choose one such as --detector IDEA-Research/grounding-dino-tiny, or "
            "--tracker facebook/sam3, or leave --phrases out"
        )
    return tuple(
        one.asking(phrases) if isinstance(one, AskedDetector) else one for one in detectors
    )


@cache
def _cameras(chosen: str, accepted: str) -> tuple[tuple[CameraModel, ...], bool]:
    """Those with a pass of their own, and whether optical flow was named."""
    names = _names(CAMERAS, chosen) if chosen else []
    models = [name for name in names if name != FLOW]
    for name in models:
        check_license(license_of(name), accepted=accepted, option=f"--camera {name}")
    return _open_all(CAMERAS, models), FLOW in names


@cache
def _path_or_none(name: str) -> Path | None:
    try:
        return weights.find(name)
    except MissingDependency:
        return None


@cache
def _tracking(chosen: str) -> Tracking:
    return TRACKERS.open(chosen) if chosen else BY_BOX


@cache
def load_segmenter(chosen: str = "") -> Segmenter:
    """The segmenter chosen, or the best at hand; loaded once per process.

    Raises:
        MissingDependency, UsageError: the one that was chosen cannot be had.
    """
    if chosen:
        return SEGMENTERS.open(chosen)
    masker = load_masker()
    return SEGMENTERS.open("grabcut") if masker is None else Salient(masker)


@cache
def load_masker() -> SalientMasker | None:
    """The network for masks, loaded once per process; None without its weights."""
    path = _path_or_none("u2netp")
    return SalientMasker(path) if path is not None else None


def forget_models() -> None:
    """Look for weights anew, after the environment has changed."""
    for cached in (
        _detectors,
        _asked,
        _tracking,
        _cameras,
        _pose,
        _path_or_none,
        load_masker,
        load_segmenter,
        check_preset,
    ):
        cached.cache_clear()
