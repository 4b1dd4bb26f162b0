"""The salient thing in a box, on pictures drawn by hand and on labeled ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.models import weights
from instancecap.models.u2net import SalientMasker
from instancecap.video import Clip
from instancecap.video.decode import ClipReader


@pytest.mark.parametrize("middle", [(60, 50), (150, 80)])
def test_the_mask_is_the_thing_and_keeps_to_its_box(
    with_weights: Path, middle: tuple[int, int]
) -> None:
    picture = np.full((120, 200, 3), (70, 120, 70), np.uint8)
    truth = np.zeros((120, 200), np.uint8)
    cv2.circle(truth, middle, 28, 1, cv2.FILLED)
    picture[truth > 0] = (30, 40, 220)
    x, y = middle
    box = np.array([(x - 28) / 200, (y - 28) / 120, (x + 29) / 200, (y + 29) / 120])
    found = SalientMasker(weights.find("u2netp")).mask(picture, box)
    inside = found >= 0.5
    shared = (inside & (truth > 0)).sum() / (inside | (truth > 0)).sum()
    assert shared > 0.85
    assert found.shape == truth.shape and found.min() >= 0 and found.max() <= 1
    outside = found.copy()
    outside[y - 29 : y + 30, x - 29 : x + 30] = 0
    assert not outside.any()


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 1.0, 1.0), (0.99, 0.99, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)]
)
def test_any_box_of_any_picture_has_a_mask(
    with_weights: Path, box: tuple[float, float, float, float]
) -> None:
    for size in ((1, 1), (2, 40), (30, 20)):
        picture = np.zeros((*size, 3), np.uint8)
        assert SalientMasker(weights.find("u2netp")).mask(picture, np.array(box)).shape == size


@pytest.mark.parametrize("name", ["dog", "car-shadow", "camel"])
def test_the_mask_of_a_real_instance(with_weights: Path, clips_dir: Path, name: str) -> None:
    with ClipReader(Clip.open(clips_dir / "masks" / f"{name}.mp4")) as reader:
        picture = next(iter(reader)).bgr()
    mask = cv2.imread(str(clips_dir / "masks" / name / "00000.png"), 0)
    assert mask is not None
    true = cv2.resize(mask, picture.shape[1::-1]) > 127
    (ys, xs), (height, width) = np.nonzero(true), true.shape
    box = np.array([xs.min() / width, ys.min() / height, xs.max() / width, ys.max() / height])
    found = SalientMasker(weights.find("u2netp")).mask(picture, box) >= 0.5
    assert (found & true).sum() / (found | true).sum() > 0.75
