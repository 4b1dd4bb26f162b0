"""Pose models by name: a file, a folder, a hub id, or somebody else's."""

from __future__ import annotations

from pathlib import Path

from instancecap.evidence.experts.neural.pose import HubPose, OnnxPose
from instancecap.evidence.pose_model import PoseModel
from instancecap.evidence.registry import Kind


def _open_other(name: str) -> PoseModel | None:
    if name.endswith(".onnx"):
        return OnnxPose(Path(name))
    return HubPose(name) if "/" in name or Path(name).is_dir() else None


POSES = Kind[PoseModel](
    name="pose",
    own={},
    open_other=_open_other,
    others=(
        "the path of an .onnx file with COCO's 17 joints, such as RTMPose, or a folder or hub id "
        "such as usyd-community/vitpose-base-simple"
    ),
    needs=("name", "find"),
)
"""What ``--pose`` takes."""
