"""Who measures, where that is chosen: names only, which load nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instancecap.errors import UsageError

SAM = "facebook/sam2.1-hiera-large"

PRESETS: Mapping[str, Mapping[str, str]] = {
    "fast": {},
    "paper": {
        "detector": "IDEA-Research/grounding-dino-base",
        "segmenter": SAM,
        "tracker": SAM,
        "camera": "cotracker3",
    },
    "best": {
        "detector": "iSEE-Laboratory/llmdet_large",
        "segmenter": SAM,
        "tracker": SAM,
        "camera": "da3-base",
    },
}
"""Experts that are named together: ``fast`` what comes with the package, ``paper`` the kinds that
InstanceCap (Fan et al. 2024) used, ``best`` those with weights that may be used commercially."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Experts by name.

    Attributes:
        preset: one of :data:`PRESETS`, for the experts that are not named; empty for ``fast``.
        detector: see :data:`instancecap.evidence.detectors.DETECTORS`; several, separated by
            commas, look at the same pictures. Empty for the best one at hand of those that come
            with the package.
        phrases: what a detector with an open vocabulary is asked for, between commas, or a file
            with a phrase a line; empty for everyday things, and what a language model names.
        segmenter: see :data:`instancecap.evidence.segmenters.SEGMENTERS`; empty for U²-Net-p where
            its weights are at hand, else GrabCut.
        tracker: see :data:`instancecap.evidence.trackers.TRACKERS`; empty for NanoTrack where its
            weights are at hand, else optical flow.
        camera: see :data:`instancecap.evidence.cameras.CAMERAS`; several, separated by commas, are
            merged, ``flow`` is optical flow among them. Empty for optical flow.
        pose: see :data:`instancecap.evidence.poses.POSES`; empty for nobody.
        accept_license: SPDX names, separated by commas, of licenses that ask for it.
    """

    preset: str = ""
    detector: str = ""
    phrases: str = ""
    segmenter: str = ""
    tracker: str = ""
    camera: str = ""
    pose: str = ""
    accept_license: str = ""

    def __post_init__(self) -> None:
        if self.preset and self.preset not in PRESETS:
            raise UsageError(f"--cluster {self.preset}: choose {', '.join(PRESETS)}")
        for kind, name in PRESETS.get(self.preset, {}).items():
            object.__setattr__(self, kind, getattr(self, kind) or name)


DEFAULT = Cluster()
