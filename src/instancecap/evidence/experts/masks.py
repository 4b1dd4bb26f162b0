"""A mask per instance and sample, of what a segmenter sees in its box.

Only computed where asked for: it needs a second pass over the frames, because tracks are known
after the first.
"""

from __future__ import annotations

import time

import numpy as np

from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.segmenters import Segmenter
from instancecap.evidence.tracking.instances import box_at
from instancecap.evidence.tracking.masklets import encode_mask
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.sampling import Ticker

_JITTER = 0.002
"""Seconds by which time stamps that were rounded may be off."""


def add_masks(clip: Clip, evidence: Evidence, *, segmenter: Segmenter, threads: int = 0) -> None:
    """Add to every instance of ``evidence`` a mask for each sampled frame that it is seen on and
    has none for yet, and for frames between where these are fewer than ``SAMPLE_RATE`` a second.

    Masks have the size of the displayed frame and are stored as COCO run-lengths.
    """
    began = time.perf_counter()
    size = evidence.video.height, evidence.video.width
    known = {item.id: {mask.t for mask in item.masks} for item in evidence.instances}
    ticker, last = Ticker(SAMPLE_RATE), 0.0
    with ClipReader(clip, threads=threads) as reader:
        step = 1 / reader.info.fps if reader.info.fps else 0.0
        for frame in reader:
            # Of 30 frames a second every fourth is sampled: 7.5 a second.
            is_last_in_time = frame.t + step - last > 1 / SAMPLE_RATE + _JITTER
            if not ticker.due(frame.t) and not is_last_in_time:
                continue
            last = frame.t
            sample, t = Sample(frame, index=0, aspect=reader.info.aspect), round(frame.t, 3)
            boxes = [
                (item, box)
                for item in evidence.instances
                if t not in known[item.id] and (box := box_at(item, sample.t)) is not None
            ]
            if boxes:
                masks = segmenter.segment(sample.bgr, np.array([box for _, box in boxes]))
                for (item, _), mask in zip(boxes, masks, strict=True):
                    item.masks.append(encode_mask(mask, t=t, size=size))
    for item in evidence.instances:
        item.masks.sort(key=lambda mask: mask.t)
    evidence.timings["masks"] = round(time.perf_counter() - began, 4)
