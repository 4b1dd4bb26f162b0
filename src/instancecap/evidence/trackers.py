"""Trackers by name: who follows what was found, or pointed at, through a clip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from instancecap.evidence.experts.neural.sam import open_sam
from instancecap.evidence.registry import Kind
from instancecap.evidence.tracking.box_trackers import (
    FlowTracker,
    NanoTracker,
    StartTracker,
    start_tracker,
)
from instancecap.evidence.tracking.masklets import VideoTracker
from instancecap.models import weights


@dataclass(frozen=True)
class Tracking:
    """Who follows things.

    Attributes:
        name: empty for the best means at hand.
        start: follows one thing by its box, from picture to picture.
        video: follows things by their masks, after the pass; None for nobody.
    """

    name: str = ""
    start: StartTracker = start_tracker
    video: VideoTracker | None = None


BY_BOX = Tracking()
"""NanoTrack where its weights are at hand, else optical flow."""


def _nanotrack() -> Tracking:
    weights.find_files("nanotrack")  # or it is told now that they are missing
    return Tracking("nanotrack", NanoTracker)


def _open_other(name: str) -> Tracking | None:
    if "/" not in name and not Path(name).is_dir():
        return None
    return Tracking(Path(name).name, video=open_sam("tracker", name))


TRACKERS = Kind[Tracking](
    name="tracker",
    own={"nanotrack": _nanotrack, "flow": lambda: Tracking("flow", FlowTracker)},
    open_other=_open_other,
    others="the path of a folder, or a hub id such as facebook/sam2.1-hiera-small",
    needs=("name", "start", "video"),
)
"""What ``--tracker`` takes. An entry point ``tracker.NAME`` makes a :class:`Tracking`."""
