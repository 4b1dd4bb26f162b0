"""How much an instance draws the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, centers
from instancecap.schema.evidence import InstanceMotion

Array = NDArray[np.float64]


def salience_of(
    times: Sequence[float],
    boxes: Array,
    motion: InstanceMotion,
    confidence: float,
    *,
    end: float,
    known: float = 1.0,
) -> float:
    """0..1 from size, centrality, motion and time in view; times how far it is ``known``.

    ``boxes`` (n, 4) at ``times`` of a clip that is ``end`` seconds long.
    """
    size = float(np.sqrt(areas(boxes)).mean())
    off = np.linalg.norm(centers(boxes) - 0.5, axis=1).mean() / np.sqrt(0.5)
    seen = 1.0 if end <= 0 else min(1.0, (times[-1] - times[0] + 0.2) / end)
    mixed = 0.55 * size + 0.2 * (1 - float(off)) + 0.25 * float(motion.moving)
    return round(float(np.clip(mixed * confidence * np.sqrt(seen) * known, 0, 1)), 4)
