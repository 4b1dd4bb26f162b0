"""A thin door to ONNX Runtime: quiet, and no more threads than it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from instancecap.errors import MissingDependency


def open_session(path: Path, *, threads: int = 1) -> Any:
    """A session on the CPU. Raises :class:`MissingDependency` for a bad file."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Workers that wait must not burn the core that the decoder needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes that it does not export
        raise MissingDependency(
            f"{path}: not a usable ONNX model ({type(error).__name__}); delete it, "
            "or point INSTANCECAP_MODELS to a folder with a good copy"
        ) from error


class OnnxModel:
    """A model with one input, run on the CPU."""

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        """``threads`` used within one run. Raises :class:`MissingDependency` for a bad file."""
        self._session = open_session(path, threads=threads)
        first = self._session.get_inputs()[0]
        self._input: str = first.name
        self.outputs: tuple[str, ...] = tuple(one.name for one in self._session.get_outputs())
        """Names of what it answers with."""
        height, width = first.shape[2:]
        self.input_shape: tuple[int, int] | None = None
        """Height and width of the pictures that it takes; None where it takes any."""
        if isinstance(height, int) and isinstance(width, int):
            self.input_shape = height, width

    def __call__(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's first output for one batch."""
        return self.run(blob)[0]

    def run(self, blob: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """All outputs for one batch, in the order of :attr:`outputs`."""
        found: list[NDArray[np.float32]] = self._session.run(None, {self._input: blob})
        return found
