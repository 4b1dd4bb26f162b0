"""Figures of made-up clips."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np

from instancecap.datasets.curation.figures import Figures
from instancecap.datasets.curation.hashing import VIEWS, WORDS


def figures(**values: Any) -> Figures:
    """Of a clip that the shipped rules keep, but for ``values``."""
    good: dict[str, Any] = {
        "duration": 4.0, "width": 640, "height": 360, "side": 360, "fps": 25.0, "transitions": 0,
        "motion": 0.2, "camera": ["static"], "stability": "stable", "camera_speed": 0.0,
        "damage": 0.0, "repeated": 0.0, "frozen": 0.0, "blur": 0.3, "brightness": 0.5,
        "dark": 0.0, "bright": 0.0,
        "bars": 0.0, "content": (0.0, 0.0, 1.0, 1.0), "text": 0.0, "subtitles": 0.0,
        "watermark": 0.0, "instances": 1, "largest": 0.2, "people": 0, "faces": 0, "face": 0.0,
        "classes": ["dog"], "place": "outdoor", "time_of_day": "day", "style": "unknown",
        "shot_type": "full_shot",
    }  # fmt: skip
    return Figures.model_validate(good | values)


def hash_like(*, seed: int) -> str:
    """A video hash that has nothing in common with that of another seed."""
    lot = np.random.default_rng(seed)
    view = lot.integers(0, 2**64, WORDS, np.uint64)
    return b64encode(np.tile(view, VIEWS).tobytes()).decode()
