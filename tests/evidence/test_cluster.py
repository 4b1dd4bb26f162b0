"""Which detectors a run gets, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instancecap.errors import MissingDependency
from instancecap.evidence import cluster as experts
from instancecap.evidence.build import measure
from instancecap.models.coco import CLASSES
from instancecap.models.hog import HogPeopleDetector
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip
from instancecap.video.decode import ClipReader


def test_with_weights_the_network_is_used(with_weights: Path) -> None:
    found = experts.load_models()
    assert found.names == {"detector": "nanodet-plus-m", "faces": "yunet"}
    assert found.warnings == ()


def test_the_network_is_loaded_once(with_weights: Path) -> None:
    assert experts.load_models().detector is experts.load_models().detector


def test_without_weights_one_line_says_so(without_weights: None) -> None:
    found = experts.load_models()
    assert found.names == {"detector": "opencv-hog"}
    assert found.faces is None
    (warning,) = found.warnings
    assert "\n" not in warning
    assert "no object detector" in warning
    assert "instancecap models pull" in warning


def test_weights_that_appear_later_are_found_after_forgetting(
    without_weights: None, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert experts.load_models().detector.name == "opencv-hog"
    monkeypatch.setenv("INSTANCECAP_MODELS", str(models_dir))
    experts.forget_models()
    assert experts.load_models().detector.name == "nanodet-plus-m"


def test_a_broken_file_of_weights_is_an_error_of_one_line(
    without_weights: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yolox_nano.onnx").write_bytes(b"not a network")
    monkeypatch.setenv("INSTANCECAP_MODELS", str(tmp_path))
    experts.forget_models()
    with pytest.raises(MissingDependency, match=r"yolox_nano\.onnx: not a usable ONNX model") as e:
        experts.load_models()
    assert "\n" not in str(e.value)


def test_without_weights_things_that_move_are_still_found(
    without_weights: None, clips_dir: Path
) -> None:
    evidence = measure(Clip.open(clips_dir / "everyday" / "two_cars.mp4"))
    assert len(evidence.warnings) == 1
    assert evidence.models == {"detector": "opencv-hog"}
    assert {"up", "down"} & {item.motion.direction for item in evidence.instances}
    assert {item.class_ for item in evidence.instances} <= {"object", "person"}


def test_with_weights_nothing_is_warned(measured: Callable[..., Evidence]) -> None:
    evidence = measured("everyday/worker.mp4")
    assert evidence.warnings == []
    assert evidence.models["detector"] == "nanodet-plus-m"
    assert {item.source for item in evidence.instances} <= {"nanodet-plus-m", "motion"}


def test_the_last_resort_finds_a_standing_person(clips_dir: Path) -> None:
    with ClipReader(Clip.open(clips_dir / "everyday" / "football_juggle.mp4")) as reader:
        picture = next(iter(reader)).bgr((416, 234))
    found = HogPeopleDetector().detect(picture)
    assert found.scores.shape == (len(found.boxes), len(CLASSES))
    assert set(found.scores.argmax(axis=1)) <= {CLASSES.index("person")}
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert len(found.boxes) <= 2


@pytest.mark.parametrize("size", [(1, 1), (2, 240), (240, 2), (160, 80), (100, 100)])
def test_the_last_resort_takes_pictures_of_any_size(size: tuple[int, int]) -> None:
    found = HogPeopleDetector().detect(np.zeros((*size, 3), np.uint8))
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0, len(CLASSES))
