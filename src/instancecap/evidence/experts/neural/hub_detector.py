"""Closed detectors of the transformers library, by hub id or local folder: RT-DETRv2, D-FINE.

Whatever ``AutoModelForObjectDetection`` loads and answers as DETR does will do. In half precision
on a GPU, else on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.detr import open_columns, read_queries
from instancecap.models import weights
from instancecap.models.detector import Detections
from instancecap.video.decode import Picture


class HubDetector:
    """A closed detector, loaded when it is made."""

    tight = True

    def __init__(self, name: str) -> None:
        """``name``: a folder with ``config.json``, weights and ``preprocessor_config.json``, or a
        hub id. Raises :class:`MissingDependency` where it cannot be loaded."""
        self.name = Path(name).name
        self._torch, self._processor, self._model = _load(name)
        labels = self._model.config.id2label
        names = [labels[index] for index in sorted(labels)]
        self._columns = open_columns(names, source=name)

    def detect(self, picture: Picture) -> Detections:
        """Boxes and scores in a BGR picture of any size, best first."""
        rgb = np.ascontiguousarray(picture[..., ::-1])
        pixels = self._processor(images=rgb, return_tensors="pt")["pixel_values"]
        with self._torch.inference_mode():
            found = self._model(pixel_values=pixels.to(self._model.device, self._model.dtype))
        logits, boxes = (part[0].float().cpu().numpy() for part in (found.logits, found.pred_boxes))
        return read_queries(logits, boxes, self._columns)


def _load(name: str) -> tuple[Any, Any, Any]:
    """Torch, and a model with its processor."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingDependency(
            f"--detector {name} needs {error.name}: pip install 'instancecap[models]'"
        ) from error
    device, dtype = ("cuda", torch.float16) if torch.cuda.is_available() else ("cpu", torch.float32)
    where = {"local_files_only": weights.is_offline() or Path(name).is_dir()}
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(name, **where)
        model = transformers.AutoModelForObjectDetection.from_pretrained(name, dtype=dtype, **where)
    except (OSError, ValueError, ImportError) as error:
        raise MissingDependency(
            f"--detector {name} cannot be loaded as a detector: "
            f"{' '.join(str(error).split())[:200]}; where no hub is reached, give a folder with "
            "config.json, preprocessor_config.json and model.safetensors"
        ) from error
    return torch, processor, model.to(device).eval()
