"""A thin door to ONNX Runtime: quiet, and no more threads than it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from instancecap.errors import MissingDependency


class OnnxModel:
    """A model with one input and one output, run on the CPU."""

    def __init__(self, path: Path, *, threads: int = 1, any_size: bool = False) -> None:
        """``threads`` are used within one run.

        ``any_size`` lets pictures of any height and width in, where the file promises one size
        only. Raises :class:`MissingDependency` for a bad file.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = max(1, threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Workers that wait must not burn the core that the decoder needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            model = path.read_bytes()
            self._session: Any = ort.InferenceSession(
                with_free_size(model) if any_size else model,
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # ONNX Runtime raises classes that it does not export
            raise MissingDependency(
                f"{path}: not a usable ONNX model ({type(error).__name__}); delete it, "
                "or point INSTANCECAP_MODELS to a folder with a good copy"
            ) from error
        self._input: str = self._session.get_inputs()[0].name

    def __call__(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's first output for one batch."""
        output: NDArray[np.float32] = self._session.run(None, {self._input: blob})[0]
        return output


# Fields and wire types of ONNX's protocol buffers: onnx/onnx.proto, IR version 3 and later.
_GRAPH, _INPUT, _OUTPUT, _VALUE_INFO = 7, 11, 12, 13
_TYPE, _TENSOR, _ELEMENT, _SHAPE, _DIMENSION, _DIMENSION_NAME = 2, 1, 1, 2, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_Field = tuple[int, int, bytes]
"""Number, wire type and content of a field."""


def with_free_size(model: bytes) -> bytes:
    """The same network (an ONNX file) for pictures of any height and width.

    Exporters write the one size they were run with into the file, although convolutions take
    any. Its input's last two dimensions are given names instead of numbers here, and the sizes
    that were noted for all other values are left out. Raises ValueError for what is no ONNX file.
    """
    return _write(
        (number, wire, _free_graph(content) if number == _GRAPH else content)
        for number, wire, content in _read(model)
    )


def _free_graph(graph: bytes) -> bytes:
    fields = []
    for number, wire, content in _read(graph):
        if number == _INPUT:
            content = _edit(content, (_TYPE, _TENSOR, _SHAPE), _free_shape)
        elif number == _OUTPUT:
            content = _edit(content, (_TYPE, _TENSOR), _without_shape)
        elif number == _VALUE_INFO:
            continue
        fields.append((number, wire, content))
    return _write(fields)


def _free_shape(shape: bytes) -> bytes:
    *batch_and_channels, _, _ = _read(shape)
    names = [_write([(_DIMENSION_NAME, _BYTES, name)]) for name in (b"height", b"width")]
    return _write([*batch_and_channels, *((_DIMENSION, _BYTES, name) for name in names)])


def _without_shape(tensor: bytes) -> bytes:
    return _write(field for field in _read(tensor) if field[0] == _ELEMENT)


def _edit(message: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """The message with the one field changed that ``path`` leads to."""
    if not path:
        return change(message)
    return _write(
        (number, wire, _edit(content, path[1:], change) if number == path[0] else content)
        for number, wire, content in _read(message)
    )


def _read(message: bytes) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        wire, begin = key & 7, at
        if wire == _VARINT:
            _, at = _read_varint(message, at)
        elif wire == _BYTES:
            length, begin = _read_varint(message, at)
            at = begin + length
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError("not an ONNX file")
        if at > len(message):
            raise ValueError("not an ONNX file, or one that is cut short")
        yield key >> 3, wire, message[begin:at]


def _write(fields: Iterable[_Field]) -> bytes:
    parts = []
    for number, wire, content in fields:
        parts.append(_varint(number << 3 | wire))
        if wire == _BYTES:
            parts.append(_varint(len(content)))
        parts.append(content)
    return b"".join(parts)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("not an ONNX file, or one that is cut short")


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
