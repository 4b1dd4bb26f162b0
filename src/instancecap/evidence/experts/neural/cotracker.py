"""CoTracker3 (Karaev et al., arXiv 2410.11831): points followed through a window at once.

transformers has no class for it: its own package is used, or a copy of its repository, which is
loaded as torch.hub does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.errors import MissingDependency
from instancecap.evidence.camera_model import Array, PointTracks, Window
from instancecap.models import weights
from instancecap.models.hub import is_installed

ENTRY, CHECKPOINT = "cotracker3_offline", "scaled_offline.pth"
"""torch.hub's name for it, and its weights."""

COPIES = "facebookresearch_co-tracker_*"
"""Folders of torch.hub's copies of it."""

GRID = (18, 10)
"""Columns and rows of the points that start in each of the first, middle and last picture."""


class CoTracker:
    """CoTracker3, loaded when it is made."""

    name = "cotracker3"
    rate = 8.0
    most = 48

    def __init__(self, source: str = "") -> None:
        """``source``: weights (``.pth``) for the installed package, or a folder with
        ``hubconf.py``; empty for torch.hub's own copy, or the package with the weights there.

        Raises:
            MissingDependency: it cannot be loaded.
        """
        try:
            import torch
        except ImportError as error:
            raise MissingDependency(
                "--camera cotracker3 needs torch: pip install 'instancecap[models]'"
            ) from error
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._predictor = _load(torch, source).to(self._device).eval()

    def look(self, window: Window) -> PointTracks:
        """Follow points of the background, forwards and backwards, through the window."""
        torch = self._torch
        video = torch.from_numpy(np.ascontiguousarray(window.pictures)).permute(0, 3, 1, 2)
        queries = torch.from_numpy(start_points(window.background)).to(self._device)
        if not len(queries):
            return PointTracks(
                np.zeros((len(window.times), 0, 2)), np.zeros((len(window.times), 0), bool)
            )
        with torch.no_grad():
            tracks, visible = self._predictor(
                video[None].float().to(self._device), queries=queries[None], backward_tracking=True
            )
        return PointTracks(
            tracks[0].double().cpu().numpy(),
            visible[0].reshape(tracks.shape[1:3]).bool().cpu().numpy(),
        )


def is_at_hand() -> bool:
    """Whether there is one to load by its name alone: torch.hub's copy, or the package with its
    weights."""
    if not is_installed("torch"):
        return False
    import torch

    hub = Path(torch.hub.get_dir())
    kept = (hub / "checkpoints" / CHECKPOINT).is_file()
    return any(hub.glob(COPIES)) or (is_installed("cotracker") and kept)


def start_points(background: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Index of a picture, x and y in pixels (m, 3): a grid in the first, middle and last picture of
    bool (n, height, width), where that is true."""
    count, height, width = background.shape
    columns, rows = ((np.arange(many) + 0.5) / many for many in GRID)
    x, y = (part.ravel() for part in np.meshgrid(columns * width, rows * height))
    found: list[Array] = []
    for index in dict.fromkeys((0, count // 2, count - 1)):
        ground = background[index, y.astype(int), x.astype(int)]
        found.append(np.column_stack([np.full(ground.sum(), index), x[ground], y[ground]]))
    return np.concatenate(found).astype(np.float32)


def _load(torch: Any, source: str) -> Any:
    """The predictor, on the CPU."""
    hub = Path(torch.hub.get_dir())
    copies = sorted(hub.glob(COPIES))
    folder = Path(source) if source else copies[0] if copies else None
    kept = hub / "checkpoints" / CHECKPOINT
    try:
        if folder is not None and (folder / "hubconf.py").is_file():
            if weights.is_offline() and not kept.is_file():
                raise OSError(f"{kept} is not there, and INSTANCECAP_OFFLINE forbids to fetch it")
            return torch.hub.load(str(folder), ENTRY, source="local")
        from cotracker.predictor import CoTrackerPredictor

        checkpoint = Path(source) if source else kept
        if not checkpoint.is_file():
            raise OSError(f"there are no weights {checkpoint}")
        return CoTrackerPredictor(checkpoint=str(checkpoint), offline=True, v2=False, window_len=60)
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingDependency(
            f"--camera {source or 'cotracker3'} cannot be loaded: "
            f"{' '.join(str(error).split())[:200]}; give a clone of facebookresearch/co-tracker, "
            f"or install that and give the path of {CHECKPOINT}"
        ) from error
