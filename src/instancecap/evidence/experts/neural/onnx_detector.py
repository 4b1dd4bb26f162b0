"""A detector in an ONNX file: as YOLOX exports it, or as DETR-like ones are exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import InstanceCapError, MissingDependency, UsageError
from instancecap.evidence.experts.neural.detr import open_columns, read_queries
from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections, Detector
from instancecap.models.onnx import OnnxModel
from instancecap.models.yolox import YoloxDetector
from instancecap.video.decode import Picture


def open_onnx(path: Path) -> Detector:
    """The detector in a file; one output means YOLOX, two mean logits and boxes.

    Raises:
        MissingDependency: the file, or one that belongs to it, cannot be used, and why.
        UsageError: it is another network, or its class list is no text.
    """
    if not path.is_file():
        raise MissingDependency(f"--detector {path}: there is no such file")
    try:
        outputs = len(OnnxModel(path).outputs)
        if outputs in (1, 2):
            detector = OnnxYolox(path) if outputs == 1 else OnnxDetr(path)
            detector.detect(np.zeros((8, 8, 3), np.uint8))
            return detector
    except InstanceCapError:
        raise
    except Exception as error:  # ONNX Runtime raises classes that it does not export
        raise UsageError(
            f"--detector {path} is no detector that can be read "
            f"({type(error).__name__}: {error}); give one as YOLOX exports it, or logits and boxes "
            "of a DETR-like model"
        ) from error
    raise MissingDependency(
        f"{path} has {outputs} outputs; a detector has one (YOLOX) or two (logits and boxes)"
    )


class OnnxYolox:
    """YOLOX of any size. Its classes stand in ``NAME.txt`` beside ``NAME.onnx``, one a line;
    without that file they are COCO's."""

    tight = True

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        names = path.with_suffix(".txt")
        try:
            lines = names.read_text(encoding="utf-8").splitlines() if names.is_file() else CLASSES
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"--detector {path}: its class list {names} cannot be read "
                f"({type(error).__name__}); write a text file (UTF-8) with a class a line"
            ) from error
        self._columns = open_columns([one for one in lines if one.strip()], source=str(names))
        self._detector = YoloxDetector(path)
        answered = self._detector.count_classes()
        if answered != self._columns.count:
            raise MissingDependency(
                f"{path} tells {answered} classes apart and its class list has "
                f"{self._columns.count}: write {names.name} beside it, a class a line"
            )

    def detect(self, picture: Picture) -> Detections:
        """Boxes and scores in a BGR picture of any size, best first."""
        found, columns = self._detector.detect(picture), self._columns
        scores, phrases = columns.read(found.scores), columns.phrases(found.scores)
        return Detections(found.boxes, scores, columns.own, phrases)


class OnnxDetr:
    """A detector with the outputs logits (1, queries, classes) and boxes (1, queries, 4).

    ``config.json`` (``id2label``) and ``preprocessor_config.json`` lie beside it, as exporters of
    transformers models write them.
    """

    tight = True

    def __init__(self, path: Path) -> None:
        self.name = path.parent.name
        self._model = OnnxModel(path)
        labels = _read_json(path.with_name("config.json"))["id2label"]
        names = [labels[number] for number in sorted(labels, key=int)]
        self._columns = open_columns(names, source=str(path))
        self._about = _read_json(path.with_name("preprocessor_config.json"))

    def detect(self, picture: Picture) -> Detections:
        """Boxes and scores in a BGR picture of any size, best first."""
        logits, boxes = self._model.run(self._prepare(picture))
        if "box" in self._model.outputs[0]:
            logits, boxes = boxes, logits
        return read_queries(logits[0], boxes[0], self._columns)

    def _prepare(self, picture: Picture) -> NDArray[np.float32]:
        """(1, 3, height, width), as ``preprocessor_config.json`` says."""
        size = self._about.get("size", {})
        height, width = self._model.input_shape or (size["height"], size["width"])
        rgb = cv2.resize(picture, (width, height))[..., ::-1].astype(np.float32)
        rgb *= self._about.get("rescale_factor", 1 / 255)
        if self._about.get("do_normalize", True):
            rgb = (rgb - self._about["image_mean"]) / self._about["image_std"]
        return np.ascontiguousarray(rgb.transpose(2, 0, 1)[None], np.float32)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingDependency(
            f"{path} cannot be read ({type(error).__name__}): a detector with logits and boxes "
            "needs config.json and preprocessor_config.json beside its ONNX file"
        ) from error
    return found
