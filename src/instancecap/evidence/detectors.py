"""Detectors by name: those of the package, a file, a folder, a hub id, or somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

from instancecap.errors import UsageError
from instancecap.evidence.experts.neural.hub_detector import HubDetector
from instancecap.evidence.experts.neural.onnx_detector import open_onnx
from instancecap.models import weights
from instancecap.models.detector import Detector
from instancecap.models.hog import HogPeopleDetector
from instancecap.models.nanodet import NanoDetDetector
from instancecap.models.yolov3 import Yolov3Detector
from instancecap.models.yolox import YoloxDetector

GROUP = "instancecap.experts"
"""Of entry points: ``detector.NAME`` is a function without arguments that makes a
:class:`~instancecap.models.detector.Detector`."""

DETECTORS: Mapping[str, Callable[[], Detector]] = {
    "nanodet-plus-m": lambda: NanoDetDetector(weights.find("nanodet-plus-m")),
    "yolox-nano": lambda: YoloxDetector(weights.find("yolox-nano")),
    "yolov3-tiny": lambda: Yolov3Detector(*weights.find_files("yolov3-tiny")),
    "opencv-hog": HogPeopleDetector,
}
"""Makers of the detectors that come with the package."""


def open_detector(name: str) -> Detector:
    """The detector that ``name`` stands for.

    Args:
        name: one of :data:`DETECTORS`, an entry point's, a path that ends in ``.onnx``, a folder,
            or a hub id with a slash in it.

    Raises:
        MissingDependency: its weights, or a package that it needs, are not there.
        UsageError: there is no such detector, or somebody else's cannot be made.
    """
    if name in DETECTORS:
        return DETECTORS[name]()
    if points := entry_points(group=GROUP, name=f"detector.{name}"):
        try:
            made: Detector = next(iter(points)).load()()
        except Exception as error:  # whatever a stranger's code raises, it is named
            raise UsageError(
                f"--detector {name}: the entry point {GROUP} detector.{name} failed: "
                f"{type(error).__name__}: {error}"
            ) from error
        return made
    if name.endswith(".onnx"):
        return open_onnx(Path(name))
    if "/" in name or Path(name).is_dir():
        return HubDetector(name)
    others = sorted(
        point.name.removeprefix("detector.")
        for point in entry_points(group=GROUP)
        if point.name.startswith("detector.")
    )
    raise UsageError(
        f"--detector {name}: choose {', '.join([*DETECTORS, *others])}, the path of an .onnx file "
        "or of a folder, or a hub id such as PekingU/rtdetr_v2_r18vd"
    )
