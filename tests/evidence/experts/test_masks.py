"""Masks in boxes: shapes drawn by hand, and a real sequence with drawn ground truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from instancecap.evidence.build import measure
from instancecap.evidence.cluster import load_segmenter
from instancecap.evidence.experts.masks import add_masks
from instancecap.evidence.segmenters import grab_cut
from instancecap.evidence.tracking.masklets import encode_mask
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, MaskRle
from instancecap.video import Clip

SIZE = (234, 416)

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def decode(mask: MaskRle) -> np.ndarray:
    code = {"size": list(mask.size), "counts": mask.counts.encode()}
    return np.asarray(coco_mask.decode(code)) > 0


def scene(center: tuple[int, int] = (200, 120), *, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """A blue ellipse on a noisy green ground, and its true mask."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(SIZE, np.uint8)
    cv2.ellipse(truth, center, (70, 45), 20, 0, 360, 1, cv2.FILLED)
    picture = np.where(truth[..., None] > 0, (190, 70, 30), (60, 140, 60)).astype(float)
    picture += rng.normal(0, 10, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), truth.astype(bool)


def box_around(mask: np.ndarray) -> np.ndarray:
    ys, xs = np.nonzero(mask)
    height, width = mask.shape
    return np.array([xs.min() / width, ys.min() / height, (xs.max() + 1) / width,
                     (ys.max() + 1) / height])  # fmt: skip


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / max((first | second).sum(), 1))


def test_a_clear_shape_is_cut_out() -> None:
    picture, truth = scene()
    assert iou(grab_cut(picture, box_around(truth)), truth) > 0.93


def test_the_same_picture_gives_the_same_mask() -> None:
    picture, truth = scene()
    first = grab_cut(picture, box_around(truth))
    cv2.setRNGSeed(123)
    assert (grab_cut(picture, box_around(truth)) == first).all()


def test_a_mask_stays_near_its_box() -> None:
    picture, truth = scene()
    box = box_around(truth)
    mask = grab_cut(picture, box)
    found = box_around(mask)
    assert (found[:2] >= box[:2] - 0.01).all()
    assert (found[2:] <= box[2:] + 0.01).all()


@settings(deadline=None, max_examples=30)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_any_box_of_any_picture_gives_a_mask_of_its_size(
    picture: np.ndarray, corners: tuple[float, float, float, float]
) -> None:
    a, b, c, d = corners
    box = np.array([min(a, c), min(b, d), max(a, c), max(b, d)])
    for name in ("", "box", "grabcut"):
        (mask,) = load_segmenter(name).segment(picture, box[None])
        assert mask.shape == picture.shape[:2]
        assert mask.dtype == bool


def test_the_network_keeps_to_the_box(with_weights: Path) -> None:
    picture, truth = scene()
    box = box_around(truth)
    (mask,) = load_segmenter("u2netp").segment(picture, box[None])
    assert np.abs(box_around(mask) - box).max() < 0.03
    assert iou(mask, truth) > 0.8


def test_a_mask_is_stored_at_the_size_of_the_frame() -> None:
    _, truth = scene()
    code = encode_mask(truth, t=0.123456, size=(468, 832))
    assert (code.t, code.size) == (0.123, (468, 832))
    decoded = decode(code)
    assert decoded.shape == (468, 832)
    assert decoded.mean() == pytest.approx(truth.mean(), rel=0.02)


def test_masks_of_a_real_car_cover_it(with_weights: Path, clips_dir: Path) -> None:
    evidence = measure(Clip.open(clips_dir / "masks" / "car-shadow.mp4"), masks=True)
    (car, *_) = evidence.instances
    assert car.class_ in ("car", "vehicle")
    first, last = car.track[0].t, car.track[-1].t
    assert len(car.masks) >= 8 * (last - first)  # eight a second or more
    overlaps = []
    for mask in car.masks:
        frame = round(mask.t * 24)
        path = clips_dir / "masks" / "car-shadow" / f"{frame:05d}.png"
        drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0
        assert mask.size == drawn.shape
        overlaps.append(iou(decode(mask), drawn))
    assert np.mean(overlaps) > 0.7
    assert evidence.timings["masks"] > 0


@pytest.mark.parametrize("fps", [8.0, 10.0, 12.5, 15.0, 20.0, 24.0, 25.0, 29.97, 50.0, 60.0])
def test_masks_are_eight_a_second_at_any_rate_of_frames(fps: float) -> None:
    frames = np.zeros((round(2 * fps), 36, 64, 3), np.uint8)
    clip = Clip.from_frames(frames, fps=fps)
    evidence = measure(clip)
    ends = [TrackPoint(t=t, box=(0.2, 0.2, 0.6, 0.6), score=1.0) for t in (0.0, 1.9)]
    car = InstanceFacts(id=0, class_="car", confidence=1.0, salience=1.0, track=ends)
    evidence.instances = [car]
    add_masks(clip, evidence, segmenter=load_segmenter("box"))
    times = [mask.t for mask in car.masks]
    assert max(np.diff(times)) <= 1 / 8 + 0.002
    assert len(times) > 8
    analyzed = [one.t for one in evidence.camera.path if one.t < 1.85]
    assert all(min(abs(t - time) for time in times) < 0.001 for t in analyzed)


def test_masks_are_made_only_where_asked_for(with_weights: Path, clips_dir: Path) -> None:
    clip = Clip.open(clips_dir / "masks" / "car-shadow.mp4", end=0.4)
    assert all(item.masks == [] for item in measure(clip).instances)
