"""Depth Anything 3 (Lin et al., arXiv 2511.10647): poses, lens and depth of a window's pictures.

transformers has no class for it: its own package ``depth-anything-3`` is used.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from instancecap.errors import MissingDependency
from instancecap.evidence.camera_model import CameraPoses, Window
from instancecap.models import hub

SIDE = 504
"""Longer side in pixels that it works at, its own default."""


class DepthAnything:
    """An any-view model of Depth Anything 3, loaded when it is made."""

    rate = 4.0
    most = 16

    def __init__(self, source: str) -> None:
        """``source``: a folder with ``config.json`` and ``model.safetensors``, or a hub id.

        Raises:
            MissingDependency: it cannot be loaded, or knows nothing of poses.
        """
        self.name = Path(source).name.lower()
        self._model = _load(source)
        kind = str(getattr(self._model, "model_name", ""))
        if kind.startswith(("da3mono", "da3metric")):
            raise MissingDependency(
                f"--camera {source}: {kind} estimates depth only, no poses; take da3-small, "
                "da3-base, da3-large or da3-giant"
            )

    def look(self, window: Window) -> CameraPoses:
        """Poses, lens and depth. Raises ValueError where the model gives no poses."""
        found = self._model.inference(list(window.pictures), process_res=SIDE)
        if found.extrinsics is None or found.intrinsics is None:
            raise ValueError("it gives no poses")
        depth = np.array(found.depth, float)
        if found.sky is not None:
            depth[np.asarray(found.sky, bool)] = np.inf
        return CameraPoses(
            np.asarray(found.extrinsics, float)[:, :3],
            np.asarray(found.intrinsics, float),
            depth,
        )


def _load(source: str) -> Any:
    local = hub.is_local(source, option="camera", packages=("torch", "depth_anything_3"))
    os.environ.setdefault("DA3_LOG_LEVEL", "ERROR")  # it prints the rest to standard output
    try:
        import torch
        from depth_anything_3.api import DepthAnything3
    except ImportError as error:
        raise MissingDependency(
            f"--camera {source} needs {error.name}: pip install 'instancecap[models]' and, without "
            "what it pins, pip install --no-deps depth-anything-3; docs/experts.md has the rest"
        ) from error
    try:
        with redirect_stdout(sys.stderr):  # where standard output is for JSON
            model = DepthAnything3.from_pretrained(source, local_files_only=local)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise MissingDependency(
            f"--camera {source} cannot be loaded: {' '.join(str(error).split())[:200]}; where no "
            "hub is reached, give a folder with config.json and model.safetensors"
        ) from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
