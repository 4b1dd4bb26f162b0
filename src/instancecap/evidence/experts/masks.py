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


def add_masks(clip: Clip, evidence: Evidence, *, segmenter: Segmenter, threads: int = 0) -> None:
    """Add to every instance of ``evidence`` a mask for each sampled frame that it is seen on and
    has none for yet.

    Masks have the size of the displayed frame and are stored as COCO run-lengths.
    """
    began = time.perf_counter()
    size = evidence.video.height, evidence.video.width
    known = {item.id: {mask.t for mask in item.masks} for item in evidence.instances}
    ticker = Ticker(SAMPLE_RATE)
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            if not ticker.due(frame.t):
                continue
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
