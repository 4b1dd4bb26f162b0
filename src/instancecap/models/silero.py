"""Silero VAD: how likely each moment of a sound is speech (MIT; its 16 kHz ONNX export)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from instancecap.models.onnx import open_session

CHUNK = 512
"""Samples at 16,000 a second that one probability is for: 32 ms."""

_CONTEXT = 64
"""Samples of the chunk before that the network is shown again."""


class SpeechDetector:
    """Listens to a sound chunk by chunk; it remembers what came before."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`MissingDependency` for a bad file."""
        self._session = open_session(path)
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(_CONTEXT, np.float32)

    def __call__(self, chunk: NDArray[np.float32]) -> float:
        """The probability, 0..1, that a chunk of mono samples in -1..1 is speech."""
        heard = np.concatenate((self._before, chunk))[None]
        told = {"input": heard, "state": self._state, "sr": np.array(16_000, np.int64)}
        probability, self._state = self._session.run(None, told)
        self._before = chunk[-_CONTEXT:]
        return float(probability[0, 0])
