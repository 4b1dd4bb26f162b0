"""Samples made of pictures, for tests of experts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from instancecap.evidence.sample import Sample
from instancecap.video import Clip
from instancecap.video.decode import ClipReader


def sample_of(bgr: np.ndarray, *, t: float = 0.0, index: int = 0) -> Sample:
    """A sample that shows a BGR picture as it is, at ``t`` seconds."""
    with ClipReader(Clip.from_frames(bgr[None, ..., ::-1].copy(), 24.0)) as reader:
        frame = next(iter(reader))
    sample = Sample(replace(frame, t=t), index=index, aspect=bgr.shape[1] / bgr.shape[0])
    sample.__dict__["bgr"] = bgr
    return sample
