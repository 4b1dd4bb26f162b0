"""Camera models by name: those that are known, a file, a folder, a hub id, or somebody else's."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from instancecap.evidence.camera_model import CameraModel
from instancecap.evidence.experts.neural.cotracker import CoTracker
from instancecap.evidence.experts.neural.depth_anything import DepthAnything
from instancecap.evidence.registry import Kind

FLOW = "flow"
"""Optical flow, which needs no pass of its own, where it is named beside others."""

NON_COMMERCIAL = "CC-BY-NC-4.0"

SIZES = {
    "da3-small": "depth-anything/DA3-SMALL",
    "da3-base": "depth-anything/DA3-BASE",
    "da3-large": "depth-anything/DA3-LARGE-1.1",
    "da3-giant": "depth-anything/DA3-GIANT-1.1",
}
"""Sizes of Depth Anything 3 that know poses, and their hub ids."""


def _depth_anything(name: str) -> Callable[[], CameraModel]:
    return partial(DepthAnything, SIZES[name])


def _open_other(name: str) -> CameraModel | None:
    if name.endswith(".pth") or Path(name, "hubconf.py").is_file():
        return CoTracker(name)
    return DepthAnything(name) if "/" in name or Path(name).is_dir() else None


CAMERAS = Kind[CameraModel](
    name="camera",
    own={"cotracker3": CoTracker, **{name: _depth_anything(name) for name in SIZES}},
    open_other=_open_other,
    others=(
        "flow (optical flow), weights of CoTracker3 (.pth) or a clone of its repository, a folder "
        "or hub id of Depth Anything 3"
    ),
    needs=("name", "rate", "most", "look"),
)
"""What ``--camera`` takes."""


def license_of(name: str) -> str:
    """SPDX name of the license of what ``--camera`` names, as its publisher has it; empty for
    unknown, such as a model of somebody else's.

    A folder is known by the size that its ``config.json`` names.
    """
    if name == "cotracker3" or name.endswith(".pth") or Path(name, "hubconf.py").is_file():
        return NON_COMMERCIAL
    size = Path(SIZES.get(name, name)).name
    with suppress(OSError, ValueError, AttributeError):
        size = str(json.loads(Path(name, "config.json").read_text("utf-8")).get("model_name", size))
    size = size.lower()
    if not size.startswith("da3"):
        return ""
    free = any(one in size for one in ("small", "base", "mono", "metric"))
    return "Apache-2.0" if free else NON_COMMERCIAL
