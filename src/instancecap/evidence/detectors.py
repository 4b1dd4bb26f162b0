"""Detectors by name: those of the package, a file, a folder, a hub id, or somebody else's."""

from __future__ import annotations

from pathlib import Path

from instancecap.evidence.experts.neural.hub_detector import HubDetector
from instancecap.evidence.experts.neural.onnx_detector import open_onnx
from instancecap.evidence.registry import Kind
from instancecap.models import weights
from instancecap.models.detector import Detector
from instancecap.models.hog import HogPeopleDetector
from instancecap.models.nanodet import NanoDetDetector
from instancecap.models.yolov3 import Yolov3Detector
from instancecap.models.yolox import YoloxDetector


def _open_other(name: str) -> Detector | None:
    if name.endswith(".onnx"):
        return open_onnx(Path(name))
    return HubDetector(name) if "/" in name or Path(name).is_dir() else None


DETECTORS = Kind[Detector](
    name="detector",
    own={
        "nanodet-plus-m": lambda: NanoDetDetector(weights.find("nanodet-plus-m")),
        "yolox-nano": lambda: YoloxDetector(weights.find("yolox-nano")),
        "yolov3-tiny": lambda: Yolov3Detector(*weights.find_files("yolov3-tiny")),
        "opencv-hog": HogPeopleDetector,
    },
    open_other=_open_other,
    others=(
        "the path of an .onnx file or of a folder, or a hub id such as PekingU/rtdetr_v2_r18vd"
    ),
)
"""What ``--detector`` takes."""
