"""Detectors by name: those of the package, a file, a folder, a hub id, or somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

from instancecap.errors import UsageError
from instancecap.evidence.experts.neural.hub import Pretrained
from instancecap.evidence.experts.neural.hub_detector import HubDetector
from instancecap.evidence.experts.neural.onnx_detector import open_onnx
from instancecap.evidence.experts.neural.open_vocabulary import OpenVocabularyDetector
from instancecap.evidence.registry import Kind
from instancecap.models import weights
from instancecap.models.classes import distinct
from instancecap.models.detector import Detector
from instancecap.models.hog import HogPeopleDetector
from instancecap.models.nanodet import NanoDetDetector
from instancecap.models.yolov3 import Yolov3Detector
from instancecap.models.yolox import YoloxDetector


def _open_other(name: str) -> Detector | None:
    if name.endswith(".onnx"):
        return open_onnx(Path(name))
    return _open_hub(name) if "/" in name or Path(name).is_dir() else None


def _open_hub(name: str) -> Detector:
    """One of the transformers library, which tells by its configuration whether it is asked for
    phrases."""
    source = Pretrained("detector", name)
    _, transformers = source.libraries()
    config = source.load("AutoConfig")
    is_asked = type(config) in transformers.MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING
    return OpenVocabularyDetector(name) if is_asked else HubDetector(name)


def read_phrases(text: str) -> tuple[str, ...]:
    """What ``--phrases`` says: phrases between commas, or a file with a phrase a line.

    Raises:
        UsageError: there is no such file, or no phrase.
    """
    if text.endswith(".txt") or os.path.isfile(text):
        try:
            phrases = distinct(Path(text).read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            missing = isinstance(error, FileNotFoundError)
            why = "there is no such file" if missing else type(error).__name__
            raise UsageError(
                f"--phrases {text}: {why}; give a text file (UTF-8) with a "
                "phrase a line, or phrases between commas"
            ) from error
    else:
        phrases = distinct(text.split(","))
    if not phrases:
        raise UsageError(
            f"--phrases {text}: there is no phrase; give some such as 'red kettle, forklift'"
        )
    return phrases


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
    needs=("name", "tight", "detect"),
)
"""What ``--detector`` takes."""
