"""Packing changes nothing of what was found."""

from __future__ import annotations

import numpy as np
import pytest

from instancecap.evidence.detection_log import BLOCK, DetectionLog
from instancecap.evidence.tracking.tracks import FrameDetections


def finds(index: int) -> FrameDetections:
    return FrameDetections(
        index=index,
        t=index / 10,
        boxes=np.full((1, 4), index / 1e4),
        scores=np.full((1, 3), 0.5, np.float16),
        colors=np.ones((1, 2)),
        carry=np.eye(2, 3),
        size=(416, 234),
    )


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, 3 * BLOCK + 7])
def test_everything_comes_back_in_order(count: int) -> None:
    log = DetectionLog()
    for index in range(count):
        log.append(finds(index))
    back = log.within(0.0, count)
    assert [one.index for one in back] == list(range(count))
    assert all(one.boxes[0, 0] == one.index / 1e4 for one in back)


def test_a_span_holds_its_start_and_not_its_end() -> None:
    log = DetectionLog()
    for index in range(2 * BLOCK):
        log.append(finds(index))
    inside = [one.index for one in log.within(BLOCK / 10 - 0.25, BLOCK / 10 + 0.15)]
    assert inside == [BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1]
