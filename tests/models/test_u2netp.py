"""Masks of what stands out in a box, on labelled pictures; none without weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.models import u2netp
from instancecap.models.u2netp import find_salient_mask
from instancecap.video import Clip
from instancecap.video.decode import ClipReader


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """The weights are looked for in every test."""
    u2netp._model.cache_clear()
    yield
    u2netp._model.cache_clear()


@pytest.mark.usefixtures("with_weights")
@pytest.mark.parametrize("name", ["dog", "car-shadow", "camel"])
def test_the_mask_is_the_things(name: str, clips_dir: Path) -> None:
    with ClipReader(Clip.open(clips_dir / "masks" / f"{name}.mp4")) as reader:
        picture = np.ascontiguousarray(next(iter(reader)).bgr()[..., ::-1])
    mask = cv2.imread(str(clips_dir / "masks" / name / "00000.png"), 0)
    assert mask is not None
    true = cv2.resize(mask, picture.shape[1::-1]) > 127
    (ys, xs), (height, width) = np.nonzero(true), true.shape
    box = np.array([xs.min() / width, ys.min() / height, xs.max() / width, ys.max() / height])
    found = find_salient_mask(picture, box)
    assert found is not None and found.shape == true.shape
    assert (found & true).sum() / (found | true).sum() > 0.75


@pytest.mark.usefixtures("with_weights")
def test_nothing_stands_out_of_nothing() -> None:
    gray = np.full((40, 60, 3), 90, np.uint8)
    assert find_salient_mask(gray, np.array([0.5, 0.5, 0.5, 0.5])) is None


@pytest.mark.usefixtures("without_weights")
def test_without_weights_there_is_no_mask() -> None:
    assert find_salient_mask(np.zeros((9, 9, 3), np.uint8), np.array([0, 0, 1.0, 1])) is None
