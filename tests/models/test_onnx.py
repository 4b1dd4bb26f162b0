"""A network that was written for one size of picture, run on others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import MissingDependency
from instancecap.models import weights
from instancecap.models.onnx import OnnxModel, with_free_size


def blob(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height + width)
    return rng.integers(0, 255, (1, 3, height, width)).astype(np.float32)


def test_at_its_own_size_a_freed_network_says_the_same(with_weights: Path) -> None:
    path = weights.find("yolox-nano")
    picture = blob(416, 416)
    assert np.array_equal(OnnxModel(path)(picture), OnnxModel(path, any_size=True)(picture))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (256, 416), (416, 256), (64, 640)])
def test_a_freed_network_answers_for_every_cell(
    with_weights: Path, height: int, width: int
) -> None:
    output = OnnxModel(weights.find("yolox-nano"), any_size=True)(blob(height, width))
    cells = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    assert output.shape == (1, cells, 85)


def test_a_file_that_is_cut_short_is_refused_in_one_line(
    with_weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(weights.find("yolox-nano").read_bytes()[:100_000])
    with pytest.raises(MissingDependency, match=r"half\.onnx: not a usable ONNX model") as caught:
        OnnxModel(path, any_size=True)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=80))
def test_what_is_no_network_is_passed_on_or_refused(content: bytes) -> None:
    try:
        freed = with_free_size(content)
    except ValueError:
        return
    assert isinstance(freed, bytes)
