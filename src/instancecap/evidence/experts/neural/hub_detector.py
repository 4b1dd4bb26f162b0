"""Closed detectors of the transformers library, by hub id or local folder: RT-DETRv2, D-FINE.

Whatever ``AutoModelForObjectDetection`` loads and answers as DETR does will do. In half precision
on a GPU, else on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from instancecap.evidence.experts.neural.batches import BatchedDetector, Batches
from instancecap.evidence.experts.neural.detr import open_columns, read_queries
from instancecap.evidence.experts.neural.hub import Pretrained
from instancecap.models.detector import Detections
from instancecap.video.decode import Picture


class HubDetector(BatchedDetector):
    """A closed detector, loaded when it is made."""

    def __init__(self, name: str) -> None:
        """``name``: a folder with ``config.json``, weights and ``preprocessor_config.json``, or a
        hub id. Raises :class:`MissingDependency` where it cannot be loaded."""
        self.name = Path(name).name
        source = Pretrained("detector", name)
        self._torch, _ = source.libraries()
        self._processor = source.load("AutoImageProcessor")
        self._model = source.load_model("AutoModelForObjectDetection")
        self._batches = Batches(
            self._model, out_of_memory=self._torch.OutOfMemoryError, name=self.name
        )
        labels = self._model.config.id2label
        names = [labels[index] for index in sorted(labels)]
        self._columns = open_columns(names, source=name)

    def _detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        rgb = [np.ascontiguousarray(picture[..., ::-1]) for picture in pictures]
        pixels = self._processor(images=rgb, return_tensors="pt")["pixel_values"]
        with self._torch.inference_mode():
            found = self._model(pixel_values=pixels.to(self._model.device, self._model.dtype))
        answers = (part.float().cpu().numpy() for part in (found.logits, found.pred_boxes))
        return [
            read_queries(logits, boxes, self._columns)
            for logits, boxes in zip(*answers, strict=True)
        ]
