"""Who measures, where that is chosen: names only, which load nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Experts by name.

    Attributes:
        detector: see :data:`instancecap.evidence.detectors.DETECTORS`; several, separated by
            commas, look at the same pictures. Empty for the best one at hand of those that come
            with the package.
        phrases: what a detector with an open vocabulary is asked for, between commas, or a file
            with a phrase a line; empty for everyday things, and what a language model names.
        segmenter: see :data:`instancecap.evidence.segmenters.SEGMENTERS`; empty for U²-Net-p where
            its weights are at hand, else GrabCut.
        tracker: see :data:`instancecap.evidence.trackers.TRACKERS`; empty for NanoTrack where its
            weights are at hand, else optical flow.
        camera: see :data:`instancecap.evidence.cameras.CAMERAS`; empty for optical flow.
        accept_license: SPDX names, separated by commas, of licenses that ask for it.
    """

    detector: str = ""
    phrases: str = ""
    segmenter: str = ""
    tracker: str = ""
    camera: str = ""
    accept_license: str = ""


DEFAULT = Cluster()
