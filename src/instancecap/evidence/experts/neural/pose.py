"""Networks for joints: ViTPose through transformers, and RTMPose or others in an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.evidence.experts.neural.hub import Pretrained
from instancecap.evidence.pose_model import (
    Array,
    cut_people,
    place_joints,
    read_heatmaps,
    read_simcc,
)
from instancecap.evidence.pose_words import JOINTS
from instancecap.models.onnx import open_session
from instancecap.video.decode import Picture


class HubPose:
    """What ``VitPoseForPoseEstimation`` of transformers loads: ViTPose and ViTPose+."""

    def __init__(self, name: str) -> None:
        """``name``: a folder with ``config.json`` and weights, or a hub id.

        Raises :class:`MissingDependency` where it cannot be loaded, or has other joints.
        """
        self.name = Path(name).name
        source = Pretrained("pose", name)
        self._torch, _ = source.libraries()
        self._model = source.load_model("VitPoseForPoseEstimation")
        backbone = self._model.config.backbone_config
        height, width = backbone.image_size
        self._size = int(width), int(height)
        self._experts = getattr(backbone, "num_experts", 1) > 1
        _check_joints(name, self._model.config.num_labels)

    def find(self, picture: Picture, boxes: Array) -> Array:
        """As :class:`~instancecap.evidence.pose_model.PoseModel` has it."""
        torch, model = self._torch, self._model
        cut, places = cut_people(picture, boxes, self._size)
        pixels = torch.from_numpy(cut).to(model.device, model.dtype)
        # ViTPose+ has an expert for each set it learned from; the first is COCO.
        sets = torch.zeros(len(cut), dtype=torch.long, device=model.device)
        more: dict[str, Any] = {"dataset_index": sets} if self._experts else {}
        with torch.inference_mode():
            maps = model(pixel_values=pixels, **more).heatmaps
        return place_joints(read_heatmaps(maps.float().cpu().numpy()), places, picture)


class OnnxPose:
    """A file with 17 joints, on the CPU: heatmaps, or the two outputs of SimCC, as RTMPose has."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`MissingDependency` for a file that is no such network."""
        if not path.is_file():
            raise MissingDependency(f"--pose {path}: there is no such file")
        self.name = path.stem
        self._session = open_session(path)
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or not all(isinstance(side, int) for side in shape[2:]):
            raise MissingDependency(f"--pose {path}: its input is {shape}, not people of one size")
        self._size = shape[3], shape[2]
        try:
            joints = self._run(np.zeros((1, 3, *shape[2:]), np.float32)).shape[1]
        except MissingDependency:
            raise
        except Exception as error:  # ONNX Runtime raises classes that it does not export
            raise MissingDependency(
                f"--pose {path} cannot be asked for joints ({type(error).__name__}: {error}); give "
                "RTMPose, or another network that is shown one person at a time"
            ) from error
        _check_joints(str(path), joints)

    def find(self, picture: Picture, boxes: Array) -> Array:
        """As :class:`~instancecap.evidence.pose_model.PoseModel` has it."""
        cut, places = cut_people(picture, boxes, self._size)
        # One at a time: many exports take no more.
        joints = np.concatenate([self._run(one[None]) for one in cut])
        return place_joints(joints, places, picture)

    def _run(self, cut: NDArray[np.float32]) -> Array:
        found = self._session.run(None, {self._input.name: cut})
        if len(found) == 1 and found[0].ndim == 4:
            return read_heatmaps(found[0])
        if len(found) == 2 and {part.ndim for part in found} == {3}:
            return read_simcc(found)
        shapes = ", ".join(str(part.shape) for part in found)
        raise MissingDependency(
            f"--pose {self.name}.onnx: its outputs are {shapes}; one of heatmaps (people, joints, "
            "height, width) or SimCC's two (people, joints, cells) can be read"
        )


def _check_joints(name: str, count: int) -> None:
    if count != JOINTS:
        raise MissingDependency(
            f"--pose {name}: it finds {count} joints; {JOINTS} in COCO's order can be read"
        )
